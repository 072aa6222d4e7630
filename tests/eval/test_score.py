"""Scores -> summary."""

from dataclasses import replace

from eval.answers import ANSWER_SCORERS
from eval.keypoints import KEYPOINT_TERMS
from eval.score import Spread, score_records, summarise, values_of
from eval.stats import Estimate
from eval.types import EvalRecord, Score, Scorer, Trial
from ingest.phrases import Phrase
from rag.chat_model import TokenUsage
from tests.eval.samples import REFUSAL, answered, case, cite, record

GOOD = answered([("2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB.")], {"retrieve": 0.1})
BAD = answered([("2 GB.", [1])], [cite(1, "cache.md", "KV cache")], {"retrieve": 0.3})
RECORDS = (
    record(case("1"), GOOD, confidence=0.9),
    record(case("2", question="要多少"), BAD, confidence=0.5),
    record(case("3"), None),
    record(case("4", "unanswerable"), REFUSAL, confidence=0.1),
    record(case("5", "unanswerable"), BAD, confidence=0.2),
)
SCORES = score_records(RECORDS, ANSWER_SCORERS)
SUMMARY = summarise(RECORDS, ANSWER_SCORERS, SCORES)
ROWS = {row.name: row for row in SUMMARY.rows}


def test_a_failure_counts_as_the_worst_value_and_apart_from_what_is_wrong() -> None:
    row = ROWS["citation_recall"]
    assert (row.right, row.wrong, row.unscored, row.errors) == (1, 1, 0, 1)
    assert (row.estimate.value, row.estimate.n) == (1 / 3, 3)
    assert values_of("citation_recall", RECORDS, SCORES) == {"1": 1.0, "2": 0.0, "3": 0.0}


def test_rates_of_failure_are_printed_as_such() -> None:
    assert ROWS["false_answer"].estimate.value == 0.5
    refusals = ROWS["false_refusal"]
    assert refusals.estimate.value == 1 - 2 / 3
    assert refusals.estimate.low < refusals.estimate.value < refusals.estimate.high
    assert (refusals.right, refusals.wrong, refusals.errors) == (2, 0, 1)


def test_scorers_that_apply_to_no_case_have_no_row() -> None:
    assert "both_sides" not in ROWS
    assert [row.name for row in SUMMARY.by_type["unanswerable"]] == [
        "numbers_cited",
        "false_answer",
        "conflict_alarm",
    ]
    assert set(SUMMARY.by_type) == {"fact", "unanswerable"}
    assert {name: rows[0].estimate.n for name, rows in SUMMARY.by_language.items()} == {"en": 2, "zh": 1}


def test_speed_and_length_are_those_of_the_cases_that_have_them() -> None:
    retrieve = SUMMARY.seconds["retrieve"]
    assert (retrieve.median, retrieve.n) == (0.3, 3)
    assert SUMMARY.characters is not None
    assert (SUMMARY.characters.median, SUMMARY.characters.total, SUMMARY.characters.n) == (9.0, 27.0, 3)


def test_tokens_are_those_of_the_questions_whose_server_told_them() -> None:
    told = [
        replace(one, trial=replace(one.trial, tokens=tokens)) if one.trial else one
        for one, tokens in zip(RECORDS, (TokenUsage(900, 40), None, None, TokenUsage(1100, 0), None), strict=True)
    ]
    summary = summarise(told, ANSWER_SCORERS, SCORES)
    assert summary.tokens_read == Spread(1000.0, 1090.0, 2000.0, 2)
    assert summary.tokens_written is not None
    assert summary.tokens_written.total == 40.0
    assert SUMMARY.tokens_read is None


def test_what_should_not_or_could_not_be_answered_is_a_full_loss_on_the_risk_coverage_curve() -> None:
    curve = SUMMARY.risk_coverage["citation_recall"]
    assert curve.risk == (0.0, 1 / 2, 2 / 3, 3 / 4, 4 / 5)


def test_answerable_cases_that_a_quality_does_not_apply_to_are_not_on_its_curve() -> None:
    named = replace(KEYPOINT_TERMS, name="mine/keypoint_recall")
    records = (
        record(case("1", keypoints=["2 GB"]), GOOD, confidence=0.9),
        record(case("2"), GOOD, confidence=0.5),
        record(case("3", "unanswerable"), GOOD, confidence=0.2),
    )
    curves = summarise(records, [named], score_records(records, [named])).risk_coverage
    assert curves["mine/keypoint_recall"].risk == (0.0, 1 / 2)
    assert summarise(records[1:], [named], score_records(records[1:], [named])).risk_coverage == {}


def test_a_score_of_ones_own_is_a_function_and_a_name() -> None:
    def short(one: EvalRecord, trial: Trial) -> Score:
        return Score.of(len(trial.answer.text) < 20)

    scorer = Scorer("short", Phrase("Short answers", "简短的回答"), short, applies=lambda one: one.case.answerable)
    (row,) = summarise(RECORDS, [scorer], score_records(RECORDS, [scorer])).rows
    assert (row.right, row.wrong, row.errors) == (2, 0, 1)


def test_the_complement_of_an_estimate_swaps_its_bounds() -> None:
    assert Estimate(0.75, 0.5, 1.0, 8).complement() == Estimate(0.25, 0.0, 0.5, 8)
