"""The two search indexes of a library, derived from its catalog: the writer keeps them up to date, readers search
them.

Each index folder has a stamp that says which generation of which library it holds. When an index is behind, damaged or
gone, a reader answers from the newest generation all the same: it compares the vectors that Chroma lacks one by one,
and indexes all words anew in memory, since BM25 scores of two indexes cannot be compared. The writer repairs the index.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ingest.catalog import Catalog, Change
from ingest.database import REBUILD, disk_full
from ingest.errors import LibraryBroken
from ingest.files import FULL_DISK, write_whole
from ingest.lexical import LexicalEntry, LexicalIndex, Ranking, best
from ingest.phrases import Phrase
from ingest.protocols import Vectors
from ingest.vectors import VectorIndex, VectorIndexError

Part = Literal["lexical", "vectors"]
PARTS: tuple[Part, ...] = ("lexical", "vectors")

_FORMAT = 4
"""Raise it when the search tokens or an index's settings change: the next writer builds the indexes anew."""
_COMPACT_UP_TO = 10_000
"""Entries. A smaller lexical index is tidied after every removal, a larger one once a hundredth was removed."""
_SAMPLES = 3
_DECIMALS = 6
_STEP = 2 * 10.0**-_DECIMALS
"""More than what lies between two cosines that are equal once they are rounded."""
_STAMP = "stamp.json"

_Damage = (VectorIndexError, ValueError)


class SearchIndexes:
    """What is needed to search one generation, opened as it is needed."""

    def __init__(self, folder: Path, catalog: Catalog, generation: int, exact_up_to: int) -> None:
        self.generation = generation
        self._folder = folder
        self._catalog = catalog
        self._reached = {part: _reached(folder, part, catalog) for part in PARTS}
        self._is_exact = not self._reached["vectors"] or catalog.searchable_count() <= exact_up_to
        self._lexical: LexicalIndex | None = None
        self._vectors: VectorIndex | None = None
        self._exact: tuple[list[str], Vectors] | None = None

    def close(self) -> None:
        if self._vectors is not None:
            self._vectors.close()
            self._vectors = None

    def nearest(self, vector: NDArray[np.float32], k: int) -> Ranking:
        """(key, cosine similarity): the ``k`` best and, where every vector is compared, those that tie with the last.
        Chroma only proposes keys: the catalog's vectors score them."""
        scores = {} if self._is_exact else self._proposed(vector, k)
        keys, matrix = self._exact_part()
        if keys:
            products = matrix @ vector
            least = np.partition(products, -k)[-k] - _STEP if k < len(keys) else -np.inf
            scores |= {keys[at]: _rounded(products[at]) for at in np.flatnonzero(products >= least)}
        return best(scores.items(), k)

    def matching(self, text: str, k: int, context_weight: float) -> Ranking:
        """(key, BM25 score): the ``k`` best and those that tie with the last."""
        if self._lexical is None:
            self._lexical = self._open_lexical()
        return self._lexical.search(text, k, context_weight)

    def _exact_part(self) -> tuple[list[str], Vectors]:
        """The vectors to compare one by one: all of a small library, otherwise those newer than Chroma's stamp."""
        if self._exact is None:
            self._exact = self._catalog.vectors_since(0 if self._is_exact else self._reached["vectors"])
        return self._exact

    def _proposed(self, vector: NDArray[np.float32], k: int) -> dict[str, float]:
        try:
            if self._vectors is None:
                self._vectors = self._open_vectors()
            keys, matrix = self._catalog.vectors(self._vectors.nearest(vector, k))
        except (VectorIndexError, OSError):
            self._distrust_vectors()
            return {}
        return dict(zip(keys, map(_rounded, matrix @ vector), strict=True)) if keys else {}

    def _open_vectors(self) -> VectorIndex:
        index = VectorIndex(self._folder / "vectors", self._catalog.library_id)
        keys, matrix = self._catalog.some_vectors(_SAMPLES, self._reached["vectors"])
        for key, row in zip(keys, matrix, strict=True):
            if key not in index.nearest(row, _SAMPLES):
                index.close()
                raise VectorIndexError("the index has lost vectors")
        return index

    def _distrust_vectors(self) -> None:
        """From now on every vector is compared, and the next writer checks Chroma."""
        self.close()
        self._is_exact, self._exact = True, None
        with suppress(OSError):
            (self._folder / "vectors" / _STAMP).unlink(missing_ok=True)

    def _open_lexical(self) -> LexicalIndex:
        if self._reached["lexical"] >= self.generation:
            with suppress(ValueError, OSError):
                return LexicalIndex(self._folder / "lexical")
        index = LexicalIndex()
        index.change((), _lexical_entries(self._catalog, self._catalog.searchable_keys()))
        return index


class IndexWriter:
    """Keeps the indexes up to date. Methods raise DiskFull, or LibraryBroken when an index cannot be built anew."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder = folder
        self._catalog = catalog
        self._vectors: VectorIndex | None = None

    def close(self) -> None:
        if self._vectors is not None:
            self._vectors.close()
            self._vectors = None

    def apply(self, change: Change) -> None:
        """Applies a change of the catalog to the indexes."""
        for part in PARTS:
            self._bring_up(part, change)

    def repair(self) -> None:
        """Mends an index that is behind, damaged or gone; nearly free when none is."""
        for part in PARTS:
            if _reached(self._folder, part, self._catalog) != self._catalog.generation:
                self._bring_up(part, None)

    def compact(self) -> None:
        """Tidies the lexical index if removed entries have left traces in its word statistics."""
        stamp = _Stamp.of(self._folder, "lexical", self._catalog)
        if stamp and stamp.removed and (stamp.size <= _COMPACT_UP_TO or stamp.removed > stamp.size // 100):
            self._attempt("lexical", lambda: self._compact_lexical(stamp.generation))

    def _bring_up(self, part: Part, change: Change | None) -> None:
        stamp = _Stamp.of(self._folder, part, self._catalog)
        if stamp is None and (self._folder / part / _STAMP).exists():
            self._discard(part)
        follows = stamp is not None and change is not None and stamp.generation == change.generation - 1
        self._attempt(part, lambda: self._update(part, change if follows else None))

    def _attempt(self, part: Part, work: Callable[[], None]) -> None:
        """Does ``work``; if the index turns out damaged, builds it anew."""
        try:
            with _disk_errors(self._folder):
                work()
        except _Damage:
            self._discard(part)
            try:
                with _disk_errors(self._folder):
                    self._update(part, None)
            except _Damage as error:
                what = Phrase(f"a search index cannot be written ({error})", f"无法写入搜索索引（{error}）")
                raise LibraryBroken(what, self._folder / part, REBUILD) from error

    def _discard(self, part: Part) -> None:
        self.close()
        shutil.rmtree(self._folder / part, ignore_errors=True)

    def _update(self, part: Part, change: Change | None) -> None:
        """Applies a change that follows on what the index holds; without one, all that differs from the catalog."""
        if part == "lexical":
            self._update_lexical(change)
        else:
            self._update_vectors(change)

    def _update_lexical(self, change: Change | None) -> None:
        folder = self._folder / "lexical"
        before = _Stamp.read(folder)
        index = LexicalIndex(folder, write=True)
        # Without a stamp there is no count of removals: any entry of the index may have left traces.
        traces = before.removed if before and change else len(index)
        generation, removed, added = self._difference(change, index.keys)
        index.change(removed, _lexical_entries(self._catalog, added))
        self._write_stamp(folder, generation, len(index), len(removed) + traces)

    def _compact_lexical(self, generation: int) -> None:
        folder = self._folder / "lexical"
        index = LexicalIndex(folder, write=True)
        index.compact()
        self._write_stamp(folder, generation, len(index), 0)

    def _update_vectors(self, change: Change | None) -> None:
        folder = self._folder / "vectors"
        if self._vectors is None:
            self._vectors = VectorIndex(folder, self._catalog.library_id, write=True)
        generation, removed, added = self._difference(change, self._vectors.readable_keys)
        self._vectors.change(removed, *self._catalog.vectors(added))
        self._write_stamp(folder, generation, self._catalog.searchable_count(), 0)

    def _difference(
        self, change: Change | None, keys: Callable[[], set[str]]
    ) -> tuple[int, Sequence[str], Sequence[str]]:
        """(generation, keys to remove, keys to add) of a change; without one, of all that differs from the catalog."""
        if change is not None:
            return change.generation, change.removed, change.added
        have, wanted = keys(), self._catalog.searchable_keys()
        return self._catalog.generation, sorted(have - wanted), sorted(wanted - have)

    def _write_stamp(self, folder: Path, generation: int, size: int, removed: int) -> None:
        files = tuple(sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if _is_lasting(file)))
        stamp = _Stamp(_FORMAT, self._catalog.library_id, generation, size, removed, files)
        write_whole(folder / _STAMP, json.dumps(asdict(stamp)))


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What an index folder holds: which generation of which library, how many entries, how many were removed since
    it was last tidied, and files that must all be there."""

    format: int
    library_id: str
    generation: int
    size: int
    removed: int
    files: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> "_Stamp | None":
        try:
            values = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
            return cls(**{**values, "files": tuple(values["files"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @classmethod
    def of(cls, library: Path, part: Part, catalog: Catalog) -> "_Stamp | None":
        """The stamp of an index that can be used."""
        stamp = cls.read(library / part)
        if stamp is None or not stamp.belongs_to(catalog):
            return None
        return stamp if all((library / part / file).is_file() for file in stamp.files) else None

    def belongs_to(self, catalog: Catalog) -> bool:
        return (self.format, self.library_id) == (_FORMAT, catalog.library_id)


def _reached(library: Path, part: Part, catalog: Catalog) -> int:
    """The generation that an index holds; 0 when it cannot be used."""
    stamp = _Stamp.of(library, part, catalog)
    return stamp.generation if stamp else 0


def _is_lasting(file: Path) -> bool:
    """Whether an index keeps this file from one change to the next; locks, logs and lexical segments come and go."""
    return file.name in {"chroma.sqlite3", "meta.json"} or file.suffix in {".bin", ".pickle"}


def _lexical_entries(catalog: Catalog, keys: Iterable[str]) -> list[LexicalEntry]:
    chunk_ids = catalog.chunk_ids(keys)
    chunks = catalog.chunks(chunk_ids.values())
    return [
        LexicalEntry(key, chunks[chunk_id].context, chunks[chunk_id].text)
        for key, chunk_id in sorted(chunk_ids.items())
        if chunk_id in chunks
    ]


def _rounded(score: np.float32) -> float:
    """The last bits of a product depend on the row's place in the matrix; equal vectors must tie."""
    return round(float(score), _DECIMALS)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except (VectorIndexError, ValueError, OSError) as error:
        if is_full_disk(error):
            raise disk_full(folder) from error
        raise


def is_full_disk(error: Exception) -> bool:
    """Whether the disk is full, which Chroma and tantivy say in words only."""
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return True
    words = ("no space left", "disk is full", "file too large", "quota exceeded", "disk i/o error")
    return any(word in str(error).lower() for word in words)
