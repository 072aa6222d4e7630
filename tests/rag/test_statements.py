import pytest

from rag.statements import statements
from tests.rag.sample_hits import hit


def read(text: str, headings: tuple[str, ...] = ("标题",)) -> list[tuple[str, int, str]]:
    """Kind, indentation and text of each statement."""
    return [(s.kind, s.indent, s.text) for s in statements(hit(text, headings=headings), 0)]


def test_lines_that_are_all_short_and_end_no_sentence_are_items() -> None:
    assert read("内存里\n单线程\n  没有锁") == [("item", 0, "内存里"), ("item", 0, "单线程"), ("item", 2, "没有锁")]
    assert read("内存里\n单线程") == [("paragraph", 0, "内存里"), ("paragraph", 0, "单线程")]
    assert [kind for kind, _, _ in read("内存里\n单线程。\n没有锁")] == ["paragraph"] * 3
    long = "单线程没有锁也没有上下文切换" * 5
    assert [kind for kind, _, _ in read(f"内存里\n{long}\n没有锁")] == ["paragraph"] * 3


def test_short_lines_below_a_lead_in_are_items_up_to_the_next_sentence() -> None:
    note = "先说结论。\n甲队列：\n吞吐高\n乙队列：\n路由灵活\n两者都要监控。\n别的再说"
    assert [(kind, text) for kind, _, text in read(note)] == [
        ("paragraph", "先说结论。"),
        ("paragraph", "甲队列："),
        ("item", "吞吐高"),
        ("paragraph", "乙队列："),
        ("item", "路由灵活"),
        ("paragraph", "两者都要监控。"),
        ("paragraph", "别的再说"),
    ]
    costs = "显存估算如下：\n参数占 12G。\n梯度占 12G。"
    assert [kind for kind, _, _ in read(costs)] == ["paragraph", "item", "item"]
    assert [kind for kind, _, _ in read("显存估算如下：\n参数占 12G。")] == ["paragraph", "paragraph"]


def test_lines_of_an_item_stand_below_it() -> None:
    note = "- 泄漏的原因\n  没有人接收\n  忘了取消\n- 写到一半的句子\n  接着写"
    assert read(note) == [
        ("item", 0, "- 泄漏的原因"),
        ("item", 2, "没有人接收"),
        ("item", 2, "忘了取消"),
        ("item", 0, "- 写到一半的句子\n  接着写"),
    ]


@pytest.mark.parametrize(
    ("text", "headings", "texts"),
    [
        ("2、过期策略\n   惰性删除", ("过期策略",), ["惰性删除"]),
        ("2、过期策略\n   惰性删除", ("别的",), ["2、过期策略\n   惰性删除"]),
        ("2、过期策略\n", ("过期策略",), ["2、过期策略"]),
    ],
)
def test_a_chunk_goes_on_after_its_own_heading(text: str, headings: tuple[str, ...], texts: list[str]) -> None:
    assert [text for _, _, text in read(text, headings)] == texts


TABLE = "| 名称 | {} |\n| --- | --- |\n| 冷却 | 每一百步把步长减半，直到它小于千分之一为止，再保持不变直到结束 |"


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        ("说明", True),
        ("单位是毫秒的端到端延迟（越低越好，取中位数）", True),
        ("开始的一百步里步长从零线性升到最大，此后不变", False),
    ],
)
def test_a_first_row_of_several_clauses_is_no_header(first: str, is_header: bool) -> None:
    found = list(statements(hit(TABLE.format(first)), 0))
    assert [bool(s.header) for s in found] == ([True] if is_header else [False, False])
