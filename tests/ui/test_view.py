import re
from collections import Counter
from dataclasses import replace

import pytest

from eval.types import EvalCase
from ingest.catalog import Counts
from ingest.phrases import Phrase
from ingest.sync import SyncReport
from ingest.types import Chunk, Document, Place
from rag.types import Answer, Citation, Hit, Sentence, StageDone
from ui.elements import duration
from ui.panels import library, review, settings, stages, sync_report
from ui.questions import Waiting
from ui.suggestions import suggestions
from ui.text import hits_text, status_text, sync_text, with_footnotes
from ui.view import (
    Writing,
    conversation,
    conversation_list,
    empty_conversation,
    section_panel,
    source_panel,
    turn,
)

TEXT = "# 缓存\n\nKV 缓存保存键和值。它随序列变长。\n\n另一段。\n"


def citation(number: int, quote: str, document_id: str = "a.md") -> Citation:
    start = TEXT.index(quote)
    return Citation(number, document_id, ("缓存",), None, start, start + len(quote), quote)


ANSWER = Answer(
    question="它是什么？",
    standalone_question="KV 缓存 它是什么？",
    text="KV 缓存保存键和值。 [1] 它随序列变长。 [2]",
    abstained=False,
    sentences=(Sentence("KV 缓存保存键和值。", (1,)), Sentence("它随序列变长。", (2,))),
    citations=(citation(1, "KV 缓存保存键和值。"), citation(2, "它随序列变长。")),
    hits=(),
    seconds={"retrieve": 0.012, "generate": 1.5},
)
DOCUMENT = Document("a.md", "缓存", TEXT, "hash")


def test_each_number_in_an_answer_is_a_button_with_its_quote() -> None:
    html = turn(0, ANSWER, "zh")
    assert re.findall(r'data-citation="(\d)" data-quote="([^"]+)"', html) == [
        ("1", "KV 缓存保存键和值。"),
        ("2", "它随序列变长。"),
    ]
    assert "理解为：KV 缓存 它是什么？" in html
    assert "检索 12 ms · 撰写 1.5 s" in html


@pytest.mark.parametrize(
    ("liked", "pressed"), [(None, ["false", "false"]), (True, ["true", "false"]), (False, ["false", "true"])]
)
def test_what_was_said_of_an_answer_is_a_pressed_thumb(liked: bool | None, pressed: list[str]) -> None:
    said = {} if liked is None else {0: liked}
    assert re.findall('aria-pressed="([a-z]+)"', conversation([ANSWER], None, "en", said)) == pressed


def test_the_source_panel_marks_the_cited_words_and_lighter_the_others() -> None:
    html = source_panel(DOCUMENT, ANSWER, 2, 0, "en")
    assert re.findall('<mark class="cited">(.*?)</mark>', html) == ["它随序列变长。"]
    assert re.findall('<mark class="also-cited">(.*?)</mark>', html) == ["KV 缓存保存键和值。"]


def test_the_source_panel_steps_to_the_citation_before_and_no_further_than_the_last() -> None:
    html = source_panel(DOCUMENT, ANSWER, 2, 3, "en")
    assert 'data-turn="3" data-citation="1" aria-label="Previous citation" title="Previous citation">' in html
    assert 'aria-label="Next citation" title="Next citation" disabled>' in html


def test_a_note_that_has_changed_is_said_to_and_the_words_are_found_where_they_are_now() -> None:
    moved = Document("a.md", "缓存", "新的开头。\n\n" + TEXT, "hash")
    html = source_panel(moved, ANSWER, 1, 0, "en")
    assert "This note has changed since the answer." in html
    assert re.findall('<mark class="cited">(.*?)</mark>', html) == ["KV 缓存保存键和值。"]


def test_words_that_are_gone_from_a_note_are_still_quoted() -> None:
    html = source_panel(Document("a.md", "缓存", "全新。", "hash"), ANSWER, 1, 0, "zh")
    assert "<blockquote>KV 缓存保存键和值。</blockquote>" in html
    assert "<mark" not in html


def test_a_refusal_offers_its_nearest_headings_as_buttons() -> None:
    refused = Answer(
        "q",
        "q",
        "Your notes don't say. The nearest headings:\n\n- A > B",
        True,
        (),
        (),
        (),
        nearest=(("A", "B"), ("C",)),
    )
    html = turn(1, refused, "en")
    assert re.findall(r'data-act="heading" data-turn="1" data-at="(\d)">([^<]+)<', html) == [("0", "A › B"), ("1", "C")]


def test_a_page_is_shown_as_it_looks_beside_its_text() -> None:
    document = replace(DOCUMENT, id="论文 1.pdf", page_starts=(0, 6))
    first = replace(ANSWER.citations[0], document_id=document.id, page=2)
    html = source_panel(document, replace(ANSWER, citations=(first,)), 1, 0, "en")
    assert (
        'src="/page.png?document=%E8%AE%BA%E6%96%87%201.pdf&amp;page=2&amp;language=en" alt="Page 2 as it looks"'
        in html
    )
    assert 'href="/file?document=%E8%AE%BA%E6%96%87%201.pdf&amp;language=en"' in html


def test_a_section_is_opened_at_its_place() -> None:
    start = TEXT.index("另一段。")
    html = section_panel(DOCUMENT, ("缓存",), Place("a.md", start, start + 4), "en")
    assert '<mark class="section">另一段。</mark>' in html


def test_an_answer_being_written_shows_the_stages_that_ended_and_the_one_that_runs() -> None:
    writing = Writing("q<", "Text [1]", (StageDone("retrieve", 0.02, 30), StageDone("rerank", 0.001, 20)))
    html = conversation((), writing, "en")
    assert "q&lt;" in html
    assert "searching 30 <small>20 ms</small> · reranking 20 <small>1 ms</small>" in html
    assert '<span class="now">writing…</span>' in html
    assert 'aria-label="[1] ">1</button>' in html


def test_confidence_is_told_where_it_is_known() -> None:
    assert "confidence" not in turn(0, ANSWER, "en")
    assert "confidence 87%" in turn(0, replace(ANSWER, confidence=0.871), "en")


def test_a_notice_stands_above_the_answer() -> None:
    told = Answer("q", "q", "a", False, (), (), (), notice=Phrase("the server is away", "服务器不在"))
    assert "服务器不在" in turn(0, told, "zh")


def test_footnotes_carry_place_and_quote() -> None:
    assert with_footnotes(ANSWER, "zh") == (
        "KV 缓存保存键和值。 [^1] 它随序列变长。 [^2]\n\n"
        "[^1]: a.md > 缓存: “KV 缓存保存键和值。”\n[^2]: a.md > 缓存: “它随序列变长。”"
    )


def test_only_numbers_behind_a_sentence_become_footnotes() -> None:
    code, words = "```\nx = y[1]\n```", "取 x.shape[1]。"
    written = f"**{words}**\n\n{words} [1]\n\n{code}\n[1][2]"
    sentences = (Sentence(words, (1,)), Sentence(code, (1, 2)))
    text, _, notes = with_footnotes(replace(ANSWER, text=written, sentences=sentences), "en", "7-").rpartition("\n\n")
    assert text == f"**{words}**\n\n{words} [^7-1]\n\n{code}\n[^7-1][^7-2]"
    assert notes.startswith("[^7-1]: a.md > 缓存: ")


def test_an_empty_list_tells_whether_words_were_searched_for() -> None:
    assert "No conversations yet." in conversation_list([], None, "en")
    assert "No matching conversations." in conversation_list([], None, "en", searched=True)
    assert "没有匹配的对话。" in conversation_list([], None, "zh", searched=True)


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '" onmouseover="alert(1)', "</article><img src=x>"])
def test_questions_titles_and_headings_cannot_carry_html(hostile: str) -> None:
    answer = Answer(hostile, hostile + "?", hostile, False, (), (citation(1, "另一段。"),), ())
    bad = Answer(hostile, hostile, "no\n- x", True, (), (), (), nearest=((hostile,),))
    document = Document(hostile, hostile, TEXT, "hash")
    pages = [
        conversation((answer, bad), Writing(hostile, hostile), "en"),
        source_panel(document, answer, 1, 0, "en"),
        conversation_list([("0" * 16, hostile, 0.0)], None, "en"),
        empty_conversation(1, [hostile], "en"),
        settings({hostile: hostile}, {hostile: hostile}, "en"),
    ]
    for html in pages:
        assert not re.search(r"<(?:script|img)|<[^>\"]*(?:\"[^\"]*\"[^>\"]*)*\sonmouseover=", html)


def test_suggested_questions_come_from_different_notes() -> None:
    headings = [
        ("A",),
        ("A", "What is RoPE?"),
        ("A", "Long context"),
        ("笔记", "量化方法"),
        ("笔记", "为什么要归一化？"),
    ]
    assert suggestions(headings) == ["What is RoPE?", "为什么要归一化？"]


def hit(chunk_id: str, score: float, stage: str) -> Hit:
    chunk = Chunk(chunk_id, "a.md", "t", ("h",), 0, 4, chunk_id * 4, 4)
    return Hit(chunk, score, stage)  # type: ignore[arg-type]


def test_stages_stand_side_by_side_with_ranks_and_their_moves() -> None:
    columns = {
        "dense": [hit("x", 0.9, "dense"), hit("y", 0.8, "dense")],
        "lexical": [hit("y", 7.0, "lexical")],
        "fused": [hit("y", 0.03, "fused"), hit("x", 0.01, "fused")],
        "rerank": [hit("x", 2.0, "rerank"), hit("y", 1.0, "rerank")],
    }
    chosen = {"x": [Citation(1, "a.md", (), None, 0, 2, "xx")]}
    html = stages(columns, chosen, {"x": ["top-p"]}, "en", 10)
    assert "by meaning 2 + by words 1" in html
    assert "by meaning 1 + by words –" in html
    assert '<span class="up">▲ 1</span> <span class="used">[1]</span>' in html
    assert '<span class="down">▼ 1</span>' in html
    assert '<mark class="cited">xx</mark>xx' in html
    assert '<span class="term">top-p</span>' in html


@pytest.mark.parametrize(("seconds", "shown"), [(0.0004, "0 ms"), (0.25, "250 ms"), (12.34, "12.3 s")])
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_second_attempt_has_a_name_in_both_languages() -> None:
    tried = replace(ANSWER, seconds={"reflect": 2.0})
    assert "trying again 2.0 s" in turn(0, tried, "en")
    assert "再次作答 2.0 s" in turn(0, tried, "zh")


@pytest.mark.parametrize(
    ("counts", "terminal", "on_the_page"),
    [
        (Counts(1, 1, 1), "1 document, 1 chunk", "1 note, 1 chunk"),
        (Counts(2, 9, 8), "2 documents, 9 chunks, 1 a duplicate", "2 notes, 9 chunks, 1 repeated"),
        (Counts(2, 9, 7), "2 documents, 9 chunks, 2 duplicates", "2 notes, 9 chunks, 2 repeated"),
    ],
)
def test_what_a_library_holds_is_counted(counts: Counts, terminal: str, on_the_page: str) -> None:
    assert status_text(counts, (), (), "en") == terminal
    assert library(counts, (), {}, "en") == f'<p class="counts">{on_the_page}</p>'


@pytest.mark.parametrize(
    ("ignored", "en", "zh"),
    [
        ({}, "", ""),
        ({".doc": 1}, ", 1 file of another kind ignored (1 .doc)", "，忽略 1 个其他类型的文件（.doc 1 个）"),
        ({"": 2}, ", 2 files of other kinds ignored", "，忽略 2 个其他类型的文件"),
        (
            {".epub": 1, ".png": 9, "": 2, ".doc": 3, ".mp4": 2},
            ", 17 files of other kinds ignored (9 .png, 3 .doc, 2 .mp4)",
            "，忽略 17 个其他类型的文件（.png 9 个、.doc 3 个、.mp4 2 个）",
        ),
    ],
)
def test_files_of_other_kinds_are_told_after_a_sync(ignored: dict[str, int], en: str, zh: str) -> None:
    report = SyncReport(("a.md",), (), (), (), 2, (), (), (), (), Counter(ignored), 1, 1, 0.5)
    counts = f"1 new, 0 changed, 0 renamed, 0 deleted, 2 unchanged, 0 skipped{en}"
    assert sync_text(report, "en") == f"{counts}; 1 chunk read, 1 embedded, in 0.5 s"
    assert f"✓ {counts} · 0.5 s<" in sync_report(report, "en")
    assert f"跳过 0{zh}；读取 1 个片段" in sync_text(report, "zh")
    assert f"跳过 0{zh} · 0.5 秒<" in sync_report(report, "zh")


def test_a_search_without_a_match_is_told() -> None:
    assert hits_text((), "en") == "no passage found"
    assert hits_text((), "zh") == "没有找到匹配的段落"


def test_one_of_something_is_singular() -> None:
    assert "1 note is ready." in empty_conversation(1, (), "en")
    assert "2 notes are ready." in empty_conversation(2, (), "en")
    waiting = Waiting(EvalCase("1", "q", "fact"))
    assert ">1 waits for review<" in review(waiting, 1, "en")
    assert ">2 wait for review<" in review(waiting, 2, "en")
