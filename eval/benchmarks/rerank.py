"""What the ranking weights gain and cost: quality and milliseconds against the fused order of the untouched embedder.

    python -m eval.benchmarks.rerank --notes FOLDER --questions FILE [--weights FILE] [--candidates 10,20,30,50]

Syncs the notes into a temporary library with the untouched embedder, encodes every chunk with the weights, and prints
one Markdown line per order: "fused" is the untouched order; "trained" is fused with the weights' own dense vectors;
"late@N" and "blend@N" have its first N hits reordered by late interaction alone and by the blend; in "read@N" the first
hits of the latter are read by the bundled judge, as the product does. Intervals (95 %) are paired against "fused" and
clustered by document. Where questions are in two languages, each also has a table of its own.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
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
from rag.build import JUDGE_WEIGHTS, RANKING_WEIGHTS, RERANKING_WEIGHTS, Application, layer
from rag.judge import BundledJudge
from rag.protocols import Config, Reranker
from rag.rerank import LateReranker, ReadingReranker
from rag.retrieve import fuse
from rag.settings import UNTRAINED
from rag.similarity import LateSimilarity
from rag.terms import language_of
from rag.types import Hit, Query, Stage

MEASURES = ("hit@1", "hit@5", "MRR@10", "nDCG@10")
_FIRST_STAGE = 50


@dataclass(frozen=True)
class EncodedChunks:
    """Every chunk of a library in the weights' vectors."""

    late: LateInteraction
    chunks: Sequence[Chunk]
    dense: Vectors
    tokens: Mapping[str, TokenVectors]

    @classmethod
    def of(cls, chunks: Sequence[Chunk], weights: Path) -> "EncodedChunks":
        late = LateInteraction(weights)
        dense, tokens = late.encode_passages([chunk.embedded_text for chunk in chunks])
        return cls(late, chunks, dense, dict(zip((chunk.id for chunk in chunks), tokens, strict=True)))

    def nearest(self, question: QuestionVectors, count: int) -> list[Hit]:
        similar = self.dense @ question.dense
        best = np.argsort(-similar, kind="stable")[:count]
        return [Hit(self.chunks[at], float(similar[at]), "dense") for at in best]

    def token_vectors(self, chunk_ids: Sequence[str], dimensions: int) -> Mapping[str, TokenVectors]:
        return {chunk_id: self.tokens[chunk_id] for chunk_id in chunk_ids}


@dataclass(frozen=True, slots=True)
class LateAlone:
    """The first ``candidates`` hits by late interaction and nothing else."""

    encoded: EncodedChunks
    candidates: int

    def rerank(
        self, query: Query, stages: Mapping[Stage, Sequence[Hit]], config: Config | None = None
    ) -> Sequence[Hit]:
        hits = stages["fused"]
        read = hits[: self.candidates]
        question = self.encoded.late.encode_question(query.question)
        scores = late_scores(question, [self.encoded.tokens[hit.chunk.id] for hit in read])
        return [*(read[at] for at in np.argsort(-scores, kind="stable")), *hits[self.candidates :]]


def rerankers_of(encoded: EncodedChunks, candidates: Sequence[int]) -> dict[str, Reranker]:
    found: dict[str, Reranker] = {}
    for count in candidates:
        found[f"late@{count}"] = LateAlone(encoded, count)
        found[f"blend@{count}"] = LateReranker(encoded, encoded.late, count)
    # The judge remembers what it read of a question, so only one order that reads can be timed.
    most = max(candidates)
    blend, near = found[f"blend@{most}"], LateSimilarity(encoded, encoded.late)
    found[f"read@{most}"] = ReadingReranker(blend, near, BundledJudge(JUDGE_WEIGHTS), layer(RERANKING_WEIGHTS))
    return found


@dataclass
class Orders:
    """Scores and milliseconds by order, then by case in the order of the cases."""

    scores: defaultdict[str, list[dict[str, float]]] = field(default_factory=lambda: defaultdict(list))
    milliseconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def only(self, kept: Sequence[bool]) -> "Orders":
        """The scores of the cases that are ``kept``, without their times."""
        part = Orders()
        for name, rows in self.scores.items():
            part.scores[name] = list(compress(rows, kept))
        return part


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
    orders, rerankers = Orders(), rerankers_of(encoded, candidates)
    for case in cases:
        found = application.pipeline.search(case.question, case.history)
        gold = finder.gold(case)
        began = time.perf_counter()
        question = encoded.late.encode_question(found.query.question)
        encoding = time.perf_counter() - began
        dense, lexical = encoded.nearest(question, _FIRST_STAGE), found.stages["lexical"]
        trained = fuse([(dense, 1.0), (lexical, 1.0)])
        orders.scores["fused"].append(score_ranking(ranking_of(found.stages["fused"]), gold))
        orders.scores["trained"].append(score_ranking(ranking_of(trained), gold))
        for name, reranker in rerankers.items():
            began = time.perf_counter()
            hits = reranker.rerank(found.query, {"dense": dense, "lexical": lexical, "fused": trained})
            orders.milliseconds[name].append(1000 * (time.perf_counter() - began + encoding))
            orders.scores[name].append(score_ranking(ranking_of(hits), gold))
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
    languages = [language_of(case.question) for case in cases]
    for language in sorted(set(languages)) if len(set(languages)) > 1 else ():
        kept = [each == language for each in languages]
        sys.stdout.write(f"\nQuestions in {language}:\n\n{table(orders.only(kept), list(compress(cases, kept)))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
