import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from ingest import sync as sync_module
from ingest.errors import LibraryMismatch, NotFound
from ingest.library import open_library
from ingest.protocols import Embedder, TokenCounter, Vectors
from ingest.readers import read
from ingest.sync import SyncProgress, SyncReport, pending_changes, sync
from ingest.types import Document
from tests.fakes import count_tokens
from tests.kill_sync import FAKE, SmallEmbedder, contents, difference, sync_folder


def never_embed() -> NoReturn:
    raise AssertionError("there is nothing to embed")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    write(folder / "a.md", "# 甲\n\n第一篇的内容。\n")
    write(folder / "b.md", "# 乙\n\n第二篇的内容。\n")
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def write(path: Path, text: str | bytes) -> None:
    """A file that was last changed long ago, so that its time stamp is trusted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    age(path)


def age(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 10_000_000_000))


def synced(
    library: Path,
    *folders: Path,
    embedder: Callable[[], Embedder] = SmallEmbedder,
    counter: Callable[[], TokenCounter] = lambda: count_tokens,
) -> SyncReport:
    with open_library(library, write=True) as opened:
        return sync(folders, opened, embedder, counter)


def pending(library: Path) -> int:
    with open_library(library) as opened:
        return pending_changes(opened)


def ids(library: Path) -> list[str]:
    with open_library(library) as opened:
        return [summary.id for summary in opened.documents()]


def text_of(library: Path, document_id: str) -> str:
    with open_library(library) as opened:
        return opened.document(document_id).text


def is_like_a_fresh_one(library: Path, notes: Path) -> bool:
    fresh = library.with_name("fresh")
    sync_folder(notes, fresh, FAKE)
    differs = difference(contents(library, FAKE), contents(fresh, FAKE))
    shutil.rmtree(fresh)
    assert differs is None
    return True


# What changes


def test_new_notes_are_added(notes: Path, library: Path) -> None:
    report = synced(library, notes)
    assert (report.added, report.changed, report.deleted, report.unchanged) == (("a.md", "b.md"), (), (), 0)
    assert (report.chunks, report.embedded) == (2, 2)
    assert ids(library) == ["a.md", "b.md"]


def test_an_unchanged_folder_opens_no_model_and_writes_nothing(notes: Path, library: Path) -> None:
    synced(library, notes)
    before = {path: path.stat().st_mtime_ns for path in library.rglob("*") if path.name not in ("writer.json", ".lock")}
    report = synced(library, notes, embedder=never_embed, counter=never_embed)
    assert (report.added, report.changed, report.deleted, report.unchanged) == ((), (), (), 2)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_an_unchanged_folder_imports_neither_index(notes: Path, library: Path) -> None:
    synced(library, notes)
    script = (
        "import sys; from pathlib import Path; from ingest.library import open_library; from ingest.sync import sync\n"
        f"with open_library(Path({str(library)!r}), write=True) as opened:\n"
        f"    assert sync([Path({str(notes)!r})], opened, None, None).unchanged == 2\n"
        "heavy = {'chromadb', 'tantivy', 'rjieba', 'datasketch', 'torch', 'onnxruntime', 'sentence_transformers'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_edited_note_leaves_no_stale_chunk(notes: Path, library: Path) -> None:
    synced(library, notes)
    write(notes / "a.md", "# 甲\n\n改过的内容。\n")
    report = synced(library, notes)
    assert (report.added, report.changed, report.unchanged, report.embedded) == ((), ("a.md",), 1, 1)
    assert is_like_a_fresh_one(library, notes)


def test_an_edit_embeds_only_what_is_new(notes: Path, library: Path) -> None:
    sections = [f"## 第 {number} 节\n\n{'这一节讲的是别的东西。' * 9}\n" for number in range(9)]
    write(notes / "a.md", "".join(sections))
    synced(library, notes)
    write(notes / "a.md", "# 新标题\n\n开头多了一段。\n\n" + "".join(sections[:4] + sections[5:]))
    shifted = synced(library, notes)
    write(notes / "a.md", (notes / "a.md").read_text().replace("第 7 节", "第七节"))
    edited = synced(library, notes)
    assert shifted.changed == edited.changed == ("a.md",)
    assert edited.embedded == 1
    assert is_like_a_fresh_one(library, notes)


def test_an_edit_within_the_same_instant_is_seen(notes: Path, library: Path) -> None:
    (notes / "a.md").write_text("# 甲\n\n甲甲甲甲。\n")
    moment = (notes / "a.md").stat().st_mtime_ns
    synced(library, notes)
    (notes / "a.md").write_text("# 甲\n\n乙乙乙乙。\n")
    os.utime(notes / "a.md", ns=(moment, moment))
    assert synced(library, notes).changed == ("a.md",)
    assert "乙乙" in text_of(library, "a.md")


def test_a_touched_note_is_not_read_again(notes: Path, library: Path) -> None:
    synced(library, notes)
    os.utime(notes / "a.md", ns=(1, 1))
    assert synced(library, notes, counter=never_embed).unchanged == 2


def test_a_moved_note_is_renamed_without_embedding(notes: Path, library: Path) -> None:
    synced(library, notes)
    (notes / "deep").mkdir()
    (notes / "a.md").rename(notes / "deep" / "new name.md")
    report = synced(library, notes, embedder=never_embed)
    assert (report.added, report.renamed, report.deleted) == ((), (("a.md", "deep/new name.md"),), ())
    assert ids(library) == ["b.md", "deep/new name.md"]
    assert is_like_a_fresh_one(library, notes)


def test_deleted_notes_are_forgotten(notes: Path, library: Path) -> None:
    synced(library, notes)
    (notes / "a.md").unlink()
    assert synced(library, notes, embedder=never_embed).deleted == ("a.md",)
    assert is_like_a_fresh_one(library, notes)


def test_new_readers_read_every_note_again(notes: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced(library, notes)
    monkeypatch.setattr(sync_module, "READING", sync_module.READING + 1)
    assert synced(library, notes, embedder=never_embed).changed == ("a.md", "b.md")
    assert synced(library, notes, counter=never_embed).unchanged == 2


def test_new_edited_and_gone_notes_are_pending_until_they_are_synced(notes: Path, library: Path) -> None:
    synced(library, notes)
    assert pending(library) == 0
    write(notes / "c.md", "# 丙\n\n第三篇。\n")
    assert pending(library) == 1
    write(notes / "a.md", "# 甲\n\n改过的第一篇。\n")
    assert pending(library) == 2
    (notes / "b.md").unlink()
    assert pending(library) == 3
    synced(library, notes)
    assert pending(library) == 0


def test_a_note_that_was_synced_right_after_its_last_change_is_not_pending(notes: Path, library: Path) -> None:
    (notes / "a.md").write_text("# 甲\n\n刚改过。\n", encoding="utf-8")
    synced(library, notes)
    assert pending(library) == 0
    write(notes / "a.md", "# 甲\n\n刚换过。\n")
    assert pending(library) == 1


def test_notes_of_a_missing_folder_are_not_pending(notes: Path, library: Path) -> None:
    synced(library, notes)
    notes.rename(notes.with_name("elsewhere"))
    assert pending(library) == 0


def test_notes_that_an_older_reader_read_are_pending(
    notes: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(library, notes)
    monkeypatch.setattr(sync_module, "READING", sync_module.READING + 1)
    assert pending(library) == 2


def test_a_library_knows_one_embedder(notes: Path, library: Path) -> None:
    class Other(SmallEmbedder):
        fingerprint = "other"

    synced(library, notes)
    write(notes / "c.md", "# 丙\n\n第三篇。\n")
    with pytest.raises(LibraryMismatch, match="embedder fake, not other"):
        synced(library, notes, embedder=Other)
    assert ids(library) == ["a.md", "b.md"]


def test_progress_ends_with_everything_done(notes: Path, library: Path) -> None:
    write(notes / "c.md", "".join(f"## {number}\n\n内容 {number}。\n" for number in range(40)))
    seen: list[SyncProgress] = []
    with open_library(library, write=True) as opened:
        report = sync([notes], opened, SmallEmbedder, lambda: count_tokens, seen.append, chunks_at_once=8)
    assert seen[-1] == SyncProgress(3, 3, report.chunks, report.chunks)
    assert [step.chunks_done for step in seen] == sorted(step.chunks_done for step in seen)


# Folders


def test_a_missing_folder_is_an_error_and_changes_nothing(notes: Path, library: Path) -> None:
    synced(library, notes)
    with pytest.raises(NotFound, match=r"folder not found: .*/nowhere: name an existing folder"):
        synced(library, notes / "nowhere", notes)
    notes.rename(notes.with_name("elsewhere"))
    with pytest.raises(NotFound):
        synced(library, notes)
    assert ids(library) == ["a.md", "b.md"]


def test_the_other_folders_are_synced_when_one_is_missing(notes: Path, library: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c.md").write_text("第三篇", encoding="utf-8")
    synced(library, notes, tmp_path / "other")
    notes.rename(notes.with_name("away"))
    (tmp_path / "other" / "d.md").write_text("第四篇", encoding="utf-8")
    report = synced(library)
    assert report.added == ("d.md",)
    assert [(missing.path, missing.what.en) for missing in report.missing] == [(str(notes), "folder not found")]
    assert ids(library) == ["a.md", "b.md", "c.md", "d.md"]
    assert synced(library, tmp_path / "other").missing == ()


def test_a_file_is_no_folder(notes: Path, library: Path) -> None:
    with pytest.raises(NotFound, match="not a folder"):
        synced(library, notes / "a.md")


def test_an_empty_folder_says_so(tmp_path: Path, library: Path) -> None:
    (tmp_path / "empty").mkdir()
    (message,) = synced(library, tmp_path / "empty").messages
    assert message.en == f"there are no notes in {tmp_path / 'empty'}"


def test_a_folder_that_lost_all_notes_loses_them_in_the_library_and_says_so(notes: Path, library: Path) -> None:
    synced(library, notes)
    for note in notes.iterdir():
        note.unlink()
    report = synced(library, notes)
    assert report.deleted == ("a.md", "b.md")
    assert report.messages[0].en == f"no notes are left in {notes}; 2 were removed from the library"
    assert ids(library) == []


def test_ids_that_clash_get_the_name_of_the_later_folder(tmp_path: Path, notes: Path, library: Path) -> None:
    write(tmp_path / "more" / "a.md", "# 另一个甲\n\n不同的内容。\n")
    write(tmp_path / "more" / "c.md", "# 丙\n\n第三篇。\n")
    write(tmp_path / "x" / "more" / "a.md", "# 又一个甲\n\n还是不同。\n")
    synced(library, notes)
    synced(library, tmp_path / "more")
    synced(library, tmp_path / "x" / "more", notes)
    assert ids(library) == ["a.md", "b.md", "c.md", "more (2)/a.md", "more/a.md"]
    assert "另一个甲" in text_of(library, "more/a.md")
    (notes / "a.md").unlink()
    write(tmp_path / "more" / "a.md", "# 另一个甲\n\n改过的内容。\n")
    synced(library)
    assert ids(library) == ["b.md", "c.md", "more (2)/a.md", "more/a.md"]


def test_syncing_one_folder_leaves_the_others_alone(tmp_path: Path, notes: Path, library: Path) -> None:
    write(tmp_path / "more" / "c.md", "# 丙\n\n第三篇。\n")
    synced(library, notes, tmp_path / "more")
    (notes / "a.md").unlink()
    report = synced(library, tmp_path / "more")
    assert (report.deleted, report.unchanged) == ((), 1)
    assert ids(library) == ["a.md", "b.md", "c.md"]


def test_a_folder_inside_a_synced_one_is_a_part_of_it(notes: Path, library: Path) -> None:
    write(notes / "deep" / "c.md", "# 丙\n\n第三篇。\n")
    synced(library, notes, notes / "deep")
    write(notes / "deep" / "d.md", "# 丁\n\n第四篇。\n")
    (notes / "a.md").unlink()
    report = synced(library, notes / "deep")
    assert (report.added, report.deleted, report.unchanged) == (("deep/d.md",), (), 1)
    assert ids(library) == ["a.md", "b.md", "deep/c.md", "deep/d.md"]


def test_a_folder_around_a_synced_one_takes_it_in_without_embedding(notes: Path, library: Path) -> None:
    write(notes / "deep" / "c.md", "# 丙\n\n第三篇。\n")
    synced(library, notes / "deep")
    assert synced(library, notes).renamed == (("c.md", "deep/c.md"),)
    assert ids(library) == ["a.md", "b.md", "deep/c.md"]


def test_a_folder_that_was_moved_is_recognised(notes: Path, library: Path) -> None:
    synced(library, notes)
    elsewhere = notes.with_name("elsewhere")
    notes.rename(elsewhere)
    report = synced(library, elsewhere, counter=never_embed)
    assert (report.unchanged, report.added) == (2, ())
    assert ids(library) == ["a.md", "b.md"]


def test_notes_that_were_moved_into_the_folder_above_are_recognised(notes: Path, library: Path) -> None:
    write(notes / "ml" / "c.md", "# 丙\n\n第三篇。\n")
    synced(library, notes / "ml")
    (notes / "ml" / "c.md").rename(notes / "c.md")
    (notes / "ml").rmdir()
    report = synced(library, notes)
    assert (report.unchanged, report.added, report.deleted) == (1, ("a.md", "b.md"), ())
    assert ids(library) == ["a.md", "b.md", "c.md"]


def test_a_folder_that_was_moved_is_no_part_of_the_one_it_left(tmp_path: Path, notes: Path, library: Path) -> None:
    left = tmp_path / "x" / "y"
    left.mkdir(parents=True)
    notes.rename(left / "notes")
    synced(library, left / "notes")
    (left / "notes").rename(notes)
    assert synced(library, notes, left).unchanged == 2
    assert ids(library) == ["a.md", "b.md"]


@pytest.mark.parametrize("named", [".", "deep"])
def test_a_folder_that_an_interruption_left_inside_another_is_taken_in(notes: Path, library: Path, named: str) -> None:
    write(notes / "deep" / "c.md", "# 丙\n\n第三篇。\n")
    synced(library, notes / "deep")
    with open_library(library, write=True) as opened:
        opened.catalog.add_folder(notes)
    assert synced(library, notes / named).renamed == (("c.md", "deep/c.md"),)
    synced(library)
    assert ids(library) == ["a.md", "b.md", "deep/c.md"]


def test_a_linked_folder_is_the_folder_it_leads_to(notes: Path, library: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(notes)
    synced(library, notes)
    assert synced(library, tmp_path / "link").unchanged == 2


def test_the_library_may_stand_among_the_notes(notes: Path) -> None:
    library = notes / "my library"
    synced(library, notes)
    write(library / "not a note.md", "# 不是笔记\n\n内容。\n")
    assert synced(library, notes).unchanged == 2


# Odd files


def test_hidden_and_machine_made_folders_are_left_out(notes: Path, library: Path) -> None:
    for name in (".git", ".venv", "node_modules", "__pycache__"):
        write(notes / name / "c.md", "# 丙\n\n内容。\n")
    write(notes / "environment" / "pyvenv.cfg", "")
    write(notes / "environment" / "lib" / "c.md", "# 丙\n\n内容。\n")
    write(notes / ".hidden.md", "# 丙\n\n内容。\n")
    write(notes / "~$draft.docx", "")
    assert synced(library, notes).added == ("a.md", "b.md")


def test_files_that_no_reader_takes_are_counted(notes: Path, library: Path) -> None:
    write(notes / "picture.png", b"\x89PNG")
    write(notes / "script.py", "print()")
    assert synced(library, notes).ignored == {".png": 1, ".py": 1}


@pytest.mark.parametrize("name", ["with space.md", "中文 笔记.md", "🎉 emoji.md", "UPPER.MD", "quote'\".md", "a\nb.md"])
def test_names_may_be_odd(notes: Path, library: Path, name: str) -> None:
    write(notes / name, "# 题\n\n奇怪的文件名。\n")
    synced(library, notes)
    assert name in ids(library)
    assert synced(library, notes, counter=never_embed).unchanged == 3


def test_a_name_that_is_no_utf8_is_spelt_out(notes: Path, library: Path) -> None:
    path = os.fsencode(notes) + b"/\xff.md"
    with open(path, "wb") as file:
        file.write("# 题\n\n奇怪的文件名。\n".encode())
    synced(library, notes)
    assert "\\xff.md" in ids(library)
    os.unlink(path)
    assert synced(library, notes).deleted == ("\\xff.md",)


def test_names_that_differ_in_case_are_two_notes(notes: Path, library: Path) -> None:
    write(notes / "A.md", "# 大写\n\n另一篇的内容。\n")
    synced(library, notes)
    assert ids(library) == ["A.md", "a.md", "b.md"]


def test_links_are_followed_inside_the_folder_only(notes: Path, library: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.md", "# 外面\n\n不该读到。\n")
    (notes / "inside.md").symlink_to(notes / "a.md")
    (notes / "outside.md").symlink_to(tmp_path / "outside" / "secret.md")
    (notes / "outside").symlink_to(tmp_path / "outside")
    (notes / "loop").symlink_to(notes)
    (notes / "self.md").symlink_to(notes / "self.md")
    (notes / "dangling.md").symlink_to(notes / "nothing.md")
    report = synced(library, notes)
    assert ids(library) == ["a.md", "b.md", "inside.md"]
    assert sorted(skipped.path for skipped in report.skipped) == ["dangling.md", "outside", "outside.md", "self.md"]


@pytest.mark.parametrize("target", ["nowhere.md", "link.md", "a.md/below.md", "../outside.md"])
def test_a_note_behind_a_link_is_gone_once_the_link_leads_astray(notes: Path, library: Path, target: str) -> None:
    write(notes.parent / "outside.md", "# 外面\n\n不该读到。\n")
    (notes / "link.md").symlink_to("b.md")
    synced(library, notes)
    (notes / "link.md").unlink()
    (notes / "link.md").symlink_to(target)
    report = synced(library, notes)
    assert (report.deleted, [skipped.path for skipped in report.skipped]) == (("link.md",), ["link.md"])
    assert ids(library) == ["a.md", "b.md"]
    assert pending(library) == 0


def test_a_note_that_cannot_be_read_is_skipped_with_the_reason_and_not_tried_again(notes: Path, library: Path) -> None:
    write(notes / "binary.md", bytes(range(256)) * 40)
    write(notes / "zero.pdf", b"")
    first = synced(library, notes)
    second = synced(library, notes, counter=never_embed)
    assert first.added == ("a.md", "b.md")
    assert first.skipped == second.skipped
    assert [skipped.path for skipped in first.skipped] == ["binary.md", "zero.pdf"]
    assert all(skipped.what.en and skipped.what.zh and skipped.todo for skipped in first.skipped)


def test_a_note_that_becomes_unreadable_leaves_the_library(notes: Path, library: Path) -> None:
    synced(library, notes)
    write(notes / "a.md", bytes(range(256)) * 40)
    report = synced(library, notes)
    assert (report.deleted, [skipped.path for skipped in report.skipped]) == (("a.md",), ["a.md"])
    write(notes / "a.md", "# 甲\n\n修好了。\n")
    assert synced(library, notes).added == ("a.md",)
    assert is_like_a_fresh_one(library, notes)


def _refuse(monkeypatch: pytest.MonkeyPatch, refused: Path, error: Callable[[], Exception]) -> None:
    """As root every file can be opened, so the system's refusal is put in its place."""
    read_bytes, opened = Path.read_bytes, Path.open

    def refusing_read(path: Path) -> bytes:
        if path == refused:
            raise error()
        return read_bytes(path)

    def refusing_open(path: Path, *values: object, **options: object) -> object:
        if path == refused:
            raise error()
        return opened(path, *values, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "read_bytes", refusing_read)
    monkeypatch.setattr(Path, "open", refusing_open)


def test_a_note_that_may_not_be_opened_stays_as_it_was(
    notes: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(library, notes)
    write(notes / "a.md", "# 甲\n\n改过，但打不开。\n")
    with monkeypatch.context() as patch:
        _refuse(patch, notes / "a.md", lambda: PermissionError(13, "Permission denied"))
        report = synced(library, notes)
    assert [(skipped.path, skipped.what.en) for skipped in report.skipped] == [
        ("a.md", "cannot be opened (Permission denied)")
    ]
    assert "第一篇" in text_of(library, "a.md")
    assert synced(library, notes).changed == ("a.md",)


def test_a_note_that_vanishes_while_syncing_is_gone(
    notes: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse(monkeypatch, notes / "a.md", lambda: FileNotFoundError(2, "No such file or directory"))
    report = synced(library, notes)
    assert (report.added, report.skipped) == (("b.md",), ())


def test_a_folder_that_may_not_be_opened_keeps_its_notes(
    notes: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(notes / "closed" / "c.md", "# 丙\n\n第三篇。\n")
    synced(library, notes)
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if path == notes / "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    report = synced(library, notes)
    assert (report.deleted, [skipped.path for skipped in report.skipped]) == ((), ["closed"])
    assert ids(library) == ["a.md", "b.md", "closed/c.md"]
    assert pending(library) == 0


def test_a_note_that_breaks_its_reader_is_skipped(notes: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(path: Path, document_id: str) -> Document:
        if document_id == "a.md":
            raise ValueError("a bug in a parser")
        return read(path, document_id)

    monkeypatch.setattr("ingest.sync.read", breaking)
    report = synced(library, notes)
    assert report.added == ("b.md",)
    assert [(skipped.path, skipped.what.en) for skipped in report.skipped] == [
        ("a.md", "cannot be read (ValueError: a bug in a parser)")
    ]


def test_an_empty_note_is_a_document_without_chunks(notes: Path, library: Path) -> None:
    write(notes / "empty.md", "")
    report = synced(library, notes)
    assert "empty.md" in report.added
    assert [document_id for document_id, _ in report.problems] == ["empty.md"]
    assert synced(library, notes, counter=never_embed).unchanged == 3


def test_control_characters_and_lone_surrogates_are_kept_out_of_trouble(
    notes: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sync_module, "read", lambda path, name: Document(name, "题\ud800", "前\ud83d后\x00\x1b 的内容 😀。", "hash")
    )
    synced(library, notes)
    assert text_of(library, "a.md") == "前\ufffd后\x00\x1b 的内容 😀。"


def test_one_enormous_line_is_taken(notes: Path, library: Path) -> None:
    write(notes / "long.md", "这一行没有换行。" * 20_000)
    with open_library(library, write=True) as opened:
        report = sync([notes], opened, SmallEmbedder, lambda: count_tokens)
        assert report.chunks > 300
        assert {hit for hit, _ in opened.lexical("这一行没有换行", 3)} <= {
            chunk.id for chunk in opened.chunks_of("long.md")
        }


# Interruptions


class _Interrupted(SmallEmbedder):
    """Embeds a few batches; then the person presses Ctrl-C."""

    batches = 3

    def embed_passages(self, texts: Sequence[str], on_done: Callable[[int], None] | None = None) -> Vectors:
        if self.batches == 0:
            raise KeyboardInterrupt
        self.batches -= 1
        return super().embed_passages(texts, on_done)


def _many(notes: Path) -> None:
    for number in range(20):
        sections = [f"## {number}.{section}\n\n第 {number} 篇的第 {section} 节。\n" for section in range(5)]
        write(notes / f"{number}.md", "".join(sections))


def test_an_interrupted_sync_answers_from_what_it_has_and_goes_on_from_there(notes: Path, library: Path) -> None:
    _many(notes)
    with open_library(library, write=True) as opened, pytest.raises(KeyboardInterrupt):
        sync([notes], opened, _Interrupted, lambda: count_tokens, chunks_at_once=16)
    with open_library(library) as opened:
        half = opened.counts()
        assert 0 < half.documents < 22
        assert len(opened.lexical("第 1 篇", 100)) == half.searchable
    report = synced(library, notes)
    assert report.unchanged == half.documents
    assert report.chunks > report.embedded
    assert is_like_a_fresh_one(library, notes)


def test_one_large_note_is_embedded_once_however_often_it_is_interrupted(notes: Path, library: Path) -> None:
    write(notes / "large.md", "".join(f"## {number}\n\n第 {number} 节的内容。\n" for number in range(100)))
    with open_library(library, write=True) as opened, pytest.raises(KeyboardInterrupt):
        sync([notes], opened, _Interrupted, lambda: count_tokens, chunks_at_once=16)
    report = synced(library, notes)
    assert report.embedded == report.chunks - 3 * 16


def test_a_library_killed_at_any_moment_equals_a_fresh_one_after_the_next_sync() -> None:
    # A process of its own, since it forks, which this one cannot after Chroma has started its threads.
    killed = subprocess.run([sys.executable, "-m", "tests.kill_sync", "--rounds", "4"], capture_output=True, text=True)
    assert killed.returncode == 0, killed.stdout + killed.stderr


# A full disk

_SYNC_WITH_LITTLE_SPACE = """
import resource, sys
from pathlib import Path
from ingest.errors import DiskFull
from ingest.library import open_library
from ingest.sync import sync
from tests.fakes import count_tokens
from tests.kill_sync import SmallEmbedder

library, notes, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with open_library(library, write=True) as opened:
        sync([notes], opened, SmallEmbedder, lambda: count_tokens, chunks_at_once=16)
except DiskFull as error:
    print(error)
"""


def _sync_with_little_space(library: Path, notes: Path, limit: int = 0) -> str:
    command = [sys.executable, "-c", _SYNC_WITH_LITTLE_SPACE, str(library), str(notes), str(limit)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("limit", [100_000, 200_000])
def test_a_disk_that_takes_no_more_leaves_a_library_that_answers(notes: Path, library: Path, limit: int) -> None:
    synced(library, notes)
    _many(notes)
    said = _sync_with_little_space(library, notes, limit)
    assert said.startswith("no space left for the library, or its disk fails: ")
    with open_library(library) as opened:
        assert opened.lexical("第一篇的内容", 1)
        assert opened.dense(SmallEmbedder().embed_queries(["第一篇的内容"])[0], 1)
    synced(library, notes)
    assert is_like_a_fresh_one(library, notes)


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    return folder


def test_a_full_disk_leaves_a_library_that_answers(notes: Path, small_disk: Path) -> None:
    library = small_disk / "library"
    try:
        synced(library, notes)
        _many(notes)
        (small_disk / "filler").write_bytes(bytes(max(0, shutil.disk_usage(small_disk).free - 500_000)))
        assert _sync_with_little_space(library, notes).startswith("no space left for the library, or its disk fails: ")
        with open_library(library) as opened:
            assert opened.lexical("第一篇的内容", 1)
        (small_disk / "filler").unlink()
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)
