"""Markdown, and plain text, which may be Markdown in disguise: the text stays the file's own."""

import re

from ingest.lines import front_matter
from ingest.readers.decode import decode
from ingest.structure import parse
from ingest.types import Reading

_LONGEST_FIRST_LINE = 40
_NO_TITLE = re.compile(
    r"(?:作者|日期|时间|来源|链接|标签|关键词|author|date|source|tags?|link)\s*[:：]|.*(?:https?:|!\[|[<|])"
    r"|.*[。！？；：，….!?;:,]$",
    re.IGNORECASE,
)
_READ_FOR_TITLE = 2000
"""Characters."""


def read(data: bytes) -> Reading:
    """The title is the front matter's, if there is one, else the first line of a note without a level-1 heading if it
    reads like one."""
    decoded = decode(data)
    front = front_matter(decoded.text)
    stated = front.title if front else ""
    if not stated and not _top_headings(decoded.text):
        stated = _first_line(decoded.text[front.end if front else 0 :])
    return Reading(decoded.text, stated, problems=decoded.problems)


def _first_line(text: str) -> str:
    """The first line if it is short, a paragraph of its own and no sentence, and more follows. Else empty."""
    blocks = parse(text[:_READ_FOR_TITLE])
    if len(blocks) < 2 or blocks[0].kind != "paragraph" or len(blocks[0].lines) > 1:
        return ""
    first = blocks[0]
    line = text[first.start : first.end].strip()
    titled = 1 < len(line) <= _LONGEST_FIRST_LINE and any(map(str.isalpha, line)) and not _NO_TITLE.match(line)
    return line if titled else ""


def only_top_heading(text: str) -> str:
    """The level-1 heading if it is the only one; several are sections, none of which names the note. Else empty."""
    headings = _top_headings(text)
    return headings[0] if len(headings) == 1 else ""


def _top_headings(text: str) -> list[str]:
    return [block.headings[-1] for block in parse(text) if block.kind == "heading" and block.rank == 1]
