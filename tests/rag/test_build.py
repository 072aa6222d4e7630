"""What a rebuild of the library takes with it, and what applications share; no notes, so that nothing is embedded."""

from pathlib import Path

import pytest

from ingest.errors import BadInput, LibraryBroken, NotFound
from ingest.library import CATALOG, open_library
from rag.build import Application, sync_notes
from rag.conflicts import ChatConflictFinder
from rag.settings import Settings, load_settings
from tests.fakes import FakeEmbedder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(library=tmp_path / "library")


@pytest.fixture
def known(tmp_path: Path, settings: Settings) -> list[Path]:
    """The folders of a library."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        sync_notes(settings, [folder])
    return folders


def folders_of(settings: Settings) -> set[Path]:
    with open_library(settings.library) as opened:
        return {folder.path for folder in opened.catalog.folders()}


def library_id(settings: Settings) -> str:
    with open_library(settings.library) as opened:
        return opened.catalog.library_id


def test_a_rebuild_takes_the_folders_synced_before(settings: Settings, known: list[Path]) -> None:
    before = library_id(settings)
    sync_notes(settings, [], rebuild=True)
    assert library_id(settings) != before
    assert folders_of(settings) == set(known)


def test_a_folder_named_for_a_rebuild_is_added_to_them(settings: Settings, known: list[Path], tmp_path: Path) -> None:
    (tmp_path / "three").mkdir()
    sync_notes(settings, [tmp_path / "three"], rebuild=True)
    assert folders_of(settings) == {*known, tmp_path / "three"}


def test_a_rebuild_that_misses_a_folder_changes_nothing(settings: Settings, known: list[Path]) -> None:
    known[1].rmdir()
    before = library_id(settings)
    with pytest.raises(NotFound, match=r"folder not found: .*/two: .*`notecite forget FOLDER`"):
        sync_notes(settings, [known[0]], rebuild=True)
    assert library_id(settings) == before


def test_a_rebuild_from_nothing_is_refused(settings: Settings) -> None:
    with pytest.raises(NotFound, match="there is no library yet"):
        sync_notes(settings, [], rebuild=True)
    sync_notes(settings, [])
    with pytest.raises(BadInput, match=r"no folder to rebuild it from: .*`notecite sync --rebuild FOLDER`"):
        sync_notes(settings, [], rebuild=True)


def test_a_damaged_library_is_rebuilt_from_the_folder_named(settings: Settings, known: list[Path]) -> None:
    (settings.library / CATALOG).write_bytes(b"scribble" * 999)
    with pytest.raises(LibraryBroken, match="`notecite sync --rebuild FOLDER`"):
        sync_notes(settings, [], rebuild=True)
    sync_notes(settings, [known[0]], rebuild=True)
    assert folders_of(settings) == {known[0]}


def test_an_application_under_other_settings_shares_what_is_open(
    settings: Settings, known: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.build.open_embedder", lambda _: FakeEmbedder())
    first = Application(settings)
    assert first.under(settings).opened_library is None
    library, embedder, judge = first.library, first.embedder, first.bundled_judge
    other = first.under(settings.model_copy(update={"candidates": 7}))
    assert (other.library, other.embedder, other.bundled_judge) == (library, embedder, judge)
    assert (other.retriever.candidates, first.retriever.candidates) == (7, settings.candidates)
    apart = first.under(settings, keep=["bundled_judge"])
    assert apart.opened_library is None
    assert apart.bundled_judge is judge


def test_an_application_closes_its_library_if_it_was_opened(
    settings: Settings, known: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.build.open_embedder", lambda _: FakeEmbedder())
    Application(settings.model_copy(update={"library": settings.library / "none"})).close()
    with Application(settings) as application:
        library = application.library
        library.counts()
    with pytest.raises(LibraryBroken, match="closed database"):
        library.counts()


@pytest.mark.parametrize(("longest", "reply", "prompt"), [(800, 512, 512), (100, 100, 924)])
def test_a_prompt_and_its_reply_fit_into_the_context_together(longest: int, reply: int, prompt: int) -> None:
    settings = Settings(chat_model="m", context_tokens=1024, chat_max_tokens=longest, judge="none", conflicts="chat")
    application = Application(settings)
    assert application.chat_model is not None
    assert application.chat_model.max_tokens == reply
    assert isinstance(application.conflict_finder, ChatConflictFinder)
    assert application.conflict_finder.prompt_tokens == prompt
