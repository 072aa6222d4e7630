"""A note's text -> its blocks, with exact offsets.

Notes are rarely clean Markdown: questions stand as bold bullets or plain lines, bodies are indented as if they
were code, bullets are ``•``, lines are wrapped inside words. CommonMark parsers misread these and give no offsets,
so this one works line by line and only points into the text; it never rewrites it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, takewhile
from typing import Literal

from ingest.lines import (
    ATX_HEADING,
    BEGINS_BLOCK,
    BREAK,
    CONTENTS,
    MARKER,
    NOISE,
    Line,
    are_wrapped,
    clean_title,
    front_matter,
    goes_on,
    read_lines,
)
from ingest.questions import asks, is_question, is_question_list, numbered_parts, wonders

Kind = Literal["heading", "paragraph", "item", "questions", "table", "code", "formula", "noise"]

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph, list item, list of bare questions, table, code block, formula, or noise (rules, images,
    bare links, tables of contents, front matter, comments, tags alone).

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
class _Open:
    """A heading whose section is still open. ``own_indent`` is None where indentation does not close the section;
    ``folded`` marks the summary of a ``<details>``, with which the section ends; ``quote`` is how many quote marks the
    section has at least; ``number`` is what the heading begins with, if it is one."""

    rank: int
    title: str
    own_indent: int | None
    folded: bool
    quote: int
    number: int | None


# Ranks below the six of Markdown: a numeral (一、), a question written as a bullet, then labels by indentation, then
# titles of callouts.
_NUMERAL_RANK = 7
_QUESTION_RANK = 8
_LABEL_RANK = 9
_DEEPEST_LABEL = 40
_CALLOUT_RANK = _LABEL_RANK + _DEEPEST_LABEL + 1

# In characters: a longer line is no heading.
_LONGEST_TITLE = 300
_LONGEST_LABEL = 80
_LONGEST_NUMBERED = 40
# In lines: what is not closed by then is no formula and no comment of Obsidian.
_FARTHEST_END = 100

_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
# Queries of Obsidian: what stands in the note is not what they show.
_QUERIES = ("dataview", "dataviewjs", "query", "tasks")
_CLOSING_HASHES = re.compile(r"(?:^|(?<=[ \t]))#+$")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})$")
_HTML_HEADING = re.compile(r"<h([1-6])\b[^<>]*>(.+)</h\1>$", re.IGNORECASE)
_SUMMARY = re.compile(r"(?:<details\b[^<>]*>\s*)?<summary\b[^<>]*>(.+?)</summary>", re.IGNORECASE)
_END_OF_DETAILS = "</details>"
_BOLD = re.compile(r"(?:\*\*|__)((?:(?!\*\*|__).)+)(?:\*\*|__)[ \t]*[:：]?$")
_ASKED = re.compile(r"[*_]*(?:Q|问|问题|Question)[ \t]*\d*[ \t]*[:：.、][ \t]*(.+)$", re.IGNORECASE)
_REPLY = re.compile(r"(?<=[?？])[*_]{0,2}[ \t]*(?=[*_]{0,2}(?:A|答|Answer)\d*[*_]{0,2}[:：])", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?=[.)、．])")
_NUMERAL = re.compile(r"[一二三四五六七八九十]{1,3}、[ \t]*(?=\S)")
_OUTLINE_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,3}[ \t.、]+(?=[^\W\d])")
_BARE_NAME = re.compile(r"[A-Za-z][\w.+()-]*$", re.ASCII)
_FORMULA_BEGINS = re.compile(r"\$\$|\\\[|\\begin\{(\w+\*?)\}")
_FORMULA_TAIL = re.compile(r"[ \t.,;，。；]*(?::\w+:`[^`]*`)?$")
_TABLE_RULE = re.compile(r"(?=.*\|)\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?$")
_TABLE_END = re.compile("</table>", re.IGNORECASE)
_TABLE_ROW = re.compile(r"<tr\b", re.IGNORECASE)
# Lines of commands: a comment; what may be a command or a setting and is no sentence; what makes it surely one.
_COMMENT = re.compile(r"#[ \t]+\S")
_COMMAND = re.compile(
    r"""(?!.*\w[.!?:,]$)(?:[$>%][ \t])?[\w./~@{}\[\]()"'](?:"[^"]*"|'[^']*'|(?<=[ \t])(?:#|//).*|[\x00-\x7f])*+$""",
    re.ASCII,
)
_CODELIKE = re.compile(r"[ \t]-{1,2}\w|^[\w.]+(?:[ \t]*=[ \t]*|:[ \t]+)\S|[(){};|&<>]|\w/\w|^[a-z]+_\w+", re.ASCII)
_NO_PROSE = re.compile(
    r"(?:=|\w[.(]\w|\breturn\b|\+\+|--).*;$|[{}(\[]$|^[}\])]|\w\([^()]*\)[:;]?$|^[\w.\[\]]+ ?[-+*/]?= ?\S"
    r"|^[\w\"'.-]+: ?[^\s,]+,?$|^(?:def|class|import|return|public|private|static|const|let|var|function)\b",
    re.ASCII,
)
_FEWEST_CODE_LINES, _LEAST_SHARE_OF_CODE = 3, 0.75
_TABLE_EDGE = re.compile(r"\|.*\|$")
# What begins an item only if a line beside it begins alike.
_LISTED = re.compile(
    r"(?P<bracketed>[（(][一二三四五六七八九十]{1,3}[)）])"
    r"|(?P<step>(?:步骤|step)[ \t]*[一二三四五六七八九十\d]{1,2}[ \t]*[:：])"
    r"|(?P<ordinal>第[一二三四五六七八九十]{1,2}步?[，,、:：])|(?P<sign>[✅❌✔✘👉➤➢►]\ufe0f?)|(?P<roman>[Ⅰ-Ⅻ][.、．])",
    re.IGNORECASE,
)
_FOOTNOTE = re.compile(r"\[\^[^\]]+\]:")
_PROSE = ("paragraph", "item")


def parse(text: str) -> list[Block]:
    """The blocks of ``text`` in order. They do not overlap; what lies between them is white space and the marks of
    quotes and admonitions."""
    return _Parser(text).blocks()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = list(read_lines(text))
        self.wrapped = are_wrapped(self.lines)
        self.listings = dict(_listings(self.lines))
        self.open: list[_Open] = []
        self.done: list[Block] = []
        # Searching again and again for an end that is not there would take quadratic time.
        self.last_comment_end = text.rfind("-->")
        self.last_table_end = max((end.start() for end in _TABLE_END.finditer(text)), default=-1)

    def blocks(self) -> list[Block]:
        # Each step returns the line after what it took, or the same line if it took nothing; the first that takes wins.
        steps = (
            self._fence,
            self._formula,
            self._comment,
            self._hidden,
            self._listing,
            self._heading,
            self._table,
            self._html_table,
            self._noise,
            self._item,
        )
        at = self._front_matter()
        while at < len(self.lines):
            self._close_callouts(self.lines[at].quote)
            if self.lines[at].blank:
                at += 1
                continue
            if self.lines[at].text.lower().endswith(_END_OF_DETAILS) and not NOISE.match(self.lines[at].text):
                self._part(at, self.lines[at].end - len(_END_OF_DETAILS))
            for step in steps:
                after = step(at)
                if after > at:
                    at = after
                    break
            else:
                at = self._paragraph(at)
        return list(_in_their_sections(self.text, self.done))

    # --- what a line begins -------------------------------------------------------------------------------------

    def _front_matter(self) -> int:
        front = front_matter(self.text)
        if front is None:
            return 0
        after = self._line_at(front.end) + 1
        self._add("noise", 0, after)
        return after

    def _fence(self, at: int) -> int:
        line = self.lines[at]
        mark = _FENCE.match(line.text)
        if not mark:
            return at
        end = at + 1
        kind: Kind = "code"
        while end < len(self.lines) and self.lines[end].quote >= line.quote:
            text = self.lines[end].text
            end += 1
            if text.startswith(mark[1]) and not text.strip(mark[1][0]):
                kind = "noise" if line.text[mark.end() :].strip().lower() in _QUERIES else "code"
                break
        else:
            # The end of a block that begins elsewhere, such as in the chunk before.
            if line.text == mark[1]:
                self._add("noise", at, at + 1)
                return at + 1
        self._add(kind, at, end)
        return end

    def _formula(self, at: int) -> int:
        mark = _FORMULA_BEGINS.match(self.lines[at].text)
        if not mark:
            return at
        close = {"$$": "$$", "\\[": "\\]"}.get(mark[0], f"\\end{{{mark[1]}}}")
        limit = self.lines[min(len(self.lines), at + _FARTHEST_END) - 1].end
        found = self.text.find(close, self.lines[at].start + mark.end(), limit)
        if found < 0:
            return at
        closed = found + len(close)
        end = self._line_at(closed)
        if not _FORMULA_TAIL.match(self.text, closed, self.lines[end].end):
            return at
        self._add("formula", at, end + 1)
        return end + 1

    def _comment(self, at: int) -> int:
        while (line := self.lines[at]).text.startswith("<!--") and line.start + 4 <= self.last_comment_end:
            close = self.text.index("-->", line.start + 4) + 3
            after = self._line_at(close)
            self._append("noise", line.start, close, [(line.start, close)], line.indent)
            if not self._drop_until(after, close):
                return after + 1
            if after > at:
                return after
        return at

    def _hidden(self, at: int) -> int:
        """A comment of Obsidian, between a line ``%%`` and the next that ends in ``%%``."""
        if self.lines[at].text != "%%":
            return at
        below = self.lines[at + 1 : at + _FARTHEST_END]
        end = next((number for number, line in enumerate(below, at + 2) if line.text.endswith("%%")), at)
        if end > at:
            self._add("noise", at, end)
        return end

    def _listing(self, at: int) -> int:
        end = self.listings.get(at, at)
        if end > at:
            self._add("code", at, end)
        return end

    def _heading(self, at: int) -> int:
        line = self.lines[at]
        summary, asked = _SUMMARY.match(line.text), _ASKED.match(line.text)
        if summary and len(summary[1]) <= _LONGEST_TITLE:
            self._part(at, line.start + summary.end())
            return self._open_heading(at, _QUESTION_RANK, summary[1], folded=True)
        reply = asked and _REPLY.search(line.text, asked.start(1))
        if asked and reply and reply.end() - asked.start(1) <= _LONGEST_TITLE:
            self._part(at, line.start + reply.end())
            return self._open_heading(at, _QUESTION_RANK, line.text[asked.start(1) : reply.end()])
        if len(line.text) > _LONGEST_TITLE or not any(map(str.isalnum, line.text)):
            return at
        if atx := ATX_HEADING.match(line.text):
            # In an indented listing a single hash begins a comment.
            title = _CLOSING_HASHES.sub("", atx[2])
            if clean_title(title) and (line.indent < 4 or len(atx[1]) > 1):
                return self._open_heading(at, len(atx[1]), title)
        if html := _HTML_HEADING.match(line.text):
            return self._open_heading(at, int(html[1]), html[2])
        if rank := self._underlined(at):
            return self._open_heading(at, rank, line.text, lines=2)
        if asked and self._answered(at):
            return self._open_heading(at, _QUESTION_RANK, asked[1])
        if self._is_callout(at):
            # The marks belong to the heading, or else a chunk that begins with it would not show them.
            self.lines[at] = replace(line, start=line.outer, text=self.text[line.outer : line.end])
            return self._open_heading(at, _CALLOUT_RANK + line.quote, line.text, quote=line.quote)
        return self._unmarked_heading(at)

    def _underlined(self, at: int) -> int:
        """The rank of an underlined heading, else 0. A rule below a sentence or a bullet underlines nothing."""
        line = self.lines[at]
        mark = _UNDERLINE.match(self.lines[at + 1].text) if at + 1 < len(self.lines) else None
        if not mark or len(line.text) > _LONGEST_LABEL or NOISE.match(line.text):
            return 0
        if mark[0][0] == "=":
            return 1
        titled = self._begins_paragraph(at) and line.indent < 4 and line.text[-1] not in "。！；;:：….，,"
        return 2 if titled and (line.text[0].isdigit() or not BEGINS_BLOCK.match(line.text)) else 0

    def _unmarked_heading(self, at: int) -> int:
        """Headings without heading marks: bold bullets, bold lines, questions, numbers, a bare name before its text."""
        text = self.lines[at].text
        if len(text) > 2 * _LONGEST_LABEL:
            return at
        marker = MARKER.match(text)
        return self._item_as_heading(at, marker[0]) if marker else self._line_as_heading(at)

    def _item_as_heading(self, at: int, marker: str) -> int:
        line = self.lines[at]
        title = line.text[len(marker) :]
        bold = _BOLD.match(title)
        deeper = self._next_indent(at) > line.indent
        rank = (_LABEL_RANK if line.indent else _QUESTION_RANK) + min(line.indent, _DEEPEST_LABEL)
        questions = len(title) <= _LONGEST_LABEL and asks(title)
        entitled = bold and ((deeper and not self._follows_item(at)) or (is_question(bold[1]) and self._answered(at)))
        numbered_on = self._is_next_number(marker) and not self._is_in_list(line.indent)
        if entitled or (deeper and (questions or numbered_on)):
            return self._open_heading(at, rank, bold[1] if bold else title, line.indent if deeper else None)
        if questions and self._answered(at) and (self._is_next_number(marker) or not self._is_listed(at)):
            return self._open_heading(at, rank, line.text if marker[0].isdigit() else title)
        return at

    def _line_as_heading(self, at: int) -> int:
        line = self.lines[at]
        bold = _BOLD.match(line.text)
        if bold and self._begins_paragraph(at) and self._answered(at):
            rank = _LABEL_RANK + min(line.indent, _DEEPEST_LABEL)
            return self._open_heading(at, rank, bold[1], line.indent - 1)
        apart = self._begins_paragraph(at) or self.done[-1].kind != "paragraph"
        if apart and is_question(line.text) and len(line.text) <= _LONGEST_LABEL and self._answered(at):
            return self._open_heading(at, _LABEL_RANK, line.text)
        if self._is_numbered(at):
            dots = line.text.split()[0].rstrip(".").count(".")
            return self._open_heading(at, _LABEL_RANK + dots if dots else _NUMERAL_RANK, line.text)
        if self._is_bare_name(at):
            return self._open_heading(at, self.open[-1].rank, line.text)
        return at

    def _open_heading(
        self,
        at: int,
        rank: int,
        title: str,
        own_indent: int | None = None,
        *,
        lines: int = 1,
        folded: bool = False,
        quote: int = 0,
    ) -> int:
        self._close_sections(self.lines[at].indent)
        while self.open and self.open[-1].rank >= rank:
            self.open.pop()
        number = _NUMBER.match(self.lines[at].text)
        self.open.append(_Open(rank, clean_title(title), own_indent, folded, quote, int(number[0]) if number else None))
        self._add("heading", at, at + lines)
        return at + lines

    def _table(self, at: int) -> int:
        if "|" not in self.lines[at].text:
            return at
        end = at
        while end < len(self.lines) and "|" in self.lines[end].text:
            end += 1
        rows = self.lines[at:end]
        ruled = any(_TABLE_RULE.match(row.text) for row in rows)
        if len(rows) < 2 or not (ruled or all(row.text.startswith("|") for row in rows)):
            return at
        self._add("table", at, end)
        return end

    def _html_table(self, at: int) -> int:
        line = self.lines[at]
        if not line.text.lower().startswith("<table") or line.start > self.last_table_end:
            return at
        self._close_sections(line.indent)
        found = _TABLE_END.search(self.text, line.start)
        assert found
        close = found.end()
        after = self._line_at(close)
        marks = [mark.start() for mark in _TABLE_ROW.finditer(self.text, line.start, close)]
        starts = [line.start, *marks[1:]]
        self._append(
            "table", line.start, close, [_trim(self.text, *span) for span in pairwise([*starts, close])], line.indent
        )
        return after if self._drop_until(after, close) else after + 1

    def _noise(self, at: int) -> int:
        text = self.lines[at].text
        if not NOISE.match(text):
            return at
        if _END_OF_DETAILS in text.lower():
            self._fold()
        self._add("noise", at, at + 1)
        return at + 1

    def _item(self, at: int) -> int:
        line = self.lines[at]
        if not self._begins_item(at):
            return at
        self._close_sections(line.indent)
        end = at + 1
        while end < len(self.lines) and self._continues(end):
            deeper = self.lines[end].indent > line.indent
            if not deeper and not goes_on(self.lines[end - 1], self.lines[end], self.wrapped):
                break
            end += 1
        self._add("item", at, end)
        return end

    def _paragraph(self, at: int) -> int:
        self._close_sections(self.lines[at].indent)
        end = at + 1
        while end < len(self.lines) and self._continues(end):
            end += 1
        self._add("paragraph", at, end)
        return end

    # --- looking around -----------------------------------------------------------------------------------------

    def _continues(self, at: int) -> bool:
        """Whether line ``at`` continues the paragraph or item before it."""
        line = self.lines[at]
        if line.blank or line.quote != self.lines[at - 1].quote or at in self.listings:
            return False
        text = line.text
        if self._begins_item(at) or ATX_HEADING.match(text) or _FENCE.match(text) or _FOOTNOTE.match(text):
            return False
        if text.startswith(("|", "<!--", "<table")) or _FORMULA_BEGINS.match(text) or _HTML_HEADING.match(text):
            return False
        if NOISE.match(text) or text.lower().endswith(_END_OF_DETAILS) or self._ends_section(line.indent):
            return False
        if "|" in text and at + 1 < len(self.lines) and _TABLE_RULE.match(self.lines[at + 1].text):
            return False
        return not (_ASKED.match(text) or _SUMMARY.match(text) or self._is_numbered(at) or self._is_bare_name(at))

    def _begins_item(self, at: int) -> bool:
        line = self.lines[at]
        if MARKER.match(line.text):
            return True
        mark = _LISTED.match(line.text)
        return mark is not None and any(
            (other.indent, other.quote) == (line.indent, line.quote)
            and (alike := _LISTED.match(other.text))
            and alike.lastgroup == mark.lastgroup
            for other in self.lines[max(0, at - 1) : at + 2]
            if other is not line
        )

    def _is_callout(self, at: int) -> bool:
        """Whether this is the title of a callout (``> [!note] …``) and neither a sentence nor the beginning of one."""
        line, following = self.lines[at], self._next(at)
        if not line.quote or "[!" not in self.text[line.outer : line.start] or following is None:
            return False
        if self.lines[at + 1].quote < line.quote or following.quote < line.quote:
            return False
        ends = line.text[-1] in "。！；.!;" or goes_on(line, following, self.wrapped)
        return len(line.text) <= _LONGEST_LABEL and not ends

    def _next(self, at: int) -> Line | None:
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
        if following is None or ATX_HEADING.match(following.text) or is_question(following.text):
            return False
        return not (NOISE.match(following.text) or following.text.startswith("<!--"))

    def _begins_paragraph(self, at: int) -> bool:
        """Whether only white space or a heading stands right above."""
        if at == 0 or self.lines[at - 1].blank:
            return True
        return bool(self.done) and self.done[-1].kind == "heading" and self.done[-1].end >= self.lines[at - 1].start

    def _follows_item(self, at: int) -> bool:
        """Whether an item of the same list stands right above: then both are items and neither is a heading."""
        return bool(self.done) and self.done[-1].kind == "item" and self.done[-1].indent == self.lines[at].indent

    def _is_in_list(self, indent: int) -> bool:
        """Whether an item with this indentation stands below the innermost heading."""
        section = takewhile(lambda block: block.kind != "heading", reversed(self.done))
        return any(block.kind == "item" and block.indent == indent for block in section)

    def _is_listed(self, at: int) -> bool:
        """Whether an item stands beside the one at ``at``."""
        return bool(MARKER.match(self._below(at))) or self._follows_item(at)

    def _is_next_number(self, marker: str) -> bool:
        """Whether the innermost heading has the number before that of a list marker."""
        number = _NUMBER.match(marker)
        before = self.open[-1].number if self.open else None
        return number is not None and before is not None and int(number[0]) == before + 1

    def _is_numbered(self, at: int) -> bool:
        """Whether this is a short line, such as ``1.2 背景``, with text below it and no line of its kind beside it."""
        line = self.lines[at]
        if len(line.text) > _LONGEST_NUMBERED or line.text[-1] in "。！；;:：，,.":
            return False
        number = next((number for number in (_NUMERAL, _OUTLINE_NUMBER) if number.match(line.text)), None)
        below = self._below(at)
        if number is None or not below or number.match(below) or (at and number.match(self.lines[at - 1].text)):
            return False
        return not self.done or self.done[-1].kind == "heading" or not number.match(self.text, self.done[-1].start)

    def _is_bare_name(self, at: int) -> bool:
        """Whether this is a heading without its mark: a short Latin line right before a sentence, under a heading of
        the same kind."""
        line = self.lines[at]
        if not self.open or at + 1 >= len(self.lines) or len(line.text) > 30 or line.indent:
            return False
        alike = _BARE_NAME.match(line.text) and _BARE_NAME.match(self.open[-1].title)
        return bool(alike) and len(self.lines[at + 1].text) > 20

    def _line_at(self, offset: int) -> int:
        """The line that holds the character before ``offset``."""
        return bisect_right(self.lines, offset - 1, key=lambda line: line.outer) - 1

    # --- building blocks ----------------------------------------------------------------------------------------

    def _part(self, at: int, offset: int) -> None:
        """Makes two lines of one: what stands before ``offset``, and the rest if there is any."""
        line = self.lines[at]
        _, end = _trim(self.text, line.start, offset)
        if self._drop_until(at, offset):
            self.lines.insert(at, replace(line, end=end, text=self.text[line.start : end]))
        else:
            self.lines[at] = line

    def _drop_until(self, at: int, offset: int) -> bool:
        """Drops what stands before ``offset`` from line ``at``; returns whether anything is left."""
        line = self.lines[at]
        start, _ = _trim(self.text, offset, line.end)
        self.lines[at] = replace(line, outer=start, start=start, text=self.text[start : line.end])
        return start < line.end

    def _close_callouts(self, quote: int) -> None:
        while any(heading.quote > quote for heading in self.open):
            self.open.pop()

    def _fold(self) -> None:
        """Closes the section of the innermost summary and all sections inside it."""
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at].folded:
                del self.open[at:]
                return

    def _add(self, kind: Kind, first: int, after: int) -> None:
        rows = self.lines[first:after]
        if kind == "code":
            spans = [(row.start if rows[0].quote else row.outer, row.end) for row in rows if row.outer < row.end]
        else:
            rows = [row for row in rows if row.text]
            spans = [(row.start, row.end) for row in rows]
        start, end, indent = rows[0].start, spans[-1][1], rows[0].indent
        if kind not in ("heading", "noise"):
            self._close_sections(indent)
        if kind in ("paragraph", "item"):
            spans = list(self._logical_lines(rows))
        self._append(kind, start, end, spans, indent)

    def _append(self, kind: Kind, start: int, end: int, lines: Sequence[Span], indent: int) -> None:
        path = tuple(heading.title for heading in self.open)
        rank = self.open[-1].rank if self.open else 0
        self.done.append(Block(kind, start, end, tuple(lines), indent, path, rank))

    def _close_sections(self, indent: int) -> None:
        while self._ends_section(indent):
            self.open.pop()

    def _ends_section(self, indent: int) -> bool:
        """Whether text with this indentation stands outside the innermost section."""
        own_indent = self.open[-1].own_indent if self.open else None
        return own_indent is not None and indent <= own_indent

    def _logical_lines(self, rows: Sequence[Line]) -> Iterator[Span]:
        """Rows with wrapped ones joined, and cut at ``<br>``."""
        start: int | None = None
        # Where the first line of a paragraph alone is indented, the others go on with it.
        wrapped = self.wrapped or (rows[0].opens and not all(row.opens for row in rows))
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            start = row.start if start is None else start
            if following is not None and goes_on(row, following, wrapped):
                continue
            position = start
            for mark in BREAK.finditer(self.text, start, row.end):
                if self.text[position : mark.start()].strip():
                    yield _trim(self.text, position, mark.start())
                position = mark.end()
            if self.text[position : row.end].strip():
                yield _trim(self.text, position, row.end)
            start = None


def _listings(lines: Sequence[Line]) -> Iterator[Span]:
    """The lines, from the first to after the last, of code without a fence: of commands among which a single hash
    begins a comment and no heading, as there are several such comments, or one right below a command or a line of text;
    and of a few lines nearly all of which are no prose, such as the middle of code that was cut."""
    for is_listing, run in groupby(range(len(lines)), key=lambda at: _may_be_listed(lines[at])):
        first, *rest = run
        while rest and _COMMENT.match(lines[rest[-1]].text):
            rest.pop()
        if not (is_listing and rest):
            continue
        taken = lines[first : rest[-1] + 1]
        above = lines[first - 1].text if first else ""
        apart = not above or any(mark.match(above) for mark in (ATX_HEADING, NOISE, _FENCE, _TABLE_EDGE))
        comments = sum(_COMMENT.match(line.text) is not None for line in taken)
        needed = 2 if apart and _COMMENT.match(taken[0].text) else 1
        if comments >= needed and any(_CODELIKE.search(line.text) for line in taken):
            yield first, first + len(taken)
            continue
        code = taken[comments:] if comments < needed else taken
        no_prose = sum(_NO_PROSE.search(line.text) is not None for line in code)
        if len(code) >= _FEWEST_CODE_LINES and no_prose >= _LEAST_SHARE_OF_CODE * len(code):
            yield first + len(taken) - len(code), first + len(taken)


def _may_be_listed(line: Line) -> bool:
    text = line.text
    return bool(_COMMENT.match(text) or (_COMMAND.match(text) and not (MARKER.match(text) or NOISE.match(text))))


def _trim(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    return left, max(left, start + len(piece.rstrip()))


def _in_their_sections(text: str, blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, with the kinds that depend on their section.

    A heading over a table of contents is noise. A block that only asks is "questions" in a section without an answer,
    and anywhere if it is written as a list; a rhetorical question in an answer keeps its kind.
    """
    for _, run in groupby(blocks, key=lambda block: block.headings):
        section = list(run)
        if section[0].kind == "heading" and _is_contents(text, section[1:]):
            section[0] = replace(section[0], kind="noise")
        prose = "\n".join(text[block.start : block.end] for block in section if block.kind in _PROSE)
        answered = any(block.kind in ("table", "code", "formula") for block in section) or not is_question_list(prose)
        asking = [block.kind in _PROSE and _asks_only(text[block.start : block.end], answered) for block in section]
        if not any(asking):
            yield from section
            continue
        for block, only_asks in zip(section, asking, strict=True):
            bare = only_asks and (not answered or _is_written_list(text, block))
            yield replace(block, kind="questions") if bare else block


def _is_contents(text: str, blocks: Sequence[Block]) -> bool:
    listed = (CONTENTS.match(text[block.start : block.end]) for block in blocks if block.kind == "noise")
    return any(listed) and all(block.kind == "noise" for block in blocks)


def _asks_only(text: str, answered: bool) -> bool:
    """Whether a block asks without answering. Without a question mark only what stands among questions asks."""
    if "?" in text or "？" in text:
        return is_question_list(text)
    return not answered and (is_question_list(text) or wonders(text))


def _is_written_list(text: str, block: Block) -> bool:
    """Whether a block has at least three lines or numbered parts that end in a question mark."""
    parts = (part for start, end in block.lines for part in numbered_parts(text[start:end]))
    return sum(is_question(part) for part in parts) >= 3
