"""Scores that rest on a judge, with a judge whose word is written down here."""

from collections.abc import Mapping, Sequence

from eval.judge import LexicalOverlap
from eval.judged import judged_scorers, judged_share, premise
from eval.score import score_records
from eval.types import EvalRecord, Score
from eval.verdict import Pair, Verdict
from rag.types import Citation
from tests.eval.samples import REFUSAL, answered, case, cite, record

TWO_GB, CACHE, HALF = (
    cite(1, "cache.md", "It needs 2 GB."),
    cite(2, "cache.md", "KV cache"),
    cite(3, "cache.md", "half"),
)


class Listed:
    """Says what it was told to say, and False of everything else."""

    name = "listed"

    def __init__(self, said: Mapping[Pair, bool | None]) -> None:
        self.said = said
        self.asked: list[Pair] = []

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        self.asked += pairs
        said = [self.said.get(pair, False) for pair in pairs]
        return [None if yes is None else Verdict(float(yes)) for yes in said]


def scores(one: EvalRecord, said: Mapping[Pair, bool | None]) -> dict[str, Score]:
    return score_records([one], judged_scorers(Listed(said), [one]))[one.case.id]


def test_a_judge_sees_the_sentences_with_citations_that_the_answer_has() -> None:
    answer = answered([("It needs 2 GB.", [1]), ("Sure.", []), ("Or so.", [9]), ("Halved.", [3])], [TWO_GB, HALF])
    assert judged_share(record(case(), answer)) == 0.5
    assert judged_share(record(case(), REFUSAL)) == judged_share(record(case(), None)) == 0.0


def test_faithfulness_counts_supported_unsupported_uncited_and_unscored_sentences() -> None:
    answer = answered(
        [("It takes 2 GB.", [1]), ("It is slow.", [1]), ("Trust me.", []), ("Half.", [3])], [TWO_GB, HALF]
    )
    found = scores(record(case(), answer), {("It needs 2 GB.", "It takes 2 GB."): True, ("half", "Half."): None})
    assert found["listed/faithfulness"] == Score(0.25, (True, False, False, None))


def test_a_citation_is_needed_when_it_supports_alone_or_the_others_do_not() -> None:
    answer = answered([("The cache needs 2 GB.", [1, 2, 3])], [TWO_GB, CACHE, HALF])
    sentence = "The cache needs 2 GB."
    every = premise([TWO_GB, CACHE, HALF])
    found = scores(
        record(case(), answer),
        {
            (every, sentence): True,
            (premise([TWO_GB]), sentence): True,
            (premise([TWO_GB, HALF]), sentence): True,
            (premise([TWO_GB, CACHE]), sentence): True,
        },
    )
    assert found["listed/faithfulness"] == Score(1.0, (True,))
    assert found["listed/citation_need"] == Score(1 / 3, (True, False, False))


def test_citations_of_an_unsupported_sentence_are_not_needed_and_the_judge_may_not_know() -> None:
    answer = answered([("Wrong.", [1, 2]), ("Who knows.", [1])], [TWO_GB, CACHE])
    found = scores(record(case(), answer), {("It needs 2 GB.", "Who knows."): None})
    assert found["listed/citation_need"] == Score(0.0, (False, False, None))


def test_key_points_are_judged_against_the_answer_without_its_marks() -> None:
    answer = answered([("It needs 2 GB.", [1])], [TWO_GB])
    found = scores(record(case(keypoints=["2 GB", "per token"]), answer), {("It needs 2 GB.", "2 GB"): True})
    assert found["listed/keypoint_recall"] == Score(0.5, (True, False))


def test_a_refusal_is_neither_faithful_nor_unfaithful_but_makes_no_key_point() -> None:
    found = scores(record(case(keypoints=["2 GB"]), REFUSAL), {})
    assert found == {"listed/keypoint_recall": Score(0.0, (False,))}
    assert scores(record(case(type_="unanswerable"), REFUSAL), {}) == {}


def test_an_answer_without_sentences_is_not_faithful() -> None:
    assert scores(record(case(), answered()), {})["listed/faithfulness"] == Score(0.0)


def test_when_nothing_could_be_judged_the_score_is_missing() -> None:
    answer = answered([("Half.", [3])], [HALF])
    assert scores(record(case(), answer), {("half", "Half."): None})["listed/faithfulness"] == Score(None, (None,))


def test_a_number_that_is_no_citation_supports_nothing() -> None:
    answer = answered([("It needs 2 GB.", [7])], [TWO_GB])
    assert scores(record(case(), answer), {})["listed/faithfulness"] == Score(0.0, (False,))


def test_each_pair_is_asked_once() -> None:
    answer = answered([("It needs 2 GB.", [1]), ("It needs 2 GB.", [1])], [TWO_GB])
    judge = Listed({})
    judged_scorers(judge, [record(case("1"), answer), record(case("2"), answer)])
    assert judge.asked == [("It needs 2 GB.", "It needs 2 GB.")]


def test_cited_words_are_judged_under_their_headings() -> None:
    cited = Citation(1, "a.md", ("LoRA", "优点"), None, 0, 3, "省显存")
    assert premise([cited, TWO_GB]) == "LoRA > 优点\n省显存\n\nIt needs 2 GB."


def test_lexical_overlap_is_the_share_of_the_claims_words_in_the_premise() -> None:
    pairs = [("cache needs memory", "cache needs disks"), ("anything", "，。"), ("cache", "cache")]
    assert LexicalOverlap().judge(pairs) == [Verdict(2 / 3), None, Verdict(1.0)]
