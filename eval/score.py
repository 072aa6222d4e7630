"""Records and scorers -> scores -> a summary with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from eval.judge_check import JudgeCheck, corrected
from eval.judged import judged_share
from eval.risk import RiskCoverage, risk_coverage
from eval.stats import Estimate, p95, share
from eval.types import EvalRecord, Score, Scorer
from ingest.phrases import Phrase
from rag.terms import language_of

Scores = Mapping[str, Mapping[str, Score]]
"""Case id -> scorer name -> score; scorers that do not apply to a case are left out."""

_QUALITIES = ("citation_recall", "keypoint_recall")
"""The measures whose complement is a loss for the risk-coverage curve."""


@dataclass(frozen=True, slots=True)
class Row:
    """One scorer over a group of cases.

    ``estimate`` is the mean over the cases with a 95 % interval, a missing value counting as the worst; it is the rate
    of failure where the scorer says so. ``right``, ``wrong`` and ``unscored`` count parts, ``errors`` counts cases.
    ``corrected`` is the estimate of faithfulness corrected for the judge's errors, where these are known.
    """

    name: str
    title: Phrase
    rate_of_failure: bool
    estimate: Estimate
    right: int
    wrong: int
    unscored: int
    errors: int
    corrected: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, 95th percentile and sum of ``n`` values."""

    median: float
    p95: float
    total: float
    n: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The results of a run. ``seconds`` are per stage, ``characters`` the length of the answers that were given;
    ``tokens_read`` and ``tokens_written`` are the chat model's per question, None where no server reported them.

    ``notices`` counts the answers made in another way than asked for, such as without a chat model that could not be
    reached; ``dropped_citations`` counts the chat model's citation numbers that are no source's.
    """

    cases: int
    errors: int
    notices: int
    dropped_citations: int
    rows: tuple[Row, ...]
    by_type: Mapping[str, tuple[Row, ...]]
    by_language: Mapping[str, tuple[Row, ...]]
    seconds: Mapping[str, Spread]
    characters: Spread | None
    tokens_read: Spread | None
    tokens_written: Spread | None
    risk_coverage: Mapping[str, RiskCoverage]
    """By the scorer whose losses were taken."""
    judge_checks: tuple[JudgeCheck, ...]

    def row(self, name: str) -> Row | None:
        """The row of a scorer, over all cases."""
        return next((row for row in self.rows if row.name == name), None)


def score_records(records: Sequence[EvalRecord], scorers: Sequence[Scorer]) -> dict[str, dict[str, Score]]:
    return {
        record.case.id: {scorer.name: _score(record, scorer) for scorer in scorers if scorer.applies(record)}
        for record in records
    }


def summarise(
    records: Sequence[EvalRecord], scorers: Sequence[Scorer], scores: Scores, checks: Sequence[JudgeCheck] = ()
) -> Summary:
    """``checks`` say how often the judges err; at most one for each judge."""
    check_of = {f"{check.judge}/faithfulness": check for check in checks}

    def rows(members: Sequence[EvalRecord]) -> tuple[Row, ...]:
        found = (_row(scorer, members, scores, check_of.get(scorer.name)) for scorer in scorers)
        return tuple(row for row in found if row)

    trials = [record.trial for record in records if record.trial]
    lengths = [float(len(trial.answer.text)) for trial in trials if not trial.answer.abstained]
    tokens = [trial.tokens for trial in trials if trial.tokens]
    seconds: dict[str, list[float]] = {}
    for trial in trials:
        for stage, spent in trial.answer.seconds.items():
            seconds.setdefault(stage, []).append(spent)
    return Summary(
        cases=len(records),
        errors=len(records) - len(trials),
        notices=sum(trial.answer.notice is not None for trial in trials),
        dropped_citations=sum(trial.answer.dropped_citations for trial in trials),
        rows=rows(records),
        by_type={name: rows(members) for name, members in _groups(records, lambda record: record.case.type).items()},
        by_language={
            name: rows(members)
            for name, members in _groups(records, lambda record: language_of(record.case.question)).items()
        },
        seconds={stage: _spread(values) for stage, values in seconds.items()},
        characters=_spread(lengths) if lengths else None,
        tokens_read=_spread([float(used.read) for used in tokens]) if tokens else None,
        tokens_written=_spread([float(used.wrote) for used in tokens]) if tokens else None,
        risk_coverage={
            scorer.name: curve
            for scorer in scorers
            if scorer.name.rpartition("/")[2] in _QUALITIES and (curve := _risk_coverage(records, scorer.name, scores))
        },
        judge_checks=tuple(checks),
    )


def values_of(scorer_name: str, records: Sequence[EvalRecord], scores: Scores) -> dict[str, float]:
    """Case id -> value, for the cases that the scorer applies to. A missing value counts as the worst, 0.0."""
    found = {record.case.id: scores[record.case.id].get(scorer_name) for record in records}
    return {case_id: score.value or 0.0 for case_id, score in found.items() if score}


def _score(record: EvalRecord, scorer: Scorer) -> Score:
    return scorer.score(record, record.trial) if record.trial else Score(None, error=True)


def _row(scorer: Scorer, records: Sequence[EvalRecord], scores: Scores, check: JudgeCheck | None) -> Row | None:
    values = values_of(scorer.name, records, scores)
    if not values:
        return None
    scored = [record for record in records if record.case.id in values]
    clusters = [record.case.cluster for record in scored]
    estimate = share(list(values.values()), clusters)
    members = [scores[record.case.id][scorer.name] for record in scored]
    parts = [part for score in members for part in score.parts]
    return Row(
        name=scorer.name,
        title=scorer.title,
        rate_of_failure=scorer.rate_of_failure,
        estimate=estimate.complement() if scorer.rate_of_failure else estimate,
        right=parts.count(True),
        wrong=parts.count(False),
        unscored=parts.count(None),
        errors=sum(score.error for score in members),
        corrected=corrected(list(values.values()), [judged_share(record) for record in scored], clusters, check)
        if check
        else None,
    )


def _risk_coverage(records: Sequence[EvalRecord], quality: str, scores: Scores) -> RiskCoverage | None:
    """The loss is 1 - quality; it is 1 for what should not or could not be answered.

    An answerable case that the quality does not apply to is left out; None if it applies to no case.
    """
    values = values_of(quality, records, scores)
    if not values:
        return None
    counted = [record for record in records if record.case.id in values or not record.case.answerable]
    return risk_coverage(
        [1 - values.get(record.case.id, 0.0) for record in counted],
        [record.trial.confidence if record.trial else None for record in counted],
    )


def _groups(records: Sequence[EvalRecord], key: Callable[[EvalRecord], str]) -> dict[str, list[EvalRecord]]:
    groups: dict[str, list[EvalRecord]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), p95(values), float(sum(values)), len(values))
