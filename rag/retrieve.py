"""Dense and lexical search -> one fused ranking."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.protocols import Embedder
from ingest.questions import is_question_list
from rag.protocols import SearchableLibrary
from rag.types import Hit, Query, Stage

RRF_CONSTANT = 60
"""k of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

_QUESTION_LIST_FACTOR = 0.5
"""Halves the fused score of a list of bare questions, which matches questions best and answers none."""


@dataclass(frozen=True, slots=True)
class HybridRetriever:
    """Dense and lexical rankings, fused by reciprocal rank: sum over rankings of weight / (60 + rank)."""

    library: SearchableLibrary
    embedder: Embedder
    candidates: int
    dense_weight: float
    lexical_weight: float

    def retrieve(self, query: Query) -> Mapping[Stage, Sequence[Hit]]:
        """Hits by stage: "dense", "lexical" (each at most ``candidates``) and "fused" (their union)."""
        vector = self.embedder.embed_queries([query.question])[0]
        dense = self.library.dense(vector, self.candidates)
        lexical = self.library.lexical(query.question, self.candidates)
        chunks = self.library.chunks([chunk_id for chunk_id, _ in (*dense, *lexical)])

        def hits(scored: Sequence[tuple[str, float]], stage: Stage) -> list[Hit]:
            return [Hit(chunks[id_], score, stage, self.library.also_at(id_)) for id_, score in scored if id_ in chunks]

        dense_hits, lexical_hits = hits(dense, "dense"), hits(lexical, "lexical")
        fused = fuse([(dense_hits, self.dense_weight), (lexical_hits, self.lexical_weight)])
        return {"dense": dense_hits, "lexical": lexical_hits, "fused": fused}


def fuse(rankings: Sequence[tuple[Sequence[Hit], float]]) -> list[Hit]:
    """Weighted reciprocal rank fusion. Ties are ordered by chunk id."""
    scores: defaultdict[str, float] = defaultdict(float)
    found: dict[str, Hit] = {}
    for hits, weight in rankings:
        for rank, hit in enumerate(hits, 1):
            scores[hit.chunk.id] += weight / (RRF_CONSTANT + rank)
            found[hit.chunk.id] = hit
    for chunk_id, hit in found.items():
        if is_question_list(hit.chunk.text):
            scores[chunk_id] *= _QUESTION_LIST_FACTOR
    order = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))
    return [Hit(found[id_].chunk, scores[id_], "fused", found[id_].also_at) for id_ in order]
