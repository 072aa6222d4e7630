from dataclasses import replace

import numpy as np
import pytest

from ingest.types import Chunk
from rag.answerability import (
    CalibratedAnswerability,
    Decision,
    UnknownNames,
    answer_features,
    nearest_headings,
    refusal,
    unknown_share,
    unmentioned_line,
    unmentioned_names,
)
from rag.types import Hit, Query, Stage, Statement


def hit(text: str, score: float = 0.9, headings: tuple[str, ...] = ()) -> Hit:
    return Hit(Chunk(text, "a.md", "笔记", headings, 0, len(text), text, len(text)), score, "dense")


def test_chinese_proper_names_count_where_there_are_no_technical_ones() -> None:
    stages: dict[Stage, list[Hit]] = {"fused": [hit("张世昌讲过 LoRA 的秩")]}
    assert unknown_share(Query("张世昌是谁", ""), stages) == 0
    assert unknown_share(Query("张世昌在北京讲过什么", ""), stages) == 0.5
    assert unknown_share(Query("北京有谁讲过 LoRA", ""), stages) == 0
    assert unmentioned_names(Query("张世昌在北京讲过什么", ""), stages) == ()


def test_refuses_without_hits_or_when_most_names_are_unknown() -> None:
    near = hit("LoRA 的初始化")

    def decide(question: str, *hits: Hit) -> Decision:
        return UnknownNames()(Query(question, question), {"dense": hits, "fused": hits}, hits, ())

    assert decide("LoRA 怎么初始化", near) == Decision(True, None)
    assert decide("AdaLoRA 怎么初始化", near) == Decision(False, None)
    assert decide("LoRA 怎么初始化") == Decision(False, None)


def statement(found: Hit, score: float) -> Statement:
    return Statement(found, 0, 0, "paragraph", 0, (), 0, found.chunk.end, found.chunk.text, score=score)


def test_features_are_best_probability_best_cosine_share_of_unknown_names_an_acronym_and_best_statement() -> None:
    hits = [hit("LoRA 的初始化", 0.8), hit("别的", 0.6)]
    query = Query("LoRA 和 AdaLoRA 哪个好", "")
    stages: dict[Stage, list[Hit]] = {"dense": hits, "fused": hits}
    read = [statement(hits[0], 1.5), statement(hits[1], -2.0)]
    features = answer_features(query, stages, [replace(hits[0], score=0.25)], read)
    assert features.tolist() == pytest.approx([0.25, 0.8, 0.5, 1.0, 1.5])
    assert answer_features(query, stages, hits, [])[4] == -6


@pytest.mark.parametrize(
    ("asked", "distinct"),
    [("GAE", 1), ("PiSSA", 1), ("A100s", 1), ("NVFP4", 1), ("LoRA", 0), ("gae", 0), ("Hopper", 0), ("56B", 0)],
)
def test_an_unknown_acronym_or_version_cannot_be_said_otherwise(asked: str, distinct: int) -> None:
    hits = [hit("LoRA 的初始化")]
    stages: dict[Stage, list[Hit]] = {"dense": hits, "fused": hits}
    assert answer_features(Query(f"{asked} 怎么用", ""), stages, hits, [])[3] == distinct


def test_confidence_is_logistic_in_the_features_and_the_threshold_decides() -> None:
    hits = [hit("LoRA 的初始化", 0.8)]
    stages: dict[Stage, list[Hit]] = {"dense": hits, "fused": hits}
    weights = np.array([1.0, 0.0, 0.0, 0.0, 0.5, -1.8], np.float32)
    read = [statement(hits[0], 2.0)]
    decision = CalibratedAnswerability(weights, 0.4)(Query("LoRA", "LoRA"), stages, hits, read)
    assert decision.answered
    assert decision.confidence == pytest.approx(0.5)
    assert not CalibratedAnswerability(weights, 0.6)(Query("LoRA", "LoRA"), stages, hits, read).answered
    assert CalibratedAnswerability(weights, 0.4)(Query("LoRA", "LoRA"), stages, [], []) == Decision(False, 0.0)


def test_nearest_headings_are_different_paths_with_the_title_first() -> None:
    hits = [hit("一", headings=("甲",)), hit("二", headings=("甲",)), hit("三", headings=("乙", "丙"))]
    assert nearest_headings(hits) == (("笔记", "甲"), ("笔记", "乙", "丙"))


def test_refusal_follows_the_questions_language() -> None:
    assert refusal("为什么？", "LoRA\n为什么？", [("笔记", "甲")]) == (
        "笔记里没有说到这个问题。搜索的是“LoRA 为什么？”。最接近的标题：\n\n- 笔记 > 甲"
    )
    assert refusal("Why?", "Why?", []) == "Your notes don't say. Searched for: “Why?”."
    assert (
        refusal("Why?", "Why?", [("Notes", "A")])
        == "Your notes don't say. Searched for: “Why?”. The nearest headings:\n\n- Notes > A"
    )


def test_what_is_unmentioned_is_said_in_the_questions_language() -> None:
    assert unmentioned_line("为什么用 A 和 B？", ["A", "B"]) == "找到的笔记里没有提到：A、B。"
    assert unmentioned_line("Why A and B?", ["A", "B"]) == "The notes found do not mention A, B."
