"""Key points, found by their terms."""

from dataclasses import replace

import pytest

from eval.keypoints import KEYPOINT_TERMS, claim_of
from eval.score import score_records
from eval.types import EvalRecord, Score
from rag.types import Conflict
from tests.eval.samples import REFUSAL, answered, case, cite, record


def terms(one: EvalRecord) -> Score:
    return score_records([one], [KEYPOINT_TERMS])[one.case.id]["keypoint_terms"]


@pytest.mark.parametrize(
    ("point", "covered"),
    [
        ("KV cache 占 2 GB 显存", True),
        ("kv cache 要 2 GB 显存", True),
        ("KV cache 占 3 GB 显存", False),
        ("MLA 占 2 GB 显存", False),
        ("显存", True),
        ("训练时按 2 GB 一张卡的规格买", False),
        ("other.md：显存占 2 GB", True),
    ],
)
def test_numbers_and_latin_words_must_stand_in_the_answer_and_most_of_the_rest(point: str, covered: bool) -> None:
    answer = answered([("KV cache 大约占 2 GB 显存。", [1])], [cite(1, "cache.md", "It needs 2 GB.")])
    assert terms(record(case(keypoints=[point]), answer)) == Score.share([covered])


def test_a_mark_is_no_number_of_the_answer_and_thousands_have_no_comma() -> None:
    answer = answered([("It takes 1,000 steps.", [7])])
    assert terms(record(case(keypoints=["takes 7 steps", "takes 1000 steps"]), answer)).parts == (False, True)


def test_a_refusal_makes_no_key_point() -> None:
    assert terms(record(case(keypoints=["notes", "```"]), REFUSAL)) == Score(0.0, (False, False))


@pytest.mark.parametrize("point", ["```", "$$", "|---|"])
def test_a_key_point_without_terms_is_unscored(point: str) -> None:
    assert terms(record(case(keypoints=["2 GB", point]), answered([("2 GB", [1])]))) == Score(0.5, (True, None))


def test_that_notes_disagree_is_said_by_showing_the_conflict() -> None:
    quotes = [("cache.md", "It needs 2 GB."), ("other.md", "The cache needs 4 GB.")]
    conflict = case(type_="conflict", quotes=quotes, keypoints=["cache.md: 2 GB", "they conflict"])
    answer = answered([("2 GB or 4 GB.", [1, 2])], [cite(1, "cache.md", "2 GB"), cite(2, "other.md", "4 GB")])
    assert terms(record(conflict, answer)).parts == (True, False)
    shown = replace(answer, conflicts=(Conflict("2 GB", (1,), "4 GB", (2,)),))
    assert terms(record(conflict, shown)).parts == (True, True)


@pytest.mark.parametrize("point", ["归一化.md：更稳", "002 说：更稳", "some-note.txt: 更稳", "007 says: 更稳"])
def test_a_key_point_is_claimed_without_the_note_that_says_it(point: str) -> None:
    assert claim_of(point) == "更稳"


def test_a_colon_in_a_key_point_is_no_attribution() -> None:
    assert claim_of("两步：先算 Q，再算 K") == "两步：先算 Q，再算 K"
