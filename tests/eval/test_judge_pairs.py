"""Labelled pairs made from questions with known answers."""

from dataclasses import replace

from eval.judge_pairs import pairs_of
from eval.pairs import LabelledPair
from eval.types import EvalCase, EvalRecord
from tests.eval.samples import FINDER, case

MEMORY = replace(case("1"), answer="It takes 2 GB of memory.")
SAVING = replace(case("2", quotes=[("cache.md", "Quantise it to save half.")]), answer="Yes. Quantising saves a half.")
CONFLICT = case(
    "3",
    "conflict",
    quotes=[("cache.md", "It needs 2 GB."), ("other.md", "The cache needs 4 GB.")],
    keypoints=["cache.md: 2 GB", "other.md：4 GB", "they conflict"],
)


def made(*cases: EvalCase) -> list[LabelledPair]:
    records = [EvalRecord(one, FINDER.gold(one), None) for one in cases]
    return list(pairs_of(records, lambda place: ("Cache", "Cost")))


def pair(premise: str, claim: str, supported: bool, kind: str) -> LabelledPair:
    return LabelledPair(f"Cache > Cost\n{premise}", claim, supported, "", kind)


def test_a_quote_is_carried_and_an_answer_by_its_own_quotes_alone_and_only_as_it_stands() -> None:
    takes, saves = "It takes 2 GB of memory.", "Quantising saves a half."
    needs, quantise = "It needs 2 GB.", "Quantise it to save half."
    assert made(MEMORY, SAVING) == [
        pair(needs, takes, True, "own"),
        pair(needs, "It takes 3 GB of memory.", False, "number"),
        pair(quantise, takes, False, "elsewhere"),
        pair(quantise, quantise, True, "quoted"),
        pair(quantise, saves, True, "own"),
        pair(needs, saves, False, "elsewhere"),
        pair(quantise, f"{saves} {takes}", False, "half"),
    ]


def test_one_side_of_a_conflict_is_not_carried_by_the_other() -> None:
    assert made(CONFLICT) == [
        pair("The cache needs 4 GB.", "2 GB", False, "conflict"),
        pair("It needs 2 GB.", "4 GB", False, "conflict"),
    ]


def test_an_answer_with_a_number_that_its_quotes_lack_makes_no_pair() -> None:
    assert made(replace(MEMORY, answer="It takes 2 GB, or 4 GB on others.")) == []


def test_a_number_within_a_name_is_not_changed() -> None:
    assert [each.kind for each in made(replace(MEMORY, answer="The B2-2 cache takes memory."))] == ["own"]
