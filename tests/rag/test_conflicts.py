from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ingest.protocols import Vectors
from rag.conflicts import JudgeConflictFinder, claim_of, conflict_heading
from rag.generate import ExtractiveGenerator
from rag.pipeline import Pipeline
from rag.types import Answer, Hit, Query, Statement, StatementPair, TextPiece
from tests.rag.sample_hits import hit, pipeline_over, read

QUERY = Query("绿茶用多少度的水泡？", "绿茶用多少度的水泡？")
HOT = hit("绿茶用 80 度的水泡。", "茶书", ("绿茶",), "a.md")
BOILING = hit("- 绿茶要用 100 度的开水泡。", "随手记", ("绿茶",), "b.md")
SHELF = hit("绿茶可以存放一年。", "茶书", ("保存",), "c.md")


class DeniesNumbers:
    """Finds a contradiction where premise and claim both have a number and these differ."""

    def support(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        return np.array([self._row(*pair) for pair in pairs], np.float32)

    @staticmethod
    def _row(premise: str, claim: str) -> tuple[float, float, float]:
        one, other = ({word for word in text.split() if word.isdigit()} for text in (premise, claim))
        return (0.0, 1.0, 0.0) if one and other and one != other else (0.0, 0.0, 1.0)


def statement(found: Hit, probability: float | None = 0.9) -> Statement:
    return Statement(
        found, 0, 0, "paragraph", 0, found.chunk.headings, 0, found.chunk.end, found.chunk.text, probability=probability
    )


find = JudgeConflictFinder(DeniesNumbers())


def judged(*hits: Hit) -> list[StatementPair]:
    pairs, notice = find(QUERY, [statement(found) for found in hits])
    assert notice is None
    return list(pairs)


def test_two_notes_that_deny_each_other_are_found() -> None:
    assert judged(HOT, SHELF, BOILING) == [(statement(HOT), statement(BOILING))]


class Contradicts:
    def support(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        return np.array([(0.0, 1.0, 0.0)] * len(pairs), np.float32)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ("绿茶不用 80 度的水泡。", True),
        ("绿茶用 90 度的水泡。", True),
        ("泡绿茶，水要 80 度。", False),
        ("绿茶用 80 度的水泡 2 分钟。", False),
    ],
)
def test_a_conflict_is_a_denial_or_another_number_whatever_the_judge_says(other: str, found: bool) -> None:
    pairs, _ = JudgeConflictFinder(Contradicts())(QUERY, [statement(HOT), statement(hit(other, "随手记", (), "b.md"))])
    assert len(pairs) == found


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("默认的淘汰策略是 noeviction", "默认的淘汰策略是 allkeys-lru。", True),
        ("The signing algorithm is RS256.", "The signing algorithm is HS256.", True),
        ("发布窗口固定是周二和周四", "发布窗口固定是周五", True),
        ("MySQL 默认不缓存结果", "Redis 默认不缓存结果", False),
        ("对于 MySQL 默认开启日志", "对于 Redis 默认开启日志", False),
        ("会话存在 MySQL 里。", "会话存在 Redis 里", True),
        ("签名用的是 RS256，密钥由磁盘读出", "签名用的是 RS256，密钥由内存读出", False),
    ],
)
def test_another_thing_in_the_same_words_is_a_conflict_if_it_is_what_they_predicate(
    one: str, other: str, found: bool
) -> None:
    query = Query("默认是什么", "默认是什么")
    pairs, _ = JudgeConflictFinder(Contradicts())(
        query, [statement(hit(one, "甲", (), "a.md")), statement(hit(other, "乙", (), "b.md"))]
    )
    assert len(pairs) == found


class Agrees:
    def support(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        return np.array([(1.0, 0.0, 0.0)] * len(pairs), np.float32)


def test_the_opposite_order_is_a_conflict_though_the_judge_sees_none() -> None:
    query = Query("写库和删缓存谁先", "写库和删缓存谁先")
    one = statement(hit("更新时先删缓存再写库。", "甲", (), "a.md"))
    other = statement(hit("缓存更新要先写库再删缓存。", "乙", (), "b.md"))
    assert list(JudgeConflictFinder(Agrees())(query, [one, other])[0]) == [(one, other)]


def test_what_is_said_of_something_else_than_was_asked_about_is_no_conflict() -> None:
    query, finder = Query("Redis 端口是多少", "Redis 端口是多少"), JudgeConflictFinder(Contradicts())
    one = statement(hit("Redis 默认端口 6379", "速查", (), "b.md"))
    assert not finder(query, [statement(hit("MySQL 默认端口 3306", "端口", (), "a.md")), one])[0]
    assert finder(query, [statement(hit("Redis 默认端口 6380", "端口", (), "a.md")), one])[0]


def test_what_does_not_answer_the_question_is_not_compared() -> None:
    assert find(QUERY, [statement(HOT), statement(BOILING, 0.01)]) == ((), None)
    assert find(QUERY, [statement(HOT, None), statement(BOILING, None)]) == ((), None)


def test_one_section_is_not_held_against_itself() -> None:
    again = hit("绿茶用 90 度的水泡。", "茶书", ("绿茶",), "a.md", 50)
    assert judged(HOT, again) == []


def test_two_sections_of_one_note_are() -> None:
    again = hit("绿茶用 90 度的水泡。", "茶书", ("绿茶", "冷泡"), "a.md", 50)
    assert judged(HOT, again) == [(statement(HOT), statement(again))]


def test_a_claim_is_the_statement_without_its_list_mark() -> None:
    assert claim_of(replace(statement(BOILING), kind="item")) == "绿茶要用 100 度的开水泡。"


def pipeline() -> Pipeline:
    whole = pipeline_over((HOT, BOILING), ExtractiveGenerator(200))

    def sure(query: object, hits: object) -> list[Statement]:
        return [replace(s, probability=0.9) for s in read(query, hits)]  # type: ignore[arg-type]

    return replace(whole, read=sure, conflicts=find)


def test_the_answer_shows_both_sides_cited_under_a_heading_and_takes_none() -> None:
    answer = pipeline().answer("绿茶用多少度的水泡？")
    (conflict,) = answer.conflicts
    quotes = {citation.number: citation.quote for citation in answer.citations}
    assert "80 度" in quotes[conflict.citations_a[0]]
    assert "100 度" in quotes[conflict.citations_b[0]]
    assert {conflict.claim_a, conflict.claim_b} == {"绿茶用 80 度的水泡。", "绿茶要用 100 度的开水泡。"}
    assert answer.text == "**笔记里的说法不一致：**\n\n- 绿茶用 80 度的水泡。 [1]\n- 绿茶要用 100 度的开水泡。 [2]"
    assert not answer.abstained


def test_what_streams_is_the_text() -> None:
    *events, answer = pipeline().stream("How hot is green tea brewed? 绿茶")
    assert isinstance(answer, Answer)
    assert "".join(event.text for event in events if isinstance(event, TextPiece)).strip() == answer.text


def test_the_heading_is_in_the_language_of_the_question() -> None:
    assert conflict_heading("How hot?") == "**Your notes disagree:**"
    assert conflict_heading("多热？") == "**笔记里的说法不一致：**"


class LittleContradiction:
    """Gives every pair the same probability of a contradiction."""

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def support(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        return np.array([(0.0, self.probability, 0.0)] * len(pairs), np.float32)


@pytest.mark.parametrize(
    ("question", "probability", "contradiction", "found"),
    [
        ("复制是同步还是异步", 0.2, 0.2, True),
        ("复制是同步还是异步", 0.2, 0.02, False),
        ("复制是同步还是异步", 0.05, 0.9, False),
        ("复制怎么配置", 0.5, 0.2, False),
    ],
)
def test_opposite_sides_of_a_question_are_a_conflict_if_the_judge_does_not_object(
    question: str, probability: float, contradiction: float, found: bool
) -> None:
    sides = hit("复制是异步的，所以可能丢数据。", "甲", (), "a.md"), hit("写完从库才返回，同步复制。", "乙", (), "b.md")
    pairs, _ = JudgeConflictFinder(LittleContradiction(contradiction))(
        Query(question, question), [statement(side, probability) for side in sides]
    )
    assert len(pairs) == found
