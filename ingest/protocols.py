"""The seams of ingestion, each a Protocol of a few methods, and the arrays that pass through them.

The embedder and the token counter have short fakes in ``tests/fakes.py``, the embedder a contract in
``tests/contracts.py``.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ingest.types import Reading

Floats = NDArray[np.float32]
"""Scores, features, weights or single vectors, in float32."""

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
    """Texts -> unit vectors. Queries and passages are embedded differently: e5 wants a prefix for each."""

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
    """An embedder that also gives the vectors of a passage's tokens, from the same pass."""

    @property
    def token_dimensions(self) -> int: ...

    def encode_passages(
        self, texts: Sequence[str], on_done: Callable[[int], None] | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        """What ``embed_passages`` gives, and the token vectors of each text, shape (tokens, token_dimensions)."""
        ...
