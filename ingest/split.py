"""Document -> Chunks that are slices of it, along its own structure."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.protocols import TokenCounter
from ingest.sentences import sentences
from ingest.structure import Block, Span, parse
from ingest.types import Chunk, Document

MAX_TOKENS = 256
MIN_TOKENS = 24
"""A piece without a heading of its own that is shorter than this joins the one before it."""

_FIRST_UNMARKED_RANK = 7
# A cut inside a paragraph or item is worse than one before the deepest list item.
_INSIDE = 8
_PROSE = frozenset({"paragraph", "item", "questions"})


@dataclass(frozen=True, slots=True)
class _Piece:
    """The smallest thing that is not cut: a sentence, a table row, a code line, a heading with its line."""

    start: int
    end: int
    tokens: int
    depth: int
    binds_next: bool


@dataclass(frozen=True, slots=True)
class _Section:
    headings: tuple[str, ...]
    rank: int
    blocks: tuple[Block, ...]

    @property
    def has_body(self) -> bool:
        return any(block.kind not in ("heading", "noise") for block in self.blocks)

    @property
    def has_heading(self) -> bool:
        return self.blocks[0].kind == "heading"


@dataclass(frozen=True, slots=True)
class _Group:
    """Sections that become chunks together. ``bare`` means that it ends in a heading that is its own content."""

    headings: tuple[str, ...]
    parent: tuple[str, ...]
    pieces: tuple[_Piece, ...]
    bare: bool
    headed: bool

    @property
    def tokens(self) -> int:
        return sum(piece.tokens for piece in self.pieces)


def split(document: Document, count_tokens: TokenCounter, max_tokens: int = MAX_TOKENS) -> tuple[Chunk, ...]:
    """The chunks of a document in order, each at most ``max_tokens`` long by ``count_tokens``.

    A question stays with its answer, an item with its lead-in, a heading with what it heads. Sentences, table rows
    and code lines are cut only when one alone is too long. Chunks do not overlap; rules, images and bare links
    between them are left out, and a heading without a body is kept, since it often is the content.
    """
    text = document.text
    sections = list(_sections(parse(text)))
    pieces = _count(text, [_pieces(text, section) for section in sections], count_tokens, max_tokens)
    groups = _merge(list(_groups(sections, pieces, max_tokens)), max_tokens)
    slices = [(group.headings, span) for group in groups for span in _pack(group.pieces, max_tokens)]
    tokens = count_tokens([text[start:end] for _, (start, end) in slices])
    seen: Counter[tuple[tuple[str, ...], str]] = Counter()
    chunks = []
    for (headings, (start, end)), length in zip(slices, tokens, strict=True):
        body = text[start:end]
        ordinal = seen[headings, body]
        seen[headings, body] += 1
        chunks.append(
            Chunk(
                id=_chunk_id(document.id, headings, body, ordinal),
                document_id=document.id,
                title=document.title,
                headings=headings,
                start=start,
                end=end,
                text=body,
                tokens=length,
                page=document.page_at(start),
            )
        )
    return tuple(chunks)


def _chunk_id(document_id: str, headings: tuple[str, ...], text: str, ordinal: int) -> str:
    key = json.dumps([document_id, headings, text, ordinal], ensure_ascii=False)
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _sections(blocks: Sequence[Block]) -> Iterator[_Section]:
    """Runs of blocks under one heading path; each heading begins a new one."""
    run: list[Block] = []
    for block in blocks:
        if run and (block.kind == "heading" or block.headings != run[-1].headings):
            yield _Section(run[-1].headings, run[-1].rank, tuple(run))
            run = []
        run.append(block)
    if run:
        yield _Section(run[-1].headings, run[-1].rank, tuple(run))


def _pieces(text: str, section: _Section) -> list[tuple[Span, int, bool]]:
    """(span, depth, binds the next) of each piece of a section."""
    found = []
    for block in section.blocks:
        if block.kind == "noise":
            continue
        spans = list(_cut(text, block))
        for position, span in enumerate(spans):
            last = position == len(spans) - 1
            binds = block.kind == "heading" or (last and text[span[1] - 1] in ":：")
            found.append((span, min(block.indent, 12) // 2 + (_INSIDE if position else 0), binds))
    return found


def _cut(text: str, block: Block) -> Iterator[Span]:
    for start, end in block.lines:
        if block.kind in _PROSE:
            yield from sentences(text, start, end)
        else:
            yield start, end


def _count(
    text: str, raw: list[list[tuple[Span, int, bool]]], count_tokens: TokenCounter, max_tokens: int
) -> list[list[_Piece]]:
    """Pieces with their lengths; one that alone is too long is cut into windows at a space or a comma."""
    lengths = iter(count_tokens([text[start:end] for pieces in raw for (start, end), _, _ in pieces]))
    counted = []
    for pieces in raw:
        row: list[_Piece] = []
        for (start, end), depth, binds in pieces:
            tokens = next(lengths)
            if tokens <= max_tokens:
                row.append(_Piece(start, end, tokens, depth, binds))
            else:
                row += _windows(text, start, end, tokens, depth, max_tokens)
        counted.append(row)
    return counted


def _windows(text: str, start: int, end: int, tokens: int, depth: int, max_tokens: int) -> Iterator[_Piece]:
    # Half the budget in characters by the piece's own average leaves room for denser stretches.
    size = max(1, (end - start) * max_tokens // (2 * tokens))
    while start < end:
        stop = min(start + size, end)
        if stop < end:
            window = text[start:stop]
            best = max(window.rfind(mark) for mark in " ，,、\t")
            stop = start + best + 1 if best > size // 2 else stop
        body = text[start:stop]
        if body.strip():
            left = start + len(body) - len(body.lstrip())
            right = start + len(body.rstrip())
            # Half the budget each, by construction; counting again would change no cut.
            yield _Piece(left, right, max_tokens // 2, depth, binds_next=False)
        start = stop


def _groups(sections: list[_Section], pieces: list[list[_Piece]], max_tokens: int) -> Iterator[_Group]:
    """A question with all the labels below it is one group if it fits; else every section is its own."""
    at = 0
    while at < len(sections):
        section = sections[at]
        after = at + 1
        while after < len(sections) and _is_part_of(sections[after], section):
            after += 1
        family = [piece for row in pieces[at:after] for piece in row]
        if section.has_heading and after > at + 1 and sum(piece.tokens for piece in family) <= max_tokens:
            yield _Group(section.headings, section.headings[:-1], tuple(family), bare=False, headed=True)
            at = after
            continue
        if pieces[at] and not _is_only_a_parent(sections, at):
            bare, headed = not section.has_body, section.has_heading
            yield _Group(section.headings, section.headings[:-1], tuple(pieces[at]), bare, headed)
        at += 1


def _is_part_of(section: _Section, root: _Section) -> bool:
    below = section.headings[: len(root.headings)] == root.headings
    marked = section.has_heading and section.rank < _FIRST_UNMARKED_RANK
    return bool(root.headings) and below and not marked


def _is_only_a_parent(sections: list[_Section], at: int) -> bool:
    """A heading without a body whose subsections follow: its title stands in their heading paths."""
    section = sections[at]
    below = sections[at + 1].headings if at + 1 < len(sections) else ()
    depth = len(section.headings)
    return not section.has_body and len(below) > depth and below[:depth] == section.headings


def _merge(groups: list[_Group], max_tokens: int) -> list[_Group]:
    """Bare headings join their siblings; scraps without a heading join what stands before them."""
    merged: list[_Group] = []
    for group in groups:
        before = merged[-1] if merged else None
        if before is not None and before.tokens + group.tokens <= max_tokens:
            related = _common(before.headings, group.headings)
            siblings = group.headed and before.parent == group.parent and (before.bare or group.bare)
            scrap = not group.headed and group.tokens < MIN_TOKENS and (related or not group.headings)
            if siblings or scrap:
                headings = group.parent if siblings else related
                merged[-1] = replace(before, headings=headings, pieces=before.pieces + group.pieces, bare=group.bare)
                continue
        merged.append(group)
    return merged


def _common(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    while length < min(len(left), len(right)) and left[length] == right[length]:
        length += 1
    return left[:length]


def _pack(pieces: Sequence[_Piece], max_tokens: int) -> Iterator[Span]:
    """Runs of pieces of about equal length, cut where the depth is least and nothing is bound together."""
    first, rest = 0, sum(piece.tokens for piece in pieces)
    while first < len(pieces):
        after = len(pieces)
        if rest > max_tokens:
            after = _best_cut(pieces, first, rest / -(-rest // max_tokens), max_tokens)
        yield pieces[first].start, pieces[after - 1].end
        rest -= sum(piece.tokens for piece in pieces[first:after])
        first = after


def _best_cut(pieces: Sequence[_Piece], first: int, target: float, max_tokens: int) -> int:
    """Where the run from ``first`` ends: at most ``max_tokens``, near ``target``, at the best boundary."""
    best, best_cost, length = first + 1, float("inf"), 0
    for after in range(first + 1, len(pieces)):
        length += pieces[after - 1].tokens
        if length > max_tokens:
            break
        cost = abs(length - target) / target + 0.05 * pieces[after].depth
        if pieces[after - 1].binds_next:
            cost += 2
        if cost < best_cost:
            best, best_cost = after, cost
    return best
