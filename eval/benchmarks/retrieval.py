"""How well each retrieval stage finds the gold quotes of a question file, by question type.

    python -m eval.benchmarks.retrieval --notes FOLDER --questions FILE [--library FOLDER] [--set key=value ...]

Syncs the notes into a temporary library (or the one named), asks every answerable question, and prints one Markdown
table per stage. A question that fails is reported on stderr and scores 0.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from eval.answerer import finder_in, search_with, settings_from, synced
from eval.cases import load_cases
from eval.evidence import EvidenceFinder
from eval.retrieval import HIT_RANKS, Search, ranking_of, score_ranking
from eval.stats import share
from eval.types import QUESTION_TYPES, EvalCase
from ingest.errors import NoteciteError

COLUMNS = (*(f"hit@{k}" for k in HIT_RANKS), "MRR@10", "nDCG@10")

StageScores = dict[str, dict[str, dict[str, float]]]
"""Stage -> case id -> measure -> value."""


def measure(cases: Sequence[EvalCase], search: Search, finder: EvidenceFinder) -> StageScores:
    """Scores every stage on the cases that have evidence."""
    scores: StageScores = {}
    for case in cases:
        if not case.evidence:
            continue
        try:
            rankings = search(case)
        except NoteciteError as error:
            sys.stderr.write(f"{case.id}: {error}\n")
            continue
        gold = finder.gold(case)
        for stage, hits in rankings.items():
            scores.setdefault(stage, {})[case.id] = score_ranking(ranking_of(hits), gold)
    return scores


def table(stage: str, cases: Sequence[EvalCase], scores: dict[str, dict[str, float]]) -> str:
    """One stage as Markdown, a line per question type; intervals are 95 %. A case without a score counts as 0."""
    answerable = [case for case in cases if case.evidence]
    rows = [("all", answerable)]
    rows += [(kind, [case for case in answerable if case.type == kind]) for kind in QUESTION_TYPES]
    lines = ["| " + " | ".join((stage, "n", *COLUMNS)) + " |", "|---" * (len(COLUMNS) + 2) + "|"]
    for name, members in rows:
        if members:
            clusters = [case.cluster for case in members]
            cells = [
                share([scores.get(case.id, {}).get(column, 0.0) for case in members], clusters).printed()
                for column in COLUMNS
            ]
            lines.append("| " + " | ".join((name, str(len(members)), *cells)) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.retrieval")
    parser.add_argument("--notes", type=Path, required=True, help="folder of notes")
    parser.add_argument("--questions", type=Path, required=True, help="question file (JSON lines)")
    parser.add_argument("--library", type=Path, help="library folder; a temporary one if left out")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting; may be repeated")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        try:
            settings = settings_from(options.set, library=options.library or Path(temporary))
            with synced(options.notes, settings) as application:
                finder = finder_in(application.library)
                cases = load_cases(options.questions, finder)
                scores = measure(cases, search_with(application), finder)
        except NoteciteError as error:
            sys.stderr.write(f"notecite: {error}\n")
            return 1
    sys.stdout.write("\n\n".join(table(stage, cases, by_case) for stage, by_case in scores.items()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
