from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.reply import THOUGHTS_END, ReplySplitter, Unit, without_thoughts


def split(reply: str, *cuts: int) -> list[Unit]:
    """The units of a reply that arrives in pieces, cut at these places."""
    splitter = ReplySplitter()
    places = [0, *sorted(cuts), len(reply)]
    units = [unit for left, right in pairwise(places) for unit in splitter.feed(reply[left:right])]
    return units + list(splitter.finish())


def said(reply: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(unit.text, unit.numbers) for unit in split(reply)]


@pytest.mark.parametrize(
    ("reply", "units"),
    [
        ("绿茶要用温水。[1] 第一泡要短[2]。", [("绿茶要用温水。", (1,)), ("第一泡要短。", (2,))]),
        ("Use warm water.[1] Brew it briefly [2].", [("Use warm water.", (1,)), ("Brew it briefly.", (2,))]),
        ("温水。[1][3]", [("温水。", (1, 3))]),
        ("温水。[1, 3]短泡。[1，2、4]", [("温水。", (1, 3)), ("短泡。", (1, 2, 4))]),
        ("温水。[1-3]", [("温水。", (1, 2, 3))]),
        ("温水。【1】短泡。［2］再泡。【3†来源】", [("温水。", (1,)), ("短泡。", (2,)), ("再泡。", (3,))]),
        ("温水（来源1）。短泡(来源 2、3)。", [("温水。", (1,)), ("短泡。", (2, 3))]),
        ("Warm water (source 2). Short [Source 3].", [("Warm water.", (2,)), ("Short.", (3,))]),
        ("温水[^1]。", [("温水。", (1,))]),
        ("根据[1]，用温水。", [("根据，用温水。", (1,))]),
        ("温水。\n[2]\n短泡。", [("温水。", (2,)), ("短泡。", ())]),
        ("温水[0]。短泡。[100] 再泡。[1][0]", [("温水。", (0,)), ("短泡。", (100,)), ("再泡。", (1, 0))]),
        ("Use eight GPUs[0].", [("Use eight GPUs.", (0,))]),
    ],
)
def test_source_numbers_in_every_spelling(reply: str, units: list[tuple[str, tuple[int, ...]]]) -> None:
    assert said(reply) == units


@pytest.mark.parametrize(
    "text",
    [
        "`a[1]` 是代码。",
        "$x_{[1]}$ 是公式。",
        "数组 [0, 1] 从零开始。",
        "见 [1](http://a.b)。",
        "形状是 [1, 512]。",
        "x[0] 是首项。",
    ],
)
def test_what_is_no_source_number_stays(text: str) -> None:
    assert said(text) == [(text, ())]


def test_items_tables_code_and_formulas_are_whole_units() -> None:
    reply = (
        "泡法：\n\n1. **水温**：八十度 [1]\n   不要更高。\n2. 时间短。[2]\n\n```python\nx = a[1]\n\ny = 2\n```\n[3]\n\n"
        "| 茶 | 水温 |\n|---|---|\n| 绿茶 | 80 [4] |\n\n$$\nt = 60\n$$\n"
    )
    assert split(reply) == [
        Unit("sentence", "泡法：", (), ""),
        Unit("item", "1. **水温**：八十度\n   不要更高。", (1,), "\n\n"),
        Unit("item", "2. 时间短。", (2,), "\n"),
        Unit("code", "```python\nx = a[1]\n\ny = 2\n```", (3,), "\n\n"),
        Unit("table", "| 茶 | 水温 |\n|---|---|\n| 绿茶 | 80 |", (4,), "\n\n"),
        Unit("formula", "$$\nt = 60\n$$", (), "\n\n"),
    ]


def test_headings_lead_the_unit_below_them() -> None:
    units = split("## 水温\n\n八十度。[1]\n\n**时间**\n一分钟。[2]\n\n---\n完。")
    assert [(unit.before, unit.text) for unit in units] == [
        ("## 水温\n\n", "八十度。"),
        ("\n\n**时间**\n\n", "一分钟。"),
        ("\n\n", "完。"),
    ]


@pytest.mark.parametrize(
    ("reply", "unit"),
    [
        ("**温水太烫。**", Unit("sentence", "**温水太烫。**", (), "")),
        ("**温水太烫。[1]**", Unit("sentence", "**温水太烫。**", (1,), "")),
        ("**温水太烫[1]**", Unit("sentence", "**温水太烫**", (1,), "")),
        ("__Boiling water burns leaves!__", Unit("sentence", "__Boiling water burns leaves!__", (), "")),
        ("## 温水太烫 [1]", Unit("sentence", "## 温水太烫", (1,), "")),
        ("### Warm the pot. Brew green tea.\n[2]", Unit("sentence", "### Warm the pot. Brew green tea.", (2,), "")),
    ],
)
def test_a_heading_that_claims_something_is_a_sentence(reply: str, unit: Unit) -> None:
    assert split(f"{reply}\n\n短泡。[3]") == [unit, Unit("sentence", "短泡。", (3,), "\n\n")]


@pytest.mark.parametrize("heading", ["## 温水", "**要点：**", "**为什么用温水？**", "## 1.5 度", "**[1]**"])
def test_a_label_is_no_sentence(heading: str) -> None:
    assert split(f"{heading}\n\n短泡。[3]") == [Unit("sentence", "短泡。", (3,), f"{heading}\n\n")]


def test_a_number_behind_a_name_stays_if_the_model_was_shown_both() -> None:
    splitter = ReplySplitter(shown="其中 states[1] 与 f(x)[2] 是输出。")
    units = [*splitter.feed("states[1] 和 f(x)[2] 是输出[1]。BERT[2] 也是。"), *splitter.finish()]
    assert [(unit.text, unit.numbers) for unit in units] == [
        ("states[1] 和 f(x)[2] 是输出。", (1,)),
        ("BERT 也是。", (2,)),
    ]


def test_thoughts_a_leading_label_and_the_references_are_left_out() -> None:
    reply = "<think>\n该用温水。\n</think>\n\n回答：用温水。[1]\n\n参考资料：\n[1] 泡茶 > 绿茶\n[2] 咖啡"
    assert said(reply) == [("用温水。", (1,))]


def test_the_end_of_thoughts_that_the_prompt_began_is_told() -> None:
    reply = "该用温水。[1]\n\n## 再想\n</think>\n\n回答：用温水。[1]\n"
    units = split(reply)
    at = next(place for place, unit in enumerate(units) if unit is THOUGHTS_END)
    assert [(unit.text, unit.before) for unit in units[at + 1 :]] == [("用温水。", "")]
    assert without_thoughts(reply) == "\n回答：用温水。[1]\n"
    assert said("标签是 `</think>`。[1]") == [("标签是 `</think>`。", (1,))]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Source [1] says 80 degrees.", "Source says 80 degrees."),
        ("来源[1]指出要用温水。", "来源指出要用温水。"),
    ],
)
def test_a_sentence_that_names_its_source_is_no_list_of_references(line: str, text: str) -> None:
    assert said(f"用温水。[1]\n\n{line}") == [("用温水。", (1,)), (text, (1,))]
    assert said("用温水。[1]\n\nSources: [1] 泡茶") == [("用温水。", (1,))]
    assert said("用温水。[1]\n\n来源 [1][2]") == [("用温水。", (1,))]


def test_thoughts_without_an_end_are_no_answer() -> None:
    assert said("<think>\n该用温水。还是热水？") == []


def test_a_code_block_that_was_never_closed_is_closed() -> None:
    assert split("```\nx = 1") == [Unit("code", "```\nx = 1\n```", (), "")]


@pytest.mark.parametrize("reply", ["", " \n\n ", "[1]", "[", "。", "-", "# 只有标题"])
def test_odd_replies_are_read_without_harm(reply: str) -> None:
    assert "".join(unit.text for unit in split(reply)) in ("", reply)


WORDS = "绿茶要用温水 。 [1] x[0] 【2】 - 1. ``` ` $ $$ | ** ： ! . e.g. （来源3） [1, ( ## ； ？” 出处： --- <think> ”"
LONG = "a long sentence about the temperature of the water and the time that the tea needs to stand in it"
PARTS = (*WORDS.split(), " ", "\n", "\n\n", "- ", "1. ", "## ", ". ", "Use v1.5 of it", LONG)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_units_do_not_depend_on_how_the_reply_arrives(parts: list[str]) -> None:
    reply = "".join(parts)
    whole = split(reply)
    assert split(reply, *range(1, len(reply))) == whole
    assert split(reply, *range(3, len(reply), 7)) == whole
