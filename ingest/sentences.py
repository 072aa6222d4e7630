"""Text -> sentences as offsets, for Chinese, English and both mixed."""

import re
from collections.abc import Iterator

from ingest.structure import Span

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uff00-\uffef，。、；：？！（）《》「」【】“”…"

# Stretches in which no mark ends a sentence: code, formulas, links, addresses, tags and brackets in a sentence.
_WHOLE = "|".join(
    (
        r"```[^`\n]+```|`[^`\n]+`",
        r"\$\$[^$]+\$\$|\$(?!\s)[^$\n]+(?<!\s)\$(?!\d)",
        r"\\\((?:(?!\\[()]).)+\\\)",
        r"!?\[[^\[\]\n]*\]\([^()\n]*\)|\[\[[^\[\]\n]*\]\]",
        rf"https?://[^\s<>{_CJK}]+(?<![.,;:!?)'\"*])",
        r"<[^<>\n]{1,200}>",
        r"（[^（）()\n]{1,60}(?<![。！？!?.])）|\([^（）()\n]{1,60}(?<![。！？!?.])\)",
    )
)
# What may follow a mark and still belongs to its sentence. Straight quotes and emphasis only if they close.
_CLOSERS = "”’）)】」』》"
_BOTH_WAYS = ('"', "'", "**", "*", "__", "_")
_HARD = "|".join(
    (
        r"[。！？][。！？!?]*",
        rf"(?<![!?])[!?]+[！？]*(?=[{_CLOSERS}\"'*_]*(?:\s+[^\s=<>+/^-]|\s*$|[^\x00-\x7f]))",
        rf"(?<=[{_CJK}])[!?]+(?!=)",
        r"(?:…+|(?<!\.)\.{3,})(?=[”’\"）)】」』]|\s+[^\sa-z]|\s*$)",
        # A full stop between single letters is a product of vectors.
        rf"(?<!\.)(?<!(?<!\w)[A-Za-z] )\.(?=[{_CLOSERS}\"'*_]*(?:\s+[^\sa-z]|\s*$))",
        rf"(?<=[{_CJK}])\.(?=[{_CJK}])",
    )
)
_SOFT = "[；;]"
_SCAN = re.compile(rf"(?P<whole>{_WHOLE})|(?P<hard>{_HARD})|(?P<soft>{_SOFT})")
_ABBREVIATION = re.compile(
    r"(?<![A-Za-z°º])(?:(?i:e\.g|i\.e|a\.k\.a|vs|cf|al|figs?|eqs?|secs?|ch|tab|refs?|dr|mrs?|ms|prof|st|approx|resp)"
    r"|[A-Z])\.$|(?:^|[\s*_；;：:])(?:\d{1,2}|[Ⅰ-Ⅻ])\.$"
)
_NUMBERED = re.compile(r"(?<![A-Za-z])(?i:no|vol|pp?|art)\.$")
_LONG = 120
_SHORTEST_CLAUSE = 24


def sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences of ``text[start:end]`` in order, trimmed, each as (start, end) in ``text``.

    They cover every character that is not white space. Inline code, formulas, links and short brackets are never
    cut. A sentence longer than 120 characters is also cut at semicolons.
    """
    begin = start
    clauses: list[int] = []
    pairs = _Pairs(text, begin)
    for found in _SCAN.finditer(text, start, end):
        if found.lastgroup == "whole" or found.start() < begin:
            continue
        stop = _after_closers(text, pairs, found.end(), end)
        if found.lastgroup == "soft":
            clauses.append(stop)
        elif not _is_abbreviation(text, begin, found.end(), end):
            yield from _cut(text, begin, stop, clauses)
            begin, clauses, pairs = stop, [], _Pairs(text, stop)
    yield from _cut(text, begin, end, clauses)


class _Pairs:
    """Which quotes and emphasis are open since ``begin``. Asked from left to right, it counts each character once."""

    def __init__(self, text: str, begin: int) -> None:
        self._text = text
        self._counted = dict.fromkeys(_BOTH_WAYS, (begin, 0))

    def is_open(self, mark: str, at: int) -> bool:
        up_to, count = self._counted[mark]
        count += self._text.count(mark, up_to, at)
        self._counted[mark] = (max(up_to, at), count)
        return count % 2 == 1


def _after_closers(text: str, pairs: _Pairs, stop: int, end: int) -> int:
    """The position after the closing quotes, brackets and emphasis that follow a mark."""
    while stop < end:
        if text[stop] in _CLOSERS:
            stop += 1
            continue
        mark = next((mark for mark in _BOTH_WAYS if text.startswith(mark, stop)), None)
        if mark is None or not pairs.is_open(mark, stop):
            return stop
        stop += len(mark)
    return end


def _is_abbreviation(text: str, begin: int, stop: int, end: int) -> bool:
    if text[stop - 1] != ".":
        return False
    before = text[max(begin, stop - 12) : stop]
    if _NUMBERED.search(before):
        return text[stop : min(end, stop + 3)].lstrip()[:1].isdigit()
    return bool(_ABBREVIATION.search(before))


def _cut(text: str, start: int, end: int, clauses: list[int]) -> Iterator[Span]:
    """The sentence, cut after its ``clauses`` if it is long."""
    if end - start > _LONG:
        for stop in clauses:
            if stop - start >= _SHORTEST_CLAUSE:
                yield from _trimmed(text, start, stop)
                start = stop
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
