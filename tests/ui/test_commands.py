"""The commands without a model: in this process, with a stand-in for the embedder."""

from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import ingest.embed
import rag.build
import rag.settings
from ingest.errors import BadInput, NotFound
from ingest.phrases import Phrase
from rag.pipeline import Pipeline
from tests.fakes import FakeEmbedder, count_tokens
from ui.cli import app


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an empty folder of notes and nothing configured."""
    (tmp_path / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTECITE_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setattr(rag.settings, "settings_files", lambda: (tmp_path / "notecite.toml", tmp_path / "own.toml"))
    monkeypatch.setattr(rag.build, "open_embedder", lambda settings: FakeEmbedder())
    monkeypatch.setattr(ingest.embed, "open_token_counter", lambda name: count_tokens)
    return tmp_path


def call(*arguments: str, language: str = "en") -> Result:
    return CliRunner().invoke(app, [*arguments, "--language", language])


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"notecite {version('notecite')}\n"


def test_a_first_sync_without_a_folder_is_wrong_usage_and_makes_no_library(home: Path) -> None:
    done = call("sync")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "notecite: name a folder of notes: `notecite sync FOLDER`\n"
    assert call("sync", language="zh").stderr == "notecite: 请指定笔记文件夹：`notecite sync 文件夹`\n"
    assert not (home / "library").exists()
    call("sync", "notes")
    assert call("sync").exit_code == 0


def test_json_keeps_chinese_readable_beside_signs_that_a_terminal_must_not_get(home: Path) -> None:
    (home / "notes" / "缓存.md").write_text("# 缓存\n\n缓存\u3000占\u2028显存。\n", encoding="utf-8")
    call("sync", "notes")
    (line,) = call("search", "缓存", "--json").stdout.splitlines()
    assert "缓存\u3000占\\u2028显存" in line


@pytest.mark.parametrize("command", ["ask", "search", "chat"])
def test_a_library_without_notes_is_told(command: str) -> None:
    call("sync", "notes")
    done = call(command, *(["why?"] if command != "chat" else []))
    assert isinstance(done.exception, NotFound)
    assert done.exception.what.en == "the library holds no notes yet"
    assert done.exception.todo.en == "add some with `notecite sync FOLDER`"


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_question_without_quotes_is_one_question(home: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    asked = []

    def refuse(self: Pipeline, question: str, *_: object) -> None:
        asked.append(question)
        raise BadInput(Phrase("", ""), "", Phrase("", ""))

    for method in ("answer", "search"):
        monkeypatch.setattr(Pipeline, method, refuse)
    (home / "notes" / "a.md").write_text("# A\n\nWords.\n", encoding="utf-8")
    call("sync", "notes")
    call(command, "How", "does", "RoPE work?", "--json")
    assert asked == ["How does RoPE work?"]


def test_a_missing_question_is_told_in_chinese_too() -> None:
    assert call("ask", language="zh").stderr == "notecite: 未给出问题：请用引号写出问题，或使用 --batch 文件\n"


def test_what_is_forgotten_may_come_back_and_that_is_told(home: Path) -> None:
    for name in ("a.md", "b.md", "c.md"):
        (home / "notes" / name).write_text(f"# {name}\n\nWords.\n", encoding="utf-8")
    call("sync", "notes")
    done = call("forget", "a.md")
    assert done.stdout == "a.md\n"
    assert done.stderr == (
        "removed 1 document; those still in a synced folder come back with the next sync: move them away first\n"
    )
    done = call("forget", "b.md", "c.md", language="zh")
    assert done.stderr == "已移除 2 个文档；文件若仍在同步过的文件夹里，下次 sync 会重新加入\n"


def test_the_configuration_is_printed_as_toml_with_the_files_it_may_come_from(home: Path) -> None:
    (home / "notecite.toml").write_text('judge = "none"\n', encoding="utf-8")
    lines = call("config").stdout.splitlines()
    assert "reflect               false  (default)" in lines
    assert f'judge                 "none"  ({home}/notecite.toml)' in lines
    assert lines[-2:] == [
        f"settings file: {home}/notecite.toml (exists)",
        f"settings file: {home}/own.toml (does not exist)",
    ]
