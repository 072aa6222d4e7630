import pytest

from ingest.phrases import Phrase
from ingest.types import Chunk
from rag.cite import Citer
from rag.types import Citation, Draft, Hit, Notice, Restart, Sentence, Source, TextPiece

CHUNK = Chunk("c", "a.pdf", "a", ("标题",), 100, 112, "第一句话。第二句话也对。", 12, page=1)
HIT = Hit(CHUNK, 1.0, "fused")


def test_each_slice_gets_one_number_in_order_of_first_use() -> None:
    citer = Citer(lambda document, offset: 2 if offset >= 105 else 1)
    first = citer.cite(Draft("第一句话。", (Source(HIT, 100, 105),), ""))
    second = citer.cite(Draft("都对。", (Source(HIT, 105, 112), Source(HIT, 100, 105)), " "))
    assert (first, second) == ("第一句话。 [1]", " 都对。 [2][1]")
    assert citer.sentences == [Sentence("第一句话。", (1,)), Sentence("都对。", (2, 1))]
    assert citer.citations == [
        Citation(1, "a.pdf", ("标题",), 1, 100, 105, "第一句话。"),
        Citation(2, "a.pdf", ("标题",), 2, 105, 112, "第二句话也对。"),
    ]


def test_a_mark_stands_on_the_line_after_a_code_block() -> None:
    piece = Citer(lambda document, offset: None).cite(Draft("```\nx\n```", (Source(HIT, 100, 105),), "\n\n"))
    assert piece == "\n\n```\nx\n```\n[1]"


def test_a_number_in_brackets_of_the_notes_own_is_no_citation() -> None:
    citer = Citer(lambda document, offset: None)
    piece = citer.cite(Draft("见文献[12][13]，`x[1]` 与 a[2] 是代码。", (Source(HIT, 100, 105),), "**[3] 标题**\n\n"))
    assert piece == "**(3) 标题**\n\n见文献(12)(13)，`x[1]` 与 a[2] 是代码。 [1]"
    assert citer.sentences == [Sentence("见文献(12)(13)，`x[1]` 与 a[2] 是代码。", (1,))]


def shown(text: str) -> str:
    return Citer(lambda document, offset: None).cite(Draft(text, (), ""))


def test_a_bracket_before_much_white_space_is_read_in_linear_time() -> None:
    text = "[" + " " * 20_000 + "a"
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("proposed by Vaswani[2] in 2017", "proposed by Vaswani(2) in 2017"),
        ("BERT[3]在2018年提出", "BERT(3)在2018年提出"),
        ("multi-head attention[1, 3] and positions [4-6]", "multi-head attention(1, 3) and positions (4-6)"),
        ("英文维基【13】与［2］〔5〕", "英文维基(13)与(2)(5)"),
        ("dropped recurrence.[2][3] It", "dropped recurrence.(2)(3) It"),
        ("GPT-4[7], (RL)[8] 与 [^9]", "GPT-4(7), (RL)(8) 与 (9)"),
        ("words[4] and x【2】", "words(4) and x(2)"),
        ("brewed warm [citation:3]", "brewed warm (3)"),
    ],
)
def test_a_reference_of_the_note_is_no_citation(text: str, written: str) -> None:
    assert shown(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "x[0]、q[3] 与 K[1, 2]",
        "x.shape[1] 是长度，shape[1] 也是",
        "hidden_states[1] 与 w1[2]",
        "x[i][2] 与 f(x)[1]",
        "words[0] 是首词，words[1] = 3，words[2].text，words[3][i]",
        "在 [0, 1] 之间，形状 [1, 512]",
        "`Vaswani[2]` 与 $Q[3]$",
        "```\nVaswani[2]\n```",
        "见 [1](http://a.b)",
    ],
)
def test_an_index_is_no_reference(text: str) -> None:
    assert shown(text) == text


def test_a_mark_stands_in_a_paragraph_of_its_own_after_a_table() -> None:
    piece = Citer(lambda document, offset: None).cite(Draft("| a |\n|---|", (Source(HIT, 100, 105),), ""))
    assert piece == "| a |\n|---|\n\n[1]"


def test_text_without_sources_has_no_mark() -> None:
    assert Citer(lambda document, offset: None).cite(Draft("有两点：", (), "")) == "有两点："


def test_a_restart_withdraws_everything() -> None:
    citer = Citer(lambda document, offset: None)
    citer.take(Draft("第一句话。", (Source(HIT, 100, 105),), "", dropped_citations=2))
    citer.take(Notice(Phrase("late", "晚了")))
    assert citer.take(Restart()) == Restart()
    assert citer.take(Draft("第二句话也对。", (Source(HIT, 105, 112),), "")) == TextPiece("第二句话也对。 [1]")
    assert citer.text == "第二句话也对。 [1]"
    assert citer.sentences == [Sentence("第二句话也对。", (1,))]
    assert (len(citer.citations), citer.dropped_citations, citer.notice) == (1, 0, None)
