"""Hits -> their statements: sentences, list items, table rows, code, formulas."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ingest.lines import MARKER
from ingest.sentences import sentences
from ingest.structure import Block, parse
from ingest.types import Chunk
from rag.types import Hit, Statement

_LONGEST_HEADER_CELL = 20
_BORDER = re.compile(r"(?<!\\)\|")


def statements(hit: Hit, rank: int) -> Iterator[Statement]:
    """The statements of one hit in order. A heading is one only if it has nothing below it, the note's title never."""
    text, offset = hit.chunk.text, hit.chunk.start
    blocks = [block for block in parse(text) if block.kind not in ("noise", "questions")]
    for number, block in enumerate(blocks):
        if block.kind == "heading" and not _is_bare(blocks, number):
            continue
        own = block.headings[:-1] if block.kind == "heading" else block.headings
        path = (*hit.chunk.headings, *(title for title in own if title not in hit.chunk.headings))
        header = _header(text, block)
        for start, end in _spans(text, block):
            if (header and end <= header[1]) or text[start:end] == hit.chunk.title:
                continue
            yield Statement(
                hit=hit,
                rank=rank,
                block=number,
                kind=block.kind,
                indent=block.indent,
                headings=path,
                start=offset + start,
                end=offset + end,
                text=text[start:end],
                header=text[header[0] : header[1]] if header else "",
            )


def _is_bare(blocks: Sequence[Block], number: int) -> bool:
    following = blocks[number + 1] if number + 1 < len(blocks) else None
    alone = following is None or (following.kind == "heading" and following.rank <= blocks[number].rank)
    return alone and len(blocks) > 1


def _header(text: str, block: Block) -> tuple[int, int] | None:
    """The header row of a table; None if the first row is data, which a cell longer than all others shows."""
    if block.kind != "table" or len(block.lines) < 3:
        return None
    (start, end), rule, *rows = block.lines
    names, below = (
        max(len(cell) for row in part for cell in table_cells(text[slice(*row)])) for part in ((block.lines[0],), rows)
    )
    ruled = not text[rule[0] : rule[1]].strip("|-: \t")
    return (start, end) if ruled and names <= max(_LONGEST_HEADER_CELL, below) else None


def table_cells(row: str) -> list[str]:
    """The cells of a table row in Markdown, in which ``\\|`` is no border."""
    cells = _BORDER.split(row.strip().removeprefix("|"))
    return [cell.strip().replace("\\|", "|") for cell in (cells if cells[-1].strip() else cells[:-1])]


def _spans(text: str, block: Block) -> Iterable[tuple[int, int]]:
    if block.kind == "item":
        # A line that begins like an item is one: several stood on a line between ``<br>``.
        begins = [(before[1], line[0]) for before, line in pairwise(block.lines) if MARKER.match(text, *line)]
        ends, starts = zip(*begins, strict=True) if begins else ((), ())
        return list(zip((block.start, *starts), (*ends, block.end), strict=True))
    if block.kind in ("code", "formula", "heading"):
        return [(block.start, block.end)]
    if block.kind == "table":
        return [line for line in block.lines if text[line[0] : line[1]].strip("|-: \t")]
    return (span for line in block.lines for span in sentences(text, *line))


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
