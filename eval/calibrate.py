"""Fits when to answer and when to refuse, and prints the curve along which the setting ``strictness`` moves.

    python -m eval.calibrate --notes FOLDER --questions FILE … [--check-notes FOLDER --check-questions FILE …] [--write]

A logistic layer turns the best hit's chance, the best cosine and the share of unknown names into the chance that the
notes hold the answer. The curve counts false refusals and false answers by threshold; with ``--check-…`` it is printed
for notes that nothing was fitted on, too. ``--write`` keeps the layer for the product.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.answerer import finder_in
from eval.cases import load_cases
from rag.answerability import answer_features
from rag.build import ANSWERABILITY_WEIGHTS, Application, sync_notes
from rag.condense import condense
from rag.settings import load_settings
from rag.training.calibrate import fit_logistic, probability

Floats = NDArray[np.float64]

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Questions:
    """``features``: shape (questions, 3); ``answerable``: shape (questions,), 1 where the notes hold the answer."""

    features: Floats
    answerable: Floats


def search_all(notes: Path, files: Sequence[Path]) -> Questions:
    """The features of every question of the files over the notes, with the bundled models."""
    features, answerable = [], []
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(library=Path(folder) / "library")
        sync_notes(settings, [notes])
        with Application(settings) as application:
            finder = finder_in(application.library)
            for case in (case for file in files for case in load_cases(file, finder)):
                query = condense(case.question, case.history)
                stages = application.retriever.retrieve(query)
                hits = application.reranker.rerank(query, stages)
                features.append(answer_features(query, stages, hits))
                answerable.append(case.answerable)
    return Questions(np.array(features, np.float64), np.array(answerable, np.float64))


def report(name: str, questions: Questions, weights: Floats) -> str:
    """The area under the ROC curve, and false refusals and false answers by threshold, as Markdown."""
    chances = probability(questions.features @ weights[:-1] + weights[-1])
    held, absent = chances[questions.answerable == 1], chances[questions.answerable == 0]
    area = np.mean([(held > chance).mean() + (held == chance).mean() / 2 for chance in absent])
    lines = [f"{name}: AUROC {area:.3f}", "", "| least confidence | false refusals | false answers |", "|---|---|---|"]
    for least in THRESHOLDS:
        refused, given = int((held < least).sum()), int((absent >= least).sum())
        lines.append(f"| {least} | {refused} of {len(held)} | {given} of {len(absent)} |")
    return "\n".join(lines) + "\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument("--questions", type=Path, nargs="+", required=True)
    parser.add_argument("--check-notes", type=Path)
    parser.add_argument("--check-questions", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    fitted = search_all(options.notes, options.questions)
    weights = fit_logistic(fitted.features, fitted.answerable)
    sys.stdout.write(report("Fitted on", fitted, weights))
    if options.check_notes and options.check_questions:
        sys.stdout.write(report("Checked on", search_all(options.check_notes, options.check_questions), weights))
    if options.write:
        rounded = [round(weight, 4) for weight in weights.tolist()]
        ANSWERABILITY_WEIGHTS.write_text(json.dumps({"weights": rounded}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
