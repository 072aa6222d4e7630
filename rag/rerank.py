"""Hits -> the same hits in a better order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ingest.errors import ModelUnavailable
from ingest.late import LateInteraction, late_scores
from ingest.phrases import Phrase
from ingest.structure import is_question_list
from rag.protocols import SearchableLibrary
from rag.types import Hit, Query

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


@dataclass(frozen=True, slots=True)
class KeepOrder:
    """The fused order as it is."""

    def rerank(self, query: Query, hits: Sequence[Hit]) -> Sequence[Hit]:
        return hits


@dataclass(frozen=True, slots=True)
class LateReranker:
    """Late interaction over the token vectors that were made at sync; it reads the first ``candidates`` hits.

    Scores are probabilities that the hit answers. Lists of bare questions go behind everything else that was read.
    """

    library: SearchableLibrary
    late: LateInteraction
    candidates: int

    def rerank(self, query: Query, hits: Sequence[Hit]) -> Sequence[Hit]:
        ids = [hit.chunk.id for hit in hits[: self.candidates]]
        vectors = self.library.token_vectors(ids, self.late.token_dimensions)
        read = [hit for hit in hits[: self.candidates] if hit.chunk.id in vectors]
        if not read:
            return hits
        question = self.late.encode_question(query.question)
        scores = self.late.probability(late_scores(question, [vectors[hit.chunk.id] for hit in read]))
        scored = [replace(hit, score=float(score), stage="rerank") for hit, score in zip(read, scores, strict=True)]
        scored.sort(key=lambda hit: (is_question_list(hit.chunk.text), -hit.score, hit.chunk.id))
        known = {hit.chunk.id for hit in read}
        return [*scored, *(hit for hit in hits if hit.chunk.id not in known)]


@dataclass(frozen=True)
class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder, by id or path; it reads the first ``candidates`` hits."""

    model: str
    candidates: int

    def rerank(self, query: Query, hits: Sequence[Hit]) -> Sequence[Hit]:
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
        from sentence_transformers import CrossEncoder

        try:
            model: CrossEncoder = CrossEncoder(self.model)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                Phrase("the reranker cannot be loaded", "无法加载重排模型"),
                self.model,
                Phrase(
                    "give the path or id of a sentence-transformers cross-encoder, or set reranker to none",
                    "请给出 sentence-transformers 交叉编码器的路径或名称，或把 reranker 设为 none",
                ),
            ) from error
        return model
