"""How far a judge can be trusted: its verdicts on labelled pairs, and faithfulness corrected for its errors."""

import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from eval.pairs import LabelledPair, load_pairs
from eval.stats import Estimate, effective_size, mean, rogan_gladen, share
from eval.verdict import Judge, Verdict
from ingest.errors import BadInput, NotFound
from ingest.phrases import Phrase

BINS = 10
DATA = Path(__file__).parent / "data"
SHIPPED_PAIRS = DATA / "judge_pairs.jsonl"
_UNSAFE = re.compile(r"[^\w-]+")
"""What some systems do not allow in a file's name."""

Judged = Sequence[tuple[LabelledPair, Verdict | None]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge on one group of pairs. A pair without a verdict counts as judged wrongly.

    ``sensitivity`` is the share of supported pairs that it finds supported, ``specificity`` the share of unsupported
    pairs that it does not, ``balanced_accuracy`` the mean of both; each is None without pairs to compute it from.
    """

    pairs: int
    unscored: int
    sensitivity: Estimate | None
    specificity: Estimate | None
    balanced_accuracy: Estimate | None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The ``n`` pairs whose probability of support lies in one tenth of [0, 1]: the mean of that probability, and the
    share of the pairs that really are supported."""

    probability: float
    supported: Estimate
    n: int


@dataclass(frozen=True, slots=True)
class JudgeCheck:
    """``by_source`` groups by file; ``by_kind`` by the kinds within a file, where it has any.

    ``effective_supported`` and ``effective_unsupported`` are the numbers of independent pairs that the labelled ones
    are worth, since errors on pairs of one premise are not independent."""

    judge: str
    overall: Agreement
    by_language: Mapping[str, Agreement]
    by_source: Mapping[str, Agreement]
    by_kind: Mapping[str, Agreement]
    reliability: tuple[ReliabilityBin, ...]
    effective_supported: float
    effective_unsupported: float


_CHECK = TypeAdapter(JudgeCheck)


def check_judge(judge: Judge, pairs: Sequence[LabelledPair]) -> JudgeCheck:
    judged = list(zip(pairs, judge.judge([(pair.premise, pair.claim) for pair in pairs]), strict=True))
    return JudgeCheck(
        judge=judge.name,
        overall=_agreement(judged),
        by_language=_by(judged, lambda pair: pair.language),
        by_source=_by(judged, lambda pair: pair.source),
        by_kind=_by(
            [(pair, verdict) for pair, verdict in judged if pair.kind], lambda pair: f"{pair.source}: {pair.kind}"
        ),
        reliability=_reliability(judged),
        effective_supported=_effective(judged, supported=True),
        effective_unsupported=_effective(judged, supported=False),
    )


def checks_of(judges: Sequence[Judge], given: Sequence[JudgeCheck], folder: Path) -> tuple[JudgeCheck, ...]:
    """A check for each judge: one of those ``given``, or the shipped one, or the one kept in the run's ``folder``, or
    one made now on the shipped pairs and kept there.

    The shipped pairs are answers and quotes from the sample notes; pairs from one's own notes make a better check.
    """
    known = {check.judge: check for check in given}
    return tuple(known.get(judge.name) or _kept_or_made(judge, folder) for judge in judges)


def _kept_or_made(judge: Judge, folder: Path) -> JudgeCheck:
    name = f"judge_check.{_UNSAFE.sub('-', judge.name)}.json"
    for path in (DATA / name, folder / name):
        if path.exists():
            return load_check(path)
    check = check_judge(judge, load_pairs(SHIPPED_PAIRS))
    save_check(folder / name, check)
    return check


def save_check(path: Path, check: JudgeCheck) -> None:
    """Keeps a judge check for the scoring of runs."""
    path.write_bytes(_CHECK.dump_json(check, indent=1) + b"\n")


def load_check(path: Path) -> JudgeCheck:
    """Raises NotFound without the file, BadInput for one that is no judge check."""
    try:
        return _CHECK.validate_json(path.read_bytes())
    except OSError:
        raise NotFound(
            Phrase("no judge check here", "这里没有评判者检验结果"),
            path,
            Phrase("make one with `notecite eval judge-check --out`", "请先运行 `notecite eval judge-check --out`"),
        ) from None
    except ValidationError as error:
        raise BadInput(
            Phrase(
                f"not a judge check ({error.errors()[0]['msg']})", f"不是评判者检验结果（{error.errors()[0]['msg']}）"
            ),
            path,
            Phrase(
                "make it again with `notecite eval judge-check --out`", "请用 `notecite eval judge-check --out` 重做"
            ),
        ) from None


def corrected(
    values: Sequence[float], judged: Sequence[float], clusters: Sequence[Hashable], check: JudgeCheck
) -> Estimate | None:
    """The mean of faithfulness ``values``, corrected for the judge's errors (Rogan-Gladen).

    ``judged`` holds for each value the share in [0, 1] of its sentences that the judge saw. The others have no
    citations: that they are unsupported is certain, so that only the judged ones are corrected. The result is the
    product of their corrected share and the mean of ``judged``; its interval adds the errors of both in quadrature, on
    each side apart (delta method).

    None when the errors are not known, the judge is no better than chance or saw nothing. The correction assumes that
    the judge errs on answers as often as on the labelled pairs.
    """
    sensitivity, specificity = check.overall.sensitivity, check.overall.specificity
    if sensitivity is None or specificity is None or sensitivity.value + specificity.value <= 1:
        return None
    seen = [(value / part, cluster) for value, part, cluster in zip(values, judged, clusters, strict=True) if part]
    if not seen:
        return None
    size = effective_size([value for value, _ in seen], [cluster for _, cluster in seen])
    true, low, high = rogan_gladen(
        (min(1.0, math.fsum(values) / math.fsum(judged)), size),
        (sensitivity.value, check.effective_supported),
        (specificity.value, check.effective_unsupported),
    )
    part = mean(judged, clusters)
    value = part.value * true
    below = math.hypot(part.value * (true - low), true * (part.value - max(0.0, part.low)))
    above = math.hypot(part.value * (high - true), true * (min(1.0, part.high) - part.value))
    return Estimate(value, max(0.0, value - below), min(1.0, value + above), len(values))


def _agreement(judged: Judged) -> Agreement:
    sensitivity, specificity = _rightly(judged, supported=True), _rightly(judged, supported=False)
    return Agreement(
        pairs=len(judged),
        unscored=sum(verdict is None for _, verdict in judged),
        sensitivity=sensitivity,
        specificity=specificity,
        balanced_accuracy=_mean_of(sensitivity, specificity) if sensitivity and specificity else None,
    )


def _rightly(judged: Judged, supported: bool) -> Estimate | None:
    values, premises = _values(judged, supported)
    return share(values, premises) if values else None


def _effective(judged: Judged, supported: bool) -> float:
    values, premises = _values(judged, supported)
    return effective_size(values, premises) if values else 0.0


def _values(judged: Judged, supported: bool) -> tuple[list[float], list[str]]:
    """For the pairs with this label, 1.0 where the verdict is right, and the premises."""
    chosen = [(pair, verdict) for pair, verdict in judged if pair.supported == supported]
    values = [float(verdict is not None and verdict.supported == supported) for _, verdict in chosen]
    return values, [pair.premise for pair, _ in chosen]


def _mean_of(one: Estimate, other: Estimate) -> Estimate:
    """The mean of two independent shares; the interval is put together from theirs.

    MOVER: Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27, 2008.
    """
    value = (one.value + other.value) / 2
    below = math.hypot(one.value - one.low, other.value - other.low) / 2
    above = math.hypot(one.high - one.value, other.high - other.value) / 2
    return Estimate(value, value - below, value + above, one.n + other.n)


def _by(judged: Judged, key: Callable[[LabelledPair], str]) -> dict[str, Agreement]:
    groups: dict[str, list[tuple[LabelledPair, Verdict | None]]] = {}
    for pair, verdict in judged:
        groups.setdefault(key(pair), []).append((pair, verdict))
    return {name: _agreement(members) for name, members in sorted(groups.items())}


def _reliability(judged: Judged) -> tuple[ReliabilityBin, ...]:
    bins: dict[int, list[tuple[LabelledPair, float]]] = {}
    for pair, verdict in judged:
        if verdict is not None:
            bins.setdefault(min(BINS - 1, int(verdict.support * BINS)), []).append((pair, verdict.support))
    return tuple(
        ReliabilityBin(
            probability=sum(probability for _, probability in members) / len(members),
            supported=share([float(pair.supported) for pair, _ in members], [pair.premise for pair, _ in members]),
            n=len(members),
        )
        for _, members in sorted(bins.items())
    )
