"""Hits -> their statements: sentences, list items, table rows, code, formulas."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ingest.lines import MARKER, clean_title, read_lines
from ingest.sentences import sentences
from ingest.structure import Block, Kind, Span, parse
from ingest.types import Chunk
from rag.types import Hit, Statement, leads_in

_LONGEST_HEADER_CELL = 20
_LONGEST_LINE, _FEWEST_LINES = 60, 3
"""Characters of a line that is an item without a mark, and how many lines are a list."""
_SENTENCE_END = "。！？!?.;；"
_BORDER = re.compile(r"(?<!\\)\|")
_CLAUSES = re.compile(r"[，。；](?![^（(]*[）)])|[;,] (?![^（(]*[）)])")
"""A mark between clauses that is not in brackets."""


def statements(hit: Hit, rank: int) -> Iterator[Statement]:
    """The statements of one hit in order. A heading is one only if it has nothing below it, the note's title never."""
    begin = _end_of_heading(hit.chunk)
    text, offset = hit.chunk.text[begin:], hit.chunk.start + begin
    blocks = [block for block in parse(text) if block.kind not in ("noise", "questions")]
    for number, block in enumerate(blocks):
        if block.kind == "heading" and not _is_bare(blocks, number):
            continue
        own = block.headings[:-1] if block.kind == "heading" else block.headings
        path = (*hit.chunk.headings, *(title for title in own if title not in hit.chunk.headings))
        header = _header(text, block)
        for kind, indent, start, end in _parts(text, block):
            if (header and end <= header[1]) or text[start:end] == hit.chunk.title:
                continue
            yield Statement(
                hit=hit,
                rank=rank,
                block=number,
                kind=kind,
                indent=indent,
                headings=path,
                start=offset + start,
                end=offset + end,
                text=text[start:end],
                header=text[header[0] : header[1]] if header else "",
            )


def _end_of_heading(chunk: Chunk) -> int:
    """Where the chunk goes on after its own heading at the beginning, which only the note before it may show to be one:
    "2. Decay" is one after a heading with number 1. 0 if it does not begin with one or does not go on."""
    line, newline, below = chunk.text.partition("\n")
    mark = MARKER.match(line)
    is_own = mark and chunk.headings and clean_title(line[mark.end() :]) == chunk.headings[-1]
    return len(line) + len(newline) if is_own and below.strip() else 0


def _is_bare(blocks: Sequence[Block], number: int) -> bool:
    following = blocks[number + 1] if number + 1 < len(blocks) else None
    alone = following is None or (following.kind == "heading" and following.rank <= blocks[number].rank)
    return alone and len(blocks) > 1


def _header(text: str, block: Block) -> tuple[int, int] | None:
    """The header row of a table; None if the first row is data, which a cell longer than all others shows, or a long
    one of several clauses unless it is the first, which may be the table's title."""
    if block.kind != "table" or len(block.lines) < 3:
        return None
    (start, end), rule, *rows = block.lines
    names = table_cells(text[start:end])
    if any(len(cell) > _LONGEST_HEADER_CELL and _CLAUSES.search(cell) for cell in names[1:]):
        return None
    longest = max(len(cell) for row in rows for cell in table_cells(text[slice(*row)]))
    ruled = not text[rule[0] : rule[1]].strip("|-: \t")
    return (start, end) if ruled and max(map(len, names)) <= max(_LONGEST_HEADER_CELL, longest) else None


def table_cells(row: str) -> list[str]:
    """The cells of a table row in Markdown, in which ``\\|`` is no border."""
    cells = _BORDER.split(row.strip().removeprefix("|"))
    return [cell.strip().replace("\\|", "|") for cell in (cells if cells[-1].strip() else cells[:-1])]


def _parts(text: str, block: Block) -> Iterator[tuple[Kind, int, int, int]]:
    """The statements of a block, each as its kind, its indentation and where it starts and ends. Lines that are a list
    without marks are items."""
    if block.kind == "paragraph":
        yield from _of_lines(text, block)
    elif block.kind == "item":
        lines = _item_lines(text, block)
        yield "item", block.indent, *lines[0]
        for start, end in lines[1:]:
            # A line that begins like an item is one: several stood on a line between ``<br>``.
            nested = block.indent if MARKER.match(text, start, end) else max(block.indent + 1, _columns(text, start))
            yield "item", nested, start, end
    elif block.kind == "table":
        rows = (row for row in block.lines if text[row[0] : row[1]].strip("|-: \t"))
        yield from (("table", block.indent, *row) for row in rows)
    else:
        yield block.kind, block.indent, block.start, block.end


def _item_lines(text: str, block: Block) -> list[Span]:
    """An item cut before each line that stands for itself: one with a mark, and short ones if there are several, since
    one alone may be the rest of a sentence."""
    pairs = list(pairwise(block.lines))
    marked = [bool(MARKER.match(text, *line)) for _, line in pairs]
    short = ["\n" in text[before[1] : line[0]] and _is_short(text, line) for before, line in pairs]
    several = sum(short[at] and not marked[at] for at in range(len(pairs))) > 1
    cuts = [(before[1], line[0]) for at, (before, line) in enumerate(pairs) if marked[at] or (several and short[at])]
    ends, starts = zip(*cuts, strict=True) if cuts else ((), ())
    return list(zip((block.start, *starts), (*ends, block.end), strict=True))


def _is_short(text: str, line: Span) -> bool:
    return line[1] - line[0] <= _LONGEST_LINE and text[line[1] - 1] not in _SENTENCE_END


def _of_lines(text: str, block: Block) -> Iterator[tuple[Kind, int, int, int]]:
    """The sentences of a paragraph; as items, its lines if all are short and none ends a sentence, and the short ones
    below a lead-in that end alike."""
    all_listed = len(block.lines) >= _FEWEST_LINES and all(_is_short(text, line) for line in block.lines)
    listed = {line for lines in _below_lead_ins(text, block) for line in lines}
    for line in block.lines:
        if (all_listed or line in listed) and not leads_in(text[slice(*line)]):
            yield "item", _columns(text, line[0]), *line
        else:
            yield from (("paragraph", block.indent, *span) for span in sentences(text, *line))


def _below_lead_ins(text: str, block: Block) -> Iterator[list[Span]]:
    """The lines below each lead-in of a paragraph that are one short sentence each and all end one, or none does; a
    single one that ends one is prose."""
    groups: list[list[Span]] = []
    announced = False
    for line in block.lines:
        if leads_in(text[slice(*line)]):
            groups.append([])
            announced = True
        elif announced := announced and _is_alike(text, line, groups[-1]):
            groups[-1].append(line)
    return (lines for lines in groups if len(lines) > 1 or (lines and _is_short(text, lines[0])))


def _is_alike(text: str, line: Span, others: Sequence[Span]) -> bool:
    """Whether a line is one short sentence and ends like the others."""
    if line[1] - line[0] > _LONGEST_LINE or len(list(sentences(text, *line))) > 1:
        return False
    return not others or _is_short(text, others[0]) == _is_short(text, line)


def _columns(text: str, at: int) -> int:
    """How far the line of a position is indented."""
    return next(iter(read_lines(text[text.rfind("\n", 0, at) + 1 : at + 1]))).indent


SectionOf = Callable[[Chunk], Sequence[Chunk]]
"""A chunk -> all chunks of its section in order, itself among them."""

_SECTIONS_READ = 3


def read_sections(hits: Sequence[Hit], section_of: SectionOf) -> Iterator[tuple[int, Hit]]:
    """(rank, hit) of every hit and, at the same rank, of the other chunks in the sections of the first three, which may
    be longer than one chunk. Each chunk comes once, within a rank in the order of the note."""
    known = {hit.chunk.id: hit for hit in hits}
    done: set[str] = set()
    for rank, hit in enumerate(hits):
        section = section_of(hit.chunk) if rank < _SECTIONS_READ else (hit.chunk,)
        for chunk in section:
            if chunk.id not in done and (chunk.id == hit.chunk.id or hit.chunk.id not in done):
                yield rank, known.get(chunk.id) or replace(hit, chunk=chunk, also_at=())
        done.update(chunk.id for chunk in section)
