"""What each part adds: the shipped settings with one part at a time switched off.

    python -m eval.benchmarks.ablation --questions FILE --notes FOLDER --libraries FOLDER [--set key=value ...]
        [--answers] [--out FILE]

Syncs the notes into one library per embedder below ``--libraries`` and prints Markdown: for each variant the final
ranking's measures and, with ``--answers``, those of the answers; each with its paired difference to the shipped
settings in one primary measure, the 95 % interval (clustered by document) and the p-value after Holm. ``--out`` writes
the page of the documentation instead.
"""

import argparse
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eval.answerer import answer_with, finder_in, search_with, settings_from, synced
from eval.answers import ANSWER_SCORERS
from eval.benchmarks.answers import ask
from eval.benchmarks.retrieval import COLUMNS, measure
from eval.cases import load_cases
from eval.keypoints import KEYPOINT_TERMS
from eval.score import score_records
from eval.stages import FINAL
from eval.stats import holm, paired
from eval.types import EvalCase
from ingest.errors import NoteciteError
from rag.build import Application


@dataclass(frozen=True, slots=True)
class Variant:
    """``changes`` are assignments to settings; it is measured by its ``rankings``, its ``answers``, or both."""

    name: str
    changes: tuple[str, ...]
    rankings: bool = True
    answers: bool = True


VARIANTS = (
    Variant("as shipped", ()),
    Variant("without dense search", ("dense_weight=0",)),
    Variant("without lexical search", ("lexical_weight=0",)),
    Variant("without reranking", ("reranker=none",)),
    Variant("without the trained layers", ("embedder=bundled-untrained",), answers=False),
    Variant("dense search alone", ("lexical_weight=0", "reranker=none"), answers=False),
    Variant("lexical search alone", ("dense_weight=0", "reranker=none"), answers=False),
    Variant("without the judge", ("judge=none",), rankings=False),
)
"""The others are compared with the first."""

RETRIEVAL_PRIMARY = "nDCG@10"
ANSWER_COLUMNS = ("citation_recall", "citation_precision", "keypoint_terms", "false_answer", "false_refusal")
ANSWER_PRIMARY = "citation_recall"
_FAILURES = ("false_answer", "false_refusal")

Measured = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Variant -> case id -> measure -> value, 1.0 at best; a measure that does not apply to a case is not there."""


def table(cases: Sequence[EvalCase], measured: Measured, columns: Sequence[str], primary: str) -> str:
    """A line for each variant. A value that only other variants have counts as the worst, 0."""
    shipped, *others = measured
    clusters = {case.id: case.cluster for case in cases}

    def values(variant: str, column: str) -> dict[str, float]:
        scored = [case.id for case in cases if any(column in found.get(case.id, {}) for found in measured.values())]
        return {id_: measured[variant].get(id_, {}).get(column, 0.0) for id_ in scored}

    def shown(variant: str, column: str) -> str:
        found = values(variant, column).values()
        mean = sum(found) / max(1, len(found))
        return f"{1 - mean if column in _FAILURES else mean:.3f}"

    baseline = values(shipped, primary)
    tests = {
        name: paired(list(baseline.values()), list(values(name, primary).values()), [clusters[id_] for id_ in baseline])
        for name in others
    }
    adjusted = dict(zip(others, holm([tests[name].p_value for name in others]), strict=True))
    lines = [
        "| " + " | ".join(("variant", *columns, f"{primary}, difference", "p (Holm)")) + " |",
        "|---" * (len(columns) + 3) + "|",
    ]
    for name in measured:
        cells = [shown(name, column) for column in columns]
        if name in tests:
            found = tests[name].difference
            cells += [f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]", f"{adjusted[name]:.4f}"]
        else:
            cells += ["", ""]
        lines.append("| " + " | ".join((name, *cells)) + " |")
    return "\n".join(lines) + "\n"


def page(questions: str, cases: Sequence[EvalCase], tables: Sequence[str]) -> str:
    """The tables as a page of the documentation."""
    when = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}"
    titles = ("## Retrieval: the final ranking\n", "## Answers: bundled models, extractive\n")
    parts = [part for pair in zip(titles, tables, strict=False) for part in pair]
    return "\n".join(
        [
            "# What each part adds\n",
            f"The shipped settings with one part at a time switched off, on the {len(cases)} questions of "
            f"`{questions}` over the sample notes ({when}). Made by `make ablation`.\n",
            "Differences are paired by question against the shipped settings, with 95 % intervals clustered by "
            "document and p-values of a sign-flip permutation after Holm; below zero, the part that is off had helped. "
            "Of `false_answer` and `false_refusal` less is better. What each measure is stands in `eval/retrieval.py`, "
            "`eval/answers.py` and `eval/keypoints.py`.\n",
            *parts,
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.ablation")
    parser.add_argument("--questions", type=Path, required=True, help="question file (JSON lines)")
    parser.add_argument("--notes", type=Path, required=True, help="folder of notes")
    parser.add_argument("--libraries", type=Path, required=True, help="folder for a library per embedder")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting; may be repeated")
    parser.add_argument("--answers", action="store_true", help="measure the answers, too")
    parser.add_argument("--out", type=Path, help="write a page of the documentation")
    options = parser.parse_args(arguments)
    rankings: dict[str, Mapping[str, Mapping[str, float]]] = {}
    answers: dict[str, Mapping[str, Mapping[str, float]]] = {}
    try:
        for variant in VARIANTS:
            settings = settings_from([*options.set, *variant.changes])
            library = options.libraries / settings.embedder.replace("/", "-")
            settings = settings.model_copy(update={"library": library})
            with synced(options.notes, settings) as application:
                cases = load_cases(options.questions, finder_in(application.library))
                if variant.rankings:
                    found = measure(cases, search_with(application), finder_in(application.library))
                    rankings[variant.name] = found.get(FINAL, {})
                if options.answers and variant.answers:
                    answers[variant.name] = answer_values(cases, application)
    except NoteciteError as error:
        sys.stderr.write(f"notecite: {error}\n")
        return 1
    tables = [table(cases, rankings, COLUMNS, RETRIEVAL_PRIMARY)]
    if answers:
        tables.append(table(cases, answers, ANSWER_COLUMNS, ANSWER_PRIMARY))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(page(options.questions.as_posix(), cases, tables), encoding="utf-8")
    else:
        sys.stdout.write("\n".join(tables))
    return 0


def answer_values(cases: Sequence[EvalCase], application: Application) -> dict[str, dict[str, float]]:
    """Case id -> measure -> value."""
    records = ask(cases, application, answer_with(application))
    scores = score_records(records, [*ANSWER_SCORERS, KEYPOINT_TERMS])
    return {
        id_: {name: score.value or 0.0 for name, score in found.items() if name in ANSWER_COLUMNS}
        for id_, found in scores.items()
    }


if __name__ == "__main__":
    sys.exit(main())
