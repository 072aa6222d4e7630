"""Statements -> an answer in the notes' own words. This extractive answerer calls no language model."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape

from ingest.readers.markdown_writer import fenced
from rag.choose import choose
from rag.cite import VERBATIM
from rag.lists import is_labelled, is_member, parent_of
from rag.protocols import Config
from rag.statements import table_cells
from rag.terms import HAN, is_chinese
from rag.types import Draft, Hit, Query, Source, Statement

_MARKER = re.compile(
    r"^(?:[-*+•·◦▪‣●○■□–]\s+|[•●■]|\d{1,3}[.)、．](?!\d)\s*|[（(]\d{1,2}[)）]\s*|[①-⑳]\s*|\d{1,2}[)）]\s*)"
)
_NUMBERED = re.compile(r"^(?:(\d{1,3})[.)、．](?!\d)|[（(](\d{1,2})[)）]|(\d{1,2})[)）]|([①-⑳]))")
_ANSWER_MARK = re.compile(r"^(?:答|A|Answer)\s*[:：]\s*")
_NOT_SHOWN = re.compile(
    "|".join(
        (
            # Verbatim text; and what is no emphasis: __init__, 2**10, 2 ** 10, **kwargs that nothing closes.
            rf"(?P<kept>{VERBATIM}|(?-i:__[a-z]+(?:_[a-z]+)*__)|(?<=[A-Za-z0-9])\*\*(?=\d)"
            r"|(?<=\w )\*\*(?= \w)|(?<=[\s,(])\*\*(?=[A-Za-z_]\w*(?![^\n]*(?<=\S)\*\*)))",
            r"(?P<emphasis>\*\*|__(?=\S)|(?<=\S)__)",
            # What Obsidian marks or hides: ==highlights==, %%comments%%, block ids; and footnote references.
            r"(?<![=\w])==(?=[^\W_])(?P<highlight>[^=\n]*[^\s=，。；：,.;:*])==(?![=\w])",
            r"(?P<hidden>%%[^%\n]+%%|[ \t]\^[\w-]+$|\[\^[^\]\s]+\])",
            # Breaks, pictures, marks of headings and quotes.
            r"<(?:br|img)\b[^>]*>|!\[[^\]]*\]\([^)]*\)",
            r"^(?:#{1,6}[^\S\n]+|#{2,6}(?=[^\s#]))|^[ \t]*(?:>[ \t]?)+(?=\S|$)",
            # Tags that only lay text out; any other "<…>" may be what the note is about, such as a token.
            r"<sup>(?P<raised>[^<>\n]{1,20})</sup>",
            r"(?P<inline></?(?:a|b|big|em|font|i|kbd|mark|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>)",
            r"</?(?:aside|center|details|div|li|ol|p|summary|table|tbody|td|th|thead|tr|ul)(?:\s[^<>]*)?>",
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)
_ENTITY = re.compile(rf"(?P<kept>{VERBATIM})|&(?:[a-z]{{2,8}}|#\d{{2,5}});", re.IGNORECASE)
_SLANTED = re.compile(rf"(?P<kept>{VERBATIM})|(?<![A-Za-z0-9*\\])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![A-Za-z0-9*])")
_CHECKBOX = re.compile(r"^\[([ xX])\]\s+")
_LINK = re.compile(rf"(?P<kept>{VERBATIM})|\[(?P<text>[^\]]{{1,300}})\]\((?:[^()\s]|\([^()\s]*\))+\)")
_WIKILINK = re.compile(
    rf"(?P<kept>{VERBATIM})|\[\[(?=[^\]]*[^\W\d_])(?P<note>[^\[\]|#,]*)(?:#(?P<heading>[^\[\]|,]+))?(?:\|(?P<alias>[^\[\]]+))?\]\]"
)
_LATEX = re.compile(r"\\(?:[a-zA-Z]|[(\[])")
_ESCAPED = re.compile(rf"(?P<kept>{VERBATIM})|\\(?P<mark>[-.~+=>#!&%]|(?<=\w\\)_(?=\w))")
_INVISIBLE = re.compile("[\u200b\u200c\u2060\ufeff]")
_BREAKS = re.compile(r"\s*(?:<br\s*/?>\s*)+", re.IGNORECASE)
_CLOSING_FENCE = re.compile(r"\n([ \t>]*)(?:`{3,}|~{3,})[ \t]*$")
_HYPHENATED = re.compile(r"(?<=[A-Za-z]-)\n\s*(?=[a-z])")
_DEFINITION = re.compile(r"\s*\n\s*:[ \t]+")
_WRAP = re.compile(r"[ \t\u00a0]*\n\s*")
_CJK = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
_GONE = "\0"
"""Stands for what was left out until the spaces beside it are known to be needed."""
_SPACES = re.compile(rf"(?P<chinese>(?<={_CJK})(?=[ {_GONE}]+{_CJK}))?[ {_GONE}]+")
_ENDS_IN_NAME = re.compile(rf"(?:^|(?!{HAN}).){HAN}{{2,4}}$")
_NAME_FIRST = re.compile(rf"{HAN}{{2,4}}(?!{HAN})")
_STRAY_SPACE = re.compile(r" +(?=[，。：；！？、）】》])|(?<=[，。：；！？、（【《]) +")


@dataclass(frozen=True, slots=True)
class ExtractiveGenerator:
    """Picks and orders the notes' own statements. ``characters`` is roughly the longest answer."""

    characters: int

    def generate(
        self, query: Query, hits: Sequence[Hit], read: Sequence[Statement], config: Config | None = None
    ) -> Iterator[Draft]:
        yield from _write(choose(query, read, self.characters), read)


def _write(chosen: Sequence[Statement], read: Sequence[Statement]) -> Iterator[Draft]:
    """Statements in reading order: sections by their best hit, within a section as in the note. Several sections stand
    under their headings."""
    sections = _sections(chosen)
    for number, (section, title) in enumerate(zip(sections, _titles(sections), strict=True)):
        before = "\n\n" if number else ""
        if len(sections) > 1 and title:
            before += f"**{title}**\n\n"
        previous: Statement | None = None
        shown = list(_lines_as_items([statement for statement in section if display(statement)]))
        for statement, level in zip(shown, _levels(shown, read), strict=True):
            if previous is not None:
                before = _between(previous, statement)
            yield quoting(statement, before, level)
            previous = statement


def _titles(sections: Sequence[Sequence[Statement]]) -> list[str]:
    """The innermost heading of each section, or the note's title; with as many of those above it as tell it apart."""
    paths = [tuple(filter(None, (first.hit.chunk.document_id, *first.labels))) for first, *_ in sections]
    return [
        next(
            " > ".join(path[-depth:])
            for depth in range(1, len(path) + 1)
            if depth == len(path) or sum(other[-depth:] == path[-depth:] for other in paths) == 1
        )
        for path in paths
    ]


def _sections(chosen: Sequence[Statement]) -> list[list[Statement]]:
    """The statements of each section in the order of the note; the sections below one heading stand together, in its
    order too."""
    sections: dict[tuple[str, tuple[str, ...]], list[Statement]] = {}
    best: dict[tuple[str, tuple[str, ...]], int] = {}
    for statement in sorted(chosen, key=lambda s: s.start):
        sections.setdefault((statement.hit.chunk.document_id, statement.headings), []).append(statement)
        above = _heading_above(statement)
        best[above] = min(statement.rank, best.get(above, statement.rank))

    def place(section: list[Statement]) -> tuple[int, tuple[str, tuple[str, ...]], int]:
        above = _heading_above(section[0])
        return best[above], above, section[0].start

    return sorted(sections.values(), key=place)


def _heading_above(statement: Statement) -> tuple[str, tuple[str, ...]]:
    """The document and the path of the heading above the statement's section; of its own if it is the outermost."""
    return statement.hit.chunk.document_id, statement.headings[:-1] or statement.headings


def _lines_as_items(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Several lines without marks as the items that they are; one alone is none."""
    several = sum(map(is_member, statements)) > 1
    for statement in statements:
        if several and is_labelled(statement):
            yield replace(statement, kind="item", indent=0)
        elif statement.kind == "item" and not several and not _MARKER.match(statement.text):
            yield replace(statement, kind="paragraph", indent=0)
        else:
            yield statement


def quoting(statement: Statement, before: str, level: int = 0) -> Draft:
    """The statement as it is in the note, citing itself; for ``level`` see ``display``."""
    source = Source(statement.hit, statement.start, statement.end)
    return Draft(display(statement, level), (source,), before, quoted=True)


def _levels(statements: Sequence[Statement], read: Sequence[Statement]) -> Iterator[int]:
    """How deep each statement stands in its list, from 0; an item whose own parent is not among them, at 0, so that it
    does not seem to be part of another one."""
    above: list[int] = []
    for at, statement in enumerate(statements):
        if statement.kind != "item":
            above.clear()
            yield 0
            continue
        # What begins a chunk has lost its indentation.
        lost = 0 < statement.start == statement.hit.chunk.start
        indent = min((s.indent for s in statements[at + 1 :]), default=0) if lost else statement.indent
        while above and indent < above[-1]:
            above.pop()
        parent = parent_of(statement, read)
        if parent is not None and not any(other is parent for other in statements):
            above.clear()
        if not above or indent > above[-1] + 1:
            above.append(indent)
        yield len(above) - 1


def _between(previous: Statement, statement: Statement) -> str:
    listed = [s.kind in ("item", "table", "heading") for s in (previous, statement)]
    if all(listed):
        return "\n"
    # Any other block with several statements is a paragraph.
    same_block = (previous.hit.chunk.id, previous.block) == (statement.hit.chunk.id, statement.block)
    return " " if same_block and not any(listed) else "\n\n"


def display(statement: Statement, level: int = 0) -> str:
    """A statement as Markdown to read, without the marks of the note's own layout, its lines joined. An item of
    ``level`` 1 stands below one of level 0."""
    if statement.kind == "code":
        return _at_the_margin(statement.text)
    if statement.kind == "formula":
        return statement.text
    if statement.kind == "table":
        return f"- {_row(statement.text, statement.header)}"
    text = plain(statement.text)
    number = _NUMBERED.match(text)
    body = _ANSWER_MARK.sub("", _MARKER.sub("", text)).strip()
    body = _CHECKBOX.sub(lambda box: "☐ " if box[1] == " " else "☑ ", body)
    if not body:
        return ""
    if statement.kind in ("item", "heading"):
        mark = f"{_value(number)}." if number else "-"
        # Three columns, as many as Markdown wants below a number.
        return f"{'   ' * level}{mark} {body}"
    return body


def _value(number: re.Match[str]) -> int:
    digits = next(filter(None, number.groups()))
    return int(unicodedata.numeric(digits)) if len(digits) == 1 else int(digits)


def _at_the_margin(code: str) -> str:
    """A code block in a fence, without the indentation or quote marks before its closing one, which else would not
    close it."""
    if not code.startswith(("```", "~~~")):
        return fenced(code)
    fence = _CLOSING_FENCE.search(code)
    if fence is None:
        # The end of long code is in another chunk.
        return f"{code}\n{code[: len(code) - len(code.lstrip(code[0]))]}"
    return re.sub(rf"\n[ \t>]{{0,{len(fence[1])}}}", "\n", code)


def _row(row: str, header: str) -> str:
    """A table row on one line, each cell but the first after its column's name."""
    cells, names = ([_cell(cell) for cell in table_cells(text)] for text in (row, header))
    names += [""] * (len(cells) - len(names))
    named = [
        cells[0],
        *(f"{name}: {cell}" if name and cell else cell for name, cell in zip(names[1:], cells[1:], strict=False)),
    ]
    return " · ".join(cell for cell in named if cell)


def _cell(cell: str) -> str:
    return plain(_BREAKS.sub("；" if is_chinese(cell) else "; ", cell))


def plain(text: str) -> str:
    """A slice of a note on one line: without images, breaks, bold marks, escapes and wrapped lines, links as their
    text, code and formulas unchanged."""
    text = _NOT_SHOWN.sub(_shown, _INVISIBLE.sub("", text))
    text = _ENTITY.sub(lambda found: found["kept"] or unescape(found[0]), text).replace("\u00a0", " ")
    text = _SLANTED.sub(lambda found: found["kept"] or f"{_GONE}{found[2]}{_GONE}", text)
    text = _LINK.sub(lambda found: found["kept"] or f"{_GONE}{found['text']}{_GONE}", text)
    text = _WIKILINK.sub(_named, text)
    if not _LATEX.search(text):
        text = _ESCAPED.sub(lambda found: found["kept"] or found["mark"], text)
    text = _DEFINITION.sub(": ", _HYPHENATED.sub("", text))
    text = _SPACES.sub(_needed, " ".join(_WRAP.sub(f"{_GONE} ", text).split()))
    return _STRAY_SPACE.sub("", text).strip()


def _shown(found: re.Match[str]) -> str:
    if found["raised"]:
        return f"^{found['raised']}"
    unspaced = found["emphasis"] or found["hidden"] or found["inline"]
    return found["kept"] or found["highlight"] or (_GONE if unspaced else f"{_GONE} ")


def _needed(spaces: re.Match[str]) -> str:
    """A space; none between Chinese, where wrapped lines and PDFs leave them, unless it separates two words as short
    as names."""
    if " " not in spaces[0]:
        return ""
    if spaces["chinese"] is None:
        return " "
    near = spaces.string[max(0, spaces.start() - 5) : spaces.start()], spaces.string[spaces.end() : spaces.end() + 5]
    typed = _GONE not in spaces[0] and _ENDS_IN_NAME.search(near[0]) and _NAME_FIRST.match(near[1])
    return " " if typed else ""


def _named(link: re.Match[str]) -> str:
    """A link of Obsidian by its alias, or by the note and heading that it leads to."""
    shown = link["alias"] or " > ".join(filter(None, (link["note"], link["heading"])))
    return link["kept"] or f"{_GONE}{shown}{_GONE}"
