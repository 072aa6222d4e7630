"""Hits -> the same hits in a better order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from ingest.errors import ModelUnavailable
from ingest.late import LateInteraction, late_scores
from ingest.odds import log_odds, logistic
from ingest.phrases import Phrase
from ingest.protocols import Floats
from ingest.structure import is_question_list
from rag.chat_model import ChatFailed
from rag.cross_encoders import open_cross_encoder
from rag.prompt import rank_prompt
from rag.protocols import AnswerScorer, ChatModel, Reranker, Similarity, TokenStore
from rag.reply import without_thoughts
from rag.statement_reader import best_log_odds
from rag.types import Hit, Query, Stage

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


@dataclass(frozen=True, slots=True)
class KeepOrder:
    """The fused order as it is."""

    def rerank(self, query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> Sequence[Hit]:
        return stages["fused"]


def blend_features(late: Floats, dense: Floats, lexical: Floats) -> Floats:
    """What the blend sees of each hit, shape (hits, 5): late interaction and cosine as they are, BM25 as a share of
    the best, and how far late interaction and cosine lie below the best of this question."""
    share = lexical / max(float(lexical.max()), 1e-6)
    return np.column_stack([late, dense, share, late - late.max(), dense - dense.max()]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class LateReranker:
    """Late interaction over the token vectors that were made at sync, blended with the dense and lexical scores; it
    reads the first ``candidates`` hits.

    Scores are probabilities that the hit answers. Lists of bare questions go behind everything else that was read.
    """

    library: TokenStore
    late: LateInteraction
    candidates: int

    def rerank(self, query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> Sequence[Hit]:
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
"""Log-odds below the first hit. Of the hits beyond, one in a hundred questions has its answer moved into the first five
by reading; a third to two thirds of the statements are theirs."""


@dataclass(frozen=True, slots=True)
class ReadingReranker:
    """The first hits of the order of ``first`` once more, by what the ``scorer`` finds in their statements: at most
    ten, as far as they are not much less likely than the very first.

    Scores are probabilities that the hit answers, by a logistic layer over ``features``: ``weights``, of shape (4,),
    the intercept last (``python -m eval.fit_layers``). Lists of bare questions stay behind the others.
    """

    first: Reranker
    similarity: Similarity
    scorer: AnswerScorer
    weights: Floats

    def rerank(self, query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> Sequence[Hit]:
        hits = self.first.rerank(query, stages)
        return self.reordered(hits, self.features(query, hits)) if hits else hits

    def features(self, query: Query, hits: Sequence[Hit]) -> Floats:
        """Shape (hits read, 3): the log-odds of a hit's score, and those of its likeliest statement, as they are and
        below the best of this question."""
        odds = log_odds([hit.score for hit in hits[:_MOST_READ]])
        scores = list(takewhile(lambda score: score >= odds[0] - _FARTHEST_READ, odds))
        best = best_log_odds(query, hits[: len(scores)], self.similarity, self.scorer)
        return np.column_stack([scores, best, best - best.max()]).astype(np.float32)

    def reordered(self, hits: Sequence[Hit], features: Floats) -> Sequence[Hit]:
        """The hits with those that have ``features`` in their order, and the others behind."""
        probabilities = logistic(features, self.weights)
        read = [replace(hit, score=float(p), stage="rerank") for hit, p in zip(hits, probabilities, strict=False)]
        read.sort(key=lambda hit: (is_question_list(hit.chunk.text), -hit.score, hit.chunk.id))
        return [*read, *hits[len(read) :]]


def scores_of(hits: Sequence[Hit], stage: Sequence[Hit], absent: float | None = None) -> Floats:
    """The scores that a stage gave to hits; to one that it did not find ``absent``, or else its worst."""
    known = {hit.chunk.id: hit.score for hit in stage}
    worst = min(known.values(), default=0.0) if absent is None else absent
    return np.array([known.get(hit.chunk.id, worst) for hit in hits], np.float32)


@dataclass(frozen=True, slots=True)
class ChatReranker:
    """The chat model names the passages that help, best first; ``prompt_tokens`` bounds what it is shown.

    It is shown the hits in the order of ``first``, whose order also stays behind the named ones, and altogether where
    the model fails or names none. Scores tell places only.
    """

    model: ChatModel
    first: Reranker
    candidates: int
    prompt_tokens: int

    def rerank(self, query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> Sequence[Hit]:
        hits = self.first.rerank(query, stages)
        if not hits:
            return hits
        prompt = rank_prompt(query.question, hits[: self.candidates], self.prompt_tokens)
        try:
            reply = "".join(self.model.reply(prompt.messages))
        except ChatFailed:
            return hits
        named = [int(number) - 1 for number in re.findall(r"\d+", without_thoughts(reply))]
        order = dict.fromkeys([at for at in named if 0 <= at < len(prompt.sources)] + list(range(len(prompt.sources))))
        count = len(order)
        read = [
            replace(prompt.sources[at], score=(count - place) / count, stage="rerank") for place, at in enumerate(order)
        ]
        return [*read, *hits[count:]]


@dataclass(frozen=True)
class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder, by id or path; it reads the first ``candidates`` hits."""

    model: str
    candidates: int

    def rerank(self, query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> Sequence[Hit]:
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
        try:
            return open_cross_encoder(self.model)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                Phrase("the reranker cannot be loaded", "无法加载重排模型"),
                self.model,
                Phrase(
                    "give the path or id of a sentence-transformers cross-encoder, or set reranker to none",
                    "请给出 sentence-transformers 交叉编码器的路径或名称，或把 reranker 设为 none",
                ),
            ) from error
