from collections.abc import Sequence

import numpy as np
import pytest

from ingest.protocols import Vectors
from rag.types import Draft, Source, Support
from rag.verify import Verifier
from tests.rag.sample_hits import TEA, hit

CITED = Source(TEA, 40, 55)
"""绿茶用 80 度左右的水冲泡。"""


class SaysAlways:
    """A judge that gives every pair the same chances, and keeps what it was shown."""

    def __init__(self, *chances: float) -> None:
        self.chances = chances
        self.seen: list[tuple[str, str]] = []

    def support(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        self.seen += pairs
        return np.array([self.chances] * len(pairs), np.float32)


def verdict(text: str, *chances: float) -> Support | None:
    return Verifier(SaysAlways(*chances))([Draft(text, (CITED,))])[0]


def test_the_judge_reads_the_heading_and_the_cited_words() -> None:
    judge = SaysAlways(0.9, 0.05, 0.05)
    Verifier(judge)([Draft("绿茶不能用开水泡。", (CITED,))])
    assert judge.seen == [("泡茶 > 绿茶\n绿茶用 80 度左右的水冲泡。", "绿茶不能用开水泡。")]


def test_the_sentence_before_the_cited_words_is_read_along() -> None:
    judge = SaysAlways(0.9, 0.05, 0.05)
    Verifier(judge)([Draft("茶汤会变苦。", (Source(TEA, 55, 65),))])
    assert judge.seen[0][0].endswith("\n绿茶用 80 度左右的水冲泡。水太烫会让茶汤变苦。")


@pytest.mark.parametrize(
    ("chances", "said"),
    [((0.8, 0.1, 0.1), "supported"), ((0.2, 0.7, 0.1), "contradicted"), ((0.2, 0.1, 0.7), "not_found")],
)
def test_the_verdict_is_what_the_judge_finds_likeliest(chances: tuple[float, ...], said: str) -> None:
    support = verdict("绿茶要用温水冲泡。", *chances)
    assert support is not None
    assert (support.verdict, round(support.probability, 3)) == (said, chances[0])


@pytest.mark.parametrize("sentence", ["绿茶用 90 度的水冲泡。", "绿茶用 V60 冲泡。"])
def test_a_number_or_name_that_is_not_cited_counts_against_whatever_the_judge_says(sentence: str) -> None:
    support = verdict(sentence, 1.0, 0.0, 0.0)
    assert support is not None
    assert support.verdict == "not_found"
    assert support.probability < 0.5


@pytest.mark.parametrize("sentence", ["绿茶用 80.0 度左右的水冲泡。", "绿茶用８０度的水冲泡。"])
def test_a_number_may_be_written_otherwise(sentence: str) -> None:
    support = verdict(sentence, 1.0, 0.0, 0.0)
    assert support is not None
    assert support.verdict == "supported"


def test_numbers_in_words_and_thousands_are_read() -> None:
    note = hit("分为三个阶段，共 1,000 条；Mistral 最快，10^6 步。")
    cited = Source(note, 0, len(note.chunk.text))
    said = ["共 3 个阶段，1000 条，10⁶ 步。", "共 4 个阶段。", "Mixtral 最快。"]
    verdicts = Verifier(SaysAlways(1.0, 0.0, 0.0))([Draft(text, (cited,)) for text in said])
    assert [support.verdict for support in verdicts if support] == ["supported", "not_found", "not_found"]


def test_a_denial_of_what_is_not_denied_counts_against_it() -> None:
    plain, denied = verdict("绿茶用 80 度的水。", 0.6, 0.2, 0.2), verdict("绿茶不用 80 度的水。", 0.6, 0.2, 0.2)
    assert plain is not None
    assert denied is not None
    assert denied.probability < 0.5 < plain.probability


def test_the_notes_own_words_carry_themselves_without_a_judge() -> None:
    judge = SaysAlways(0.0, 1.0, 0.0)
    assert Verifier(judge)([Draft("绿茶用 80 度左右的水冲泡。", (CITED,), quoted=True)]) == [Support("supported", 1.0)]
    assert judge.seen == []


def test_a_sentence_without_a_source_is_not_found_and_a_label_is_no_claim() -> None:
    drafts = [Draft("绿茶最健康。", ()), Draft("要点：", ())]
    assert Verifier(SaysAlways(1.0, 0.0, 0.0))(drafts) == [Support("not_found", 0.0), None]
