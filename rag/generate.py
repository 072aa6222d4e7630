"""Statements -> an answer in the notes' own words. This extractive answerer calls no language model."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.choose import choose
from rag.cite import VERBATIM
from rag.protocols import Config
from rag.types import Draft, Hit, Query, Source, Statement

_MARKER = re.compile(
    r"^(?:[-*+•·◦▪‣●○■□–]\s+|[•●■]|\d{1,3}[.)、．](?!\d)\s*|[（(]\d{1,2}[)）]\s*|[①-⑳]\s*|\d{1,2}[)）]\s*)"
)
_NUMBERED = re.compile(r"^(\d{1,3})[.)、．](?!\d)")
_ANSWER_MARK = re.compile(r"^(?:答|A|Answer)\s*[:：]\s*")
_NOT_SHOWN = re.compile(
    # Names such as __init__ and powers such as 2**10 are not emphasis.
    rf"(?P<kept>{VERBATIM}|(?-i:__[a-z]+(?:_[a-z]+)*__)|(?<=[A-Za-z0-9])\*\*(?=\d))"
    r"|(?P<emphasis>\*\*|__(?=\S)|(?<=\S)__)"
    r"|<(?:br|img)\b[^>]*>|!\[[^\]]*\]\([^)]*\)|^#{1,6}\s*|^[ \t]*(?:>[ \t]?)+(?=\S|$)"
    # Tags that only lay text out; any other "<…>" may be what the note is about, such as a token.
    r"|</?(?:a|b|big|center|div|em|font|i|kbd|li|mark|ol|p|small|span|strong|sub|sup|table|tbody|td|th|thead|tr|u|ul)"
    r"(?:\s[^<>]*)?>",
    re.IGNORECASE | re.MULTILINE,
)
_CHECKBOX = re.compile(r"^\[([ xX])\]\s+")
_LINK = re.compile(rf"(?P<kept>{VERBATIM})|\[(?P<text>[^\]]+)\]\((?:[^()\s]|\([^()\s]*\))+\)")
_WRAP = re.compile(r"[ \t\u00a0]*\n\s*")
_CJK = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
# Between Chinese characters, and before or after Chinese punctuation.
_STRAY_SPACE = re.compile(rf"(?<={_CJK}) +(?={_CJK})| +(?=[，。：；！？、）】》])|(?<=[，。：；！？、（【《]) +")


@dataclass(frozen=True, slots=True)
class ExtractiveGenerator:
    """Picks and orders the notes' own statements. ``characters`` is roughly the longest answer."""

    characters: int

    def generate(
        self, query: Query, hits: Sequence[Hit], read: Sequence[Statement], config: Config | None = None
    ) -> Iterator[Draft]:
        yield from _write(choose(query, read, self.characters))


def _write(chosen: Sequence[Statement]) -> Iterator[Draft]:
    """Statements in reading order: sections by their best hit, within a section as in the note. Several sections stand
    under their headings."""
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
    """The statement as it is in the note, citing itself."""
    return Draft(display(statement), (Source(statement.hit, statement.start, statement.end),), before, quoted=True)


def _between(previous: Statement, statement: Statement) -> str:
    if {previous.kind, statement.kind} <= {"item", "table", "heading"}:
        return "\n"
    # Any other block with several statements is a paragraph.
    same_block = (previous.hit.chunk.id, previous.block) == (statement.hit.chunk.id, statement.block)
    return " " if same_block else "\n\n"


def display(statement: Statement) -> str:
    """A statement as Markdown to read, without the marks of the note's own layout, its lines joined."""
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
    """A table row on one line, each cell but the first after its column's name."""
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    names = [cell.strip() for cell in header.strip("|").split("|")] if header else []
    names += [""] * (len(cells) - len(names))
    named = [
        cells[0],
        *(f"{name}: {cell}" if name and cell else cell for name, cell in zip(names[1:], cells[1:], strict=False)),
    ]
    return " · ".join(cell for cell in named if cell)


def plain(text: str) -> str:
    """A slice of a note on one line: without images, breaks, bold marks and wrapped lines, links as their text, code
    and formulas unchanged."""
    text = _NOT_SHOWN.sub(lambda found: found["kept"] or ("" if found["emphasis"] else " "), text)
    text = text.replace("\u00a0", " ")
    text = _LINK.sub(lambda found: found["kept"] or found["text"], text)
    text = _WRAP.sub(" ", text)
    return " ".join(_STRAY_SPACE.sub("", text).split())
