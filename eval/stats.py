"""Intervals, paired tests, and how small a difference a question set can show. Every random draw has a fixed seed."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
POWER = 0.8
RESAMPLES = 2_000
PERMUTATIONS = 9_999
SEED = 20_250_101


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its confidence interval; ``n`` counts the cases behind it."""

    value: float
    low: float
    high: float
    n: int

    def complement(self) -> "Estimate":
        """The estimate of 1 - value."""
        return Estimate(1 - self.value, 1 - self.high, 1 - self.low, self.n)

    def printed(self) -> str:
        """As in "0.873 [0.81, 0.92]"."""
        return f"{self.value:.3f} [{self.low:.2f}, {self.high:.2f}]"


def share(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """The mean of values in [0, 1] with a Wilson interval on the effective sample size.

    Values of one cluster are not independent: n of them are worth n / deff, where deff is the cluster (jackknife)
    variance of the mean over the binomial variance. Student's t with (clusters - 1) degrees of freedom replaces the
    normal quantile. Wilson, Probable inference, JASA 22, 1927; for clusters: Dean and Pagano, Evaluating confidence
    interval methods for binomial proportions in clustered surveys, J. Survey Stat. Methodol. 3, 2015. It is used for
    graded values, too, since bootstrap intervals cover too little near 0 and 1.

    With 20 or 30 clusters it covers 93 to 97 % for shares of 0.6 to 0.9 and correlations up to 0.2 within a cluster,
    but only 87 % at worst near 0 or 1 with correlations of 0.4: few clusters then vary, and how much they do is itself
    uncertain (``eval/benchmarks/coverage.py``).
    """
    value = min(1.0, math.fsum(values) / len(values))
    low, high = wilson(value, effective_size(values, clusters), _t_quantile(len(_cluster_sums(values, clusters)[0])))
    return Estimate(value, low, high, len(values))


def effective_size(values: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """How many independent yes-or-no cases the ``values`` in [0, 1] are worth: n / deff."""
    return len(values) / _design_effect(*_cluster_sums(values, clusters))


def wilson(value: float, n: float, quantile: float) -> tuple[float, float]:
    """The score interval for the share ``value`` of ``n`` trials; ``n`` need not be whole. Wilson, JASA 22, 1927."""
    squared = quantile**2 / n
    centre = (value + squared / 2) / (1 + squared)
    half = quantile * math.sqrt(value * (1 - value) / n + squared / (4 * n)) / (1 + squared)
    return max(0.0, centre - half), min(1.0, centre + half)


def rogan_gladen(
    observed: tuple[float, float], sensitivity: tuple[float, float], specificity: tuple[float, float]
) -> tuple[float, float, float]:
    """The true share behind an ``observed`` one when the observer errs, with its 95 % interval: (value, low, high).

    Each argument is a share and the number of independent cases behind it; sensitivity + specificity > 1. The value is
    (observed + specificity - 1) / (sensitivity + specificity - 1), kept in [0, 1]: Rogan and Gladen, Estimating
    prevalence from the results of a screening test, American J. Epidemiology 107, 1978. Interval: Lang and Reiczigel,
    Confidence limits for prevalence of disease adjusted for estimated sensitivity and specificity, Preventive
    Veterinary Medicine 113, 2014.
    """
    value = _clip((observed[0] + specificity[0] - 1) / (sensitivity[0] + specificity[0] - 1))
    z = _t_quantile(1)
    p, n = (observed[0] * observed[1] + z**2 / 2) / (observed[1] + z**2), observed[1] + z**2
    positive, n_positive = (sensitivity[0] * sensitivity[1] + 1) / (sensitivity[1] + 2), sensitivity[1] + 2
    negative, n_negative = (specificity[0] * specificity[1] + 1) / (specificity[1] + 2), specificity[1] + 2
    span = positive + negative - 1
    if span <= 0:
        return value, 0.0, 1.0
    truth = (p + negative - 1) / span
    of_positive, of_negative = positive * (1 - positive) / n_positive, negative * (1 - negative) / n_negative
    centre = truth + 2 * z**2 * (truth * of_positive - (1 - truth) * of_negative)
    half = z * math.sqrt(p * (1 - p) / n + (1 - truth) ** 2 * of_negative + truth**2 * of_positive) / span
    return value, min(value, _clip(centre - half)), max(value, _clip(centre + half))


def mean(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """The mean of values without bounds, with an expanded-percentile cluster bootstrap interval.

    Whole clusters are drawn again, never single values. The percentiles are Phi(-+ sqrt(g / (g - 1)) t) for g clusters
    and t of (g - 1) degrees of freedom: Hesterberg, What teachers should know about the bootstrap, The American
    Statistician 69, 2015. A single value gives an infinite interval.
    """
    sums, sizes = _cluster_sums(values, clusters)
    value, count = float(sums.sum() / sizes.sum()), len(sums)
    if count == 1:
        return Estimate(value, -math.inf, math.inf, len(values))
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    low, high = np.quantile((draws @ sums) / (draws @ sizes), _expanded_percentiles(count))
    return Estimate(value, float(low), float(high), len(values))


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, between the two nearest of the ``values`` by linear interpolation; there is at least one."""
    return float(np.percentile(values, 95))


def auroc(scores: Sequence[float], positive: Sequence[bool], clusters: Sequence[Hashable]) -> Estimate:
    """The area under the ROC curve: the probability that a positive case scores higher than a negative one, where ties
    count half (Hanley and McNeil, Radiology 143, 1982), with the cluster bootstrap interval of ``mean``. Draws without
    cases of both kinds are left out; a single cluster or kind gives [0, 1].
    """
    values, flags = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    order: dict[Hashable, int] = {}
    indices = np.array([order.setdefault(cluster, len(order)) for cluster in clusters])
    above, below = values[flags][:, None], values[~flags][None, :]
    wins = (above > below) + 0.5 * (above == below)
    count = len(order)
    if wins.size == 0 or count == 1:
        return Estimate(float(wins.mean()) if wins.size else 0.5, 0.0, 1.0, len(values))
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    ups, downs = draws[:, indices[flags]].astype(np.float64), draws[:, indices[~flags]].astype(np.float64)
    pairs = ups.sum(axis=1) * downs.sum(axis=1)
    areas = ((ups @ wins) * downs).sum(axis=1)[pairs > 0] / pairs[pairs > 0]
    low, high = np.quantile(areas, _expanded_percentiles(count))
    return Estimate(float(wins.mean()), float(low), float(high), len(values))


def _clip(share: float) -> float:
    return min(1.0, max(0.0, share))


def _cluster_sums(values: Sequence[float], clusters: Sequence[Hashable]) -> tuple[Floats, Floats]:
    """Per cluster the sum of its values and its size.

    If all values belong to one cluster, each is a cluster of its own; the result then holds for that cluster alone.
    """
    if len(set(clusters)) == 1:
        clusters = range(len(values))
    order: dict[Hashable, int] = {}
    indices = [order.setdefault(cluster, len(order)) for cluster in clusters]
    sums = np.bincount(indices, weights=values).astype(np.float64)
    return sums, np.bincount(indices).astype(np.float64)


def _design_effect(sums: Floats, sizes: Floats) -> float:
    """The delete-one-cluster jackknife variance of the mean over the binomial variance.

    1.0 where it cannot be computed: one cluster, or no variance.
    """
    n, count = sizes.sum(), len(sizes)
    value = sums.sum() / n
    binomial = value * (1 - value) / n
    if count == 1:
        return 1.0
    without = (sums - value * sizes) / (n - sizes)
    clustered = (count - 1) / count * (without @ without)
    return 1.0 if clustered <= 1e-12 * binomial or binomial <= 0 else float(clustered / binomial)


def _t_quantile(clusters: int) -> float:
    from scipy.stats import norm, t  # type: ignore[import-untyped]

    tail = (1 + CONFIDENCE) / 2
    return float(t.ppf(tail, clusters - 1)) if clusters > 1 else float(norm.ppf(tail))


def _expanded_percentiles(clusters: int) -> tuple[float, float]:
    from scipy.stats import norm

    tail = float(norm.cdf(-math.sqrt(clusters / (clusters - 1)) * _t_quantile(clusters)))
    return tail, 1 - tail


@dataclass(frozen=True, slots=True)
class Paired:
    """Two systems on the same cases.

    ``difference`` is the mean of new - old with its interval; ``p_value`` is that of a paired sign-flip permutation
    test; ``detectable`` is the smallest true difference that these cases would show in four of five repetitions.
    """

    difference: Estimate
    p_value: float
    detectable: float


def paired(old: Sequence[float], new: Sequence[float], clusters: Sequence[Hashable]) -> Paired:
    """The interval is the paired cluster bootstrap of ``mean``; the permutation flips whole clusters (SciPy)."""
    differences = np.asarray(new, dtype=np.float64) - np.asarray(old, dtype=np.float64)
    return Paired(
        difference=mean(differences.tolist(), clusters),
        p_value=_sign_flip(differences, clusters),
        detectable=_detectable(differences, clusters),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for multiple comparisons. Holm, A simple sequentially rejective multiple test procedure,
    Scandinavian Journal of Statistics 6, 1979."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for done, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - done) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _sign_flip(differences: Floats, clusters: Sequence[Hashable]) -> float:
    """Two-sided. Exact where the sign patterns are few enough; 1.0 for a single value."""
    from scipy.stats import permutation_test

    sums, _ = _cluster_sums(differences.tolist(), clusters)
    if len(sums) == 1:
        return 1.0
    test = permutation_test(
        (sums, np.zeros_like(sums)),
        lambda one, other, axis: (one - other).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(SEED),
    )
    return float(test.pvalue)


def _detectable(differences: Floats, clusters: Sequence[Hashable]) -> float:
    """(t at 97.5 % + t at 80 %) times the cluster standard error; at least one case in n, which is all that n cases
    can show. Bloom, Minimum detectable effects, Evaluation Review 19, 1995."""
    from scipy.stats import t

    sums, sizes = _cluster_sums(differences.tolist(), clusters)
    n, count = len(differences), len(sums)
    if count == 1:
        return math.inf
    residuals = sums - differences.mean() * sizes
    error = math.sqrt(count / (count - 1) * float(residuals @ residuals)) / n
    return max(1 / n, float(t.ppf((1 + CONFIDENCE) / 2, count - 1) + t.ppf(POWER, count - 1)) * error)
