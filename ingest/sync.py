"""Folders -> what has changed since the last sync -> the library.

A document's id is its path relative to its folder. Where another folder of the library already has a document with
that id, the folder's name goes in front. An id once given stays. A folder inside a synced one is a part of it.
"""

import hashlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Protocol

from ingest.catalog import Catalog, Entry, FileStamp, Folder, KnownFile, NoteFile, vector_key
from ingest.errors import NoteciteError, NotFound, UnreadableNote
from ingest.library import Library
from ingest.phrases import Phrase
from ingest.protocols import Embedder, TokenCounter, TokenEmbedder
from ingest.readers import read
from ingest.split import split
from ingest.types import Chunk, Document
from ingest.walk import LEADS_OUT, FoundFile, Walk, walk

READING = 12
"""Raise it when a reader or the splitter makes other documents or chunks: the next sync reads every note again."""

CHUNKS_AT_ONCE = 256
"""How many chunks are embedded between two commits; about as many are lost when a sync is killed."""

_NO_FOLDER = Phrase("folder not found", "找不到文件夹")
_DROP_IT = Phrase(
    "put it back, or drop it with `notecite forget FOLDER`", "请把它放回原处，或用 `notecite forget 文件夹` 移除"
)
# Within this time a file may change again without its modification time changing.
_CLOCK_TICK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """``files`` counts what is new or changed. ``chunks_expected`` is an estimate until the last file is read."""

    files_done: int
    files: int
    chunks_done: int
    chunks_expected: int


class Progress(Protocol):
    def __call__(self, progress: SyncProgress, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a folder of the library, that is not in it, or only as it was at an earlier sync."""

    path: str
    what: Phrase
    todo: Phrase | None = None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did, by document id. Of the notes that it read, ``problems`` are the parts that could not be read,
    ``chunks`` counts what they were split into, and ``embedded`` the chunks of these that were new. ``ignored`` counts
    files that no reader takes, by suffix; ``missing`` are folders of the library that are not there, whose notes it
    keeps."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    deleted: tuple[str, ...]
    unchanged: int
    skipped: tuple[Skipped, ...]
    problems: tuple[tuple[str, Phrase], ...]
    messages: tuple[Phrase, ...]
    missing: tuple[Skipped, ...]
    ignored: Counter[str]
    chunks: int
    embedded: int
    seconds: float


def sync(
    folders: Sequence[Path],
    library: Library,
    open_embedder: Callable[[], Embedder],
    open_token_counter: Callable[[], TokenCounter],
    progress: Progress | None = None,
    chunks_at_once: int = CHUNKS_AT_ONCE,
) -> SyncReport:
    """Brings the library, which must be open to write, up to date with ``folders``, by default all that it knows and
    that are there.

    The models are opened only when there is something for them to do. Work is committed bit by bit: after an
    interruption the library answers, and the next sync continues from there.

    Raises NotFound before anything is changed for a missing folder that is named, or if none is there;
    LibraryMismatch; DiskFull.
    """
    started = time.monotonic()
    run = _Sync(library, open_embedder, open_token_counter, progress, chunks_at_once)
    sources = list(_sources(folders, library))
    library.repair()
    plans = [run.plan(source) for source in sources]
    run.remove_gone(plans)
    for plan in plans:
        for file in plan.to_read:
            run.take(plan.source.folder, file, plan.known.get(file.path))
    run.commit()
    library.finish()
    missing = [] if folders else [folder for folder in library.catalog.folders() if not folder.path.is_dir()]
    return run.report(started, tuple(Skipped(_shown(str(folder.path)), _NO_FOLDER, _DROP_IT) for folder in missing))


def pending_changes(library: Library) -> int:
    """How many files of the library's folders are new, changed or gone since the last sync, or were read by an older
    version of the readers; a folder that is missing, as on a disk that is not there, counts for nothing. No file is
    read, and the library may be open only to read."""
    plans = [_plan(library, _Source(folder)) for folder in library.catalog.folders() if folder.path.is_dir()]
    return sum(
        len(plan.gone) + sum(not _is_unsettled(file, plan.known.get(file.path)) for file in plan.to_read)
        for plan in plans
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """A folder of the library, or the part of it at ``below``; ``absorbed`` are library folders that lie inside it."""

    folder: Folder
    below: str = ""
    absorbed: tuple[Folder, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """``found`` is what is on disk, ``known`` what the library has of it by path. ``to_read`` is new or may have
    changed, ``settled`` has not; ``gone`` are paths that are no longer there."""

    source: _Source
    found: Walk
    known: dict[str, KnownFile]
    to_read: list[FoundFile]
    settled: list[tuple[str, KnownFile]]
    gone: list[str]


def _plan(library: Library, source: _Source) -> _Plan:
    """Compares a folder with what the library knows of it, without reading a file."""
    own = os.path.realpath(library.folder)
    found = walk(source.folder.path, source.below, lambda folder: os.path.realpath(folder) == own)
    known = {path: file for path, file in library.catalog.known_files(source.folder).items() if _is_below(path, source)}
    to_read: list[FoundFile] = []
    settled: list[tuple[str, KnownFile]] = []
    for file in found.files:
        before = known.get(file.path)
        if before is None or before.stamp != FileStamp(file.size, file.mtime_ns, READING):
            to_read.append(file)
        else:
            settled.append((file.path, before))
    # What cannot be looked at is not gone.
    hidden = tuple(path for path, _ in found.unread)
    present = {file.path for file in found.files}
    gone = [path for path in known if path not in present and not _is_in(path, hidden)]
    return _Plan(source, found, known, to_read, settled, gone)


@dataclass(slots=True)
class _Pending:
    """Notes that have been read and wait for their vectors."""

    entries: list[Entry] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    skipped: list[tuple[NoteFile, FileStamp, tuple[Phrase, ...]]] = field(default_factory=list)
    touched: list[tuple[NoteFile, FileStamp]] = field(default_factory=list)
    files: int = 0

    @property
    def chunks(self) -> list[Chunk]:
        return [chunk for entry in self.entries for chunk in entry.chunks]


class _Sync:
    """One run: what has been read and not yet committed, and what there is to report."""

    def __init__(
        self,
        library: Library,
        open_embedder: Callable[[], Embedder],
        open_token_counter: Callable[[], TokenCounter],
        progress: Progress | None,
        chunks_at_once: int,
    ) -> None:
        self._library = library
        self._catalog: Catalog = library.catalog
        self._open_embedder = open_embedder
        self._open_token_counter = open_token_counter
        self._embedder: Embedder | None = None
        self._count_tokens: TokenCounter | None = None
        self._progress = progress
        self._chunks_at_once = chunks_at_once
        self._pending = _Pending()
        self._pending_chunks = 0
        self._ids = self._catalog.document_ids()
        self._added: dict[str, str] = {}
        self._changed: list[str] = []
        self._deleted: dict[str, str] = {}
        self._skipped: list[Skipped] = []
        self._problems: list[tuple[str, Phrase]] = []
        self._messages: list[Phrase] = []
        self._ignored: Counter[str] = Counter()
        self._unchanged = self._chunks = self._embedded = 0
        self._files = self._files_done = self._chunks_done = self._bytes = self._bytes_read = 0

    def plan(self, source: _Source) -> _Plan:
        """What there is to do for a folder; adds what is known already to the report."""
        plan = _plan(self._library, source)
        found = plan.found
        for path, file in plan.settled:
            if file.document_id is None:
                self._skipped.append(Skipped(_shown(path), *file.reasons))
            else:
                self._unchanged += 1
        unread = [*found.unread, *((path, LEADS_OUT) for path in found.astray)]
        self._skipped += [Skipped(_shown(path or str(source.folder.path)), what) for path, what in unread]
        self._ignored.update(found.ignored)
        self._files += len(plan.to_read)
        self._bytes += sum(file.size for file in plan.to_read)
        if not found.files:
            self._messages.append(_no_notes(source.folder.path / source.below, len(plan.gone)))
        return plan

    def remove_gone(self, plans: Sequence[_Plan]) -> None:
        removed: list[str] = []
        absorbed = [folder for plan in plans for folder in plan.source.absorbed]
        for plan in plans:
            files = [NoteFile(plan.source.folder.id, path) for path in plan.gone]
            self._catalog.note_skipped((), files)
            removed += self._forget(plan.known[path] for path in plan.gone)
        for folder in absorbed:
            removed += self._forget(self._catalog.known_files(folder).values())
        if removed:
            self._library.apply(self._catalog.replace(removed, ()))
        for folder in absorbed:
            self._catalog.remove_folder(folder)

    def take(self, folder: Folder, found: FoundFile, known: KnownFile | None) -> None:
        """Reads a new or changed file; commits once enough has been read."""
        file, stamp = NoteFile(folder.id, found.path), _stamp(found)
        self._pending.files += 1
        self._bytes_read += found.size
        try:
            if known and known.stamp.reading == READING and known.content_hash == _hash(found.location):
                self._pending.touched.append((file, stamp))
                self._unchanged += 1
                return
            document_id = known.document_id if known and known.document_id else self._new_id(folder, file)
            document = _storable(read(found.location, document_id))
            entry = Entry(file, stamp, document, self._split(document))
        except (FileNotFoundError, NotFound):
            self._pending.removed += self._forget([known] if known else [])
        except UnreadableNote as error:
            self._skip(file, stamp, known, error)
        except OSError as error:
            what = Phrase(f"cannot be opened ({error.strerror})", f"无法打开（{error.strerror}）")
            self._skipped.append(Skipped(_shown(found.path), what))
        except NoteciteError:
            raise
        except Exception as error:
            # One note that a parser chokes on must not keep the others out.
            reason = f"{type(error).__name__}: {error}"
            self._skipped.append(
                Skipped(_shown(found.path), Phrase(f"cannot be read ({reason})", f"无法读取（{reason}）"))
            )
        else:
            self._accept(entry, known)
        if self._pending_chunks >= self._chunks_at_once:
            self.commit()

    def commit(self) -> None:
        """Embeds what is pending and puts it into the library."""
        pending, self._pending, self._pending_chunks = self._pending, _Pending(), 0
        self._embed(pending.chunks)
        if pending.touched:
            self._catalog.note_stamps(pending.touched)
        if pending.entries or pending.removed:
            self._library.apply(self._catalog.replace(pending.removed, pending.entries))
        if pending.skipped:
            self._catalog.note_skipped(pending.skipped, ())
        self._files_done += pending.files
        self._show()

    def report(self, started: float, missing: tuple[Skipped, ...]) -> SyncReport:
        renamed = list(self._renamed())
        old, new = {before for before, _ in renamed}, {after for _, after in renamed}
        return SyncReport(
            added=tuple(sorted(self._added.keys() - new)),
            changed=tuple(sorted(self._changed)),
            renamed=tuple(sorted(renamed)),
            deleted=tuple(sorted(self._deleted.keys() - old)),
            unchanged=self._unchanged,
            skipped=tuple(self._skipped),
            problems=tuple(self._problems),
            messages=tuple(self._messages),
            missing=missing,
            ignored=self._ignored,
            chunks=self._chunks,
            embedded=self._embedded,
            seconds=time.monotonic() - started,
        )

    def _split(self, document: Document) -> tuple[Chunk, ...]:
        if self._count_tokens is None:
            self._count_tokens = self._open_token_counter()
        return split(document, self._count_tokens)

    def _embed(self, chunks: Sequence[Chunk]) -> None:
        by_key = {vector_key(chunk): chunk for chunk in chunks}
        missing = sorted(self._catalog.missing_vectors(by_key))
        self._chunks_done += len(chunks) - len(missing)
        for at in range(0, len(missing), self._chunks_at_once):
            keys = missing[at : at + self._chunks_at_once]
            if self._embedder is None:
                self._embedder = self._open_embedder()
                self._library.set_fingerprint(self._embedder.fingerprint)
            texts = [by_key[key].embedded_text for key in keys]
            if isinstance(self._embedder, TokenEmbedder):
                vectors, tokens = self._embedder.encode_passages(texts, self._embedded_some)
                self._catalog.add_vectors(keys, vectors, tokens)
            else:
                self._catalog.add_vectors(keys, self._embedder.embed_passages(texts, self._embedded_some))

    def _embedded_some(self, chunks: int) -> None:
        self._embedded += chunks
        self._chunks_done += chunks
        self._show()

    def _show(self) -> None:
        if self._progress is not None:
            share = self._bytes_read / self._bytes if self._bytes else 1.0
            expected = max(self._chunks, round(self._chunks / share)) if share else 0
            self._progress(SyncProgress(self._files_done, self._files, self._chunks_done, expected))

    def _accept(self, entry: Entry, known: KnownFile | None) -> None:
        document = entry.document
        self._pending.entries.append(entry)
        self._pending_chunks += len(entry.chunks)
        self._chunks += len(entry.chunks)
        self._ids[document.id] = entry.file
        self._problems += [(document.id, problem) for problem in document.problems]
        if known and known.document_id:
            self._changed.append(document.id)
        else:
            self._added[document.id] = document.content_hash

    def _skip(self, file: NoteFile, stamp: FileStamp, known: KnownFile | None, error: UnreadableNote) -> None:
        self._skipped.append(Skipped(_shown(file.path), error.what, error.todo))
        if isinstance(error.__cause__, OSError):
            # The file may be unchanged and only out of reach for now: what the library knows of it stays.
            return
        self._pending.removed += self._forget([known] if known else [])
        self._pending.skipped.append((file, stamp, (error.what, error.todo)))

    def _forget(self, files: Iterable[KnownFile]) -> list[str]:
        removed = []
        for file in files:
            if file.document_id is not None:
                removed.append(file.document_id)
                self._deleted[file.document_id] = file.content_hash or ""
                self._ids.pop(file.document_id, None)
        return removed

    def _renamed(self) -> Iterator[tuple[str, str]]:
        """A deleted document and an added one of the same content are one that moved."""
        waiting = defaultdict(list)
        for document_id, content_hash in sorted(self._deleted.items(), reverse=True):
            waiting[content_hash].append(document_id)
        for document_id, content_hash in sorted(self._added.items()):
            if waiting[content_hash]:
                yield waiting[content_hash].pop(), document_id

    def _new_id(self, folder: Folder, file: NoteFile) -> str:
        path = _shown(file.path)
        names = (f"{folder.path.name}{f' ({number})' if number > 1 else ''}/{path}" for number in count(1))
        document_id = path
        while self._ids.get(document_id, file) != file:
            document_id = next(names)
        return document_id


def _sources(folders: Sequence[Path], library: Library) -> Iterator[_Source]:
    """What to walk for each folder that was named. Raises NotFound before the library learns of any of them."""
    known = {Path(os.path.realpath(folder.path)): folder for folder in library.catalog.folders()}
    named = {Path(os.path.realpath(folder)) for folder in folders}
    wanted = named or {path for path in known if path.is_dir()} or set(known)
    for path in sorted(wanted):
        check_folder(path)
    covered: list[Path] = []
    for path in sorted(wanted, key=lambda path: len(path.parts)):
        if any(path.is_relative_to(outer) for outer in covered):
            continue
        covered.append(path)
        # An interrupted sync may have left a folder inside another one: the outermost one stays.
        outer = min((root for root in known if path.is_relative_to(root)), default=path)
        if outer not in known:
            moved = _moved(path, known.values(), library.catalog)
            folder = library.catalog.move_folder(moved, path) if moved else library.catalog.add_folder(path)
            known = {root: other for root, other in known.items() if other != moved} | {path: folder}
        below = "" if path == outer else path.relative_to(outer).as_posix()
        inner = tuple(folder for root, folder in known.items() if root != outer and root.is_relative_to(path))
        yield _Source(known[outer], below, inner)


def check_folder(path: Path) -> None:
    """Raises NotFound when there is no such folder of notes."""
    if not path.is_dir():
        raise NotFound(
            Phrase("not a folder", "不是文件夹") if path.exists() else _NO_FOLDER,
            path,
            Phrase(
                "name an existing folder with notes; `notecite forget FOLDER` drops one that is gone",
                "请指定一个存在的笔记文件夹；已不存在的可用 `notecite forget 文件夹` 移除",
            ),
        )


def _moved(path: Path, folders: Iterable[Folder], catalog: Catalog) -> Folder | None:
    """The folder of the library that is no longer in its place and at least half of whose notes are here now."""
    for folder in folders:
        if not folder.path.exists():
            notes = catalog.known_files(folder)
            if notes and 2 * sum((path / note).is_file() for note in notes) >= len(notes):
                return folder
    return None


def _shown(path: str) -> str:
    """A file name may be any bytes; what is stored and printed is text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_below(path: str, source: _Source) -> bool:
    return not source.below or path.startswith(f"{source.below}/")


def _is_in(path: str, hidden: Sequence[str]) -> bool:
    return any(not outer or path == outer or path.startswith(f"{outer}/") for outer in hidden)


def _stamp(found: FoundFile) -> FileStamp:
    """A file that changed just now gets a stamp that never matches, its time below 0, so that the next sync compares
    its content."""
    is_settled = time.time_ns() - found.mtime_ns > _CLOCK_TICK_NS
    return FileStamp(found.size, found.mtime_ns if is_settled else -found.mtime_ns, READING)


def _is_unsettled(found: FoundFile, known: KnownFile | None) -> bool:
    """Whether a file is only to be read because it had changed just before it was last read: its size and time are
    those of then."""
    return known is not None and known.stamp == FileStamp(found.size, -found.mtime_ns, READING)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _storable(document: Document) -> Document:
    """Lone surrogates, which UTF-8 has no bytes for, become replacement characters; offsets stay."""
    fixed = [
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in (document.title, document.text)
    ]
    return replace(document, title=fixed[0], text=fixed[1])


def _no_notes(folder: Path, removed: int) -> Phrase:
    if removed:
        return Phrase(
            f"no notes are left in {folder}; {removed} were removed from the library",
            f"{folder} 中已没有笔记；已从库中移除 {removed} 篇",
        )
    return Phrase(f"there are no notes in {folder}", f"{folder} 中没有笔记")
