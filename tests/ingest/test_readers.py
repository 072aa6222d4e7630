"""read(): a file on disk -> a Document, and every way in which a file can be bad."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.errors import NotFound, UnreadableNote
from ingest.phrases import Phrase
from ingest.readers import SUFFIXES, read

NOTES = Path(__file__).parents[1] / "notes"
READABLE = sorted(path.name for path in NOTES.iterdir() if path.name not in ("binary.md", "encrypted.pdf"))


@pytest.mark.parametrize("name", READABLE)
def test_every_odd_note_is_read_into_text_that_is_safe_to_print(name: str) -> None:
    document = read(NOTES / name, name)
    assert document.id == name
    assert document.content_hash == hashlib.sha256((NOTES / name).read_bytes()).hexdigest()
    assert document.title
    assert all(character in "\n\t" or character.isprintable() or character.isspace() for character in document.text)
    assert not {"\r", "\x0b", "\x0c", "\x85"} & set(document.text)


@pytest.mark.parametrize("name", ["deep_headings.txt", "bold_bullets.txt", "wrapped_bullets.txt", "bare_sections.md"])
def test_the_text_of_a_text_file_is_the_files_own(name: str) -> None:
    assert read(NOTES / name, name).text.encode() == (NOTES / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("bold_bullets.txt", "分词与训练的提问"),
        ("front_matter.md", "缓存手册"),
        ("code_and_formulas.md", "代码与公式"),
        ("deep_headings.txt", "deep_headings"),
        ("wrapped_bullets.txt", "wrapped_bullets"),
        ("no_headings.txt", "no_headings"),
        ("utf16.txt", "记事本另存的笔记"),
    ],
)
def test_the_title_is_the_stated_one_else_the_only_top_heading_else_the_file_name(name: str, title: str) -> None:
    assert read(NOTES / name, name).title == title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("标题\n===\n\n正文", "标题"),
        ("# 甲 #\n\n正文", "甲"),
        ("```\n# 注释\n```\n# 真标题\n", "真标题"),
        ("````\n```\n# 注释\n````\n# 真标题\n", "真标题"),
        ("    # 缩进的代码\n", "note"),
        ("#没有空格\n", "note"),
        ("---\n没有结尾的头部\n", "note"),
        ("---\ntags: a\n---\n# 甲\n", "甲"),
        ("---\ntitle: '乙' \n---\n# 甲\n", "乙"),
        ("---\n今天很忙。\ntitle: 不是头部\n---\n正文", "note"),
        ("+++\n# 注\ntags = [\n'a',\n]\ntitle = \"乙\"\n+++\n# 甲\n", "乙"),
        ("# **甲**\u00a0" + " " * 200 + "乙", "甲 乙"),
        ("# " + "长" * 250, "长" * 200),
        ("# 一段话" + "长" * 300, "note"),
        ("#\n", "note"),
        ("# C#\n", "C#"),
    ],
)
def test_what_counts_as_a_top_heading(tmp_path: Path, text: str, title: str) -> None:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    assert read(path, "note.md").title == title


def test_an_empty_file_is_a_document_with_a_problem() -> None:
    document = read(NOTES / "empty.md", "empty.md")
    assert document.text == ""
    assert document.problems == (Phrase("empty: there is no text in this file", "空文件：其中没有文字"),)


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "笔记 📝.MD"
    path.write_text("# 甲\n", encoding="utf-8")
    assert read(path, "笔记 📝.MD").title == "甲"


def test_an_unknown_suffix_is_refused_with_the_list_of_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnreadableNote, match=r"no reader for this kind of file: a\.exe: use one of \.md "):
        read(tmp_path / "a.exe", "a.exe")


def test_a_binary_named_md_is_refused_under_its_document_id() -> None:
    with pytest.raises(UnreadableNote) as caught:
        read(NOTES / "binary.md", "folder/binary.md")
    assert caught.value.to("en").startswith("not text, though its name says so: folder/binary.md: ")
    assert caught.value.to("zh").startswith("名字是文本，内容却不是：folder/binary.md：")


def test_a_200_mb_text_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(
        UnreadableNote, match=r"too large: 200,000,000 bytes, the limit is 50,000,000: huge\.txt: split"
    ):
        read(path, "huge.txt")


def test_the_size_limit_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"12345")
    assert read(path, "a.md", max_bytes=5).text == "12345"
    with pytest.raises(UnreadableNote, match="too large: 5 bytes, the limit is 4"):
        read(path, "a.md", max_bytes=4)


def test_one_line_of_5_mb_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_text("长" * 1_700_000, encoding="utf-8")
    assert len(read(path, "line.txt").text) == 1_700_000


def test_a_vanished_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"file not found: a\.md: it was moved or deleted meanwhile"):
        read(tmp_path / "a.md", "a.md")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.touch(mode=0)
    with pytest.raises(UnreadableNote, match=r"cannot be opened \(Permission denied\): a\.md: check"):
        read(path, "a.md")


def test_what_the_system_cannot_open_is_unreadable(tmp_path: Path) -> None:
    name = "长" * 200 + ".md"
    with pytest.raises(UnreadableNote, match=r"cannot be opened \(File name too long\)"):
        read(tmp_path / name, name)


def test_a_folder_named_like_a_note_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.md").mkdir()
    with pytest.raises(UnreadableNote, match=r"not a regular file: a\.md"):
        read(tmp_path / "a.md", "a.md")


def test_importing_the_readers_imports_no_format_library() -> None:
    script = "import sys, ingest.readers; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"pypdfium2", "mammoth", "selectolax", "nbformat", "charset_normalizer"} & set(done.stdout.split())


def test_every_suffix_is_lower_case_and_begins_with_a_dot() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("LoRA 踩坑记录\n\n一、参数\n1、秩取 8。\n", "LoRA 踩坑记录"),
        ("Tea notes\n\nBrew it briefly.\n", "Tea notes"),
        ("2024 01 02\n\n秩取 8。\n", "note"),
        ("秩取 8。\n\n学习率取 1e-4。\n", "note"),
        ("作者：张三\n\n秩取 8。\n", "note"),
        ("第一行\n第二行\n\n秩取 8。\n", "note"),
        ("只有一行", "note"),
        ("写在前面\n\n# 绿茶\n\n用温水。\n", "绿茶"),
        ('# <a name="a1"></a>**绿茶** 手记\n\n用温水。\n', "绿茶 手记"),
    ],
)
def test_the_first_line_of_a_note_without_headings_may_be_its_title(tmp_path: Path, text: str, title: str) -> None:
    (tmp_path / "note.txt").write_text(text, encoding="utf-8")
    assert read(tmp_path / "note.txt", "note.txt").title == title
