"""Markdown, and plain text, which may be Markdown in disguise: the text stays the file's own."""

import re
from collections.abc import Iterator

from ingest.lines import front_matter
from ingest.readers.decode import decode
from ingest.types import Reading

_MARKED_LINE = re.compile(
    r"^ {0,3}(?:(?P<fence>`{3,}|~{3,})|#[ \t\u00a0](?P<heading>.*)|(?P<underline>=+)[ \t]*$)", re.MULTILINE
)
_CLOSING_MARKS = re.compile(r"(?:^|[ \t])#+$")


def read(data: bytes) -> Reading:
    """The title is the front matter's, if there is one."""
    decoded = decode(data)
    front = front_matter(decoded.text)
    return Reading(decoded.text, front.title if front else "", problems=decoded.problems)


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
