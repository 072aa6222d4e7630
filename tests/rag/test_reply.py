from itertools import pairwise

import pytest
from hypothesis import example, given, settings
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
        ("温水。\n[2]\n短泡。", [("温水。", (2,)), ("短泡。", ())]),
        ("温水[0]。短泡。[100] 再泡。[1][0]", [("温水。", (0,)), ("短泡。", (100,)), ("再泡。", (1, 0))]),
        ("Use eight GPUs[0].", [("Use eight GPUs.", (0,))]),
        ("Warm water [1], [2].", [("Warm water.", (1, 2))]),
        ("温水 [1]、[2]。短泡[1]和[3]。", [("温水。", (1, 2)), ("短泡。", (1, 3))]),
        (
            "Warm water [1] and [2]. Both [1], [2], and [3] agree.",
            [("Warm water.", (1, 2)), ("Both agree.", (1, 2, 3))],
        ),
        ("Warm water (see [1]). 温水（见 [1]、[2]）。", [("Warm water.", (1,)), ("温水。", (1, 2))]),
        ("Warm water [[1]](#1). Brew it [[2]].", [("Warm water.", (1,)), ("Brew it.", (2,))]),
        ("Warm water [Source 1, Source 2].", [("Warm water.", (1, 2))]),
        ("温水[来源1、来源2]。短泡[来源 3，4]。", [("温水。", (1, 2)), ("短泡。", (3, 4))]),
        (r"Warm water [citation:1][citation:2]. Brew it \[1\].", [("Warm water.", (1, 2)), ("Brew it.", (1,))]),
        ("温水。\n（[2]）\n短泡。", [("温水。", (2,)), ("短泡。", ())]),
        ("Warm water [1]-[3]. 短泡[4]～[5]。", [("Warm water.", (1, 2, 3)), ("短泡。", (4, 5))]),
        ("Warm **[2]**. Brew<sup>[1]</sup> it.", [("Warm.", (2,)), ("Brew it.", (1,))]),
        ("**温**[1]**水**。", [("**温****水**。", (1,))]),
        ("温水。（[1]）短泡。", [("温水。", (1,)), ("短泡。", ())]),
    ],
)
def test_source_numbers_in_every_spelling(reply: str, units: list[tuple[str, tuple[int, ...]]]) -> None:
    assert said(reply) == units


@pytest.mark.parametrize(
    ("reply", "units"),
    [
        ("根据[1]，用温水。", [("根据笔记，用温水。", (1,))]),
        ("According to [1], use warm water.", [("According to the note, use warm water.", (1,))]),
        (
            "As described in [2], brew it. See [3].",
            [("As described in the note, brew it.", (2,)), ("See the note.", (3,))],
        ),
        (
            "Use it. [1] says warm, whereas [2] says hot water.",
            [("Use it.", ()), ("The note says warm, whereas another note says hot water.", (1, 2))],
        ),
        ("[1] and [2] say warm water.", [("The notes say warm water.", (1, 2))]),
        (
            "泡茶。[1]中提到用温水，而 [2] 指出用开水。",
            [("泡茶。", ()), ("笔记中提到用温水，而另一处笔记指出用开水。", (1, 2))],
        ),
        ("正如[1]所述，用温水。", [("正如笔记所述，用温水。", (1,))]),
        ("资料2指出用温水。Source 1 says so.", [("资料指出用温水。", (2,)), ("Source says so.", (1,))]),
        ("没有根据[1]。水温数据[2]，泡茶中[3]，短泡。", [("没有根据。", (1,)), ("水温数据，泡茶中，短泡。", (2, 3))]),
        ("来源于资料 3。", [("来源于资料 3。", ())]),
        (
            "- [1] says warm.\n- **[2]** 建议用开水。",
            [("- The note says warm.", (1,)), ("- 笔记建议用开水。", (2,))],
        ),
        (
            "用 fork。[1] 写时复制省内存。[2] 中间层不变。[3]",
            [("用 fork。", (1,)), ("写时复制省内存。", (2,)), ("中间层不变。", (3,))],
        ),
        (
            "看手册。[1] 说明书里有。[2] 表示层不变。",
            [("看手册。", (1,)), ("说明书里有。", (2,)), ("表示层不变。", ())],
        ),
        (
            "Warm it. [1] Notes are kept. [2] Shows vary.",
            [("Warm it.", (1,)), ("Notes are kept.", (2,)), ("Shows vary.", ())],
        ),
    ],
)
def test_a_mark_that_is_a_word_of_its_sentence_becomes_words(
    reply: str, units: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert said(reply) == units


def test_the_mark_at_the_end_of_a_long_sentence_is_that_of_its_clauses_too() -> None:
    first = "Green tea is brewed with warm water because boiling water makes it bitter and destroys what is good in it"
    second = "black tea is brewed with boiling water, which brings out its taste"
    (whole,) = split(f"{first}; {second}. [2]")
    assert (whole.text, whole.numbers) == (f"{first}; {second}.", (2,))
    one, other = split(f"{first} [1]; {second} [2].")
    assert [(one.text, one.numbers), (other.text, other.numbers)] == [(f"{first};", (1,)), (f"{second}.", (2,))]


def test_a_word_that_the_notes_number_keeps_its_number() -> None:
    splitter = ReplySplitter("见资料2和 source 2。")
    assert [unit.text for unit in (*splitter.feed("资料2指出用温水。"), *splitter.finish())] == ["资料2指出用温水。"]


@pytest.mark.parametrize(
    ("reply", "units"),
    [
        ("水温 80 度。[1] 建议第一泡一分钟。[2]", [("水温 80 度。", (1,)), ("建议第一泡一分钟。", (2,))]),
        ("温火。[1] 中火加热。[2]", [("温火。", (1,)), ("中火加热。", (2,))]),
        (
            "In [1], the author uses oil. Unlike [1], it uses gas.",
            [("In the note, the author uses oil.", (1,)), ("Unlike the note, it uses gas.", (1,))],
        ),
        ("[1]和[2]的说法不一致：一个用温水。", [("笔记的说法不一致：一个用温水。", (1, 2))]),
        ("与[1]不同，[2]建议用开水。详见[3]。", [("与笔记不同，另一处笔记建议用开水。", (1, 2)), ("详见笔记。", (3,))]),
        ("这一点在[1]中有说明。", [("这一点在笔记中有说明。", (1,))]),
        ("[1]：水温 80 度。", [("水温 80 度。", (1,))]),
        ("- [1]：水温 80 度。", [("- 水温 80 度。", (1,))]),
        (
            "We can see [1] that it is warm. It was written by [2] in 2020.",
            [("We can see that it is warm.", (1,)), ("It was written by in 2020.", (2,))],
        ),
        ("资料 1 和资料 2 都提到温水。", [("资料都提到温水。", (1, 2))]),
        ("用 80 度（见资料 1）。温水（资料[1]、资料[2]）。", [("用 80 度。", (1,)), ("温水。", (1, 2))]),
        ("温水（根据[1]）。短泡【来源：[2]】。", [("温水。", (1,)), ("短泡。", (2,))]),
        ("温水。[1]。Warm.[2]. Then *[1]* it ^[2]^.", [("温水。", (1,)), ("Warm.", (2,)), ("Then it.", (1, 2))]),
    ],
)
def test_marks_take_with_them_only_what_means_nothing_without_them(
    reply: str, units: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert said(reply) == units


@pytest.mark.parametrize(
    ("reply", "units"),
    [
        ("$$E = mc^2$$ [1]\n\n能量。[2]", [("$$E = mc^2$$", (1,)), ("能量。", (2,))]),
        ("$$\nE\n$$。[1]\n\n能量。[2]", [("$$\nE\n$$", (1,)), ("能量。", (2,))]),
        ("$$E$$，其中 E 是能量。[1]", [("$$E$$", ()), ("其中 E 是能量。", (1,))]),
        ("$$E$$ is energy. [1]", [("$$E$$ is energy.", (1,))]),
        ("```\na\n``` [1]\n\n能量。[2]", [("```\na\n```", (1,)), ("能量。", (2,))]),
        ("\\[\nq \\cdot k\n\\]\n\n点积。[1]", [("\\[\nq \\cdot k\n\\]", ()), ("点积。", (1,))]),
        (r"向量 \(a[1]\) 与 $$b_{[1]}$$。[2]", [(r"向量 \(a[1]\) 与 $$b_{[1]}$$。", (2,))]),
    ],
)
def test_what_follows_a_formula_or_code_is_not_part_of_it(reply: str, units: list[tuple[str, tuple[int, ...]]]) -> None:
    assert said(reply) == units


def test_a_section_called_sources_is_no_list_of_references() -> None:
    reply = "## 数据\n甲。[1]\n\n## 来源\n\n数据来自维基百科。[1]\n\n## 规模\n\n共 100 万条。[2]"
    assert [(unit.text, unit.before) for unit in split(reply)] == [
        ("甲。", "## 数据\n\n"),
        ("数据来自维基百科。", "\n\n## 来源\n\n"),
        ("共 100 万条。", "\n\n## 规模\n\n"),
    ]
    assert said("甲。[1]\n\n来源\n\n[1] tea.md\n[2] hot.md") == [("甲。", (1,))]
    assert said("甲。[1]\n\n参考资料\n- tea.md") == [("甲。", (1,))]


@pytest.mark.parametrize("line", ["[^1]: tea.md", "[2] tea.md > 绿茶 > 水温", "- [2] tea.md > 绿茶 > 水温"])
def test_footnotes_and_introductions_of_sources_are_no_sentences(line: str) -> None:
    splitter = ReplySplitter("<sources>\n[2] tea.md > 绿茶 > 水温\n用温水。\n</sources>")
    units = [*splitter.feed(f"用温水。[2]\n\n{line}\n"), *splitter.finish()]
    assert [(unit.text, unit.numbers) for unit in units] == [("用温水。", (2,))]


@pytest.mark.parametrize(
    "text",
    [
        "`a[1]` 是代码。",
        "$x_{[1]}$ 是公式。",
        "数组 [0, 1] 从零开始。",
        "见 [1](http://a.b)。",
        "形状是 [1, 512]。",
        "x[0] 是首项。",
        "（见下文）与 [见下文](#1) 一致。",
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
    assert without_thoughts(reply) == "回答：用温水。[1]\n"
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


@pytest.mark.parametrize(
    "thoughts", ["先看资料 3。</think>", "- 先看\n  资料 3。</think>\n\n", "先看</think>再看。</think> "]
)
def test_thoughts_may_end_within_a_line(thoughts: str) -> None:
    reply = f"{thoughts}用温水。[1]"
    units = split(reply)
    assert units[-2:] == [THOUGHTS_END, Unit("sentence", "用温水。", (1,), "")]
    assert without_thoughts(reply) == "用温水。[1]"


def test_code_that_holds_the_end_of_thoughts_stays() -> None:
    code = '```python\ntext.split("</think>")\n```'
    assert [text for text, _ in said(f"这样写。[1]\n\n{code}")] == ["这样写。", code]
    assert without_thoughts("标签是 `</think>`。") == "标签是 `</think>`。"


def test_thoughts_without_an_end_are_no_answer() -> None:
    assert said("<think>\n该用温水。还是热水？") == []
    assert without_thoughts("<think>\n该用温水。") == ""


@pytest.mark.parametrize("opening", ["```markdown", "```md"])
def test_a_code_block_around_the_whole_reply_is_no_code(opening: str) -> None:
    reply = f"{opening}\n## 水温\n\n用温水。[1]\n\n```\nx = 1\n```\n\n短泡。[2]\n```\n"
    assert split(reply) == [
        Unit("sentence", "用温水。", (1,), "## 水温\n\n"),
        Unit("code", "```\nx = 1\n```", (), "\n\n"),
        Unit("sentence", "短泡。", (2,), "\n\n"),
    ]


@pytest.mark.parametrize("reply", ["用温水。\n" + "[1] " * 2000 + "x", "用温水[" + " " * 20_000, "[ " * 5000])
def test_marks_are_read_in_linear_time(reply: str) -> None:
    assert len(split(reply)) > 0


def test_a_long_line_is_not_read_again_for_each_piece() -> None:
    reply = "温水" * 15_000
    assert split(reply, *range(3, len(reply), 3)) == [Unit("sentence", reply, (), "")]


def test_a_code_block_that_was_never_closed_is_closed() -> None:
    assert split("```\nx = 1") == [Unit("code", "```\nx = 1\n```", (), "")]


@pytest.mark.parametrize("reply", ["", " \n\n ", "[1]", "[", "。", "-", "# 只有标题"])
def test_odd_replies_are_read_without_harm(reply: str) -> None:
    assert "".join(unit.text for unit in split(reply)) in ("", reply)


WORDS = "绿茶要用温水 。 [1] x[0] 【2】 - 1. ``` ` $ $$ | ** ： ! . e.g. （来源3） [1, ( ## ； ？” 出处： --- <think> ”"
WORDED = "根据[1] 而[2]指出 中提到 [3]&says&so According&to&[1] 资料2指出 Source&2&says <sup>[1]</sup> **[2]** [1]-[3]"
MARKS = r"</think> [2], 和 and （见 ） (see ) [[1]](#1) \[1\] [Source [来源1、来源2] [citation:1]"
LONG = "a long sentence about the temperature of the water and the time that the tea needs to stand in it"
PARTS = (
    *WORDS.split(),
    *MARKS.split(),
    *(part.replace("&", " ") for part in WORDED.split()),
    "```markdown\n",
    "notebook ",
    "reported ",
    "\n$$ E $$ ",
    "\n## 来源\n",
    "\\[ ",
    "\\] ",
    " ",
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "## ",
    ". ",
    "Use v1.5 of it",
    LONG,
)


@settings(max_examples=200, deadline=None)
@example(["。", "[来源1、来源2]", "资料2指出"])
@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_units_do_not_depend_on_how_the_reply_arrives(parts: list[str]) -> None:
    reply = "".join(parts)
    whole = split(reply)
    assert split(reply, *range(1, len(reply))) == whole
    assert split(reply, *range(3, len(reply), 7)) == whole
