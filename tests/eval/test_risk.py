"""The risk-coverage curve, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.risk import risk_coverage


def test_the_risk_coverage_curve_of_four_questions() -> None:
    curve = risk_coverage([0.0, 1.0, 0.5, 0.0], [0.9, 0.8, 0.7, None])
    assert curve.coverage == (0.25, 0.5, 0.75, 1.0)
    assert curve.risk == pytest.approx((0.0, 0.5, 0.5, 0.375))
    assert curve.area == pytest.approx(1.375 / 4)
    assert curve.excess == pytest.approx(1.375 / 4 - (0.0 + 0.0 + 0.5 / 3 + 0.375) / 4)


def test_equal_confidences_share_their_loss_whatever_their_order() -> None:
    assert risk_coverage([1.0, 0.0], [0.5, 0.5]) == risk_coverage([0.0, 1.0], [0.5, 0.5])
    assert risk_coverage([1.0, 0.0], [None, None]).risk == (0.5, 0.5)


losses = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 1.0]), st.integers(0, 5)), min_size=1, max_size=20)


@given(losses)
def test_the_curve_ends_at_the_mean_loss_and_no_order_beats_the_best(drawn: list[tuple[float, int]]) -> None:
    curve = risk_coverage([loss for loss, _ in drawn], [float(confidence) for _, confidence in drawn])
    assert curve.risk[-1] == pytest.approx(np.mean([loss for loss, _ in drawn]))
    assert 0 <= curve.area <= 1
    assert curve.excess >= -1e-12
