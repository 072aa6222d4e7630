import re
from dataclasses import replace

import pytest

from ingest.phrases import Phrase
from rag.types import Answer, Citation, Conflict, Sentence, Support
from ui.forms import answer_object
from ui.text import answer_text, with_footnotes
from ui.verdicts import doubt_summary, doubts, level_of
from ui.view import turn


def citation(number: int, document_id: str = "a.md") -> Citation:
    return Citation(number, document_id, ("H",), None, 0, 3, f"quote {number}")


SUPPORTED, WEAK = Support("supported", 0.9), Support("not_found", 0.3)
UNSUPPORTED, CONTRADICTED = Support("not_found", 0.05), Support("contradicted", 0.3)
TEXT = "Supported. [1] Perhaps. [2]\n\n- Against **it**. [1][2]\n\nBare."
ANSWER = Answer(
    question="What holds?",
    standalone_question="What holds?",
    text=TEXT,
    abstained=False,
    sentences=(
        Sentence("Supported.", (1,), SUPPORTED),
        Sentence("Perhaps.", (2,), WEAK),
        Sentence("- Against **it**.", (1, 2), CONTRADICTED),
        Sentence("Bare.", (), UNSUPPORTED),
    ),
    citations=(citation(1), citation(2, "b.md")),
    hits=(),
    unsupported=3,
)
DISPUTED = replace(
    ANSWER,
    text=f"{TEXT}\n\n**Your notes disagree:**\n\n- It is 4 GB. [1]\n- It is 8 GB. [2]",
    sentences=(*ANSWER.sentences, Sentence("- It is 4 GB.", (1,)), Sentence("- It is 8 GB.", (2,))),
    conflicts=(Conflict("It is 4 GB.", (1,), "It is 8 GB.", (2,)),),
)


@pytest.mark.parametrize(
    ("support", "word"),
    [
        (SUPPORTED, "supported"),
        (Support("not_found", 0.2), "weak"),
        (Support("not_found", 0.19), "unsupported"),
        (CONTRADICTED, "unsupported"),
    ],
)
def test_a_sentence_is_supported_weak_or_unsupported(support: Support, word: str) -> None:
    assert level_of(support) == word


def test_doubts_stand_behind_their_sentence_and_its_numbers() -> None:
    assert [(TEXT[d.start : d.end], TEXT[: d.after_marks][-4:], d.symbol) for d in doubts(ANSWER, TEXT)] == [
        ("Perhaps.", " [2]", "?"),
        ("- Against **it**.", "][2]", "!"),
        ("Bare.", "are.", "!"),
    ]


def test_a_doubt_is_not_about_the_same_words_in_a_heading() -> None:
    text = "**Perhaps.**\n\nPerhaps. [2] Bare. "
    (weak, bare) = doubts(replace(ANSWER, sentences=(ANSWER.sentences[1], ANSWER.sentences[3])), text)
    assert text[: weak.start] == "**Perhaps.**\n\n"
    assert text[bare.after_marks :] == " "


def test_the_page_underlines_what_is_not_supported_and_tells_why() -> None:
    html = turn(0, ANSWER, "en")
    assert re.findall('<mark class="(.*?)">(.*?)</mark>', html) == [
        ("weak", "Perhaps."),
        ("unsupported", "Against "),
        ("unsupported", "it"),
        ("unsupported", "."),
        ("unsupported", "Bare."),
    ]
    assert re.findall('<span class="remark (.*?)".*?aria-label="(.*?)"', html) == [
        ("weak", "What it cites may not fully say this (chance 30%)."),
        ("unsupported", "What it cites says otherwise."),
        ("unsupported", "No note was cited for this."),
    ]
    assert "3 of 4 sentences are not supported by their citations" in html
    assert "4 句中有 3 句没有得到所引原文的支持" in turn(0, ANSWER, "zh")


def test_an_answer_that_is_supported_says_nothing_of_it() -> None:
    sure = replace(ANSWER, sentences=tuple(replace(s, support=SUPPORTED) for s in ANSWER.sentences), unsupported=0)
    assert doubt_summary(sure) is None
    assert "remark" not in turn(0, sure, "en")
    assert "doubted" not in turn(0, sure, "en")


def test_sentences_that_were_cut_are_counted() -> None:
    cut = replace(ANSWER, sentences=ANSWER.sentences[:1], unsupported=2)
    assert doubt_summary(cut) == Phrase("2 left out as unsupported", "有 2 句因缺乏依据而略去")


def test_one_sentence_in_doubt_is_told_in_the_singular() -> None:
    found = doubt_summary(replace(ANSWER, sentences=ANSWER.sentences[:2], unsupported=2))
    assert found is not None
    assert found.en == "1 of 2 sentences is not supported by its citations; 1 left out as unsupported"


def test_a_remark_on_a_code_block_stands_below_it() -> None:
    code = replace(ANSWER, text="```\nx = 1\n```", sentences=(Sentence("```\nx = 1\n```", (), UNSUPPORTED),))
    html = turn(0, code, "en")
    assert re.search(r"x = 1.*</code></pre>\s*<p", html, re.DOTALL)
    assert '<p class="numbers"><span class="remark unsupported"' in html


def test_signs_of_remarks_in_a_note_are_no_remarks() -> None:
    forged = replace(ANSWER, text=f"[\ue0000] {TEXT}")
    assert turn(0, forged, "en").count('class="remark') == 3


def test_a_conflict_is_two_cards_in_place_of_its_section() -> None:
    html = turn(0, DISPUTED, "en").partition("<footer>")[0]
    sides = html.split('<div class="side">')[1:]
    assert len(sides) == 2
    assert html.count("It is 4 GB.") == 1
    assert 'It is 4 GB. <button type="button" class="cite" data-citation="1" data-quote="quote 1"' in sides[0]
    assert '<p class="where">a.md › H</p>' in sides[0]
    assert 'data-citation="2"' in sides[1]
    assert '<p class="where">b.md › H</p>' in sides[1]
    assert '<section class="conflict" aria-label="笔记里的说法不一致">' in turn(0, DISPUTED, "zh")


def test_a_copied_answer_keeps_its_conflict() -> None:
    assert "- It is 4 GB. [^1]\n- It is 8 GB. [^2]" in with_footnotes(DISPUTED, "en")


def test_the_terminal_has_a_word_for_each_doubt() -> None:
    assert answer_text(DISPUTED, "en") == (
        "Supported. [1] Perhaps. [2] (weak)\n\n- Against **it**. [1][2] (unsupported)\n\nBare. (unsupported)"
        "\n\n**Your notes disagree:**\n\n- It is 4 GB. [1]\n- It is 8 GB. [2]"
        "\n\n3 of 4 sentences are not supported by their citations"
        "\n\nSources:\n[1] a.md > H: “quote 1”\n[2] b.md > H: “quote 2”"
    )


def test_page_and_terminal_say_how_the_question_was_read() -> None:
    respelt = replace(ANSWER, question="What is <Atention>?", standalone_question="What is <Attention>?")
    assert answer_text(respelt, "zh").startswith("理解为：What is <Attention>?\n\nSupported. [1]")
    assert '<p class="understood">read as: What is &lt;Attention&gt;?</p>' in turn(0, respelt, "en")
    assert 'class="understood"' not in turn(0, ANSWER, "en")


def test_json_holds_verdicts_and_conflicts() -> None:
    found = answer_object(None, DISPUTED)
    assert [sentence["support"] for sentence in found["sentences"]][1:3] == [
        {"verdict": "not_found", "probability": 0.3},
        {"verdict": "contradicted", "probability": 0.3},
    ]
    assert found["sentences"][4]["support"] is None
    assert found["unsupported"] == 3
    assert found["conflicts"] == [
        {"claim_a": "It is 4 GB.", "citations_a": [1], "claim_b": "It is 8 GB.", "citations_b": [2]}
    ]
