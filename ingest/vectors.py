"""Vectors by key in Chroma: the nearest keys to a vector, approximately.

Derived from the catalog. Two processes that write one folder corrupt it, and a process that has it open does not see
what another one has written until it opens it again.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ingest.protocols import Vectors

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection

_COLLECTION = "chunks"
_MOST_AT_ONCE = 5_461
"""Rows; Chroma takes no more in one call."""
_SETTINGS: "CreateCollectionConfiguration" = {"hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200}}


class VectorIndexError(Exception):
    """Chroma failed; the index may be damaged, or another process may be writing it."""


class VectorIndex:
    """Every method raises VectorIndexError when Chroma fails, OSError when the disk does."""

    def __init__(self, folder: Path, library_id: str, *, write: bool = False) -> None:
        """Opens the index of one library; ``write`` makes it where there is none.

        Each index has a subfolder with a name of its own: Chroma shares what is open in a process by its path, even
        after the files there have been deleted.
        """
        import chromadb
        from chromadb.config import Settings

        with _errors():
            database = next(folder.glob("*/chroma.sqlite3"), None)
            if database is None and not write:
                raise VectorIndexError(f"no index in {folder}")
            place = database.parent if database else folder / secrets.token_hex(8)
            client = chromadb.PersistentClient(str(place), Settings(anonymized_telemetry=False))
            self._client = cast("Client", client)
            try:
                self._collection = self._open(library_id, write)
            except BaseException:
                self._client.close()
                raise

    def _open(self, library_id: str, write: bool) -> "Collection":
        if write:
            collection = self._client.get_or_create_collection(
                _COLLECTION, embedding_function=None, configuration=_SETTINGS, metadata={"library": library_id}
            )
        else:
            collection = self._client.get_collection(_COLLECTION, embedding_function=None)
        if (collection.metadata or {}).get("library") != library_id:
            raise VectorIndexError("the index belongs to another library")
        return collection

    def close(self) -> None:
        with suppress(Exception):
            self._client.close()

    def change(self, removed: Iterable[str], added: Sequence[str], vectors: Vectors) -> None:
        """Removes and adds keys; never updates one in place, which takes Chroma thirty times as long."""
        with _errors():
            for some in _batches(removed):
                self._collection.delete(ids=some)
            for at in range(0, len(added), _MOST_AT_ONCE):
                some = list(added[at : at + _MOST_AT_ONCE])
                self._collection.add(ids=some, embeddings=vectors[at : at + _MOST_AT_ONCE])

    def readable_keys(self) -> set[str]:
        """The keys of all vectors; fails when one of them cannot be read."""
        found: set[str] = set()
        with _errors():
            for at in range(0, self._collection.count(), _MOST_AT_ONCE):
                found.update(self._collection.get(limit=_MOST_AT_ONCE, offset=at, include=["embeddings"])["ids"])
        return found

    def nearest(self, vector: NDArray[np.float32], k: int) -> list[str]:
        """Up to ``k`` keys, nearest first."""
        with _errors():
            k = min(k, self._collection.count())
            rows = vector.reshape(1, -1)
            return self._collection.query(query_embeddings=rows, n_results=k, include=[])["ids"][0] if k else []


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (VectorIndexError, OSError):
        raise
    except Exception as error:
        # Chroma raises ValueError, KeyError and errors of its Rust core alike.
        raise VectorIndexError(str(error)) from error
    except BaseException as error:
        # A panic of the Rust core is no Exception, and its class cannot be imported.
        if type(error).__name__ == "PanicException":
            raise VectorIndexError(str(error)) from error
        raise


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(keys)
    while some := list(islice(iterator, _MOST_AT_ONCE)):
        yield some
