import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import sentences
from tests.generated_notes import notes, steady


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, 0, len(text))]


@steady
@given(notes, st.data())
def test_sentences_are_ordered_trimmed_and_hold_every_character(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    position = start
    for left, right in sentences(text, start, end):
        assert position <= left < right <= end
        assert not text[position:left].strip()
        assert text[left:right].strip() == text[left:right]
        position = right
    assert not text[position:end].strip()


@pytest.mark.parametrize(
    "marked",
    [
        "模型很大。|训练很慢！|真的？|是的",
        "真的？！|不会吧！！！|好",
        "The model is big. |Training is slow! |Is it? |Yes",
        "用Adam优化。|Then train it. |学习率取3.14",
        "他说：“好。”|然后走了。",
        "（全句都在括号里。）|下一句。",
        "**1. 冻结原权重**：不再更新。|__2. Merge__ later.",
        "一共 **3**. |Next.",
        "**要点。**|说明。|**第二句**很重要。",
        '"Done." |Next.',
        "模型.|然后训练.|最后（可选）.|结束",
        "区别是什么?|各自的优缺点?|答",
        "3.为什么? |4.讲一下原理 5.还有哪些?",
        "等等…… |然后继续... |结束",
        "And so on... |Then stop.",
        "真的吗?!|不是",
        "没有句号",
        "版本是v1.5. |Then upgrade. |It was 2017. |Next year came.",
    ],
)
def test_marks_end_sentences(marked: str) -> None:
    assert cut(marked.replace("|", "")) == [part.strip() for part in marked.split("|")]


@pytest.mark.parametrize(
    "text",
    [
        "见 model.py 和 v1.5 与 3.14，还有 numpy.array",
        "Use e.g. Adam, i.e. The default, cf. Eq. 2 and Fig. 3 of Smith et al. The end",
        "The U.S. Market is No. 5 in Vol. 2",
        "这里，那里、到处：都一样,没有句号",
        "1. 数据有错 2. 关系有错 3. 推断有错",
        "A：1. 强制读主；2. 半同步；3. 并行回放",
        "Ⅰ. 数据有错 Ⅱ. 关系有错",
        "x != y 而 n! = 120",
        "从一、二……到十",
        "先 load... then train",
        "a?b:c",
        "score = s . W h",
    ],
)
def test_other_marks_end_none(text: str) -> None:
    assert cut(text) == [text]


@pytest.mark.parametrize(
    "whole",
    [
        "`a. B? 甲。乙`",
        "$p(x). Q！$",
        "$$a。b$$",
        "\\(a。b\\)",
        "https://example.org/a?b=1.Html!x",
        "[文字。真的？](https://example.org/a.b)",
        "[[笔记。一|别名]]",
        "![图。一](a.png)",
        '<img alt="图。一">',
        "（优点是快。缺点是慢）",
        "(It is fast. It is big)",
    ],
)
def test_code_formulas_links_and_brackets_are_never_cut(whole: str) -> None:
    assert cut(f"前面 {whole} 后面。然后") == [f"前面 {whole} 后面。", "然后"]


def test_a_chinese_mark_ends_an_address() -> None:
    assert cut("见https://example.org/a。然后看。") == ["见https://example.org/a。", "然后看。"]
    assert cut("See https://example.org/a. Then go.") == ["See https://example.org/a.", "Then go."]


def test_prices_are_no_formula() -> None:
    assert cut("It costs $50. And $60. Then more.") == ["It costs $50.", "And $60.", "Then more."]


def test_a_numbered_item_keeps_its_number() -> None:
    assert cut("1. 先降维。 2. Then merge.") == ["1. 先降维。", "2. Then merge."]


def test_only_a_long_sentence_is_cut_at_semicolons() -> None:
    assert cut("短的；也短；还短。") == ["短的；也短；还短。"]
    clause = "这是一个有三十来个字的分句为了让整句超过一百二十个字；"
    assert cut(clause * 6) == [clause] * 6


def test_only_the_span_asked_for_is_cut() -> None:
    text = "甲。乙。丙。丁。"
    assert list(sentences(text, 2, 6)) == [(2, 4), (4, 6)]
    assert list(sentences(text, 3, 3)) == []


def test_quotes_are_paired_in_linear_time() -> None:
    """One by one, they would take a minute."""
    text = '"a";' * 200_000
    assert "".join(cut(text)) == text
