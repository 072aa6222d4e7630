"""Statistics against hand-worked numbers, SciPy and known limits."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[import-untyped]

from eval.stats import Estimate, holm, mean, p95, paired, share, wilson

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


def test_where_there_is_one_document_its_questions_stand_for_themselves() -> None:
    values = [1.0, 0.0, 1.0, 1.0]
    assert share(values, ["a"] * 4) == share(values, range(4))
    assert mean(values, ["a"] * 4) == mean(values, range(4))


def test_a_single_value_says_nothing_of_others() -> None:
    estimate = mean([1.5], ["a"])
    assert (estimate.value, estimate.low, estimate.high) == (1.5, float("-inf"), float("inf"))


def test_equal_values_have_an_interval_of_no_width() -> None:
    estimate = mean([3.0] * 6, range(6))
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (3.0, 3.0, 3.0, 6)


def test_the_95th_percentile_never_exceeds_the_greatest_value_and_one_value_is_enough() -> None:
    assert p95([2.0]) == 2.0
    assert p95([0.0, 1.0]) == pytest.approx(0.95)
    assert p95(range(21)) == 19.0


def test_an_estimate_is_printed_with_its_interval() -> None:
    assert Estimate(0.8734, 0.81, 0.9249, 40).printed() == "0.873 [0.81, 0.92]"


units = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6)), min_size=1, max_size=40)


@given(units)
def test_a_share_and_its_interval_stay_in_the_unit_range_and_in_order(drawn: list[tuple[float, int]]) -> None:
    estimate = share([value for value, _ in drawn], [cluster for _, cluster in drawn])
    assert 0 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value - 1e-12 <= estimate.high <= 1


@given(units, st.randoms())
def test_the_order_of_cases_does_not_matter_to_a_share(drawn: list[tuple[float, int]], draw: random.Random) -> None:
    shuffled = list(drawn)
    draw.shuffle(shuffled)
    one = share([value for value, _ in drawn], [cluster for _, cluster in drawn])
    other = share([value for value, _ in shuffled], [cluster for _, cluster in shuffled])
    assert (one.low, one.value, one.high) == pytest.approx((other.low, other.value, other.high))


def test_the_sign_flip_test_is_exact_for_few_pairs() -> None:
    """All five differences positive: only the pattern itself and its mirror are as far out, 2 of 32."""
    result = paired([0.0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], range(5))
    assert result.p_value == pytest.approx(2 / 32)
    assert result.difference.value == pytest.approx(0.3)
    assert result.difference.low > 0


def test_two_equal_systems_do_not_differ_and_one_case_is_the_least_that_could_show() -> None:
    result = paired([0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], range(4))
    assert (result.difference.low, result.difference.value, result.difference.high) == (0.0, 0.0, 0.0)
    assert result.p_value == 1.0
    assert result.detectable == 0.25


def test_the_permutation_flips_whole_documents() -> None:
    result = paired([0.0] * 6, [1.0] * 6, ["a"] * 3 + ["b"] * 3)
    assert result.p_value == pytest.approx(2 / 4)
    assert paired([0.0], [1.0], ["a"]).p_value == 1.0


def test_the_detectable_difference_is_two_quantiles_times_the_standard_error() -> None:
    """Differences 1, 0, 0, 1: standard deviation 0.57735, error 0.288675; t with 3 degrees: 3.182446 and 0.978472."""
    result = paired([0.0] * 4, [1.0, 0.0, 0.0, 1.0], range(4))
    assert result.detectable == pytest.approx((3.182446 + 0.978472) * 0.2886751, abs=1e-5)


def test_holm_on_a_worked_example() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=10))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[index] for index in order] == sorted(adjusted)


@given(units)
def test_swapping_two_systems_mirrors_their_difference(drawn: list[tuple[float, int]]) -> None:
    old, clusters = [value for value, _ in drawn], [cluster for _, cluster in drawn]
    new = old[::-1]
    there, back = paired(old, new, clusters), paired(new, old, clusters)
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.detectable == pytest.approx(back.detectable)
