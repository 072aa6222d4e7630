"""The seams of answering: what each exchangeable part promises."""

import collections.abc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ingest.phrases import Phrase
from ingest.protocols import Floats, TokenVectors, Vectors
from ingest.types import Chunk, Place
from rag.types import Draft, Hit, Notice, Query, Restart, Stage, Statement, StatementPair

Config = Mapping[str, Any]
"""A LangChain ``RunnableConfig`` (callbacks, tags, metadata …), passed unchanged to the chat model."""


class Similarity(Protocol):
    def __call__(self, query: Query, statements: Sequence[Statement]) -> Floats:
        """Shape (statements,); higher is nearer. Comparable only within one question."""
        ...


class TokenStore(Protocol):
    """Where the token vectors of chunks are kept."""

    def token_vectors(self, chunk_ids: Sequence[str], dimensions: int) -> Mapping[str, TokenVectors]:
        """By chunk id, of shape (tokens, dimensions); chunks that have none are left out."""
        ...


class SearchableLibrary(TokenStore, Protocol):
    """The part of the library that answering needs."""

    def dense(self, vector: Vectors, k: int) -> Sequence[tuple[str, float]]:
        """The ``k`` nearest chunk ids with their cosine similarity, best first. ``vector``: shape (dimensions,)."""
        ...

    def lexical(self, text: str, k: int) -> Sequence[tuple[str, float]]:
        """The ``k`` best chunk ids with their BM25 score, best first."""
        ...

    def chunks(self, ids: Sequence[str]) -> Mapping[str, Chunk]: ...

    def also_at(self, chunk_id: str) -> tuple[Place, ...]: ...


class Retriever(Protocol):
    def retrieve(self, query: Query) -> Mapping[Stage, Sequence[Hit]]:
        """Hits by stage, each best first: "dense", "lexical" and "fused"; the reranker reads "fused"."""
        ...


class Reranker(Protocol):
    def rerank(
        self, query: Query, stages: Mapping[Stage, Sequence[Hit]], config: Config | None = None
    ) -> Sequence[Hit]:
        """The fused hits in a better order. Hits that were not read follow the others, in their original order.

        Raises RerankFailed.
        """
        ...


class RerankFailed(Exception):
    """``hits``: all hits in the order that they keep; ``told``: what the reader should know of it."""

    def __init__(self, hits: Sequence[Hit], told: Phrase) -> None:
        self.hits = hits
        self.told = told
        super().__init__(told.en)


class AnswerScorer(Protocol):
    def answers(self, question: str, statements: Sequence[str]) -> Vectors:
        """Shape (statements,): the probability that each answers the question or a part of it. The text of a statement
        is preceded by its heading path on a line of its own."""
        ...


class SupportJudge(Protocol):
    def support(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        """Shape (pairs, 3), for pairs of (premise, claim): the probabilities that the premise supports the claim, that
        it contradicts it, and that it does neither."""
        ...


class ChatModel(Protocol):
    def reply(
        self, messages: Sequence[tuple[str, str]], config: Config | None = None
    ) -> collections.abc.Generator[str]:
        """The pieces of the reply to messages of (role, text). Raises ``rag.chat_model.ChatFailed``. Closing the
        generator ends the request at its next piece."""
        ...


class Condenser(Protocol):
    def __call__(self, question: str, history: Sequence[str], config: Config | None) -> Query:
        """The query for ``question`` after the earlier user questions ``history``, oldest first."""
        ...


class ConflictFinder(Protocol):
    def __call__(
        self, query: Query, read: Sequence[Statement], config: Config | None = None
    ) -> tuple[Sequence[StatementPair], Notice | None]:
        """Pairs of statements that may answer but cannot both be true, surest first; and a notice if they were not
        looked for as the settings ask."""
        ...


class AnswerGenerator(Protocol):
    def generate(
        self, query: Query, hits: Sequence[Hit], read: Sequence[Statement], config: Config | None = None
    ) -> Iterator[Draft | Notice | Restart]:
        """The answer, statement by statement in order, from the hits and the statements ``read`` in them. If no draft
        has a source, they hold no answer. A ``Notice`` with ``failed`` precedes a substitute for the answer."""
        ...
