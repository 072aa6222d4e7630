"""Markdown, and plain text, which may be Markdown in disguise: the text stays the file's own."""

import re
from collections.abc import Iterator

from ingest.lines import front_matter
from ingest.readers.decode import decode
from ingest.structure import parse
from ingest.types import Reading

_MARKED_LINE = re.compile(
    r"^ {0,3}(?:(?P<fence>`{3,}|~{3,})|#[ \t\u00a0](?P<heading>.*)|(?P<underline>=+)[ \t]*$)", re.MULTILINE
)
_CLOSING_MARKS = re.compile(r"(?:^|[ \t])#+$")
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
    if not stated and not next(_top_headings(decoded.text), ""):
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
    first = next(headings, "")
    return first if next(headings, None) is None else ""


def _top_headings(text: str) -> Iterator[str]:
    front = front_matter(text)
    fence = ""
    for line in _MARKED_LINE.finditer(text, front.end if front else 0):
        if fence:
            fence = "" if (line["fence"] or "").startswith(fence) else fence
        elif line["fence"]:
            fence = line["fence"]
        else:
            above = text[text.rfind("\n", 0, max(0, line.start() - 1)) + 1 : line.start()]
            title = above if line["underline"] else _CLOSING_MARKS.sub("", line["heading"].strip())
            if any(map(str.isalnum, title)):
                yield title.strip()
