"""Scores of answers, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.answers import ANSWER_SCORERS, risk_coverage
from eval.score import score_records
from eval.types import EvalRecord, Score
from tests.eval.samples import REFUSAL, answered, case, cite, record

TWO_QUOTES = case(quotes=[("cache.md", "It needs 2 GB."), ("cache.md", "Quantise it to save half.")])
CONFLICT = case(type_="conflict", quotes=[("cache.md", "It needs 2 GB."), ("other.md", "The cache needs 4 GB.")])


def scores(one: EvalRecord) -> dict[str, Score]:
    return score_records([one], ANSWER_SCORERS)[one.case.id]


def test_one_of_three_citations_finds_one_of_two_quotes() -> None:
    citations = [cite(1, "cache.md", "needs 2"), cite(2, "cache.md", "KV cache"), cite(3, "other.md", "4 GB")]
    assert scores(record(TWO_QUOTES, answered([("It needs 2 GB.", [1, 2, 3])], citations))) == {
        "citation_precision": Score(1 / 3, (True, False, False)),
        "citation_recall": Score(1 / 2, (True, False)),
        "numbers_cited": Score(1.0, (True,)),
        "false_refusal": Score(1.0, (True,)),
    }


def test_an_answer_without_citations_scores_nothing_for_them() -> None:
    found = scores(record(TWO_QUOTES, answered([("It needs 2 GB.", [])])))
    assert (found["citation_precision"].value, found["citation_recall"].value) == (0.0, 0.0)


def test_a_refusal_of_an_answerable_question_is_a_false_refusal_and_cites_nothing() -> None:
    assert scores(record(TWO_QUOTES, REFUSAL)) == {
        "citation_precision": Score(0.0),
        "citation_recall": Score(0.0, (False, False)),
        "false_refusal": Score(0.0, (False,)),
    }


def test_an_unanswerable_question_is_scored_by_its_refusal_alone() -> None:
    nothing = case(type_="unanswerable")
    assert scores(record(nothing, REFUSAL)) == {"false_answer": Score(1.0, (True,))}
    assert scores(record(nothing, answered([("Two GB.", [])]))) == {"false_answer": Score(0.0, (False,))}


def test_a_failure_is_an_error_wherever_the_case_could_have_been_scored() -> None:
    error = Score(None, error=True)
    assert scores(record(CONFLICT, None)) == dict.fromkeys(
        ("citation_precision", "citation_recall", "numbers_cited", "both_sides", "false_refusal"), error
    )


def test_a_number_counts_when_the_words_that_its_own_sentence_cites_hold_it() -> None:
    citations = [cite(1, "cache.md", "It needs 2 GB."), cite(2, "other.md", "4 GB")]
    answer = answered([("2 GB of 4,096 [1]", [1]), ("4 GB, not 4.5 or 2", [2]), ("none", [1])], citations)
    assert scores(record(TWO_QUOTES, answer))["numbers_cited"] == Score(2 / 5, (True, False, True, False, False))


def test_a_conflict_is_shown_when_both_documents_are_cited() -> None:
    one, both = [cite(1, "cache.md", "2 GB")], [cite(1, "cache.md", "2 GB"), cite(2, "other.md", "4 GB")]
    assert scores(record(CONFLICT, answered([("2 GB.", [1])], one)))["both_sides"] == Score(0.0, (False,))
    assert scores(record(CONFLICT, answered([("2 or 4.", [1, 2])], both)))["both_sides"] == Score(1.0, (True,))


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
