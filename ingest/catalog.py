"""The truth of a library: documents, chunks, vectors and groups of duplicates in one SQLite file.

A document, its chunks and their vectors come and go in one transaction, so that there is never a chunk without a
vector. Vectors are kept by what was embedded, so moving a note or editing around a chunk embeds nothing. Every
transaction that changes what is searchable raises ``generation`` by one.
"""

import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ingest import dedupe
from ingest.database import Database
from ingest.errors import NotFound
from ingest.phrases import Phrase
from ingest.protocols import TokenVectors, Vectors
from ingest.types import Chunk, Document, Place, page_at

FORMAT = 2
"""Raise it when the tables change; a library of another format must be rebuilt."""

_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO facts VALUES ('library_id', lower(hex(randomblob(16)))), ('generation', '0');
CREATE TABLE folders (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE documents (
    id TEXT PRIMARY KEY, folder INTEGER NOT NULL REFERENCES folders, path BLOB NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, content_hash TEXT NOT NULL, page_starts TEXT NOT NULL,
    problems TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reading INTEGER NOT NULL,
    synced_at REAL NOT NULL, UNIQUE (folder, path)
);
CREATE TABLE skipped (
    folder INTEGER NOT NULL REFERENCES folders, path BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    reading INTEGER NOT NULL, reasons TEXT NOT NULL, PRIMARY KEY (folder, path)
) WITHOUT ROWID;
CREATE TABLE texts (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, family INTEGER NOT NULL);
CREATE INDEX texts_by_family ON texts (family);
CREATE TABLE bands (band INTEGER NOT NULL, text INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE,
    PRIMARY KEY (band, text)) WITHOUT ROWID;
CREATE INDEX bands_by_text ON bands (text);
CREATE TABLE vectors (
    key TEXT PRIMARY KEY, family INTEGER, chunk_id TEXT, since INTEGER, vector BLOB NOT NULL
);
CREATE INDEX vectors_by_family ON vectors (family);
CREATE INDEX vectors_by_since ON vectors (since);
CREATE TABLE token_vectors (key TEXT PRIMARY KEY REFERENCES vectors ON DELETE CASCADE, tokens BLOB NOT NULL);
CREATE TABLE chunks (
    id TEXT PRIMARY KEY, document_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    position INTEGER NOT NULL, headings TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    tokens INTEGER NOT NULL, page INTEGER, key TEXT NOT NULL REFERENCES vectors, text_id INTEGER NOT NULL
    REFERENCES texts, text TEXT NOT NULL
);
CREATE INDEX chunks_by_document ON chunks (document_id, position);
CREATE INDEX chunks_by_key ON chunks (key);
CREATE INDEX chunks_by_text ON chunks (text_id);
"""
_CHUNKS = (
    "SELECT c.id, c.document_id, d.title, c.headings, c.start, c.end, c.text, c.tokens, c.page "
    "FROM chunks c JOIN documents d ON d.id = c.document_id"
)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Shows without reading a file that it has not changed. ``reading`` is the version of the readers that read it."""

    size: int
    mtime_ns: int
    reading: int


@dataclass(frozen=True, slots=True)
class NoteFile:
    """Where a document came from: the id of its folder and the path below it."""

    folder: int
    path: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A note ready to be stored; the vectors of its chunks must be in the catalog already."""

    file: NoteFile
    stamp: FileStamp
    document: Document
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as of the last sync: either a document or skipped for ``reasons`` (what, what to do)."""

    stamp: FileStamp
    document_id: str | None
    content_hash: str | None
    reasons: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Folder:
    id: int
    path: Path


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """``chunks`` counts all of the document's chunks; ``synced_at`` is in seconds since the epoch."""

    id: str
    title: str
    chunks: int
    problems: tuple[Phrase, ...]
    synced_at: float


@dataclass(frozen=True, slots=True)
class Counts:
    """``searchable`` counts chunks without the duplicates."""

    documents: int
    chunks: int
    searchable: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction changed for the search indexes: the keys that are no longer searchable, and those that now
    are."""

    generation: int
    removed: tuple[str, ...]
    added: tuple[str, ...]


def vector_key(chunk: Chunk) -> str:
    """Names what is embedded of a chunk: equal for chunks with the same context and text."""
    return hashlib.sha256(f"{chunk.context}\0{chunk.text}".encode()).hexdigest()[:32]


class Catalog:
    """One SQLite file. Safe to use from several threads; one process writes while any number reads.

    Methods raise DiskFull, LibraryBusy or LibraryBroken.
    """

    def __init__(self, path: Path, *, write: bool = False) -> None:
        """Raises NotFound when there is nothing to read at ``path``."""
        self._database = Database(path, _TABLES, FORMAT, write=write)

    @property
    def path(self) -> Path:
        return self._database.path

    def was_replaced(self) -> bool:
        """Whether a rebuild has put another file in this one's place."""
        return self._database.was_replaced()

    def reopen(self) -> None:
        """Continues with the file that is there now, or with the old one if the new one cannot be read yet."""
        self._database.reopen()

    def close(self) -> None:
        self._database.close()

    # Facts about the library

    @property
    def generation(self) -> int:
        return int(self._fact("generation") or 0)

    @property
    def library_id(self) -> str:
        return self._fact("library_id") or ""

    @property
    def fingerprint(self) -> str | None:
        """The embedder that made the vectors; None before the first sync."""
        return self._fact("fingerprint")

    def set_fingerprint(self, fingerprint: str) -> None:
        with self._database.transaction():
            self._set_fact("fingerprint", fingerprint)

    # Folders and files

    def folders(self) -> tuple[Folder, ...]:
        rows = self._database.rows("SELECT id, path FROM folders ORDER BY id")
        return tuple(Folder(folder_id, Path(os.fsdecode(path))) for folder_id, path in rows)

    def add_folder(self, path: Path) -> Folder:
        with self._database.transaction():
            cursor = self._database.execute("INSERT INTO folders (path) VALUES (?)", (os.fsencode(path),))
            return Folder(int(cursor.lastrowid or 0), path)

    def move_folder(self, folder: Folder, path: Path) -> Folder:
        with self._database.transaction():
            self._database.execute("UPDATE folders SET path = ? WHERE id = ?", (os.fsencode(path), folder.id))
        return Folder(folder.id, path)

    def remove_folder(self, folder: Folder) -> None:
        """The folder's documents must be gone already."""
        with self._database.transaction():
            self._database.execute("DELETE FROM skipped WHERE folder = ?", (folder.id,))
            self._database.execute("DELETE FROM folders WHERE id = ?", (folder.id,))

    def known_files(self, folder: Folder) -> dict[str, KnownFile]:
        """By path below the folder."""
        known = {}
        for path, size, mtime, reading, document_id, content_hash in self._database.rows(
            "SELECT path, size, mtime_ns, reading, id, content_hash FROM documents WHERE folder = ?", (folder.id,)
        ):
            stamp = FileStamp(size, mtime, reading)
            known[os.fsdecode(path)] = KnownFile(stamp, document_id, content_hash, ())
        for path, size, mtime, reading, reasons in self._database.rows(
            "SELECT path, size, mtime_ns, reading, reasons FROM skipped WHERE folder = ?", (folder.id,)
        ):
            known[os.fsdecode(path)] = KnownFile(FileStamp(size, mtime, reading), None, None, _phrases(reasons))
        return known

    def note_stamps(self, stamps: Iterable[tuple[NoteFile, FileStamp]]) -> None:
        """Stores the stamps of files that were touched but say the same."""
        with self._database.transaction():
            for file, stamp in stamps:
                self._database.execute(
                    "UPDATE documents SET size = ?, mtime_ns = ?, reading = ? WHERE folder = ? AND path = ?",
                    (stamp.size, stamp.mtime_ns, stamp.reading, file.folder, os.fsencode(file.path)),
                )

    def note_skipped(
        self, skipped: Iterable[tuple[NoteFile, FileStamp, Sequence[Phrase]]], gone: Iterable[NoteFile]
    ) -> None:
        """Remembers files that cannot be read, so that they are not tried again, and forgets those in ``gone``."""
        with self._database.transaction():
            for file in gone:
                self._database.execute(
                    "DELETE FROM skipped WHERE folder = ? AND path = ?", (file.folder, os.fsencode(file.path))
                )
            for file, stamp, reasons in skipped:
                self._database.execute(
                    "INSERT OR REPLACE INTO skipped VALUES (?, ?, ?, ?, ?, ?)",
                    (file.folder, os.fsencode(file.path), stamp.size, stamp.mtime_ns, stamp.reading, _json(reasons)),
                )

    # Writing documents

    def missing_vectors(self, keys: Iterable[str]) -> set[str]:
        wanted = set(keys)
        return wanted - {key for (key,) in self._database.rows_in("SELECT key FROM vectors WHERE key IN", wanted)}

    def add_vectors(self, keys: Sequence[str], vectors: Vectors, tokens: Sequence[TokenVectors] = ()) -> None:
        """``tokens`` is empty for an embedder that gives no token vectors."""
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        with self._database.transaction():
            self._database.execute_many(
                "INSERT OR IGNORE INTO vectors (key, vector) VALUES (?, ?)",
                ((key, row.tobytes()) for key, row in zip(keys, rows, strict=True)),
            )
            self._database.execute_many(
                "INSERT OR IGNORE INTO token_vectors (key, tokens) VALUES (?, ?)",
                ((key, array.tobytes()) for key, array in zip(keys, tokens, strict=False)),
            )

    def replace(self, removed: Iterable[str], entries: Sequence[Entry]) -> Change:
        """Removes documents by id and adds ``entries``, replacing documents of the same id, all or nothing."""
        removed = [*removed, *(entry.document.id for entry in entries)]
        with self._database.transaction():
            touched = {
                text
                for (text,) in self._database.rows_in(
                    "SELECT DISTINCT text_id FROM chunks WHERE document_id IN", removed
                )
            }
            for document_id in removed:
                self._database.execute("DELETE FROM documents WHERE id = ?", (document_id,))
            for entry in entries:
                touched |= self._insert(entry)
            generation = self._next_generation()
            gone, added = self._regroup(touched, generation)
        return Change(generation, gone, added)

    def forget_unused_vectors(self) -> None:
        unused = "FROM vectors WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.key = vectors.key)"
        if self._database.rows(f"SELECT 1 {unused} LIMIT 1"):
            with self._database.transaction():
                self._database.execute(f"DELETE {unused}")

    def _insert(self, entry: Entry) -> set[int]:
        document, stamp = entry.document, entry.stamp
        self._database.execute(
            "DELETE FROM skipped WHERE folder = ? AND path = ?", (entry.file.folder, os.fsencode(entry.file.path))
        )
        self._database.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(document.id, entry.file.folder, os.fsencode(entry.file.path)),
                *(document.title, document.text, document.content_hash, json.dumps(document.page_starts)),
                *(_json(document.problems), stamp.size, stamp.mtime_ns, stamp.reading, time.time()),
            ),
        )
        texts = set()
        for position, chunk in enumerate(entry.chunks):
            text_id = self._text_id(chunk)
            texts.add(text_id)
            self._database.execute(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(chunk.id, chunk.document_id, position, json.dumps(chunk.headings, ensure_ascii=False)),
                    *(chunk.start, chunk.end, chunk.tokens, chunk.page, vector_key(chunk), text_id, chunk.text),
                ),
            )
        return texts

    def _text_id(self, chunk: Chunk) -> int:
        """The row of the chunk's text; a new one is a family of its own until it is regrouped."""
        key = dedupe.text_key(chunk)
        for (known,) in self._database.execute("SELECT id FROM texts WHERE key = ?", (key,)):
            return int(known)
        text_id = int(self._database.execute("INSERT INTO texts (key, family) VALUES (?, 0)", (key,)).lastrowid or 0)
        self._database.execute("UPDATE texts SET family = id WHERE id = ?", (text_id,))
        self._database.execute_many(
            "INSERT OR IGNORE INTO bands VALUES (?, ?)", ((band, text_id) for band in dedupe.band_keys(chunk.text))
        )
        return text_id

    def _regroup(self, touched: set[int], generation: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Updates the families of duplicates and the chunk that stands for each family.

        Returns the keys that are no longer searchable and those that now are.
        """
        candidates = self._database.rows_in(
            "SELECT DISTINCT b.text FROM bands a JOIN bands b ON b.band = a.band WHERE a.text IN", touched
        )
        near = touched | {text for (text,) in candidates}
        families = {
            family for (family,) in self._database.rows_in("SELECT DISTINCT family FROM texts WHERE id IN", near)
        }
        members = {text for (text,) in self._database.rows_in("SELECT id FROM texts WHERE family IN", families)}
        used = {
            text for (text,) in self._database.rows_in("SELECT DISTINCT text_id FROM chunks WHERE text_id IN", members)
        }
        for text in members - used:
            self._database.execute("DELETE FROM texts WHERE id = ?", (text,))
        family_of = self._families(used)
        self._database.execute_many(
            "UPDATE texts SET family = ? WHERE id = ?", ((family, text) for text, family in family_of.items())
        )
        before = {key for (key,) in self._database.rows_in("SELECT key FROM vectors WHERE family IN", families)}
        first: dict[int, tuple[str, int, str, str]] = {}
        for text, *place in self._database.rows_in(
            "SELECT text_id, document_id, start, id, key FROM chunks WHERE text_id IN", used
        ):
            family, row = family_of[text], (place[0], place[1], place[2], place[3])
            first[family] = min(first.get(family, row), row)
        after = {key: (family, chunk_id) for family, (_, _, chunk_id, key) in first.items()}
        gone, added = sorted(before - after.keys()), sorted(after.keys() - before)
        self._database.execute_many(
            "UPDATE vectors SET family = NULL, chunk_id = NULL, since = NULL WHERE key = ?", ((key,) for key in gone)
        )
        self._database.execute_many(
            "UPDATE vectors SET family = ?, chunk_id = ? WHERE key = ?",
            ((family, chunk_id, key) for key, (family, chunk_id) in after.items()),
        )
        self._database.execute_many("UPDATE vectors SET since = ? WHERE key = ?", ((generation, key) for key in added))
        return tuple(gone), tuple(added)

    def _families(self, texts: set[int]) -> Mapping[int, int]:
        """The family of each text: the smallest text that says the same."""
        together = defaultdict(list)
        for band, text in self._database.rows_in("SELECT band, text FROM bands WHERE text IN", sorted(texts)):
            together[band].append(text)
        bands = [sorted(band) for band in together.values() if len(band) > 1]
        wanted = {text for band in bands for text in band}
        words = dict(self._database.rows_in("SELECT text_id, text FROM chunks WHERE text_id IN", wanted))

        @cache
        def are_equal(left: int, right: int) -> bool:
            return dedupe.nearly_equal(words[left], words[right])

        return dedupe.components(texts, bands, are_equal)

    # Reading

    def searchable_keys(self) -> set[str]:
        return {key for (key,) in self._database.rows("SELECT key FROM vectors WHERE since IS NOT NULL")}

    def searchable_count(self) -> int:
        return int(self._database.rows("SELECT COUNT(*) FROM vectors WHERE since IS NOT NULL")[0][0])

    def vectors(self, keys: Iterable[str]) -> tuple[list[str], Vectors]:
        """Those of ``keys`` that are known and their vectors, row by row."""
        rows = list(self._database.rows_in("SELECT key, vector FROM vectors WHERE key IN", keys))
        if not rows:
            return [], np.zeros((0, 0), dtype=np.float32)
        data = b"".join(vector for _, vector in rows)
        return [key for key, _ in rows], np.frombuffer(data, dtype=np.float32).reshape(len(rows), -1)

    def some_vectors(self, count: int, up_to: int) -> tuple[list[str], Vectors]:
        """Up to ``count`` vectors that were searchable by generation ``up_to``, with their keys."""
        rows = self._database.rows("SELECT key FROM vectors WHERE since <= ? ORDER BY key LIMIT ?", (up_to, count))
        return self.vectors(key for (key,) in rows)

    def vectors_since(self, generation: int) -> tuple[list[str], Vectors]:
        """The keys that became searchable after ``generation`` and their vectors, row by row."""
        rows = self._database.rows("SELECT key, vector FROM vectors WHERE since > ? ORDER BY key", (generation,))
        data = b"".join(vector for _, vector in rows)
        matrix = np.frombuffer(data, dtype=np.float32).reshape(len(rows), -1 if rows else 0)
        return [key for key, _ in rows], matrix

    def token_vectors(self, chunk_ids: Iterable[str], dimensions: int) -> dict[str, TokenVectors]:
        """By chunk id; chunks whose embedder gave no token vectors are left out."""
        select = "SELECT c.id, t.tokens FROM chunks c JOIN token_vectors t ON t.key = c.key WHERE c.id IN"
        return {
            chunk_id: np.frombuffer(tokens, dtype=np.int8).reshape(-1, dimensions)
            for chunk_id, tokens in self._database.rows_in(select, chunk_ids)
        }

    def chunk_ids(self, keys: Iterable[str]) -> dict[str, str]:
        """The chunk that stands for each key; keys that are no longer searchable are left out."""
        return dict(
            self._database.rows_in("SELECT key, chunk_id FROM vectors WHERE chunk_id IS NOT NULL AND key IN", keys)
        )

    def chunks(self, ids: Iterable[str]) -> dict[str, Chunk]:
        return {row[0]: _chunk(row) for row in self._database.rows_in(f"{_CHUNKS} WHERE c.id IN", ids)}

    def chunks_of(self, document_id: str) -> tuple[Chunk, ...]:
        """A document's chunks in order."""
        rows = self._database.rows(f"{_CHUNKS} WHERE c.document_id = ? ORDER BY c.position", (document_id,))
        return tuple(_chunk(row) for row in rows)

    def places_like(self, chunk_id: str) -> tuple[Place, ...]:
        """The places of all chunks that say the same as this one, in order, without its own."""
        rows = self._database.rows(
            "SELECT c.document_id, c.start, c.end FROM chunks o JOIN texts t ON t.id = o.text_id "
            "JOIN texts s ON s.family = t.family JOIN chunks c ON c.text_id = s.id "
            "WHERE o.id = ? AND c.id != o.id ORDER BY c.document_id, c.start",
            (chunk_id,),
        )
        return tuple(Place(*row) for row in rows)

    def copies(self) -> list[tuple[str, str]]:
        """Each two documents that share a text, both ways round, as (document id, other document id) in order."""
        rows = self._database.rows(
            "SELECT DISTINCT c.document_id, o.document_id FROM chunks c JOIN texts s ON s.id = c.text_id "
            "JOIN texts t ON t.family = s.family JOIN chunks o ON o.text_id = t.id "
            "WHERE c.document_id != o.document_id ORDER BY c.document_id, o.document_id"
        )
        return [(document_id, other) for document_id, other in rows]

    def document(self, document_id: str) -> Document:
        """Raises NotFound."""
        rows = self._database.rows(
            "SELECT id, title, text, content_hash, page_starts, problems FROM documents WHERE id = ?", (document_id,)
        )
        if not rows:
            raise no_such_document(document_id)
        _, title, text, content_hash, page_starts, problems = rows[0]
        return Document(document_id, title, text, content_hash, tuple(json.loads(page_starts)), _phrases(problems))

    def page_at(self, document_id: str, offset: int) -> int | None:
        rows = self._database.rows("SELECT page_starts FROM documents WHERE id = ?", (document_id,))
        return page_at(json.loads(rows[0][0]), offset) if rows else None

    def documents(self) -> tuple[DocumentSummary, ...]:
        rows = self._database.rows(
            "SELECT d.id, d.title, (SELECT COUNT(*) FROM chunks c WHERE c.document_id = d.id), d.problems, d.synced_at "
            "FROM documents d ORDER BY d.id"
        )
        return tuple(
            DocumentSummary(document_id, title, chunks, _phrases(problems), synced_at)
            for document_id, title, chunks, problems, synced_at in rows
        )

    def document_ids(self) -> dict[str, NoteFile]:
        rows = self._database.rows("SELECT id, folder, path FROM documents ORDER BY id")
        return {document_id: NoteFile(folder, os.fsdecode(path)) for document_id, folder, path in rows}

    def headings(self) -> list[tuple[tuple[str, ...], Place]]:
        """Each distinct (title, *headings) of each document with the place of its first chunk."""
        rows = self._database.rows(
            "SELECT d.title, c.headings, c.document_id, c.start, c.end FROM chunks c "
            "JOIN documents d ON d.id = c.document_id ORDER BY c.document_id, c.position"
        )
        first: dict[tuple[str, tuple[str, ...]], Place] = {}
        for title, headings, document_id, start, end in rows:
            first.setdefault((document_id, (title, *json.loads(headings))), Place(document_id, start, end))
        return [(path, place) for (_, path), place in first.items()]

    def counts(self) -> Counts:
        row = self._database.rows("SELECT (SELECT COUNT(*) FROM documents), (SELECT COUNT(*) FROM chunks)")[0]
        return Counts(row[0], row[1], self.searchable_count())

    def _fact(self, name: str) -> str | None:
        rows = self._database.rows("SELECT value FROM facts WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def _set_fact(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _next_generation(self) -> int:
        generation = self.generation + 1
        self._set_fact("generation", str(generation))
        return generation


def _chunk(row: Sequence[Any]) -> Chunk:
    chunk_id, document_id, title, headings, start, end, text, tokens, page = row
    return Chunk(chunk_id, document_id, title, tuple(json.loads(headings)), start, end, text, tokens, page)


def no_such_document(document_id: str) -> NotFound:
    return NotFound(
        Phrase("the library has no such document", "库中没有这个文档"),
        document_id,
        Phrase("see `notecite status` for its documents", "用 `notecite status` 查看库中的文档"),
    )


def _json(phrases: Iterable[Phrase]) -> str:
    return json.dumps([[phrase.en, phrase.zh] for phrase in phrases], ensure_ascii=False)


def _phrases(text: str) -> tuple[Phrase, ...]:
    return tuple(Phrase(en, zh) for en, zh in json.loads(text))
