"""Catalog, vectors and lexical index as one thing: one process writes it while any number read it.

The catalog is the truth; the search indexes follow it.
"""

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ingest.catalog import Catalog, Change, Counts, DocumentSummary, NoteFile, no_such_document
from ingest.database import disk_full
from ingest.errors import BadInput, LibraryBusy, LibraryMismatch, NotFound
from ingest.files import write_whole
from ingest.indexes import PARTS, IndexWriter, SearchIndexes, is_full_disk
from ingest.phrases import Phrase
from ingest.protocols import TokenVectors
from ingest.types import Chunk, Document, Place

CATALOG = "catalog.sqlite3"
EXACT_UP_TO = 20_000
"""Chunks. Up to here every vector is compared, which is exact and quicker than opening Chroma."""
CONTEXT_WEIGHT = 0.5
"""How much a match in the title and headings counts, where one in the text counts 1."""
SECONDS_TO_WAIT = 5.0
"""How long a second writer waits for the first."""


def open_library(
    folder: Path,
    *,
    embedder_fingerprint: str | None = None,
    write: bool = False,
    rebuild: bool = False,
    seconds_to_wait: float = SECONDS_TO_WAIT,
    exact_up_to: int = EXACT_UP_TO,
) -> "Library":
    """The library in ``folder``; ``write`` makes it if there is none, ``rebuild`` empties it first.

    Raises NotFound when there is nothing to read, LibraryMismatch when it was built with another embedder than
    ``embedder_fingerprint``, LibraryBusy when another process writes it, LibraryBroken when its catalog cannot be
    used, DiskFull.
    """
    lock = _lock_to_write(folder, seconds_to_wait) if write else None
    try:
        if rebuild:
            # Without its catalog a library cannot be opened, so no reader meets half of it.
            for suffix in ("", "-wal", "-shm"):
                (folder / f"{CATALOG}{suffix}").unlink(missing_ok=True)
            for part in PARTS:
                shutil.rmtree(folder / part, ignore_errors=True)
        return Library(folder, lock, embedder_fingerprint, exact_up_to)
    except BaseException:
        if lock is not None:
            lock.release()
        raise


class Library:
    """Made by ``open_library``. Safe to use from several threads.

    Ties in scores are broken by chunk id. Only two things are left open: which of equal chunks Chroma proposes in a
    large library, and which of dozens that match the words equally are among the ``k`` best.
    """

    def __init__(self, folder: Path, lock: FileLock | None, fingerprint: str | None, exact_up_to: int) -> None:
        self.folder = folder
        self._lock = lock
        self._expected = fingerprint
        self._exact_up_to = exact_up_to
        self._mutex = threading.RLock()
        self._search: SearchIndexes | None = None
        self._writer: IndexWriter | None = None
        self.catalog = Catalog(folder / CATALOG, write=lock is not None)
        try:
            self._check_fingerprint()
        except BaseException:
            self.catalog.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._mutex:
            self._close_indexes()
            self.catalog.close()
            if self._lock is not None:
                self._lock.release()

    # Searching

    def dense(self, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        """The ``k`` chunks nearest to a unit vector: (chunk id, cosine similarity), best first, without duplicates."""

        def nearest(indexes: SearchIndexes, wanted: int) -> list[tuple[str, float]]:
            return indexes.nearest(np.asarray(vector, dtype=np.float32), wanted)

        return self._best(nearest, k)

    def lexical(self, text: str, k: int) -> list[tuple[str, float]]:
        """The ``k`` chunks that best match the words of ``text``: (chunk id, BM25 score), best first."""

        def matching(indexes: SearchIndexes, wanted: int) -> list[tuple[str, float]]:
            return indexes.matching(text, wanted, CONTEXT_WEIGHT)

        return self._best(matching, k)

    def chunks(self, ids: Iterable[str]) -> dict[str, Chunk]:
        """Chunks by id; one that another process has just removed is left out."""
        return self.catalog.chunks(ids)

    def token_vectors(self, chunk_ids: Iterable[str], dimensions: int) -> dict[str, TokenVectors]:
        """The token vectors of chunks by id; empty for a library whose embedder gives none."""
        return self.catalog.token_vectors(chunk_ids, dimensions)

    def chunks_of(self, document_id: str) -> tuple[Chunk, ...]:
        """A document's chunks in order."""
        return self.catalog.chunks_of(document_id)

    def also_at(self, chunk_id: str) -> tuple[Place, ...]:
        """The other places that say the same."""
        return self.catalog.places_like(chunk_id)

    def copies(self) -> list[tuple[str, str]]:
        """Each two documents that share a passage, both ways round: (document id, other document id), in order."""
        return self.catalog.copies()

    def document(self, document_id: str) -> Document:
        """Raises NotFound."""
        return self.catalog.document(document_id)

    def page_at(self, document_id: str, offset: int) -> int | None:
        """The 1-based page; None for a document without pages, or one that was removed meanwhile."""
        return self.catalog.page_at(document_id, offset)

    def documents(self) -> tuple[DocumentSummary, ...]:
        """In order of their ids."""
        return self.catalog.documents()

    def headings(self) -> list[tuple[tuple[str, ...], Place]]:
        """Each (title, *headings) of each document with its first place."""
        return self.catalog.headings()

    def counts(self) -> Counts:
        return self.catalog.counts()

    def _best(self, search: Callable[[SearchIndexes, int], list[tuple[str, float]]], k: int) -> list[tuple[str, float]]:
        """Searches for more until ``k`` of the found keys stand for a chunk that still exists."""
        if k < 1:
            return []
        with self._mutex:
            wanted = k
            while True:
                found = search(self._refreshed(), wanted)
                chunk_ids = self.catalog.chunk_ids(key for key, _ in found)
                best = [(chunk_ids[key], score) for key, score in found if key in chunk_ids]
                if len(best) >= k or len(found) < wanted:
                    return sorted(best, key=lambda hit: (-hit[1], hit[0]))[:k]
                wanted *= 4

    def _refreshed(self) -> SearchIndexes:
        """The indexes of the newest generation, whoever wrote it."""
        if self.catalog.was_replaced():
            self._close_indexes()
            self.catalog.reopen()
        generation = self.catalog.generation
        if self._search is None or self._search.generation != generation:
            self._check_fingerprint()
            if self._search is not None:
                self._search.close()
            self._search = SearchIndexes(self.folder, self.catalog, generation, self._exact_up_to)
        return self._search

    # Writing

    def set_fingerprint(self, fingerprint: str) -> None:
        """Records which embedder makes the vectors. Raises LibraryMismatch when they come from another one already."""
        self._expected = fingerprint
        self._check_fingerprint()
        if self.catalog.fingerprint is None:
            self.catalog.set_fingerprint(fingerprint)

    def apply(self, change: Change) -> None:
        """Applies a change of the catalog to the search indexes."""
        self._index_writer().apply(change)

    def repair(self) -> None:
        """Brings a search index that is behind, damaged or gone up to date with the catalog."""
        self._index_writer().repair()

    def finish(self) -> None:
        """Tidies up after changes."""
        self.catalog.forget_unused_vectors()
        self._index_writer().compact()

    def forget(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Removes documents by id, by a folder in their ids (``a/b``), or by file or folder on disk; returns their ids.

        Synced folders that are named, or that lose their last document, are no longer synced. Raises NotFound when a
        path names nothing in the library. A note that is still in a synced folder comes back with the next sync.
        """
        files = self.catalog.document_ids()
        roots = {folder.id: folder.path for folder in self.catalog.folders()}
        doomed: set[str] = set()
        named: set[int] = set()
        for path in paths:
            prefix = path.strip("/") + "/"
            on_disk = _on_disk(path)
            found = {
                document_id
                for document_id, file in files.items()
                if document_id == path
                or document_id.startswith(prefix)
                or _is_in(roots[file.folder] / file.path, on_disk)
            }
            folders = {folder_id for folder_id, root in roots.items() if _is_in(root, on_disk)}
            if not found and not folders:
                raise NotFound(
                    Phrase("the library has no such document or folder", "库中没有这个文档或文件夹"),
                    path,
                    Phrase(
                        "see `notecite status` for its documents and folders",
                        "用 `notecite status` 查看库中的文档和文件夹",
                    ),
                )
            doomed |= found
            named |= folders
        self._remove(doomed, named)
        return tuple(sorted(doomed))

    def forget_document(self, document_id: str) -> NoteFile:
        """Like ``forget``, for exactly this document; returns where it was read. Raises NotFound."""
        file = self.catalog.document_ids().get(document_id)
        if file is None:
            raise no_such_document(document_id)
        self._remove({document_id}, set())
        return file

    def _remove(self, doomed: Set[str], named: Set[int]) -> None:
        """Removes documents, and of the folders that are ``named`` or held them those that are empty now."""
        files = self.catalog.document_ids()
        emptied = named | {files[document_id].folder for document_id in doomed}
        self.repair()
        self.apply(self.catalog.replace(sorted(doomed), ()))
        emptied -= {file.folder for file in self.catalog.document_ids().values()}
        for folder in self.catalog.folders():
            if folder.id in emptied:
                self.catalog.remove_folder(folder)
        self.finish()

    def _index_writer(self) -> IndexWriter:
        if self._writer is None:
            self._writer = IndexWriter(self.folder, self.catalog)
        return self._writer

    def _check_fingerprint(self) -> None:
        built_with = self.catalog.fingerprint
        if self._expected is not None and built_with is not None and built_with != self._expected:
            raise LibraryMismatch(
                Phrase(
                    f"the library was built with the embedder {built_with}, not {self._expected}",
                    f"库是用嵌入模型 {built_with} 建立的，而不是 {self._expected}",
                ),
                self.folder,
                Phrase(
                    "use that embedder, or rebuild with `notecite sync --rebuild FOLDER`",
                    "请改用原来的模型，或用 `notecite sync --rebuild 文件夹` 重建",
                ),
            )

    def _close_indexes(self) -> None:
        if self._search is not None:
            self._search.close()
            self._search = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _on_disk(path: str) -> tuple[Path, Path]:
    """The named place as it is written, and with links resolved; a link to a file is a note of its own."""
    named = Path(path)
    real = os.path.realpath(named) if named.is_dir() else os.path.join(os.path.realpath(named.parent), named.name)
    return Path(os.path.abspath(named)), Path(real)


def _is_in(place: Path, folders: Iterable[Path]) -> bool:
    return any(place.is_relative_to(folder) for folder in folders)


def _lock_to_write(folder: Path, seconds: float) -> FileLock:
    """The lock of the one process that writes; ``writer.json`` beside it says which process that is."""
    holder = folder / "writer.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=seconds, thread_local=False)
        lock.acquire()
        try:
            write_whole(holder, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        except BaseException:
            lock.release()
            raise
    except Timeout as error:
        writer = {}
        with suppress(OSError, ValueError):
            writer = json.loads(holder.read_text(encoding="utf-8"))
        pid, host = writer.get("pid", "?"), writer.get("host", "?")
        raise LibraryBusy(
            Phrase(f"process {pid} on {host} is writing the library", f"{host} 上的进程 {pid} 正在写入库"),
            folder,
            Phrase("wait until it is done, or stop it, and try again", "请等它完成（或停止它）后重试"),
        ) from error
    except OSError as error:
        if is_full_disk(error):
            raise disk_full(folder) from error
        raise BadInput(
            Phrase(f"the library folder cannot be written ({error.strerror})", f"无法写入库文件夹（{error.strerror}）"),
            folder,
            Phrase("choose another with --library", "请用 --library 另选文件夹"),
        ) from error
    return lock
