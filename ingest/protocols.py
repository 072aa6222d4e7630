"""The seams of ingestion: one to three methods each, with short fakes in ``tests/fakes.py``."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ingest.types import Reading

Floats = NDArray[np.float32]
"""Scores, features or weights."""

Vectors = NDArray[np.float32]
"""Shape (n, dimensions), float32, each row of length 1."""

TokenVectors = NDArray[np.int8]
"""Shape (tokens, dimensions): the unit vectors of one text's tokens, times 127."""


class Reader(Protocol):
    """One file format."""

    def __call__(self, data: bytes) -> Reading:
        """Raises UnreadableNote when the bytes cannot be read at all."""
        ...


class TokenCounter(Protocol):
    def __call__(self, texts: Sequence[str]) -> list[int]:
        """The length of each text in model tokens, without special tokens."""
        ...


class Embedder(Protocol):
    """Texts -> unit vectors. Queries and passages are embedded apart: e5 wants different prefixes."""

    @property
    def fingerprint(self) -> str:
        """Names the model and everything that changes its vectors; a library belongs to one fingerprint."""
        ...

    @property
    def dimensions(self) -> int: ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors: ...

    def embed_passages(self, texts: Sequence[str], on_done: Callable[[int], None] | None = None) -> Vectors:
        """``on_done`` is called with the number of texts finished since the last call."""
        ...


@runtime_checkable
class TokenEmbedder(Embedder, Protocol):
    """An embedder whose one pass over a passage also gives the vectors of its tokens."""

    @property
    def token_dimensions(self) -> int: ...

    def encode_passages(
        self, texts: Sequence[str], on_done: Callable[[int], None] | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        """What ``embed_passages`` gives, and the token vectors of each text."""
        ...
