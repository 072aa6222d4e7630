"""Which sentences of an answer are not supported by their citations, where they are in it, and how to say so."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ingest.phrases import Phrase
from rag.conflicts import conflict_heading
from rag.types import Answer, Conflict, Sentence, Support

WEAK_FROM = 0.2
"""The least chance of support at which a sentence that is not supported is only called weak."""

Level = Literal["supported", "weak", "unsupported"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sentence that is weak or unsupported: the slice ``[start, end)`` of the answer's text, without the citation
    numbers behind it; ``after_marks`` is the offset after these. ``symbol`` is shown there; ``why`` explains it."""

    start: int
    end: int
    after_marks: int
    level: Level
    symbol: str
    why: Phrase


def level_of(support: Support) -> Level:
    if support.verdict == "supported":
        return "supported"
    return "weak" if support.verdict == "not_found" and support.probability >= WEAK_FROM else "unsupported"


def placed(answer: Answer, text: str) -> Iterator[tuple[Sentence, slice, slice]]:
    """The answer's sentences in the order of ``text``, which is the answer's text or its beginning, each with the
    slices of its words and of its citation numbers."""
    at = 0
    for sentence in answer.sentences:
        words = re.escape(sentence.text)
        marks = "".join(rf"\[{number}\]" for number in sentence.citations)
        # The same words may come before it as a heading.
        cited = re.compile(rf"({words})\s*({marks})").search(text, at) if marks else None
        found = cited or re.compile(f"({words})()").search(text, at)
        if found is None or not sentence.text:
            continue
        at = found.end()
        yield sentence, slice(*found.span(1)), slice(*found.span(2))


def doubts(answer: Answer, text: str) -> Iterator[Doubt]:
    """In the order of ``text``, which is the answer's text or its beginning."""
    for sentence, words, marks in placed(answer, text):
        if sentence.support is not None and (level := level_of(sentence.support)) != "supported":
            symbol = "?" if level == "weak" else "!"
            yield Doubt(words.start, words.stop, marks.stop, level, symbol, _why(sentence, sentence.support))


def _why(sentence: Sentence, support: Support) -> Phrase:
    if support.verdict == "contradicted":
        return Phrase("What it cites says otherwise.", "所引原文的说法与此不同。")
    if not sentence.citations:
        return Phrase("No note was cited for this.", "这一句没有出处。")
    if level_of(support) == "weak":
        chance = f"{support.probability:.0%}"
        return Phrase(
            f"What it cites may not fully say this (chance {chance}).", f"所引原文未必完全说了这一点（把握 {chance}）。"
        )
    return Phrase("What it cites does not say this.", "所引原文没有这样说。")


def doubt_summary(answer: Answer) -> Phrase | None:
    """How many sentences are not supported by their citations, and how many were left out; None if there are none."""
    judged = [sentence.support for sentence in answer.sentences if sentence.support is not None]
    shown = sum(level_of(support) != "supported" for support in judged)
    cut = max(0, answer.unsupported - shown)
    if not shown and not cut:
        return None
    en, zh = [], []
    if shown:
        of_all = f"{shown} of {len(judged)} sentence{'s' if len(judged) > 1 else ''}"
        en.append(f"{of_all} {'is not supported by its' if shown == 1 else 'are not supported by their'} citations")
        zh.append(f"{len(judged)} 句中有 {shown} 句没有得到所引原文的支持")
    if cut:
        en.append(f"{cut} left out as unsupported")
        zh.append(f"另有 {cut} 句因缺乏依据而略去" if shown else f"有 {cut} 句因缺乏依据而略去")
    return Phrase("; ".join(en), "；".join(zh))


def without_conflicts(answer: Answer) -> str:
    """The answer's text without its last section, on notes that disagree, which is shown apart."""
    if not answer.conflicts:
        return answer.text
    before, found, _ = answer.text.rpartition(conflict_heading(answer.question))
    return before.rstrip() if found else answer.text


def sides(conflict: Conflict) -> Sequence[tuple[str, tuple[int, ...]]]:
    """Each claim with the numbers that it cites."""
    return ((conflict.claim_a, conflict.citations_a), (conflict.claim_b, conflict.citations_b))
