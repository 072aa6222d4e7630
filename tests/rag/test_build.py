"""What a rebuild of the library takes with it; folders without notes, so that no model is opened."""

from pathlib import Path

import pytest

from ingest.errors import BadInput, LibraryBroken, NotFound
from ingest.library import CATALOG, open_library
from rag.build import sync_notes
from rag.settings import Settings, load_settings


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
