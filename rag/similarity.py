"""How near each statement of the hits is to the question."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest.late import LateInteraction, token_cosines
from ingest.protocols import Embedder, Floats
from rag.judge import in_context
from rag.protocols import TokenStore
from rag.types import Query, Statement


@dataclass(frozen=True, slots=True)
class EmbeddedSimilarity:
    """The cosine of the question and the statement below its headings. For any embedder."""

    embedder: Embedder

    def __call__(self, query: Query, statements: Sequence[Statement]) -> Floats:
        vectors = self.embedder.embed_passages([in_context(s.headings, s.text) for s in statements])
        return np.asarray(vectors @ self.embedder.embed_queries([query.question])[0], np.float32)


@dataclass(frozen=True, slots=True)
class LateSimilarity:
    """Late interaction between the question and the statement's own tokens in their chunk: the weighted mean over the
    question's tokens of the best cosine. The token vectors were made at sync, so only the question is encoded."""

    library: TokenStore
    late: LateInteraction

    def __call__(self, query: Query, statements: Sequence[Statement]) -> Floats:
        question = self.late.encode_question(query.question)
        chunks = {s.hit.chunk.id: s.hit.chunk for s in statements}
        vectors = self.library.token_vectors(list(chunks), self.late.token_dimensions)
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for row, statement in enumerate(statements):
            rows[statement.hit.chunk.id].append(row)
        similarity = np.zeros(len(statements), np.float32)
        for chunk_id in rows.keys() & vectors.keys():
            chunk = chunks[chunk_id]
            spans = np.array(self.late.token_spans(chunk.embedded_text))[: len(vectors[chunk_id])]
            near = token_cosines(question, vectors[chunk_id])
            shift = len(chunk.embedded_text) - len(chunk.text) - chunk.start
            for row in rows[chunk_id]:
                start, end = statements[row].start + shift, statements[row].end + shift
                inside = (spans[:, 0] < end) & (spans[:, 1] > start)
                if inside.any():
                    similarity[row] = near[:, inside].max(axis=1) @ question.weights
        return similarity
