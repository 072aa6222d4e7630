"""Markdown, and plain text, which may be Markdown in disguise: the text stays the file's own."""

import re
from collections.abc import Iterator

from ingest.readers.decode import decode
from ingest.types import Reading

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<body>.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_FRONT_TITLE = re.compile(r"^title[ \t]*:(?P<title>.+)$", re.MULTILINE)
_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#[ \t\u00a0](?P<title>.*)")
_CLOSING_MARKS = re.compile(r"(?:^|[ \t])#+$")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*$")


def read(data: bytes) -> Reading:
    """The title is the front matter's, if there is one."""
    decoded = decode(data)
    return Reading(decoded.text, _front_title(decoded.text), problems=decoded.problems)


def only_top_heading(text: str) -> str:
    """The level-1 heading, if it is the only one: several are sections, and none of them names the note."""
    headings = _top_headings(text)
    first = next(headings, "")
    return first if next(headings, None) is None else ""


def _front_title(text: str) -> str:
    front = _FRONT_MATTER.match(text)
    title = front and _FRONT_TITLE.search(front["body"])
    return title["title"].strip().strip("\"'").strip() if title else ""


def _top_headings(text: str) -> Iterator[str]:
    front = _FRONT_MATTER.match(text)
    fence = previous = ""
    for line in text[front.end() if front else 0 :].split("\n"):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark["mark"].startswith(fence):
                fence = ""
        elif mark:
            fence = mark["mark"]
        elif heading := _HEADING.match(line):
            if title := _CLOSING_MARKS.sub("", heading["title"].strip()).strip():
                yield title
        elif _UNDERLINE.match(line) and previous.strip():
            yield previous.strip()
        previous = line
