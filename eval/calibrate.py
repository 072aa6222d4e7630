"""Fits the two small layers on top of the ranking weights: the blend of scores and when to answer.

    python -m eval.calibrate --notes FOLDER --questions FILE … [--check-notes FOLDER --check-questions FILE …] [--write]

Both are logistic layers. The blend turns late interaction, cosine and BM25 of a hit into the chance that it holds
gold evidence. Answerability turns the best hit's chance, the best cosine and the share of unknown names into the
chance that the notes hold the answer; its curve is printed as false refusals and false answers by threshold. With
``--check-…`` the same figures are printed for notes that nothing was fitted on; ``--write`` puts the layers into the
weights file of the product.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.answerer import finder_in
from eval.cases import load_cases
from eval.evidence import EvidenceFinder
from eval.retrieval import ranking_of, score_ranking
from eval.types import EvalCase, Gold
from ingest.adaptation import read_adaptation, write_adaptation
from ingest.late import late_scores
from rag.answerability import answer_features
from rag.build import RANKING_WEIGHTS, Application, sync_notes
from rag.condense import condense
from rag.rerank import blend_features, scores_of
from rag.settings import load_settings
from rag.training.calibrate import fit_logistic, probability
from rag.types import Hit, Query, Stage

Matrix = NDArray[np.float64]

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
_MEASURES = ("hit@1", "hit@3", "hit@5", "MRR@10", "nDCG@10")


@dataclass(frozen=True, slots=True)
class Searched:
    """One question's fused hits with what the blend sees of each, and whether each holds gold evidence.
    ``gold`` is None for a question without evidence."""

    case: EvalCase
    query: Query
    stages: dict[Stage, Sequence[Hit]]
    features: Matrix
    right: Matrix
    gold: Gold | None


def search_all(notes: Path, questions: Sequence[Path]) -> list[Searched]:
    """Every question of the files over the notes, with the bundled models."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(library=Path(folder) / "library")
        sync_notes(settings, [notes])
        with Application(settings) as application:
            finder = finder_in(application.library)
            cases = [case for file in questions for case in load_cases(file, finder)]
            return [_search(application, finder, case) for case in cases]


def _search(application: Application, finder: EvidenceFinder, case: EvalCase) -> Searched:
    query = condense(case.question, case.history)
    stages = dict(application.retriever.retrieve(query))
    hits = stages["fused"][: application.settings.rerank_candidates]
    late = application.late
    vectors = application.library.token_vectors([hit.chunk.id for hit in hits], late.token_dimensions)
    scores = late_scores(late.encode_question(query.question), [vectors[hit.chunk.id] for hit in hits])
    features = blend_features(scores, scores_of(hits, stages["dense"]), scores_of(hits, stages["lexical"], absent=0.0))
    gold = finder.gold(case) if case.evidence else None
    right = [score_ranking(ranking_of([hit]), gold)["hit@1"] if gold else 0.0 for hit in hits]
    return Searched(case, query, stages, features.astype(np.float64), np.array(right, np.float64), gold)


def fit_blend(searched: Sequence[Searched]) -> Matrix:
    """On the hits of questions whose notes answer them."""
    used = [s for s in searched if s.right.any()]
    return fit_logistic(np.concatenate([s.features for s in used]), np.concatenate([s.right for s in used]))


def reranked(searched: Searched, blend: Matrix) -> tuple[list[Hit], Matrix]:
    chances = probability(searched.features @ blend[:-1] + blend[-1])
    order = np.argsort(-chances, kind="stable")
    hits = [searched.stages["fused"][i] for i in order]
    return hits, chances[order]


def answer_rows(searched: Sequence[Searched], blend: Matrix) -> tuple[Matrix, Matrix]:
    """Features of answerability, shape (questions, 3), and whether the notes hold the answer."""
    rows = []
    for one in searched:
        hits, chances = reranked(one, blend)
        best = Hit(hits[0].chunk, float(chances[0]), "rerank")
        rows.append(answer_features(one.query, one.stages, [best]))
    return np.array(rows, np.float64), np.array([one.case.answerable for one in searched], np.float64)


def report(name: str, searched: Sequence[Searched], blend: Matrix, answerable: Matrix) -> str:
    """Ranking measures before and after the blend, and the curve of answerability."""
    lines = [f"## {name}", "", f"| order | n | {' | '.join(_MEASURES)} |", "|---" * (len(_MEASURES) + 2) + "|"]
    for order in ("fused", "blended"):
        scores = []
        for one in searched:
            if one.gold is None:
                continue
            hits = reranked(one, blend)[0] if order == "blended" else one.stages["fused"]
            scores.append(score_ranking(ranking_of(hits), one.gold))
        cells = [f"{np.mean([score[measure] for score in scores]):.3f}" for measure in _MEASURES]
        lines.append(f"| {order} | {len(scores)} | {' | '.join(cells)} |")
    rows, labels = answer_rows(searched, blend)
    chances = probability(rows @ answerable[:-1] + answerable[-1])
    positive, negative = chances[labels == 1], chances[labels == 0]
    area = np.mean([(positive > chance).mean() + (positive == chance).mean() / 2 for chance in negative])
    lines += ["", f"AUROC of answerability {area:.3f}", ""]
    lines += ["| least confidence | false refusals | false answers |", "|---|---|---|"]
    for least in THRESHOLDS:
        refused, given = int((positive < least).sum()), int((negative >= least).sum())
        lines.append(f"| {least} | {refused} of {len(positive)} | {given} of {len(negative)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument("--questions", type=Path, nargs="+", required=True)
    parser.add_argument("--check-notes", type=Path)
    parser.add_argument("--check-questions", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    searched = search_all(options.notes, options.questions)
    blend = fit_blend(searched)
    answerable = fit_logistic(*answer_rows(searched, blend))
    sys.stdout.write(report("fitted on", searched, blend, answerable))
    if options.check_notes and options.check_questions:
        checked = search_all(options.check_notes, options.check_questions)
        sys.stdout.write(report("checked on", checked, blend, answerable))
    if options.write:
        adaptation = read_adaptation(RANKING_WEIGHTS)
        layers = {"blend": blend.astype(np.float32), "answerable": answerable.astype(np.float32)}
        write_adaptation(RANKING_WEIGHTS, adaptation.differences, {**adaptation.head, **layers})


if __name__ == "__main__":
    main()
