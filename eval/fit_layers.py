"""Fits the order of the first hits, which statements answer, and when to answer at all; prints the errors that each
threshold of ``strictness`` would make.

    python -m eval.fit_layers --notes FOLDER --questions FILE …
        [--check-notes FOLDER --check-questions FILE …] [--write]

Three logistic layers. The first turns the score of each of the first hits and what the bundled scorer finds in its
statements into the probability that the hit answers: it does where it overlaps a gold quote. The second turns a
statement's score, in which what the scorer says, its similarity to the question and the words they share have fixed
proportions, into the probability that it holds a part of the answer. The third turns the best statement's log-odds, the
best hit's probability, the best cosine, the share of unknown names and whether one of these cannot be said otherwise
into the probability that the notes hold the answer. The table counts false refusals and false answers by threshold;
``--check-…`` prints all of this for notes that nothing was fitted on, too. ``--write`` keeps the layers.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from eval.answerer import finder_in
from eval.cases import load_cases
from eval.evidence import touched
from eval.stats import auroc
from eval.types import Gold
from ingest.odds import logistic
from ingest.types import Place
from rag.answerability import answer_features
from rag.build import ANSWERABILITY_WEIGHTS, READING_WEIGHTS, RERANKING_WEIGHTS, Application, sync_notes
from rag.pipeline import SearchResult
from rag.rerank import ReadingReranker
from rag.settings import load_settings
from rag.statement_reader import PROPORTIONS, with_probabilities
from rag.training.calibrate import fit_logistic
from rag.types import Hit, Statement

Floats = NDArray[np.float64]

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Found:
    """A question with its hits in the order before any is read, ``first``. ``features``: shape (hits read, n);
    ``right``: shape (hits read,), 1 where a hit overlaps a gold quote."""

    search: SearchResult
    first: Sequence[Hit]
    features: Floats
    right: Floats
    gold: Gold
    answerable: bool


@dataclass(frozen=True, slots=True)
class Searched:
    """A question with the hits in their final order and the statements read in them. ``features``: shape
    (statements, n); ``right``: shape (statements,), 1 where a statement overlaps a gold quote; ``answerable``: whether
    the notes hold the answer."""

    search: SearchResult
    statements: Sequence[Statement]
    features: Floats
    right: Floats
    answerable: bool


@contextmanager
def library_of(notes: Path) -> Iterator[Application]:
    """The notes in a library of their own, with the bundled models."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(library=Path(folder) / "library")
        sync_notes(settings, [notes])
        with Application(settings) as application:
            yield application


def reranker_of(application: Application) -> ReadingReranker:
    """The reranker of the shipped settings, which is the one that is fitted."""
    return cast(ReadingReranker, application.reranker)


def search_all(application: Application, files: Sequence[Path]) -> list[Found]:
    reranker = reranker_of(application)
    finder = finder_in(application.library)
    found = []
    for case in (case for file in files for case in load_cases(file, finder)):
        search = application.pipeline.search(case.question, case.history)
        first = reranker.first.rerank(search.query, search.stages)
        features = reranker.features(search.query, first)
        gold = finder.gold(case)
        right = np.array([_is_right(hit, gold) for hit in first[: len(features)]], np.float64)
        found.append(Found(search, first, features.astype(np.float64), right, gold, case.answerable))
    return found


def _is_right(hit: Hit, gold: Gold) -> bool:
    return _holds(gold, hit.chunk.place, *hit.also_at)


def _holds(gold: Gold, *places: Place) -> bool:
    return bool(touched((*gold.evidence, *gold.alternatives), places))


def fit_reranking(found: Sequence[Found]) -> Floats:
    """The weights of the first layer, fitted on the questions for which one of the first hits is right."""
    held = [each for each in found if each.right.any()]
    return fit_logistic(np.concatenate([e.features for e in held]), np.concatenate([e.right for e in held]))


def read_all(application: Application, found: Sequence[Found], reranking: Floats) -> list[Searched]:
    reranker = replace(reranker_of(application), weights=reranking.astype(np.float32))
    searched = []
    for each in found:
        search = replace(each.search, hits=reranker.reordered(each.first, each.features.astype(np.float32)))
        statements, features = application.reader.features(search.query, search.hits)
        places = [Place(s.hit.chunk.document_id, s.start, s.end) for s in statements]
        right = np.array([_holds(each.gold, place) for place in places], np.float64)
        searched.append(Searched(search, statements, features.astype(np.float64), right, each.answerable))
    return searched


def fit_reading(searched: Sequence[Searched]) -> Floats:
    """The weights of the second layer: the features' fixed proportions, scaled to log-odds on the questions for which a
    statement is right."""
    held = [each for each in searched if each.right.any()]
    sums = np.concatenate([each.features @ PROPORTIONS for each in held])
    scale, intercept = fit_logistic(sums[:, None], np.concatenate([each.right for each in held]))
    return np.array([*(scale * PROPORTIONS), intercept])


def answer_rows(searched: Sequence[Searched], reading: Floats) -> tuple[Floats, Floats]:
    """Shapes (questions, n) and (questions,): the features of the third layer, 1 where the notes hold the answer."""
    weights = reading.astype(np.float32)
    rows = []
    for each in searched:
        read = with_probabilities(each.statements, each.features.astype(np.float32), weights)
        rows.append(answer_features(each.search.query, each.search.stages, each.search.hits, read))
    return np.array(rows, np.float64), np.array([e.answerable for e in searched], np.float64)


def report(
    name: str,
    found: Sequence[Found],
    searched: Sequence[Searched],
    reading: Floats,
    answering: Floats,
) -> str:
    """As Markdown: how often the first hit is right before and after reading, how often the likeliest statement is, the
    area under the ROC curve of answering, and false refusals and false answers by threshold."""
    with_gold = [(each, again) for each, again in zip(found, searched, strict=True) if each.gold.evidence]
    before = [each.right[0] for each, _ in with_gold]
    after = [_is_right(again.search.hits[0], each.gold) for each, again in with_gold]
    held = [e for e in searched if e.right.any()]
    first = [e.right[(e.features @ reading[:-1]).argmax()] for e in held]
    features, answerable = answer_rows(searched, reading)
    confidence = logistic(features, answering)
    there, absent = confidence[answerable == 1], confidence[answerable == 0]
    area = auroc(confidence.tolist(), (answerable == 1).tolist(), range(len(confidence))).value
    lines = [
        f"{name}: the first hit is right for {int(sum(before))} of {len(before)}, {sum(after)} after reading;",
        f"the likeliest statement is right for {int(sum(first))} of {len(held)}; AUROC {area:.3f}",
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
    with library_of(options.notes) as application:
        found = search_all(application, options.questions)
        reranking = fit_reranking(found)
        fitted = read_all(application, found, reranking)
    reading = fit_reading(fitted)
    answering = fit_logistic(*answer_rows(fitted, reading))
    sys.stdout.write(report("Fitted on", found, fitted, reading, answering))
    if options.check_notes and options.check_questions:
        with library_of(options.check_notes) as application:
            found = search_all(application, options.check_questions)
            checked = read_all(application, found, reranking)
        sys.stdout.write(report("Checked on", found, checked, reading, answering))
    if options.write:
        layers = (
            (RERANKING_WEIGHTS, reranking),
            (READING_WEIGHTS, reading),
            (ANSWERABILITY_WEIGHTS, answering),
        )
        for path, weights in layers:
            rounded = [round(weight, 4) for weight in weights.tolist()]
            path.write_text(json.dumps({"weights": rounded}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
