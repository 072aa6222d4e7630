"""Two runs over the same questions: what differs, whether that could be chance, and whether the new one may pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from eval.judge import LexicalOverlap
from eval.run import Run
from eval.score import Row, values_of
from eval.stages import FINAL
from eval.stats import Paired, holm, mean, paired
from eval.types import EvalCase
from ingest.errors import BadInput
from ingest.phrases import Phrase

PRIMARY = "citation_recall"

MARGIN = 0.05
"""How much worse a measure may truly be before the gate closes."""

_GATED = (
    f"{FINAL}/nDCG@10",
    "citation_precision",
    "citation_recall",
    "numbers_cited",
    "keypoint_terms",
    "false_answer",
    "false_refusal",
    "conflict_shown",
    "conflict_alarm",
    "false_premise",
)
_GATED_BY_JUDGE = ("faithfulness", "keypoint_recall")


@dataclass(frozen=True, slots=True)
class Change:
    """One case whose value on a scorer differs between two runs; 1.0 is best."""

    case: EvalCase
    old: float
    new: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One scorer on the cases that both runs score. 1.0 is best, so that a positive difference is always better.

    ``p_adjusted`` is the p-value after Holm's correction over all scorers but the primary one, whose p-value is not
    adjusted.
    ``better`` and ``worse`` list the changed cases, the largest change first.
    """

    name: str
    title: Phrase
    rate_of_failure: bool
    old: float
    new: float
    paired: Paired
    p_adjusted: float
    better: tuple[Change, ...]
    worse: tuple[Change, ...]


GateVerdict = Literal["passed", "failed", "cannot tell"]


@dataclass(frozen=True, slots=True)
class GateLine:
    """One scorer at the gate. If both runs score no common case, ``difference`` is None and it fails."""

    name: str
    title: Phrase
    difference: Difference | None
    verdict: GateVerdict

    @property
    def passed(self) -> bool:
        """Whether the gate stays open; a line that cannot tell does not close it."""
        return self.verdict != "failed"


def compare(old: Run, new: Run, primary: str = PRIMARY) -> tuple[Difference, ...]:
    """Every scorer that both runs have on at least one common case.

    Raises BadInput when the runs did not ask the same questions.
    """
    old_cases = {record.case.id: record.case for record in old.records}
    if old_cases != {record.case.id: record.case for record in new.records}:
        raise BadInput(
            Phrase("the two runs did not ask the same questions", "两次评测的问题不同"),
            f"{old.name}, {new.name}",
            Phrase("run both on one question file", "请在同一个问题文件上运行两次评测"),
        )
    rows = [row for row in new.summary.rows if old.summary.row(row.name)]
    found = [each for each in (_values(row, old, new) for row in rows) if each.old]
    tests = {each.row.name: paired(each.old, each.new, [case.cluster for case in each.cases]) for each in found}
    secondary = [name for name in tests if name != primary]
    adjusted = dict(zip(secondary, holm([tests[name].p_value for name in secondary]), strict=True))
    return tuple(_difference(each, tests[each.row.name], adjusted) for each in found)


def gate(baseline: Run, new: Run, margin: float = MARGIN, spare: int = 0) -> tuple[GateLine, ...]:
    """A non-inferiority test of every gated scorer that the baseline has; none of them may fail.

    A scorer passes when the lower bound of the 95 % interval of new - baseline lies above -margin (one-sided level
    2.5 %). Since all must pass, no correction for their number is needed: Berger, Multiparameter hypothesis testing
    and acceptance sampling, Technometrics 24, 1982.

    It also passes when no more than ``spare`` cases got worse: on a few dozen cases the interval cannot distinguish a
    true loss from what another processor's rounding does to one of them.

    A scorer that would pass even if every case were wrong tests nothing: it "cannot tell". So it is with every scorer
    whose baseline has at most ``spare`` cases that could get worse.
    """
    differences = {difference.name: difference for difference in compare(baseline, new)}
    lines = []
    for row in baseline.summary.rows:
        if is_gated(row.name):
            difference = differences.get(row.name)
            verdict = _verdict(difference, _values(row, baseline, new), margin, spare) if difference else "failed"
            lines.append(GateLine(row.name, row.title, difference, verdict))
    return tuple(lines)


def is_gated(name: str) -> bool:
    """Whether the gate checks this score; of the judges' scores all but those of word overlap, which does not measure
    support."""
    judge, _, measure = name.rpartition("/")
    return name in _GATED or (measure in _GATED_BY_JUDGE and judge != LexicalOverlap.name)


@dataclass(frozen=True, slots=True)
class _CommonValues:
    """A scorer's values on the cases that both runs score, in the order of ``cases``. ``row`` is the new run's."""

    row: Row
    cases: tuple[EvalCase, ...]
    old: tuple[float, ...]
    new: tuple[float, ...]


def _values(row: Row, old: Run, new: Run) -> _CommonValues:
    before = values_of(row.name, old.records, old.scores)
    after = values_of(row.name, new.records, new.scores)
    cases = tuple(record.case for record in new.records if record.case.id in before.keys() & after.keys())
    return _CommonValues(row, cases, tuple(before[case.id] for case in cases), tuple(after[case.id] for case in cases))


def _verdict(difference: Difference, values: _CommonValues, margin: float, spare: int) -> GateVerdict:
    def open_at(low: float, worse: int) -> bool:
        return low > -margin or worse <= spare

    all_wrong = mean([-value for value in values.old], [case.cluster for case in values.cases])
    if open_at(all_wrong.low, sum(value > 0 for value in values.old)):
        return "cannot tell"
    return "passed" if open_at(difference.paired.difference.low, len(difference.worse)) else "failed"


def _difference(values: _CommonValues, test: Paired, adjusted: Mapping[str, float]) -> Difference:
    row = values.row
    changes = [
        Change(case, before, after)
        for case, before, after in zip(values.cases, values.old, values.new, strict=True)
        if before != after
    ]
    changes.sort(key=lambda change: -abs(change.new - change.old))
    return Difference(
        name=row.name,
        title=row.title,
        rate_of_failure=row.rate_of_failure,
        old=sum(values.old) / len(values.old),
        new=sum(values.new) / len(values.new),
        paired=test,
        p_adjusted=adjusted.get(row.name, test.p_value),
        better=tuple(change for change in changes if change.new > change.old),
        worse=tuple(change for change in changes if change.new < change.old),
    )
