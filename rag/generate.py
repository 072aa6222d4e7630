"""Hits -> the statements of an answer: the extractive answerer, which calls no language model."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.lexical import search_tokens
from rag.protocols import Config
from rag.types import Draft, Hit, Query, Source, Statement

_MARKER = re.compile(
    r"^(?:[-*+•·◦▪‣●○■□–]\s+|[•●■]|\d{1,3}[.)、．](?!\d)\s*|[（(]\d{1,2}[)）]\s*|[①-⑳]\s*|\d{1,2}[)）]\s*)"
)
_NUMBERED = re.compile(r"^(\d{1,3})[.)、．](?!\d)")
_ANSWER_MARK = re.compile(r"^(?:答|A|Answer)\s*[:：]\s*")
_NOT_SHOWN = re.compile(
    r"<(?:br|img)\b[^>]*>|!\[[^\]]*\]\([^)]*\)|\*\*|__(?=\S)|(?<=\S)__|^#{1,6}\s*|^[ \t]*(?:>[ \t]?)+(?=\S|$)"
    # Tags that only lay text out; any other "<…>" may be what the note is about, such as a token.
    r"|</?(?:a|b|big|center|div|em|font|i|kbd|li|mark|ol|p|small|span|strong|sub|sup|table|tbody|td|th|thead|tr|u|ul)"
    r"(?:\s[^<>]*)?>",
    re.IGNORECASE | re.MULTILINE,
)
_CHECKBOX = re.compile(r"^\[([ xX])\]\s+")
_LINK = re.compile(r"\[([^\]]+)\]\((?:[^()\s]|\([^()\s]*\))+\)")
_WRAP = re.compile(r"[ \t\u00a0]*\n\s*")
_CJK = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
_STRAY_SPACE = re.compile(rf"(?<={_CJK}) +(?={_CJK})")
_WANTS_MANY = re.compile(
    r"哪些|哪几|几[种个类点步档招]|有什么|都有|都是|分别|步骤|流程|方法|手段|优缺点|特点|区别|不同|对比|比较|差在|列[出举]|怎么[做搭组]|如何"
    r"|\b(?:what are|which|list|kinds?|types?|steps?|ways?|methods?|differ\w*|compare|vs\.?|versus|how)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ExtractiveGenerator:
    """Picks and orders the note's own statements. ``characters`` bounds the answer's length, roughly."""

    characters: int

    def generate(
        self, query: Query, hits: Sequence[Hit], read: Sequence[Statement], config: Config | None = None
    ) -> Iterator[Draft]:
        extent = _MANY if _WANTS_MANY.search(query.asked) else _ONE
        yield from _write(_choose(read, extent, round(self.characters * extent.share)))


@dataclass(frozen=True, slots=True)
class _Extent:
    """How far below the best statement's score others may lie, in its own section and elsewhere, and the share of the
    answer's length that may be used. Measured on the development questions."""

    same_section: float
    elsewhere: float
    share: float
    whole_list: bool


_ONE = _Extent(same_section=0.45, elsewhere=0.3, share=0.27, whole_list=False)
_MANY = _Extent(same_section=0.8, elsewhere=0.5, share=0.83, whole_list=True)


def _choose(scored: Sequence[Statement], extent: _Extent, budget: int) -> list[Statement]:
    """The best statements that fit the budget, with the whole list where one item of it is best and many are asked."""
    if not scored:
        return []
    ranked = sorted(scored, key=lambda s: (-s.score, s.rank, s.start))
    best = ranked[0]
    chosen: list[Statement] = []
    used = 0
    for statement in ranked:
        at_home = statement.rank == best.rank and statement.headings == best.headings
        if statement in chosen or statement.score < best.score - (extent.same_section if at_home else extent.elsewhere):
            continue
        group = _belonging(statement, scored, whole_list=extent.whole_list and at_home)
        fresh = [s for s in group if s not in chosen and not _repeats(s, chosen)]
        length = sum(len(s.text) for s in fresh)
        if not chosen or used + length <= budget:
            chosen += fresh
            used += length
    return chosen


def _belonging(statement: Statement, scored: Sequence[Statement], whole_list: bool) -> list[Statement]:
    """The statement with what it cannot be read without: a lead-in has what it announces, code and formulas have
    their lead-in, and with ``whole_list`` an item its list."""
    same_hit = [s for s in scored if s.rank == statement.rank]
    at = next(i for i, s in enumerate(same_hit) if s is statement)
    first, after = at, at + 1
    if statement.leads_in:
        whole_list = True
        after = min(after + 1, len(same_hit))
    if whole_list and same_hit[after - 1].kind == "item":
        first = min(first, _run_of_items(same_hit, after - 1, -1)) if statement.kind == "item" else first
        after = _run_of_items(same_hit, after - 1, 1) + 1
    announced = same_hit[first].kind in ("code", "formula") or (whole_list and same_hit[first].kind == "item")
    if announced and first > 0 and same_hit[first - 1].leads_in:
        first -= 1
    return same_hit[first:after]


def _run_of_items(statements: Sequence[Statement], at: int, step: int) -> int:
    """The last position in direction ``step`` of the run of list items around ``at``."""
    while 0 <= at + step < len(statements) and statements[at + step].kind == "item":
        at += step
    return at


def _repeats(statement: Statement, chosen: Sequence[Statement]) -> bool:
    """Whether the statement says again, in nearly the same words, what is already chosen."""
    tokens = set(search_tokens(statement.text))
    for other in chosen:
        others = set(search_tokens(other.text))
        if tokens and len(tokens & others) >= 0.8 * min(len(tokens), len(others)) and len(tokens) <= len(others) * 1.3:
            return True
    return False


def _write(chosen: Sequence[Statement]) -> Iterator[Draft]:
    """Statements in reading order: sections by their best hit, within a section as in the note; where there are
    several sections, each under its heading."""
    sections: dict[tuple[str, tuple[str, ...]], list[Statement]] = {}
    for statement in sorted(chosen, key=lambda s: (s.rank, s.start)):
        sections.setdefault((statement.hit.chunk.document_id, statement.headings), []).append(statement)
    for number, section in enumerate(sections.values()):
        title = section[0].headings[-1] if section[0].headings else section[0].hit.chunk.title
        before = "\n\n" if number else ""
        if len(sections) > 1 and title:
            before += f"**{title}**\n\n"
        previous: Statement | None = None
        for statement in sorted(section, key=lambda s: s.start):
            if not display(statement):
                continue
            if previous is not None:
                before = _between(previous, statement)
            yield quoting(statement, before)
            previous = statement


def quoting(statement: Statement, before: str) -> Draft:
    """The statement as it stands in the note, citing itself."""
    return Draft(display(statement), (Source(statement.hit, statement.start, statement.end),), before, quoted=True)


def _between(previous: Statement, statement: Statement) -> str:
    listed = statement.kind in ("item", "table", "heading")
    if listed or previous.kind in ("item", "table", "heading"):
        return "\n" if listed and previous.kind in ("item", "table", "heading") else "\n\n"
    if {statement.kind, previous.kind} & {"code", "formula"}:
        return "\n\n"
    same_paragraph = statement.hit.chunk.id == previous.hit.chunk.id and statement.block == previous.block
    return " " if same_paragraph else "\n\n"


def display(statement: Statement) -> str:
    """A statement as a person reads it, in Markdown: marks of the note's own layout taken off, lines joined."""
    if statement.kind in ("code", "formula"):
        return statement.text
    text = plain(statement.text)
    if statement.kind == "table":
        return f"- {_row(text, plain(statement.header))}"
    number = _NUMBERED.match(text)
    body = _ANSWER_MARK.sub("", _MARKER.sub("", text)).strip()
    body = _CHECKBOX.sub(lambda box: "☐ " if box[1] == " " else "☑ ", body)
    if not body:
        return ""
    if statement.kind in ("item", "heading"):
        indent = "  " if statement.kind == "item" and statement.indent > 5 else ""
        return f"{indent}{number[1]}. {body}" if number and not indent else f"{indent}- {body}"
    return body


def _row(row: str, header: str) -> str:
    """A table row on one line, each cell but the first under its column's name."""
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    names = [cell.strip() for cell in header.strip("|").split("|")] if header else []
    names += [""] * (len(cells) - len(names))
    named = [
        cells[0],
        *(f"{name}: {cell}" if name and cell else cell for name, cell in zip(names[1:], cells[1:], strict=False)),
    ]
    return " · ".join(cell for cell in named if cell)


def plain(text: str) -> str:
    """A slice of a note on one line: no images, breaks, bold marks or wrapped lines; links by their text."""
    text = _LINK.sub(r"\1", _NOT_SHOWN.sub(" ", text).replace("\u00a0", " "))
    text = _WRAP.sub(" ", text)
    return " ".join(_STRAY_SPACE.sub("", text).split())
