import pytest

from rag.stance import opposed
from rag.types import Statement
from tests.rag.sample_hits import hit


def below(heading: str, text: str) -> Statement:
    return Statement(hit(text), 0, 0, "paragraph", 0, (heading,), 0, len(text), text)


@pytest.mark.parametrize(
    ("question", "one", "other", "expected"),
    [
        ("复制是同步还是异步", "异步的，所以可能丢数据。", "复制是同步的，写完才返回", True),
        ("复制是同步还是异步", "异步的，所以可能丢数据。", "不是同步的", False),
        ("复制是同步还是异步", "同步和异步都支持", "复制是同步的", False),
        ("复制是同步还是异步", "写完就返回", "复制是同步的", False),
        ("这个算法是精确的吗", "它是精确的，不是近似。", "是近似的，有一点误差", True),
        ("这个算法是精确的吗", "它是精确的，不是近似。", "这是舍入误差，不是算法近似。", False),
        ("裁判更偏前面还是后面的回答", "偏向先出现的那个", "喜欢后出现的那个", True),
        ("裁判更偏前面还是后面的回答", "偏向先出现的那个，然后看长度", "目前偏向前一个", False),
        ("Is the index exact?", "It is an exact search.", "The search is approximate.", True),
        ("归一化之后还要加噪声吗", "先归一化", "加在后面", False),
        ("算法怎么做到精确", "它是精确的。", "是近似的", False),
    ],
)
def test_opposites_that_the_question_speaks_of_are_sides(question: str, one: str, other: str, expected: bool) -> None:
    statements = below("甲", one), below("乙", other)
    assert opposed(question, *statements) is opposed(question, *reversed(statements)) is expected


@pytest.mark.parametrize(
    ("question", "one", "other", "expected"),
    [
        ("训练前要不要预热", ("要不要预热？", "答：要，不然不稳"), ("结构", "它更稳，不需要预热"), True),
        ("Pre-Norm 需要预热吗", ("要不要预热？", "答：要，不然不稳"), ("结构", "它更稳，不需要预热；"), True),
        ("训练前要不要预热", ("要不要预热？", "要，不然不稳"), ("训练要不要预热", "不要。"), True),
        ("训练前要不要预热", ("要不要预热？", "要，不然不稳"), ("要不要早停", "不要。"), False),
        ("训练前要不要预热", ("要不要预热？", "要，不然不稳"), ("结构", "不过滤数据"), False),
        ("能不能直接连生产库", ("数据库", "可以直接连生产库，但是只读。"), ("规定", "不允许直接连生产库"), True),
        ("不预热能直接训练吗", ("甲", "不预热直接训练会发散"), ("乙", "预热以后直接训练"), False),
        ("Can I use the latest tag?", ("Should I use the latest tag?", "Never."), ("Latest tag?", "Yes, do."), False),
        (
            "Can I use the latest tag?",
            ("Should I use the latest tag?", "Never. Pin it."),
            ("Can we use the latest tag?", "Yes, it is fine."),
            True,
        ),
    ],
)
def test_yes_and_no_are_sides_if_they_are_said_of_what_is_asked(
    question: str, one: tuple[str, str], other: tuple[str, str], expected: bool
) -> None:
    assert opposed(question, below(*one), below(*other)) is expected
