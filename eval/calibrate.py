"""Fits which statements answer, and when to answer at all; prints the curve along which ``strictness`` moves.

    python -m eval.calibrate --notes FOLDER --questions FILE … [--check-notes FOLDER --check-questions FILE …] [--write]

Two logistic layers. The first turns a statement's score, in which what the bundled scorer says, its likeness to the
question and the words they share have fixed proportions, into the chance that it carries a part of the answer: it does
where it overlaps a gold quote. The second turns the best statement's log-odds, the best hit's chance, the best cosine
and the share of unknown names into the chance that the notes hold the answer. The curve counts false refusals and false
answers by threshold; with ``--check-…`` all is printed for notes that nothing was fitted on, too. ``--write`` keeps the
layers for the product.
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
from eval.stats import auroc
from ingest.types import Place
from rag.answerability import answer_features
from rag.build import ANSWERABILITY_WEIGHTS, READING_WEIGHTS, Application, sync_notes
from rag.compress import PROPORTIONS, with_chances
from rag.pipeline import Search
from rag.settings import load_settings
from rag.training.calibrate import fit_logistic, probability
from rag.types import Statement

Floats = NDArray[np.float64]

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Searched:
    """A question with what was found for it. ``features``: shape (statements, n); ``carries``: shape (statements,),
    1 where a statement overlaps a gold quote; ``answerable``: whether the notes hold the answer."""

    search: Search
    statements: Sequence[Statement]
    features: Floats
    carries: Floats
    answerable: bool


def search_all(notes: Path, files: Sequence[Path]) -> list[Searched]:
    """Every question of the files, searched in the notes with the bundled models."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(library=Path(folder) / "library")
        sync_notes(settings, [notes])
        with Application(settings) as application:
            finder = finder_in(application.library)
            for case in (case for file in files for case in load_cases(file, finder)):
                search = application.pipeline.search(case.question, case.history)
                statements, features = application.reader.features(search.query, search.hits)
                gold = finder.gold(case)
                places = [place for each in (*gold.evidence, *gold.alternatives) for place in each]
                carries = np.array([_overlaps(s, places) for s in statements], np.float64)
                found.append(Searched(search, statements, features.astype(np.float64), carries, case.answerable))
    return found


def _overlaps(statement: Statement, places: Sequence[Place]) -> bool:
    return any(
        place.document_id == statement.hit.chunk.document_id
        and place.start < statement.end
        and statement.start < place.end
        for place in places
    )


def fit_reading(searched: Sequence[Searched]) -> Floats:
    """The fixed proportions of the features, scaled to log-odds on the questions whose gold quote was found at all."""
    held = [each for each in searched if each.carries.any()]
    sums = np.concatenate([each.features @ PROPORTIONS for each in held])
    scale, intercept = fit_logistic(sums[:, None], np.concatenate([each.carries for each in held]))
    return np.array([*(scale * PROPORTIONS), intercept])


def answer_rows(searched: Sequence[Searched], reading: Floats) -> tuple[Floats, Floats]:
    """Shapes (questions, n) and (questions,): the features of the second layer, 1 where the notes hold the answer."""
    weights = reading.astype(np.float32)
    rows = []
    for each in searched:
        read = with_chances(each.statements, each.features.astype(np.float32), weights)
        rows.append(answer_features(each.search.query, each.search.stages, each.search.hits, read))
    return np.array(rows, np.float64), np.array([e.answerable for e in searched], np.float64)


def report(name: str, searched: Sequence[Searched], reading: Floats, answering: Floats) -> str:
    """How often the likeliest statement carries the answer, the area under the ROC curve of answering, and false
    refusals and false answers by threshold, as Markdown."""
    held = [e for e in searched if e.carries.any()]
    first = [e.carries[(e.features @ reading[:-1]).argmax()] for e in held]
    features, answerable = answer_rows(searched, reading)
    chances = probability(features @ answering[:-1] + answering[-1])
    there, absent = chances[answerable == 1], chances[answerable == 0]
    area = auroc(chances.tolist(), (answerable == 1).tolist(), range(len(chances))).value
    lines = [
        f"{name}: the likeliest statement is right for {int(sum(first))} of {len(held)}; AUROC {area:.3f}",
        "",
        "| least confidence | false refusals | false answers |",
        "|---|---|---|",
    ]
    for least in THRESHOLDS:
        refused, given = int((there < least).sum()), int((absent >= least).sum())
        lines.append(f"| {least} | {refused} of {len(there)} | {given} of {len(absent)} |")
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
    reading = fit_reading(fitted)
    answering = fit_logistic(*answer_rows(fitted, reading))
    sys.stdout.write(report("Fitted on", fitted, reading, answering))
    if options.check_notes and options.check_questions:
        checked = search_all(options.check_notes, options.check_questions)
        sys.stdout.write(report("Checked on", checked, reading, answering))
    if options.write:
        for path, weights in ((READING_WEIGHTS, reading), (ANSWERABILITY_WEIGHTS, answering)):
            rounded = [round(weight, 4) for weight in weights.tolist()]
            path.write_text(json.dumps({"weights": rounded}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
