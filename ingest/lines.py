"""The lines of a note, and the marks that tell what a line is."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

ATX_HEADING = re.compile(r"(#{1,6})(?:[ \t\u00a0\u3000]+|(?<=##)(?=[^#\s]))(\S.*)$")
MARKER = re.compile(
    r"(?:[-*+•·◦▪‣●○■□–][ \t\u00a0]+|[•●■]|\d{1,3}[.)、．](?!\d)[ \t\u00a0]*|[（(]\d{1,2}[)）][ \t]*"
    r"|[a-zA-Z][.)、][ \t]+|[①-⑳][ \t]*|\d{1,2}[)）][ \t]*)(?:\[[ xX]\][ \t]+)?"
)
"""What a list item begins with, the box of a task included."""
BEGINS_BLOCK = re.compile(rf"{MARKER.pattern}|#|>|\||```|~~~|\$\$|!\[|<")
SENTENCE_END = "。！？；!?;：:…"

_TAG = (
    r"</?(?:a|article|aside|b|br|center|col|colgroup|details|div|em|figcaption|figure|font|hr|i|iframe|img|li|nav|ol|p|picture"
    r"|section|source|span|strong|summary|svg|table|tbody|td|th|thead|tr|u|ul|video)\b[^<>]*>"
)
_IMAGE = r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])"
_CONTENTS = rf"@?\[\[?toc\]?\]$|(?:{MARKER.pattern})?\[[^\]]*\]\(#[^)]*\)$"
# Only those that the tools write for themselves: any other key may be what the note is about.
_PROPERTY = (
    r"(?:id|collapsed|heading|icon|public|template|created-at|updated-at|background-color"
    r"|(?:card|query|hl|ls)-[\w-]+|logseq\.[\w.-]+)::[ \t].*"
)
CONTENTS = re.compile(_CONTENTS, re.IGNORECASE)
"""A line of a table of contents."""
NOISE = re.compile(
    # Images, perhaps linked, tags and spaces alone.
    rf"(?:{_IMAGE}|\[{_IMAGE}\]\([^)]*\)|!\[\[[^\]]*\]\]|{_TAG}|&nbsp;|[ \t\u00a0])+$"
    # A rule, an empty bullet.
    r"|(?:#{1,6}[ \t]+)?(?:[-*_=~·—─━═][ \t]*){3,}$|[-*+•]$"
    # A bare address, the address of a link, a role of MyST.
    r"|(?:<?https?://[^\s<>，。；、：（）]+>?|www\.[^\s<>\u3000-\u9fff，。]+)$"
    r"|\[(?!\^)[^\]]+\]:[ \t]*(?:<|https?://|mailto:|\.{0,2}/|#)\S*(?:[ \t]+[\"'(].*)?$|:\w+:(?:`[^`]*`)?$"
    # A comment of Obsidian; properties and embedded blocks of Logseq; what a copied chat leaves of a picture.
    rf"|%%(?:[^%]+%%)?$|(?:{MARKER.pattern})?(?:{_PROPERTY}|\{{\{{(?:embed|query|renderer)\b.*\}}\}})$"
    r"|(?:\[(?:图片|链接|表情|动画表情|视频|语音|文件|image|photo|video|sticker)\][ \t]*)+$"
    rf"|{_CONTENTS}",
    re.IGNORECASE,
)
"""A line that holds nothing to cite."""

_KEY = r"[^\W\d][\w.-]*(?: [\w.-]+){0,3}"
# Neither an address nor a time of day has a key.
_ASSIGNED = r"[ \t]*(?:=|:(?!//|(?<=\d:)\d))"
_FRONT_MATTER = re.compile(
    r"(?P<mark>---|\+\+\+)[ \t]*\n(?:[ \t]*(?:#.*)?\n)*+"
    # A single line of prose makes all of it prose.
    rf"(?P<body>(?={_KEY}{_ASSIGNED})(?:(?:[^\n:=]{{1,60}}{_ASSIGNED}|[ \t]|-[ \t]|[\[\]{{}}#\"']).*\n|\n)*+)"
    r"(?:(?P=mark)|\.\.\.)[ \t]*$",
    re.MULTILINE,
)
_ENTRY = re.compile(rf"^(?P<key>{_KEY}){_ASSIGNED}(?P<value>.*)", re.MULTILINE)

_QUOTE = re.compile(r"(?:>(?![=\d])[ \t]?)+")
_ADMONITION = re.compile(
    r"(?::{3,}[ \t]*\{?[\w-]*\}?"
    r"|(?:!!!|\?\?\?\+?)[ \t]+(?:note|tip|warning|info|danger|caution|important|question|example|hint|abstract)\b"
    r"|\[![\w-]+(?:\|[^\]]*)?\][+-]?)[ \t]*",
    re.IGNORECASE,
)

_LINKED = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")
_PICTURED = re.compile(_IMAGE)
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*]+)(?<=\S)\*(?![\w*])|(?<!\w)_(?=\S)([^_]+)(?<=\S)_(?!\w)")
_MARKUP = re.compile(rf"{_TAG}|[ \t]\{{[#.][^{{}}]*\}}$|\*\*|(?<!\w)__|__(?!\w)|`", re.IGNORECASE)

_PARAGRAPH_INDENT = "\u3000\u3000"
_LEAST_WRAPPED_WIDTH, _MOST_WRAPPED_WIDTH = 56, 130
_SPREAD_OF_ONE_WIDTH = 16
# A line that ends among English words, and one that begins among them.
_ENGLISH_OPEN = re.compile(r"[A-Za-z,$`)]+[ ][^ ]+[ ][^ ]*[A-Za-z,$`)-]$", re.ASCII)
_ENGLISH_GOES_ON = re.compile(r"[a-z]+(?:,| (?![\u3400-\u9fff]))")
_LABELLED = re.compile(r"[\w ()-]{1,40}: |[^\s，。；：！？、,;:!?]{1,20}：")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The metadata from the very top of a note to ``end``, marks included; ``title`` is empty if it has none."""

    end: int
    title: str


def front_matter(text: str) -> FrontMatter | None:
    """What stands between two ``---`` or ``+++`` at the top, if it is metadata; None for prose between two rules."""
    found = _FRONT_MATTER.match(text)
    entries = list(_ENTRY.finditer(found["body"])) if found else []
    if found is None or all(_may_be_prose(entry["key"], entry["value"].strip()) for entry in entries):
        return None
    title = next((entry["value"] for entry in entries if entry["key"] == "title"), "")
    return FrontMatter(found.end(), title.strip().strip("\"'").strip())


def _may_be_prose(key: str, value: str) -> bool:
    """Whether an entry reads like a sentence or a lead-in with a colon. A single Latin word is always taken for a key,
    any other only if its value is not prose."""
    if re.fullmatch(r"[\w.-]+", key, re.ASCII):
        return False
    return not re.match(r"[\d\[{\"']|(?:true|false)$", value) or value.endswith((*SENTENCE_END, "."))


@dataclass(frozen=True, slots=True)
class Line:
    """A line; its ``text`` lacks white space, quote marks and admonition marks around it.

    ``outer`` is where the line begins, those marks included. ``indent`` counts columns inside the quote; ``quote`` is
    how many quote marks the line has. ``opens`` marks the two full-width spaces that begin a Chinese paragraph.
    """

    outer: int
    start: int
    end: int
    text: str
    indent: int
    quote: int
    opens: bool = False

    @property
    def blank(self) -> bool:
        return not self.text


def read_lines(text: str) -> Iterator[Line]:
    """The lines of ``text``, blank ones too, in order."""
    position = 0
    for raw in text.split("\n"):
        stripped = raw.strip()
        outer = start = position + (raw.index(stripped[0]) if stripped else 0)
        end = start + len(stripped)
        before, quote = raw[: start - position], 0
        if stripped[:1] in (">", ":", "!", "?", "["):
            if mark := _QUOTE.match(stripped):
                quote = mark[0].count(">")
                inside = stripped[mark.end() :]
                stripped = inside.lstrip()
                before = inside[: len(inside) - len(stripped)]
            if mark := _ADMONITION.match(stripped):
                stripped = stripped[mark.end() :]
            start = end - len(stripped)
        indent = sum(4 if c == "\t" else 2 if c == "\u3000" else 1 for c in before) if before else 0
        yield Line(outer, start, end, stripped, indent, quote, opens=before == _PARAGRAPH_INDENT)
        position += len(raw) + 1


def _width(text: str) -> int:
    """In terminal columns: two for a wide character. ASCII text needs no look-up."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def clean_title(text: str) -> str:
    """A heading as a person reads it: without marks, links as their text, single spaces. Its own number stays."""
    text = _MARKUP.sub("", _LINKED.sub(r"\1", _PICTURED.sub("", text)))
    return " ".join(_EMPHASIS.sub(r"\1\2", text).split()).strip(" :：")


def are_wrapped(lines: Sequence[Line]) -> bool:
    """Whether a note's lines were broken by hand or by an exporter in the middle of sentences.

    In such notes nearly every line that does not end a sentence is long; where a line break means a new statement,
    many of them are short. In a short text they must all be about equally wide.
    """
    widths, short = [], 0
    for line, below in pairwise(lines):
        if not line.text or not below.text or line.text[-1] in SENTENCE_END or BEGINS_BLOCK.match(below.text):
            continue
        if "|" in line.text or ATX_HEADING.match(line.text) or _LABELLED.match(below.text):
            continue
        width = line.indent + _width(line.text[:200])
        if width < _LEAST_WRAPPED_WIDTH:
            short += 1
        elif width <= _MOST_WRAPPED_WIDTH:
            widths.append(width)
    enough = len(widths) >= 5 or (len(widths) >= 2 and max(widths) - min(widths) <= _SPREAD_OF_ONE_WIDTH)
    return enough and len(widths) > 3 * short


def goes_on(line: Line, following: Line, wrapped: bool) -> bool:
    """Whether ``line`` ends inside a sentence, or with a term whose definition follows. ``wrapped``: see
    ``are_wrapped``."""
    if following.text.startswith(": ") or line.text[-1] in "，、":
        return True
    if following.opens or line.text[-1] in f"{SENTENCE_END}." or BREAK.match(following.text):
        return False
    if _LABELLED.match(line.text) and _LABELLED.match(following.text):
        return False
    if _ENGLISH_OPEN.search(line.text[-80:]) and _ENGLISH_GOES_ON.match(following.text):
        return True
    return wrapped and line.indent + _width(line.text[:200]) >= _LEAST_WRAPPED_WIDTH
