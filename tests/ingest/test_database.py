import sqlite3
from pathlib import Path

import pytest

from ingest.database import Database
from ingest.errors import NotFound

TABLES = "CREATE TABLE facts (value TEXT)"


def test_a_reader_sees_that_its_file_was_replaced_while_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, connect = tmp_path / "a.sqlite3", sqlite3.connect
    Database(path, TABLES, 1, write=True).close()
    Database(tmp_path / "newer", TABLES, 1, write=True).close()

    def connect_before_a_rebuild(place: str, **options: object) -> sqlite3.Connection:
        connection = connect(place, **options)  # type: ignore[call-overload]
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
        (tmp_path / "newer").rename(path)
        return connection  # type: ignore[no-any-return]

    with monkeypatch.context() as rebuild:
        rebuild.setattr(sqlite3, "connect", connect_before_a_rebuild)
        reader = Database(path, TABLES, 1, write=False)
    assert reader.was_replaced()
    reader.reopen()
    assert not reader.was_replaced()
    reader.close()


def test_a_file_that_vanishes_while_it_is_opened_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, connect = tmp_path / "a.sqlite3", sqlite3.connect
    Database(path, TABLES, 1, write=True).close()

    def connect_after_a_rebuild_began(place: str, **options: object) -> sqlite3.Connection:
        path.unlink(missing_ok=True)
        return connect(place, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", connect_after_a_rebuild_began)
    with pytest.raises(NotFound, match="there is no library yet"):
        Database(path, TABLES, 1, write=False)
    assert not path.exists()
