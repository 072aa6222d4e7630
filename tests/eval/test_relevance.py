"""Answer relevance with the fake embedder, which knows pairs of letters."""

from eval.relevance import relevance_scorer
from eval.score import score_records
from tests.eval.samples import REFUSAL, answered, case, record
from tests.fakes import FakeEmbedder

RECORDS = [
    record(case("1", question="how much memory does the cache need"), answered([("The cache needs memory [1]", [1])])),
    record(case("2", question="who wrote the optimizer"), answered([("The cache needs memory [1]", [1])])),
    record(case("3"), REFUSAL),
    record(case("4"), None),
]


def test_an_answer_is_relevant_when_its_own_question_is_the_nearest() -> None:
    scores = score_records(RECORDS, [relevance_scorer(RECORDS, FakeEmbedder)])
    values = {case_id: found["relevance"].value for case_id, found in scores.items() if found}
    assert values == {"1": 1.0, "2": 0.5, "4": None}
    assert scores["3"] == {}


def test_no_embedder_is_opened_when_nothing_was_answered() -> None:
    def never() -> FakeEmbedder:
        raise AssertionError

    refused = RECORDS[2:]
    assert score_records(refused, [relevance_scorer(refused, never)])["4"]["relevance"].error
