"""Scores of answers, worked out by hand."""

from dataclasses import replace

import pytest

from eval.answers import ANSWER_SCORERS, numbers_in
from eval.score import score_records
from eval.types import EvalRecord, Score
from rag.types import Answer, Conflict
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
        "right_citation": Score(1.0, (True,)),
        "numbers_cited": Score(1.0, (True,)),
        "false_refusal": Score(1.0, (True,)),
        "conflict_alarm": Score(1.0, (True,)),
    }


def test_an_answer_without_citations_scores_nothing_for_them() -> None:
    found = scores(record(TWO_QUOTES, answered([("It needs 2 GB.", [])])))
    assert [found[name].value for name in ("citation_precision", "citation_recall", "right_citation")] == [0.0] * 3


def test_a_refusal_of_an_answerable_question_is_a_false_refusal_and_cites_nothing() -> None:
    assert scores(record(TWO_QUOTES, REFUSAL)) == {
        "citation_precision": Score(0.0),
        "citation_recall": Score(0.0, (False, False)),
        "false_refusal": Score(0.0, (False,)),
        "conflict_alarm": Score(1.0, (True,)),
    }


def test_an_unanswerable_question_is_scored_by_its_refusal_alone() -> None:
    nothing = case(type_="unanswerable")
    quiet = {"conflict_alarm": Score(1.0, (True,))}
    assert scores(record(nothing, REFUSAL)) == {"false_answer": Score(1.0, (True,)), **quiet}
    assert scores(record(nothing, answered([("Two GB.", [])]))) == {"false_answer": Score(0.0, (False,)), **quiet}


def test_a_failure_is_an_error_wherever_the_case_could_have_been_scored() -> None:
    error = Score(None, error=True)
    assert scores(record(CONFLICT, None)) == dict.fromkeys(
        (
            "citation_precision",
            "citation_recall",
            "right_citation",
            "numbers_cited",
            "false_refusal",
            "both_sides",
            "conflict_shown",
        ),
        error,
    )


def test_a_number_counts_when_the_words_that_its_own_sentence_cites_hold_it() -> None:
    citations = [cite(1, "cache.md", "It needs 2 GB."), cite(2, "other.md", "4 GB")]
    answer = answered([("2 GB of 4,096 [1]", [1]), ("4 GB, not 4.5 or 2", [2]), ("none", [1])], citations)
    assert scores(record(TWO_QUOTES, answer))["numbers_cited"] == Score(2 / 5, (True, False, True, False, False))


def test_a_comma_joins_thousands_and_parts_the_numbers_of_a_list() -> None:
    assert numbers_in("layers 3,5,7 of 12 [1]") == ["3", "5", "7", "12"]
    assert numbers_in("1,234,567 of 12,3456 and 2.5") == ["1234567", "12", "3456", "2.5"]


def test_both_sides_of_a_conflict_are_given_when_both_documents_are_cited() -> None:
    one, both = [cite(1, "cache.md", "2 GB")], [cite(1, "cache.md", "2 GB"), cite(2, "other.md", "4 GB")]
    assert scores(record(CONFLICT, answered([("2 GB.", [1])], one)))["both_sides"] == Score(0.0, (False,))
    assert scores(record(CONFLICT, answered([("2 or 4.", [1, 2])], both)))["both_sides"] == Score(1.0, (True,))


def disagreeing(a: tuple[int, ...], b: tuple[int, ...]) -> Answer:
    citations = [
        cite(1, "cache.md", "2 GB"),
        cite(2, "other.md", "4 GB"),
        cite(3, "cache.md", "KV cache"),
        cite(4, "cache.md", "Quantise"),
    ]
    answer = answered([("2 or 4.", [1, 2])], citations)
    return replace(answer, conflicts=(Conflict("2 GB", a, "4 GB", b),))


@pytest.mark.parametrize(
    ("a", "b", "shown"),
    [
        ((1,), (2,), 1.0),
        ((2, 3), (1,), 1.0),
        ((1,), (1,), 0.0),
        ((3,), (2,), 0.0),
        ((), (1, 2), 0.0),
        ((1,), (9,), 0.0),
    ],
)
def test_a_conflict_is_shown_as_such_when_its_claims_cite_two_sides_of_the_gold(
    a: tuple[int, ...], b: tuple[int, ...], shown: float
) -> None:
    assert scores(record(CONFLICT, disagreeing(a, b)))["conflict_shown"].value == shown


def test_the_sides_within_one_document_are_its_quotes() -> None:
    within = case(type_="conflict", quotes=[("cache.md", "It needs 2 GB."), ("cache.md", "Quantise it to save half.")])
    assert scores(record(within, disagreeing((1,), (4,))))["conflict_shown"].value == 1.0
    assert scores(record(within, disagreeing((1,), (1,))))["conflict_shown"].value == 0.0


def test_a_conflict_shown_where_the_notes_agree_is_a_false_alarm() -> None:
    assert scores(record(case(), disagreeing((1,), (2,))))["conflict_alarm"] == Score(0.0, (False,))
    assert "conflict_alarm" not in scores(record(CONFLICT, disagreeing((1,), (2,))))


def test_a_false_premise_is_refused_or_met_with_the_words_that_say_what_holds() -> None:
    premise = case(type_="false_premise")
    right, wrong = [cite(1, "cache.md", "2 GB")], [cite(1, "other.md", "4 GB")]
    assert scores(record(premise, REFUSAL))["false_premise"].value == 1.0
    assert scores(record(premise, answered([("It needs 2 GB.", [1])], right)))["false_premise"].value == 1.0
    assert scores(record(premise, answered([("It needs 4 GB.", [1])], wrong)))["false_premise"].value == 0.0
