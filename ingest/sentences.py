"""Text -> sentences as offsets, for Chinese, English and both mixed."""

import re
from collections.abc import Iterator

from ingest.structure import Span

# A closing quote or bracket belongs to the sentence it closes.
_CLOSERS = "”’\"'）)】」』》*_`"
_HARD = "。！？!?…"
_END = re.compile(
    rf"[。！？]+[{_CLOSERS}]*|[!?]+[{_CLOSERS}]*(?=\s|$|[^\x00-\x7f])|\.[{_CLOSERS}]*(?=\s+[^\sa-z]|\s*$)"
)
_SOFT = re.compile(r"[；;][”’\"）)]*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|Fig|Eq|Sec|No|Dr|Mr|Ms|approx|resp|St|[A-Z]|\d)|^\s*\d+)\.$", re.IGNORECASE
)
_INLINE = re.compile(r"`[^`\n]+`|\$[^$\n]+\$|https?://\S+")
_LONG = 120


def sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences of ``text[start:end]`` in order, trimmed, each as (start, end) in ``text``.

    Inline code, formulas and links are never cut. A sentence longer than 120 characters is also cut at semicolons.
    """
    shielded = [match.span() for match in _INLINE.finditer(text, start, end)]

    def inside(position: int) -> bool:
        return any(left < position < right for left, right in shielded)

    begin = start
    for mark in _END.finditer(text, start, end):
        stop = mark.end()
        if inside(mark.start()) or (text[mark.start()] == "." and _ABBREVIATION.search(text[begin : mark.start() + 1])):
            continue
        yield from _clauses(text, begin, stop, shielded)
        begin = stop
    yield from _clauses(text, begin, end, shielded)


def _clauses(text: str, start: int, end: int, shielded: list[Span]) -> Iterator[Span]:
    if end - start > _LONG:
        for mark in _SOFT.finditer(text, start, end):
            if mark.end() - start >= 24 and not any(left < mark.start() < right for left, right in shielded):
                yield from _trimmed(text, start, mark.end())
                start = mark.end()
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
