"""What the ranking weights are worth: quality and milliseconds against the fused order of the untouched embedder.

    python -m eval.benchmarks.rerank --notes FOLDER --questions FILE [--weights FILE] [--candidates 10,20,30,50]

Syncs the notes into a temporary library with the untouched embedder, encodes every chunk with the weights, and prints
one Markdown line per order: "fused" as it is; "trained", fused with the weights' own dense vectors; "late@N" and
"blend@N", its first N hits reordered by late interaction alone and by the blend. Intervals are paired against "fused"
and clustered by document, 95 %.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from eval.answerer import finder_in, settings_from, synced
from eval.cases import load_cases
from eval.evidence import EvidenceFinder
from eval.retrieval import ranking_of, score_ranking
from eval.stats import paired
from eval.types import EvalCase
from ingest.errors import NoteciteError
from ingest.late import LateInteraction, QuestionVectors, late_scores
from ingest.protocols import TokenVectors, Vectors
from ingest.types import Chunk
from rag.build import RANKING_WEIGHTS, Application
from rag.rerank import blend_features, scores_of
from rag.retrieve import fuse
from rag.settings import UNTRAINED
from rag.types import Hit

MEASURES = ("hit@1", "hit@5", "MRR@10", "nDCG@10")
_FIRST_STAGE = 50


@dataclass(frozen=True)
class EncodedChunks:
    """Every chunk of a library in the weights' vectors."""

    late: LateInteraction
    chunks: Sequence[Chunk]
    dense: Vectors
    tokens: Mapping[str, TokenVectors]
    rows: Mapping[str, int]

    @classmethod
    def of(cls, chunks: Sequence[Chunk], weights: Path) -> "EncodedChunks":
        late = LateInteraction(weights)
        dense, tokens = late.encode_passages([chunk.embedded_text for chunk in chunks])
        ids = [chunk.id for chunk in chunks]
        return cls(late, chunks, dense, dict(zip(ids, tokens, strict=True)), {id_: row for row, id_ in enumerate(ids)})

    def nearest(self, question: QuestionVectors, count: int) -> list[Hit]:
        similar = self.dense @ question.dense
        best = np.argsort(-similar, kind="stable")[:count]
        return [Hit(self.chunks[at], float(similar[at]), "dense") for at in best]

    def late_order(self, question: QuestionVectors, hits: Sequence[Hit], lexical: Sequence[Hit]) -> list[Hit]:
        return _by(late_scores(question, [self.tokens[hit.chunk.id] for hit in hits]), hits)

    def blend_order(self, question: QuestionVectors, hits: Sequence[Hit], lexical: Sequence[Hit]) -> list[Hit]:
        late = late_scores(question, [self.tokens[hit.chunk.id] for hit in hits])
        dense = self.dense[[self.rows[hit.chunk.id] for hit in hits]] @ question.dense
        return _by(self.late.blend(blend_features(late, dense, scores_of(hits, lexical, absent=0.0))), hits)


def _by(scores: Vectors, hits: Sequence[Hit]) -> list[Hit]:
    order = np.argsort(-scores, kind="stable")
    return [replace(hits[at], score=float(scores[at]), stage="rerank") for at in order]


@dataclass
class Orders:
    """Scores and milliseconds by order, then by case in the order of the cases."""

    scores: defaultdict[str, list[dict[str, float]]] = field(default_factory=lambda: defaultdict(list))
    milliseconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def searched_chunks(application: Application) -> tuple[Chunk, ...]:
    """All chunks that a search can find, each text once."""
    any_vector = application.embedder.embed_queries(["?"])[0]
    library = application.library
    found = library.dense(any_vector, sum(summary.chunks for summary in library.documents()))
    return tuple(library.chunks([chunk_id for chunk_id, _ in found]).values())


def measure(
    cases: Sequence[EvalCase],
    application: Application,
    encoded: EncodedChunks,
    finder: EvidenceFinder,
    candidates: Sequence[int],
) -> Orders:
    orders = Orders()
    for case in cases:
        stages = application.pipeline.search(case.question, case.history).stages
        gold = finder.gold(case)
        began = time.perf_counter()
        question = encoded.late.encode_question(case.question)
        encoding = time.perf_counter() - began
        lexical = stages["lexical"]
        trained = fuse([(encoded.nearest(question, _FIRST_STAGE), 1.0), (lexical, 1.0)])
        orders.scores["fused"].append(score_ranking(ranking_of(stages["fused"]), gold))
        orders.scores["trained"].append(score_ranking(ranking_of(trained), gold))
        for count in candidates:
            for name, order in (("late", encoded.late_order), ("blend", encoded.blend_order)):
                began = time.perf_counter()
                reordered = [*order(question, trained[:count], lexical), *trained[count:]]
                orders.milliseconds[f"{name}@{count}"].append(1000 * (time.perf_counter() - began + encoding))
                orders.scores[f"{name}@{count}"].append(score_ranking(ranking_of(reordered), gold))
    return orders


def table(orders: Orders, cases: Sequence[EvalCase], base: str = "fused") -> str:
    clusters = [case.cluster for case in cases]
    lines = [f"| n = {len(cases)} | " + " | ".join(MEASURES) + " | ms |", "|---" * (len(MEASURES) + 2) + "|"]
    for name, rows in orders.scores.items():
        cells = []
        for column in MEASURES:
            new, old = [row[column] for row in rows], [row[column] for row in orders.scores[base]]
            cell = f"{np.mean(new):.3f}"
            if name != base:
                gain = paired(old, new, clusters).difference
                cell += f" ({gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}])"
            cells.append(cell)
        times = orders.milliseconds.get(name, [])
        cells.append(f"{np.median(times):.1f}" if times else "")
        lines.append("| " + " | ".join((name, *cells)) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.rerank")
    parser.add_argument("--notes", type=Path, required=True, help="folder of notes that were not trained on")
    parser.add_argument("--questions", type=Path, required=True, help="question file (JSON lines)")
    parser.add_argument("--weights", type=Path, default=RANKING_WEIGHTS, help="ranking weights; the product's own")
    parser.add_argument("--library", type=Path, help="library folder; a temporary one if left out")
    parser.add_argument("--candidates", default="10,20,30,50", help="how many hits to reorder, by commas")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        try:
            settings = settings_from([], library=options.library or Path(temporary), embedder=UNTRAINED)
            with synced(options.notes, settings) as application:
                finder = finder_in(application.library)
                cases = [case for case in load_cases(options.questions, finder) if case.evidence]
                encoded = EncodedChunks.of(searched_chunks(application), options.weights)
                counts = [int(count) for count in options.candidates.split(",")]
                orders = measure(cases, application, encoded, finder, counts)
        except NoteciteError as error:
            sys.stderr.write(f"notecite: {error}\n")
            return 1
    sys.stdout.write(table(orders, cases) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
