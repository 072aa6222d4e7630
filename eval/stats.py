"""Doubt: intervals, paired tests and what a question set can show at all. Every random draw has a fixed seed."""

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
    """A number with its confidence interval; ``n`` counts the cases it was taken over."""

    value: float
    low: float
    high: float
    n: int

    def complement(self) -> "Estimate":
        """The same for 1 - value."""
        return Estimate(1 - self.value, 1 - self.high, 1 - self.low, self.n)


def share(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """The mean of values in [0, 1] with a Wilson interval on the effective sample size.

    Values of one cluster err together: n values are worth n / deff, where deff is the cluster variance of the mean
    (Taylor linearised) over the binomial variance. Student's t with (clusters - 1) degrees of freedom takes the
    normal quantile's place. Wilson, Probable inference, JASA 22, 1927; for clusters: Dean and Pagano, Evaluating
    confidence interval methods for binomial proportions in clustered surveys, J. Survey Stat. Methodol. 3, 2015.
    Also for graded values: there it covers near 0 and 1, where bootstrap intervals do not.
    """
    sums, sizes = _cluster_sums(values, clusters)
    n = len(values)
    value = float(sums.sum() / n)
    effective = n / _design_effect(sums, sizes)
    low, high = wilson(value, effective, _t_quantile(len(sums)))
    return Estimate(value, low, high, n)


def wilson(value: float, n: float, quantile: float) -> tuple[float, float]:
    """The score interval for the share ``value`` of ``n`` trials; ``n`` need not be whole. Wilson, JASA 22, 1927."""
    squared = quantile**2 / n
    centre = (value + squared / 2) / (1 + squared)
    half = quantile * math.sqrt(value * (1 - value) / n + squared / (4 * n)) / (1 + squared)
    return max(0.0, centre - half), min(1.0, centre + half)


def mean(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """The mean of values without bounds, with an expanded-percentile cluster bootstrap interval.

    Whole clusters are drawn again, never single values. The percentiles are Phi(-+ sqrt(g / (g - 1)) t) for g clusters
    and t of (g - 1) degrees of freedom: Hesterberg, What teachers should know about the bootstrap, The American
    Statistician 69, 2015. One cluster alone gives an infinite interval.
    """
    sums, sizes = _cluster_sums(values, clusters)
    value, count = float(sums.sum() / sizes.sum()), len(sums)
    if count == 1:
        return Estimate(value, -math.inf, math.inf, len(values))
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    low, high = np.quantile((draws @ sums) / (draws @ sizes), _expanded_percentiles(count))
    return Estimate(value, float(low), float(high), len(values))


def _cluster_sums(values: Sequence[float], clusters: Sequence[Hashable]) -> tuple[Floats, Floats]:
    """Per cluster the sum of its values and its size."""
    order: dict[Hashable, int] = {}
    indices = [order.setdefault(cluster, len(order)) for cluster in clusters]
    sums = np.bincount(indices, weights=values).astype(np.float64)
    return sums, np.bincount(indices).astype(np.float64)


def _design_effect(sums: Floats, sizes: Floats) -> float:
    """1.0 where it cannot be told: one cluster, or no variance."""
    n, count = sizes.sum(), len(sizes)
    value = sums.sum() / n
    residuals = sums - value * sizes
    binomial = value * (1 - value) / n
    clustered = count / max(1, count - 1) * (residuals @ residuals) / n**2
    if count == 1 or clustered <= 1e-12 * binomial or binomial <= 0:
        return 1.0
    return float(clustered / binomial)


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

    ``difference`` is the mean of new - old with its interval; ``p_value`` that of a paired sign-flip permutation test;
    ``detectable`` the smallest true difference that these cases would show in four of five repetitions.
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
    """p-values adjusted for being read together. Holm, A simple sequentially rejective multiple test procedure,
    Scandinavian Journal of Statistics 6, 1979."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for done, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - done) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _sign_flip(differences: Floats, clusters: Sequence[Hashable]) -> float:
    """Two-sided. Exact where the sign patterns are few enough; 1.0 for a single cluster."""
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
