"""Statistics against hand-worked numbers, SciPy and known limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[import-untyped]

from eval.stats import mean, share, wilson

Z = 1.959963984540054


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (37, 54), (149, 150)])
def test_wilson_agrees_with_scipy(successes: int, n: int) -> None:
    theirs = binomtest(successes, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(successes / n, n, Z) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_cases_that_always_agree_within_a_document_count_as_one_each() -> None:
    values = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    documents = ["a"] * 3 + ["b"] * 3 + ["c"] * 3 + ["d"] * 3
    together, apart = share(values, documents), share(values, range(12))
    assert (together.value, together.n) == (0.75, 12)
    assert together.low < apart.low < 0.75 < apart.high < together.high


def test_a_perfect_score_still_leaves_doubt() -> None:
    estimate = share([1.0] * 20, range(20))
    assert estimate.value == estimate.high == 1.0
    assert estimate.low == pytest.approx(20 / (20 + 2.093024**2), abs=1e-6)


def test_one_document_alone_says_nothing_about_others() -> None:
    estimate = mean([1.0, 2.0], ["a", "a"])
    assert (estimate.value, estimate.low, estimate.high) == (1.5, float("-inf"), float("inf"))


def test_equal_values_have_an_interval_of_no_width() -> None:
    estimate = mean([3.0] * 6, range(6))
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (3.0, 3.0, 3.0, 6)


units = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6)), min_size=1, max_size=40)


@given(units)
def test_a_share_and_its_interval_stay_in_the_unit_range_and_in_order(drawn: list[tuple[float, int]]) -> None:
    estimate = share([value for value, _ in drawn], [cluster for _, cluster in drawn])
    assert 0 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value - 1e-12 <= estimate.high <= 1


@given(units, st.randoms())
def test_the_order_of_cases_does_not_matter_to_a_share(drawn: list[tuple[float, int]], draw: object) -> None:
    import random

    assert isinstance(draw, random.Random)
    shuffled = list(drawn)
    draw.shuffle(shuffled)
    one = share([value for value, _ in drawn], [cluster for _, cluster in drawn])
    other = share([value for value, _ in shuffled], [cluster for _, cluster in shuffled])
    assert (one.low, one.value, one.high) == pytest.approx((other.low, other.value, other.high))
