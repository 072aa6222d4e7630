"""Late interaction: every token of a text has a small vector, and each token of a question looks for its best match.

The token vectors of passages are made when notes are synced, in the same pass as the passage's own vector, so that
only the question is left to encode when hits are reranked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ingest.adaptation import read_adaptation
from ingest.bundled import PASSAGE_PROMPT, QUERY_PROMPT
from ingest.embed import BundledEmbedder, open_token_spans
from ingest.odds import logistic
from ingest.protocols import Floats, TokenVectors, Vectors

_SCALE = 127.0


@dataclass(frozen=True, slots=True)
class QuestionVectors:
    """``dense``: shape (hidden,), length 1. ``tokens``: shape (tokens, dimensions), each row of length 1.
    ``weights``: how much each token counts, shape (tokens,), summing to 1."""

    dense: Floats
    tokens: Vectors
    weights: Floats


class LateInteraction:
    """The bundled body with trained layers: an ``Embedder`` whose pass also gives token vectors."""

    def __init__(self, weights: Path, cache_folder: Path | None = None) -> None:
        """Raises ModelUnavailable when the weights cannot be read."""
        self._adaptation = read_adaptation(weights)
        self._cache_folder = cache_folder
        self._projection = self._adaptation.head["projection"]
        self._offset = self._projection @ self._adaptation.head["centre"]
        self._remembered = lru_cache(maxsize=1)(self._encode_question)

    @property
    def fingerprint(self) -> str:
        return self._embedder.fingerprint

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    @property
    def token_dimensions(self) -> int:
        return int(self._projection.shape[0])

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return np.stack([self.encode_question(text).dense for text in texts])

    def embed_passages(self, texts: Sequence[str], on_done: Callable[[int], None] | None = None) -> Vectors:
        return self._embedder.embed_passages(texts, on_done)

    def encode_passages(
        self, texts: Sequence[str], on_done: Callable[[int], None] | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        """The passages' vectors, as ``embed_passages`` gives them, and their token vectors, from one pass."""
        dense = np.empty((len(texts), self.dimensions), np.float32)
        tokens: list[TokenVectors] = [np.empty((0, self.token_dimensions), np.int8)] * len(texts)
        for batch, states in self._embedder.token_vectors(PASSAGE_PROMPT, texts):
            dense[batch] = _unit(states.mean(axis=1))
            small = np.round(self._project(states[:, 1:-1]) * _SCALE).astype(np.int8)
            for i, vectors in zip(batch, small, strict=True):
                tokens[i] = vectors
            if on_done:
                on_done(len(batch))
        return dense, tokens

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """The span of each token vector of a passage, as ``text[start:end]``; the prompt's tokens lie before 0.

        There are more spans than vectors for a text that is longer than what the model reads.
        """
        shift = len(PASSAGE_PROMPT)
        return [(start - shift, end - shift) for start, end in self._spans(PASSAGE_PROMPT + text)]

    def encode_question(self, text: str) -> QuestionVectors:
        """The last question is remembered: searching, reranking and choosing statements each ask for it."""
        return self._remembered(text)

    def _encode_question(self, text: str) -> QuestionVectors:
        ((_, states),) = self._embedder.token_vectors(QUERY_PROMPT, [text])
        inner = states[0, 1:-1]
        gates = inner @ self._adaptation.head["gate"] + self._adaptation.head["gate_bias"]
        weights = np.logaddexp(0, gates)
        return QuestionVectors(_unit(states[0].mean(axis=0)), self._project(inner), weights / weights.sum())

    def blend(self, features: Floats) -> Floats:
        """The probability that each hit answers, shape (hits,), by a logistic layer over ``features`` of shape
        (hits, n)."""
        return logistic(features, self._adaptation.head["blend"])

    @cached_property
    def _spans(self) -> Callable[[str], list[tuple[int, int]]]:
        return open_token_spans(self._cache_folder)

    def _project(self, states: Floats) -> Vectors:
        return _unit(states @ self._projection.T - self._offset)

    @cached_property
    def _embedder(self) -> BundledEmbedder:
        return BundledEmbedder(self._cache_folder, self._adaptation)


def token_cosines(question: QuestionVectors, passage: TokenVectors) -> Floats:
    """The cosine of each pair of tokens, shape (question tokens, passage tokens)."""
    return np.asarray(question.tokens @ passage.T.astype(np.float32) / _SCALE, np.float32)


def late_scores(question: QuestionVectors, passages: Sequence[TokenVectors]) -> Floats:
    """For each passage the weighted mean over the question's tokens of the best cosine to any of its tokens."""
    scores = np.zeros(len(passages), np.float32)
    for i, passage in enumerate(passages):
        if len(passage):
            scores[i] = token_cosines(question, passage).max(axis=1) @ question.weights
    return scores


def _unit(vectors: Floats) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-6), np.float32)
