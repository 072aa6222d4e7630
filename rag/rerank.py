"""Hits -> the same hits in a better order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from ingest.late import LateInteraction, late_scores
from ingest.odds import log_odds, logistic
from ingest.phrases import Phrase
from ingest.protocols import Floats
from ingest.questions import is_question_list
from rag.chat_model import ChatFailed
from rag.cross_encoders import open_cross_encoder
from rag.prompt import rank_prompt
from rag.protocols import AnswerScorer, ChatModel, Config, Reranker, RerankFailed, Similarity, TokenStore
from rag.reply import without_thoughts
from rag.statement_reader import best_log_odds
from rag.types import Hit, Query, Stage

if TYPE_CHECKING:
    from rag.cross_encoders import CrossEncoder


@dataclass(frozen=True, slots=True)
class KeepOrder:
    """The fused order as it is."""

    def rerank(
        self, query: Query, stages: Mapping[Stage, Sequence[Hit]], config: Config | None = None
    ) -> Sequence[Hit]:
        return stages["fused"]


def blend_features(late: Floats, dense: Floats, lexical: Floats) -> Floats:
    """The features of each hit for the blend, shape (hits, 5): late interaction and cosine as they are, BM25 as a share
    of the best, and how far late interaction and cosine lie below the best of this question."""
    share = lexical / max(float(lexical.max()), 1e-6)
    return np.column_stack([late, dense, share, late - late.max(), dense - dense.max()]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class LateReranker:
    """Late interaction over the token vectors made at sync, blended with the dense and lexical scores. It reads the
    first ``candidates`` hits.

    Their scores are probabilities that the hit answers; hits that were not read keep their fused score. Lists of bare
    questions follow everything else that was read.
    """

    library: TokenStore
    late: LateInteraction
    candidates: int

    def rerank(
        self, query: Query, stages: Mapping[Stage, Sequence[Hit]], config: Config | None = None
    ) -> Sequence[Hit]:
        hits = stages["fused"]
        ids = [hit.chunk.id for hit in hits[: self.candidates]]
        vectors = self.library.token_vectors(ids, self.late.token_dimensions)
        read = [hit for hit in hits[: self.candidates] if hit.chunk.id in vectors]
        if not read:
            return hits
        question = self.late.encode_question(query.question)
        late = late_scores(question, [vectors[hit.chunk.id] for hit in read])
        features = blend_features(
            late, scores_of(read, stages["dense"]), scores_of(read, stages["lexical"], absent=0.0)
        )
        scores = self.late.blend(features)
        scored = [replace(hit, score=float(score), stage="rerank") for hit, score in zip(read, scores, strict=True)]
        scored.sort(key=lambda hit: (is_question_list(hit.chunk.text), -hit.score, hit.chunk.id))
        known = {hit.chunk.id for hit in read}
        return [*scored, *(hit for hit in hits if hit.chunk.id not in known)]


_MOST_READ = 10
_FARTHEST_READ = 4.0
"""Log-odds below the first hit. Reading further down lifts the answer into the first five for one question in a
hundred, but those hits hold a third to two thirds of all statements."""


@dataclass(frozen=True, slots=True)
class ReadingReranker:
    """Reorders the first hits of ``first`` by what the ``scorer`` finds in their statements: at most ten, and none that
    is much less likely than the very first.

    Their scores are probabilities that the hit answers, from a logistic layer over ``features``: ``weights``, of shape
    (4,), the intercept last (``python -m eval.fit_layers``). Hits that were not read keep the score of ``first``, so
    scores need not fall along the whole list. Lists of bare questions follow everything else that was read.
    """

    first: Reranker
    similarity: Similarity
    scorer: AnswerScorer
    weights: Floats

    def rerank(
        self, query: Query, stages: Mapping[Stage, Sequence[Hit]], config: Config | None = None
    ) -> Sequence[Hit]:
        hits = self.first.rerank(query, stages, config)
        return self.reordered(hits, self.features(query, hits)) if hits else hits

    def features(self, query: Query, hits: Sequence[Hit]) -> Floats:
        """Shape (hits read, 3): the log-odds of a hit's score, those of its likeliest statement, and how far the latter
        lie below the best of this question."""
        odds = log_odds([hit.score for hit in hits[:_MOST_READ]])
        scores = list(takewhile(lambda score: score >= odds[0] - _FARTHEST_READ, odds))
        best = best_log_odds(query, hits[: len(scores)], self.similarity, self.scorer)
        return np.column_stack([scores, best, best - best.max()]).astype(np.float32)

    def reordered(self, hits: Sequence[Hit], features: Floats) -> Sequence[Hit]:
        """The hits that have ``features`` in their new order, followed by the others."""
        probabilities = logistic(features, self.weights)
        read = [replace(hit, score=float(p), stage="rerank") for hit, p in zip(hits, probabilities, strict=False)]
        read.sort(key=lambda hit: (is_question_list(hit.chunk.text), -hit.score, hit.chunk.id))
        return [*read, *hits[len(read) :]]


def scores_of(hits: Sequence[Hit], stage: Sequence[Hit], absent: float | None = None) -> Floats:
    """The scores that a stage gave to hits; for a hit that it did not find, ``absent`` or else its worst score."""
    known = {hit.chunk.id: hit.score for hit in stage}
    worst = min(known.values(), default=0.0) if absent is None else absent
    return np.array([known.get(hit.chunk.id, worst) for hit in hits], np.float32)


_NUMBER_LIST = re.compile(
    r"(?=.*\d)(?:[\d\s,，、;；>＞*#\[\]【】()（）-]|and|和|passages?|段落)+[.。]?[\s*]*", re.IGNORECASE
)
"""Numbers in any brackets, and what may stand between them."""


@dataclass(frozen=True, slots=True)
class ChatReranker:
    """The chat model names the passages that help, best first; ``prompt_tokens`` bounds what it is shown.

    It is shown the hits in the order of ``first``. Those that it does not name follow in that order; if it names none,
    the whole order stays. Scores reflect only the order.
    """

    model: ChatModel
    first: Reranker
    candidates: int
    prompt_tokens: int

    def rerank(
        self, query: Query, stages: Mapping[Stage, Sequence[Hit]], config: Config | None = None
    ) -> Sequence[Hit]:
        hits = self.first.rerank(query, stages, config)
        if not hits:
            return hits
        prompt = rank_prompt(query.question, hits[: self.candidates], self.prompt_tokens)
        try:
            reply = "".join(self.model.reply(prompt.messages, config))
        except ChatFailed as failed:
            told = Phrase(
                f"The chat model did not order the passages ({failed.reason.en}); they keep their order.",
                f"对话模型没有为段落排序（{failed.reason.zh}），顺序保持不变。",
            )
            raise RerankFailed(hits, told) from failed
        named = _listed_numbers(without_thoughts(reply))
        known = [number - 1 for number in named if 0 < number <= len(prompt.sources)]
        order = dict.fromkeys([*known, *range(len(prompt.sources))])
        count = len(order)
        read = [
            replace(prompt.sources[at], score=(count - place) / count, stage="rerank") for place, at in enumerate(order)
        ]
        return [*read, *hits[count:]]


def _listed_numbers(reply: str) -> list[int]:
    """The numbers in the lines that list nothing else, but for a label that ends in a colon; the last labelled list
    replaces what stands above it. Numbers in prose, as in BM25 or "the 3 best", rank nothing."""
    numbers: list[int] = []
    for line in reply.splitlines():
        *label, listed = re.split("[:：]", line)
        if _NUMBER_LIST.fullmatch(listed):
            numbers = [*(() if label else numbers), *map(int, re.findall(r"(?<!\d)\d{1,3}(?!\d)", listed))]
    return numbers


@dataclass(frozen=True)
class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder, by id or path. It reads the first ``candidates`` hits."""

    model: str
    candidates: int

    def rerank(
        self, query: Query, stages: Mapping[Stage, Sequence[Hit]], config: Config | None = None
    ) -> Sequence[Hit]:
        hits = stages["fused"]
        read = hits[: self.candidates]
        if not read:
            return hits
        pairs = [(query.question, hit.chunk.embedded_text) for hit in read]
        scores = self._cross_encoder.predict(pairs, batch_size=16, show_progress_bar=False)
        scored = [replace(hit, score=float(score), stage="rerank") for hit, score in zip(read, scores, strict=True)]
        scored.sort(key=lambda hit: (-hit.score, hit.chunk.id))
        return [*scored, *hits[len(read) :]]

    @cached_property
    def _cross_encoder(self) -> "CrossEncoder":
        return open_cross_encoder(self.model, "reranker")
