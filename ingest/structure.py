"""A note's text -> its blocks, with exact offsets.

Notes are rarely clean Markdown: questions stand as bold bullets or plain lines, bodies are indented as if they
were code, bullets are ``•``, lines are wrapped inside words. CommonMark parsers fall apart on these and give no
offsets, so this one works line by line and only ever points into the text; it never rewrites it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Kind = Literal["heading", "paragraph", "item", "questions", "table", "code", "formula", "noise"]

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph, list item, list of bare questions, table, code block, formula, or noise (rules, images,
    bare links, front matter, comments).

    ``lines`` are the logical lines: table rows and code lines one by one; lines wrapped inside a sentence as one.
    ``headings`` is the heading path with the block's own title last if it is a heading. ``indent`` counts columns.
    ``rank`` is that of the innermost heading: 1 to 6 as in Markdown, 7 and more for questions and labels that carry
    no heading mark, 0 for none.
    """

    kind: Kind
    start: int
    end: int
    lines: tuple[Span, ...]
    indent: int
    headings: tuple[str, ...]
    rank: int


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str
    indent: int

    @property
    def blank(self) -> bool:
        return not self.text


@dataclass(slots=True)
class _Open:
    """A heading whose section is still open. ``own_indent`` is None where indentation does not close it."""

    rank: int
    title: str
    own_indent: int | None


# Ranks below the six of Markdown: a question written as a bold bullet, then labels by indentation.
_QUESTION_RANK = 7
_LABEL_RANK = 8

_FENCE = re.compile(r"(`{3,}|~{3,})")
_ATX = re.compile(r"(#{1,6})(?:[ \t\u00a0\u3000]+|(?<=##)(?=[^#\s]))(.*?)[ \t#]*$")
_MARKER = re.compile(
    r"(?:[-*+•·◦▪‣●○■□–][ \t\u00a0]+|[•●■]|\d{1,3}[.)、．](?!\d)[ \t\u00a0]*|[（(]\d{1,2}[)）][ \t]*"
    r"|[a-zA-Z][.)、][ \t]+|[①-⑳][ \t]*|\d{1,2}[)）][ \t]*)"
)
_BULLET = re.compile(r"[-*+•][ \t\u00a0]+")
_BOLD = re.compile(r"(?:\*\*|__)((?:(?!\*\*|__).)+)(?:\*\*|__)[ \t]*[:：]?$")
_ASKED = re.compile(r"(?:Q|问|问题|Question)[ \t]*\d*[ \t]*[:：.、][ \t]*(.+)$", re.IGNORECASE)
_BEGINS_BLOCK = re.compile(rf"{_MARKER.pattern}|#|>|\||```|~~~|\$\$|!\[|<")
_RULE = re.compile(r"(?:[-*_=][ \t]*){3,}$")
_IMAGE = re.compile(r"(?:!\[[^\]]*\]\([^)]*\)|<img\b[^>]*>|<br\s*/?>|[ \t\u00a0])+$", re.IGNORECASE)
_LINK = re.compile(r"(?:<?https?://[^\s<>]+>?|(?:www\.)[^\s]+)$")
_TABLE_RULE = re.compile(r"\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?$")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MARKUP = re.compile(r"[*`#]+|__|(?<!\w)_|_(?!\w)")
_SENTENCE_END = "。！？；!?;：:…"
_LONGEST_LABEL = 80
_WRAPPED_WIDTH = 56


def is_question(text: str) -> bool:
    return text.rstrip(" \u00a0*_").endswith(("?", "？"))


def is_question_list(text: str) -> bool:
    """Whether a text is mostly questions without answers: at least three, in two thirds of its sentences."""
    questions = len(re.findall(r"[?？]", text))
    statements = len(re.findall(r"[。！!；;]|\.(?=\s|$)", re.sub(r"\d+\.", "", text)))
    return questions >= 3 and questions >= 2 * statements


def clean_title(text: str) -> str:
    """A heading as a person reads it: no marks, single spaces. The question's own number stays."""
    return " ".join(_MARKUP.sub("", text).split()).strip(" :：")


def parse(text: str) -> list[Block]:
    """The blocks of ``text`` in order. They do not overlap; what lies between them is white space."""
    return _Parser(text).blocks()


def _lines(text: str) -> Iterator[_Line]:
    position = 0
    for raw in text.split("\n"):
        stripped = raw.strip()
        if stripped:
            start = position + raw.index(stripped[0])
            indent = sum(4 if c == "\t" else 2 if c == "\u3000" else 1 for c in raw[: start - position])
            yield _Line(start, start + len(stripped), stripped, indent)
        else:
            yield _Line(position, position, "", 0)
        position += len(raw) + 1


def _width(text: str) -> int:
    """Terminal columns: two for wide characters. Latin text takes the short way."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _is_wrapped(lines: list[_Line]) -> bool:
    """Whether a note's lines were broken by hand or by an exporter in the middle of sentences.

    In such notes nearly every line that goes on without a sentence end is long; where a line break means a new
    statement, many of them are short.
    """
    long = short = 0
    for line, below in pairwise(lines):
        if not line.text or not below.text or line.text[-1] in _SENTENCE_END or _BEGINS_BLOCK.match(below.text):
            continue
        if _ATX.match(line.text) or "|" in line.text:
            continue
        width = line.indent + _width(line.text[:200])
        if width >= _WRAPPED_WIDTH:
            long += width <= 130
        else:
            short += 1
    return long >= 5 and long > 3 * short


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = list(_lines(text))
        self.wrapped = _is_wrapped(self.lines)
        self.open: list[_Open] = []
        self.done: list[Block] = []
        # Each returns the line after what it took, or the same line if it took nothing; the first taker wins.
        self.steps = (
            self._fence,
            self._formula,
            self._comment,
            self._heading,
            self._table,
            self._noise,
            self._item,
        )

    def blocks(self) -> list[Block]:
        at = self._front_matter()
        while at < len(self.lines):
            line = self.lines[at]
            if line.blank:
                at += 1
                continue
            for step in (
                self._fence,
                self._formula,
                self._comment,
                self._heading,
                self._table,
                self._noise,
                self._item,
            ):
                after = step(at)
                if after > at:
                    at = after
                    break
            else:
                at = self._paragraph(at)
        return self.done

    # --- what a line begins -------------------------------------------------------------------------------------

    def _front_matter(self) -> int:
        if not self.lines or self.lines[0].text != "---":
            return 0
        for at in range(1, min(len(self.lines), 60)):
            if self.lines[at].text in ("---", "..."):
                self._add("noise", 0, at + 1)
                return at + 1
            if not re.match(r"[\w-]+\s*:|-\s|#|$", self.lines[at].text):
                return 0
        return 0

    def _fence(self, at: int) -> int:
        mark = _FENCE.match(self.lines[at].text)
        if not mark:
            return at
        end = at + 1
        while end < len(self.lines):
            text = self.lines[end].text
            if text.startswith(mark[1]) and not text.strip(mark[1][0]):
                end += 1
                break
            end += 1
        self._add("code", at, end)
        return end

    def _formula(self, at: int) -> int:
        line = self.lines[at]
        if not line.text.startswith(("$$", "\\[")):
            return at
        close = "$$" if line.text.startswith("$$") else "\\]"
        end = at
        while end < len(self.lines):
            body = self.lines[end].text[2:] if end == at else self.lines[end].text
            if close in body:
                self._add("formula", at, end + 1)
                return end + 1
            end += 1
        return at

    def _comment(self, at: int) -> int:
        if not self.lines[at].text.startswith("<!--"):
            return at
        end = at
        while end < len(self.lines) and "-->" not in self.lines[end].text:
            end += 1
        if end == len(self.lines) or not self.lines[end].text.endswith("-->"):
            return at
        self._add("noise", at, end + 1)
        return end + 1

    def _heading(self, at: int) -> int:
        line = self.lines[at]
        atx = _ATX.match(line.text)
        if atx and clean_title(atx[2]):
            return self._open_heading(at, len(atx[1]), atx[2], None)
        below = self.lines[at + 1].text if at + 1 < len(self.lines) else ""
        if re.fullmatch(r"={3,}", below) and len(line.text) <= _LONGEST_LABEL:
            return self._open_heading(at, 1, line.text, None, lines=2)
        asked = _ASKED.match(_MARKUP.sub("", line.text))
        if asked and self._answered(at):
            return self._open_heading(at, _QUESTION_RANK, asked[1], None)
        return self._marked_heading(at)

    def _marked_heading(self, at: int) -> int:
        """Headings without heading marks: bold bullets, bold lines, questions, a bare name before its text."""
        line = self.lines[at]
        if len(line.text) > 2 * _LONGEST_LABEL:
            return at
        marker = _MARKER.match(line.text)
        rest = line.text[marker.end() :] if marker else line.text
        bold = _BOLD.match(rest)
        deeper = self._next_indent(at) > line.indent
        rank = (_QUESTION_RANK if marker and not line.indent else _LABEL_RANK) + min(line.indent, 40)
        if marker:
            asks = is_question(rest) and len(rest) <= _LONGEST_LABEL
            if (bold and (deeper or (is_question(bold[1]) and self._answered(at)))) or (asks and deeper):
                own_indent = line.indent if deeper else None
                return self._open_heading(at, rank, bold[1] if bold else rest, own_indent)
            if asks and self._answered(at) and not _MARKER.match(self._below(at)):
                title = line.text if marker[0][0].isdigit() else rest
                return self._open_heading(at, rank, title, None)
            return at
        alone = at == 0 or self.lines[at - 1].blank or self._just_opened(at)
        if bold and alone and self._answered(at):
            return self._open_heading(at, rank, bold[1], line.indent - 1)
        if is_question(line.text) and len(line.text) <= _LONGEST_LABEL and self._answered(at):
            after_blank = at == 0 or self.lines[at - 1].blank
            if after_blank or not self._in_paragraph(at):
                return self._open_heading(at, _LABEL_RANK, line.text, None)
        if self._is_bare_name(at):
            return self._open_heading(at, self.open[-1].rank, line.text, None)
        return at

    def _open_heading(self, at: int, rank: int, title: str, own_indent: int | None, lines: int = 1) -> int:
        while self.open and self.open[-1].rank >= rank:
            self.open.pop()
        self.open.append(_Open(rank, clean_title(title), own_indent))
        self._add("heading", at, at + lines)
        return at + lines

    def _table(self, at: int) -> int:
        if "|" not in self.lines[at].text:
            return at
        end = at
        while end < len(self.lines) and "|" in self.lines[end].text:
            end += 1
        ruled = any(_TABLE_RULE.match(self.lines[row].text) and "|" in self.lines[row].text for row in range(at, end))
        if end - at < 2 or not (ruled or all(self.lines[row].text.startswith("|") for row in range(at, end))):
            return at
        self._add("table", at, end)
        return end

    def _noise(self, at: int) -> int:
        text = self.lines[at].text
        if _RULE.match(text) or _IMAGE.match(text) or _LINK.match(text):
            self._add("noise", at, at + 1)
            return at + 1
        return at

    def _item(self, at: int) -> int:
        line = self.lines[at]
        if not _MARKER.match(line.text):
            return at
        end = at + 1
        while end < len(self.lines) and self.lines[end].indent > line.indent and self._continues(end):
            end += 1
        self._add("item", at, end)
        return end

    def _paragraph(self, at: int) -> int:
        end = at + 1
        while end < len(self.lines) and self._continues(end):
            end += 1
        self._add("paragraph", at, end)
        return end

    # --- looking around -----------------------------------------------------------------------------------------

    def _continues(self, at: int) -> bool:
        """Whether line ``at`` goes on with the paragraph or item before it."""
        line = self.lines[at]
        if line.blank or _MARKER.match(line.text) or _ATX.match(line.text) or _FENCE.match(line.text):
            return False
        if line.text.startswith(("$$", "|", "<!--")) or _RULE.match(line.text) or _IMAGE.match(line.text):
            return False
        return not (_LINK.match(line.text) or _ASKED.match(line.text) or self._is_bare_name(at))

    def _next(self, at: int) -> _Line | None:
        return next((line for line in self.lines[at + 1 : at + 40] if line.text), None)

    def _below(self, at: int) -> str:
        following = self._next(at)
        return following.text if following else ""

    def _next_indent(self, at: int) -> int:
        following = self._next(at)
        return following.indent if following else -1

    def _answered(self, at: int) -> bool:
        """Whether something that can be an answer follows: neither a heading nor one more question."""
        following = self._next(at)
        if following is None or _ATX.match(following.text) or is_question(following.text):
            return False
        return not (_LINK.match(following.text) or _IMAGE.match(following.text))

    def _in_paragraph(self, at: int) -> bool:
        return bool(self.done) and self.done[-1].kind == "paragraph" and not self.lines[at - 1].blank

    def _just_opened(self, at: int) -> bool:
        return bool(self.done) and self.done[-1].kind == "heading" and self.done[-1].end >= self.lines[at - 1].start

    def _is_bare_name(self, at: int) -> bool:
        """A short Latin-only line directly before a sentence, under a heading of the same kind: a lost heading."""
        line = self.lines[at]
        if not self.open or at + 1 >= len(self.lines) or len(line.text) > 30:
            return False
        name = re.compile(r"[A-Za-z][\w.+()-]*$", re.ASCII)
        below = self.lines[at + 1].text
        return bool(name.match(line.text) and name.match(self.open[-1].title) and len(below) > 20 and line.indent == 0)

    # --- building blocks ----------------------------------------------------------------------------------------

    def _add(self, kind: Kind, first: int, after: int) -> None:
        rows = [line for line in self.lines[first:after] if line.text]
        start, end, indent = rows[0].start, rows[-1].end, rows[0].indent
        if kind not in ("heading", "noise"):
            while self.open and self._closes(self.open[-1], indent):
                self.open.pop()
        if kind in ("paragraph", "item"):
            spans = tuple(self._logical_lines(rows))
            if is_question_list(self.text[start:end]):
                kind = "questions"
        else:
            spans = tuple((row.start, row.end) for row in rows)
        path = tuple(heading.title for heading in self.open)
        rank = self.open[-1].rank if self.open else 0
        self.done.append(Block(kind, start, end, spans, indent, path, rank))

    @staticmethod
    def _closes(heading: _Open, indent: int) -> bool:
        return heading.own_indent is not None and indent <= heading.own_indent

    def _logical_lines(self, rows: list[_Line]) -> Iterator[Span]:
        """Rows with wrapped ones joined, and cut at ``<br>``."""
        start: int | None = None
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            start = row.start if start is None else start
            if following is not None and self._wrapped(row, following):
                continue
            position = start
            for mark in _BREAK.finditer(self.text, start, row.end):
                if self.text[position : mark.start()].strip():
                    yield self._trim(position, mark.start())
                position = mark.end()
            if self.text[position : row.end].strip():
                yield self._trim(position, row.end)
            start = None

    def _trim(self, start: int, end: int) -> Span:
        piece = self.text[start:end]
        return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())

    def _wrapped(self, row: _Line, following: _Line) -> bool:
        """Whether ``row`` ends only because a column was reached."""
        return (
            self.wrapped
            and row.text[-1] not in _SENTENCE_END
            and row.indent + _width(row.text) >= _WRAPPED_WIDTH
            and not _BREAK.match(following.text)
        )
