"""Short deterministic stand-ins for the seams; each passes the contract of ``tests/contracts.py``."""

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np

from ingest.protocols import Vectors


def count_tokens(texts: Sequence[str]) -> list[int]:
    """One token for each character that is not white space."""
    return [sum(not character.isspace() for character in text) for text in texts]


class FakeEmbedder:
    """Texts that share pairs of neighbouring characters are near each other; queries are embedded as passages are."""

    fingerprint = "fake"
    dimensions = 4096

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str], on_done: Callable[[int], None] | None = None) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            bounded = f" {text.lower()} "
            for i in range(len(bounded) - 1):
                vector[crc32(bounded[i : i + 2].encode("utf-8", "replace")) % self.dimensions] += 1
            vector /= np.linalg.norm(vector)
            if on_done:
                on_done(1)
        return vectors
