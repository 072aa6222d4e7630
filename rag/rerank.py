"""Hits -> the same hits in a better order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ingest.errors import ModelUnavailable
from ingest.phrases import Phrase
from rag.types import Hit, Query

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


@dataclass(frozen=True, slots=True)
class KeepOrder:
    """The fused order as it is."""

    def rerank(self, query: Query, hits: Sequence[Hit]) -> Sequence[Hit]:
        return hits


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
