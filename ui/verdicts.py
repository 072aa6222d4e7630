"""Which sentences of an answer are not carried by what they cite, where they stand in it, and how to say so."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ingest.phrases import Phrase
from rag.conflicts import conflict_section
from rag.types import Answer, Conflict, Sentence, Support

WEAK_FROM = 0.2
"""The least chance of support at which a sentence that is not supported counts as weak only."""

Carried = Literal["supported", "weak", "unsupported"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sentence that is weak or unsupported: the slice ``[start, end)`` of the answer's text without its numbers;
    ``after_marks`` is the offset behind these. ``symbol`` and ``why`` are for the eye and for the curious."""

    start: int
    end: int
    after_marks: int
    carried: Carried
    symbol: str
    why: Phrase


def carried(support: Support) -> Carried:
    if support.verdict == "supported":
        return "supported"
    return "weak" if support.verdict == "not_found" and support.probability >= WEAK_FROM else "unsupported"


def placed(answer: Answer, text: str) -> Iterator[tuple[Sentence, slice, slice]]:
    """The answer's sentences in the order of ``text``, which is the answer's or its beginning, each with the slices of
    its words and of its numbers."""
    at = 0
    for sentence in answer.sentences:
        words = re.escape(sentence.text)
        marks = "".join(rf"\[{number}\]" for number in sentence.citations)
        # The same words may stand before it as a heading.
        cited = re.compile(rf"({words})\s*({marks})").search(text, at) if marks else None
        found = cited or re.compile(f"({words})()").search(text, at)
        if found is None or not sentence.text:
            continue
        at = found.end()
        yield sentence, slice(*found.span(1)), slice(*found.span(2))


def doubts(answer: Answer, text: str) -> Iterator[Doubt]:
    """In the order of ``text``, which is the answer's or its beginning."""
    for sentence, words, marks in placed(answer, text):
        if sentence.support is not None and (how := carried(sentence.support)) != "supported":
            symbol = "?" if how == "weak" else "!"
            yield Doubt(words.start, words.stop, marks.stop, how, symbol, _why(sentence, sentence.support))


def _why(sentence: Sentence, support: Support) -> Phrase:
    if support.verdict == "contradicted":
        return Phrase("What it cites says otherwise.", "所引原文的说法与此不同。")
    if not sentence.citations:
        return Phrase("No note was cited for this.", "这一句没有出处。")
    if carried(support) == "weak":
        chance = f"{support.probability:.0%}"
        return Phrase(
            f"What it cites may not fully say this (chance {chance}).", f"所引原文未必完全说了这一点（把握 {chance}）。"
        )
    return Phrase("What it cites does not say this.", "所引原文没有这样说。")


def count(answer: Answer) -> Phrase | None:
    """How many sentences are not carried by what they cite, and how many were left out for it; None when all are."""
    judged = [sentence.support for sentence in answer.sentences if sentence.support is not None]
    shown = sum(carried(support) != "supported" for support in judged)
    cut = max(0, answer.unsupported - shown)
    if not shown and not cut:
        return None
    en, zh = [], []
    if shown:
        verb = "is" if shown == 1 else "are"
        en.append(f"{shown} of {len(judged)} sentences {verb} not carried by what they cite")
        zh.append(f"{len(judged)} 句中有 {shown} 句没有得到所引原文的支持")
    if cut:
        en.append(f"{cut} left out, since no note carried {'it' if cut == 1 else 'them'}")
        zh.append(f"另有 {cut} 句因缺乏依据而略去" if shown else f"有 {cut} 句因缺乏依据而略去")
    return Phrase("; ".join(en), "；".join(zh))


def without_conflicts(answer: Answer) -> str:
    """The answer's text up to where its notes disagree, which is shown apart."""
    heading = conflict_section(answer.question, answer.conflicts).partition("\n")[0]
    before, found, _ = answer.text.rpartition(heading) if heading else ("", "", "")
    return before.rstrip() if found else answer.text


def sides(conflict: Conflict) -> Sequence[tuple[str, tuple[int, ...]]]:
    """Each claim with the numbers that it cites."""
    return ((conflict.claim_a, conflict.citations_a), (conflict.claim_b, conflict.citations_b))
