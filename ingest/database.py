"""One SQLite file of a library: how it is opened, its transactions, and SQLite's errors as ours."""

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ingest.errors import DiskFull, LibraryBroken, LibraryBusy, NotFound
from ingest.phrases import Phrase

_MOST_VARIABLES = 900
# SQLite reports a quota, a limit on file sizes and some full disks as failed writes.
_FULL_DISK = frozenset(
    {"SQLITE_FULL", *(f"SQLITE_IOERR_{step}" for step in ("WRITE", "FSYNC", "TRUNCATE", "SHMSIZE", "SHMMAP"))}
)
REBUILD = Phrase("rebuild it with `notecite sync --rebuild FOLDER`", "请用 `notecite sync --rebuild 文件夹` 重建")


class Database:
    """Safe to use from several threads; one process writes while any number reads.

    Methods raise DiskFull, LibraryBusy or LibraryBroken.
    """

    def __init__(self, path: Path, tables: str, version: int, *, write: bool) -> None:
        """``write`` makes a file with ``tables``, statements that end with semicolons, where there is none. Raises
        NotFound when there is nothing to read, LibraryBroken for a file of another ``version`` of the tables."""
        self.path = path
        self._tables = tables
        self._version = version
        self._lock = threading.RLock()
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._inode: int
        with self._errors():
            self._connection = self._connect_to_write() if write else self._connect_to_read()
            self._check_version()

    def was_replaced(self) -> bool:
        """Whether another file has taken this one's place."""
        with suppress(OSError):
            return self.path.stat().st_ino != self._inode
        return False

    def reopen(self) -> None:
        """Continues, to read, with the file that is there now; with the old one if that cannot be read yet."""
        with self._lock, suppress(NotFound):
            newer = Database(self.path, self._tables, self._version, write=False)
            self.close()
            self._connection, self._copy, self._inode = newer._connection, newer._copy, newer._inode

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            if self._copy:
                self._copy.cleanup()

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of a SELECT."""
        with self._lock, self._errors():
            return self._connection.execute(statement, values).fetchall()

    def rows_in(self, statement: str, values: Iterable[Any]) -> Iterator[Any]:
        """The rows of a SELECT that ends in ``IN``, for any number of ``values`` to be in."""
        ordered = list(values)
        for at in range(0, len(ordered), _MOST_VARIABLES):
            some = ordered[at : at + _MOST_VARIABLES]
            yield from self.rows(f"{statement} ({','.join('?' * len(some))})", some)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """For use in a ``transaction``, whose errors are ours."""
        return self._connection.execute(statement, values)

    def execute_many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """For use in a ``transaction``, whose errors are ours."""
        self._connection.executemany(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is executed inside is written, or nothing."""
        with self._lock, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _connect_to_write(self) -> sqlite3.Connection:
        connection = self._connect(f"{self.path.absolute().as_uri()}?mode=rwc")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        self._connection, self._inode = connection, self.path.stat().st_ino
        if self._stored_version() == 0:
            with self.transaction():
                for statement in self._tables.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {self._version}")
        return connection

    def _connect_to_read(self) -> sqlite3.Connection:
        try:
            # Before it is opened: a file that takes its place in between then counts as another one.
            self._inode = self.path.stat().st_ino
            return self._connect_to_file()
        except (OSError, sqlite3.OperationalError):
            # A rebuild may take the file away at any moment.
            if not self.path.is_file():
                raise self._not_found() from None
            raise

    def _connect_to_file(self) -> sqlite3.Connection:
        uri = self.path.absolute().as_uri()
        # A write-ahead log needs a folder that can be written, even to read it; the other ways are for one that cannot.
        with suppress(sqlite3.OperationalError):
            return self._connect_checked(f"{uri}?mode=rw")
        with suppress(sqlite3.OperationalError):
            return self._connect_checked(f"{uri}?mode=ro")
        log = self.path.with_name(self.path.name + "-wal")
        if not log.exists() or not log.stat().st_size:
            return self._connect_checked(f"{uri}?mode=ro&immutable=1")
        self._copy = tempfile.TemporaryDirectory(prefix="notecite-")
        for file in (self.path, log):
            shutil.copy(file, self._copy.name)
        return self._connect_checked((Path(self._copy.name) / self.path.name).as_uri())

    def _connect_checked(self, uri: str) -> sqlite3.Connection:
        connection = self._connect(uri)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
        return connection

    @staticmethod
    def _connect(uri: str) -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=20, isolation_level=None, check_same_thread=False)

    def _stored_version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _check_version(self) -> None:
        version = self._stored_version()
        if version == 0:
            raise self._not_found()
        if version != self._version:
            raise LibraryBroken(
                Phrase(
                    f"the library has format {version}, not {self._version}",
                    f"库的格式是 {version}，不是 {self._version}",
                ),
                self.path.parent,
                REBUILD,
            )

    def _not_found(self) -> NotFound:
        return NotFound(
            Phrase("there is no library yet", "还没有库"),
            self.path.parent,
            Phrase("make it with `notecite sync FOLDER`", "请用 `notecite sync 文件夹` 建立"),
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "") or ""
            if name in _FULL_DISK:
                raise disk_full(self.path.parent) from error
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise LibraryBusy(
                    Phrase("the library is being written", "库正在被写入"),
                    self.path.parent,
                    Phrase("try again in a moment", "请稍后再试"),
                ) from error
            raise LibraryBroken(
                Phrase(f"the library's catalog cannot be used ({error})", f"库的目录文件无法使用（{error}）"),
                self.path,
                REBUILD,
            ) from error


def disk_full(folder: Path) -> DiskFull:
    return DiskFull(
        Phrase("no space left for the library, or its disk fails", "磁盘空间不足或磁盘出错，无法写入库"),
        folder,
        Phrase("free some space and sync again; nothing is lost", "请腾出空间后重新同步；没有丢失任何内容"),
    )
