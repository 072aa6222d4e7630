"""What the answers are worth, by question type: citations, key points, length, refusals, conflicts, false premises.

    python -m eval.benchmarks.answers --questions FILE (--notes FOLDER | --library FOLDER) [--set key=value ...]
        [--judge NAME ...] [--cases]

Prints Markdown tables, every rate with its 95 % interval (Wilson, clustered by document) and the counts behind it.
``--notes`` syncs a folder into a temporary library first; ``--cases`` adds a line per question.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from eval.answerer import answer_with, finder_in, settings_from, synced
from eval.answers import ANSWER_SCORERS, without_marks
from eval.cases import load_cases
from eval.evidence import ink
from eval.judge import LexicalOverlap, open_judge
from eval.judged import judged_scorers
from eval.keypoints import KEYPOINT_TERMS
from eval.run import Answerer
from eval.score import Scores, score_records
from eval.scorers import DEFAULT_JUDGES
from eval.stats import mean, share
from eval.types import EvalCase, EvalRecord, Score
from ingest.errors import NoteciteError
from rag.build import Application

Group = tuple[str, Sequence[EvalRecord]]

_COLUMNS = (
    ("citations right", "citation_precision", True),
    ("answers with a right citation", "right_citation", False),
    ("key points, by terms", "keypoint_terms", False),
)
"""Title, scorer, and whether its parts are pooled over the answers that were given."""
_RATES = (
    ("unanswerable, refused", "false_answer", True),
    ("answerable, refused", "false_refusal", False),
    ("conflicts: both sides cited", "both_sides", True),
    ("conflicts: shown as such", "conflict_shown", True),
    ("other questions: conflict shown", "conflict_alarm", False),
    ("false premises: corrected or refused", "false_premise", True),
)
"""Title, scorer, and whether its right cases are the ones to count, or its wrong ones."""


def tables(records: Sequence[EvalRecord], scores: Scores, judges: Sequence[str]) -> str:
    types: dict[str, list[EvalRecord]] = {}
    for record in records:
        types.setdefault(record.case.type, []).append(record)
    columns = [*_COLUMNS, *((f"key points, by {name}", f"{name}/keypoint_recall", False) for name in judges)]
    columns += [(f"sentences supported, by {name}", f"{name}/faithfulness", True) for name in judges]
    lines = [
        _line(("type", "questions", "answered", *(title for title, _, _ in columns), "characters, mean")),
        "|---" * (len(columns) + 4) + "|",
    ]
    for name, members in (*types.items(), ("all", list(records))):
        cells = [
            _estimate(members, _parts(scores, scorer) if pooled else _value(scores, scorer))
            for _, scorer, pooled in columns
        ]
        lines.append(_line((name, str(len(members)), str(sum(map(_answered, members))), *cells, _length(members))))
    lines += ["", _line(("rate", "cases", "share [95 %]", "went wrong")), "|---|---|---|---|"]
    lines += [_rate(title, records, scores, scorer, right) for title, scorer, right in _RATES]
    return "\n".join(lines) + "\n"


def case_lines(records: Sequence[EvalRecord], scores: Scores, judges: Sequence[str]) -> str:
    """One line per question: what was right, as counts of parts."""
    names = ["citation_precision", "citation_recall", "keypoint_terms", *(f"{name}/keypoint_recall" for name in judges)]
    lines = [_line(("id", "type", "outcome", *names, "conflicts", "characters")), "|---" * (len(names) + 5) + "|"]
    for record in records:
        found = scores[record.case.id]
        outcome = "error" if record.trial is None else "answered" if _answered(record) else "refused"
        cells = [_count(found.get(name)) for name in names]
        conflicts = str(len(record.trial.answer.conflicts)) if record.trial else "–"
        lines.append(_line((record.case.id, record.case.type, outcome, *cells, conflicts, str(_characters(record)))))
    return "\n".join(lines) + "\n"


def ask(cases: Sequence[EvalCase], application: Application, answerer: Answerer) -> list[EvalRecord]:
    finder = finder_in(application.library)
    return [EvalRecord(case, finder.gold(case), answerer(case)) for case in cases]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.answers")
    parser.add_argument("--questions", type=Path, required=True, help="question file (JSON lines)")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--notes", type=Path, help="folder of notes, synced into a temporary library")
    place.add_argument("--library", type=Path, help="library folder")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting; may be repeated")
    parser.add_argument("--judge", action="append", default=[], help="who judges support; may be repeated")
    parser.add_argument("--cases", action="store_true", help="a line per question, too")
    options = parser.parse_args(arguments)
    judges = tuple(dict.fromkeys((*(options.judge or DEFAULT_JUDGES), LexicalOverlap.name)))
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_from(options.set, library=options.library or Path(folder) / "library")
            opened = synced(options.notes, settings) if options.notes else Application(settings)
            with opened as application:
                cases = load_cases(options.questions, finder_in(application.library))
                records = ask(cases, application, answer_with(application))
        scorers = [
            *ANSWER_SCORERS,
            KEYPOINT_TERMS,
            *(each for name in judges for each in judged_scorers(open_judge(name), records)),
        ]
    except NoteciteError as error:
        sys.stderr.write(f"notecite: {error}\n")
        return 1
    scores = score_records(records, scorers)
    sys.stdout.write(tables(records, scores, judges))
    if options.cases:
        sys.stdout.write("\n" + case_lines(records, scores, judges))
    return 0


Values = Callable[[EvalRecord], list[float]]


def _value(scores: Scores, scorer: str) -> Values:
    """The case's value, if the scorer applies to it."""

    def values(record: EvalRecord) -> list[float]:
        score = scores[record.case.id].get(scorer)
        return [score.value or 0.0] if score else []

    return values


def _parts(scores: Scores, scorer: str) -> Values:
    """Each part of the case's score; an unscored one is worth nothing."""

    def values(record: EvalRecord) -> list[float]:
        score = scores[record.case.id].get(scorer)
        return [float(part is True) for part in score.parts] if score else []

    return values


def _estimate(records: Sequence[EvalRecord], values: Values) -> str:
    pairs = [(value, record.case.cluster) for record in records for value in values(record)]
    if not pairs:
        return "–"
    return share([value for value, _ in pairs], [cluster for _, cluster in pairs]).printed()


def _rate(title: str, records: Sequence[EvalRecord], scores: Scores, scorer: str, right: bool) -> str:
    """The share of the cases with the named outcome, and the ids of the cases that went wrong."""
    found = [
        (record, scores[record.case.id][scorer].value or 0.0) for record in records if scorer in scores[record.case.id]
    ]
    if not found:
        return _line((title, "0", "–", ""))
    counted = [value if right else 1 - value for _, value in found]
    estimate = share(counted, [record.case.cluster for record, _ in found])
    wrong = " ".join(record.case.id for record, value in found if value < 1)
    return _line((title, f"{sum(counted):.0f} of {len(found)}", estimate.printed(), wrong))


def _length(records: Sequence[EvalRecord]) -> str:
    given = [record for record in records if _answered(record)]
    if not given:
        return "–"
    found = mean([float(_characters(record)) for record in given], [record.case.cluster for record in given])
    return f"{found.value:.0f} [{found.low:.0f}, {found.high:.0f}]"


def _characters(record: EvalRecord) -> int:
    """Visible characters of the answer, without its [n] marks."""
    return len(ink(without_marks(record.trial.answer.text))) if record.trial else 0


def _answered(record: EvalRecord) -> bool:
    return record.trial is not None and not record.trial.answer.abstained


def _count(score: Score | None) -> str:
    return f"{score.parts.count(True)}/{len(score.parts)}" if score else "–"


def _line(cells: Sequence[str] | Iterator[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
