"""Interval coverage by simulation, in short; the whole of it is ``python -m eval.benchmarks.coverage``."""

import pytest

from eval.benchmarks.coverage import Scenario, coverage, scenarios

SCENARIOS = {scenario.name: scenario for scenario in scenarios()}


@pytest.mark.parametrize(
    "name",
    [
        "share, yes or no: 20 documents, truth 0.9, correlation 0.2",
        "share, graded: 30 documents, truth 0.9, correlation 0.2",
        "mean of lengths: 30 documents, correlation 0.2",
        "corrected share: judge 0.9 / 0.9, 100% judged",
        "corrected share: judge 0.9 / 0.9, 70% judged",
    ],
)
def test_intervals_cover_within_what_400_runs_can_tell(name: str) -> None:
    """Four standard errors of 400 runs around 95 %."""
    scenario: Scenario = SCENARIOS[name]
    assert 0.95 - 4 * 0.0109 <= coverage(scenario, 400) <= 0.95 + 4 * 0.0109
