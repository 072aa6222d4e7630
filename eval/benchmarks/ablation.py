"""What each part of retrieval adds: the shipped settings with one part at a time switched off.

    python -m eval.benchmarks.ablation --questions FILE --library FOLDER [--set key=value ...]

Prints a Markdown table: the final ranking's measures, and the paired difference to the shipped settings in nDCG@10 with
its interval and its p-value after Holm.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.answerer import finder_in, search_with, settings_from
from eval.benchmarks.retrieval import COLUMNS, measure
from eval.cases import load_cases
from eval.stats import holm, paired
from eval.types import EvalCase
from ingest.errors import NoteciteError
from rag.build import Application

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "as shipped": (),
    "without dense search": ("dense_weight=0",),
    "without lexical search": ("lexical_weight=0",),
    "without reranking": ("reranker=none",),
    "dense search alone": ("lexical_weight=0", "reranker=none"),
    "lexical search alone": ("dense_weight=0", "reranker=none"),
}
"""Settings by name; the first is what the others are compared with."""

FINAL = "reranked"
PRIMARY = "nDCG@10"

Measured = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Variant -> case id -> measure -> value."""


def table(cases: Sequence[EvalCase], measured: Measured) -> str:
    answerable = [case for case in cases if case.evidence]
    clusters = [case.cluster for case in answerable]

    def values(variant: str, column: str) -> list[float]:
        return [measured[variant].get(case.id, {}).get(column, 0.0) for case in answerable]

    shipped, *others = measured
    tests = {name: paired(values(shipped, PRIMARY), values(name, PRIMARY), clusters) for name in others}
    adjusted = dict(zip(others, holm([tests[name].p_value for name in others]), strict=True))
    lines = [
        "| " + " | ".join(("variant", *COLUMNS, f"{PRIMARY}, difference", "p (Holm)")) + " |",
        "|---" * (len(COLUMNS) + 3) + "|",
    ]
    for name in measured:
        cells = [f"{sum(values(name, column)) / len(answerable):.3f}" for column in COLUMNS]
        if name in tests:
            found = tests[name].difference
            cells += [f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]", f"{adjusted[name]:.4f}"]
        else:
            cells += ["", ""]
        lines.append("| " + " | ".join((name, *cells)) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.ablation")
    parser.add_argument("--questions", type=Path, required=True, help="question file (JSON lines)")
    parser.add_argument("--library", type=Path, required=True, help="library folder")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting; may be repeated")
    options = parser.parse_args(arguments)
    measured: dict[str, Mapping[str, Mapping[str, float]]] = {}
    try:
        for name, changes in VARIANTS.items():
            settings = settings_from([*options.set, *changes], library=options.library)
            with Application(settings) as application:
                finder = finder_in(application.library)
                cases = load_cases(options.questions, finder)
                measured[name] = measure(cases, search_with(application), finder).get(FINAL, {})
    except NoteciteError as error:
        sys.stderr.write(f"notecite: {error}\n")
        return 1
    sys.stdout.write(table(cases, measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
