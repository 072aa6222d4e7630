"""Document -> Chunks that are slices of it, along its own structure."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from ingest.protocols import TokenCounter
from ingest.questions import is_question
from ingest.sentences import sentences
from ingest.structure import Block, parse
from ingest.types import Chunk, Document

MAX_TOKENS = 320
MIN_TOKENS = 24
"""A piece without a heading of its own that is shorter than this joins its neighbour."""

_FIRST_UNMARKED_RANK = 7
_PROSE = frozenset({"paragraph", "item", "questions"})
# How bad a cut before a piece is, on top of its indentation: the next line of a block, one after a blank line in code,
# the middle of a line.
_NEXT_LINE, _NEXT_PART, _INSIDE_LINE = 4, 2, 8
# A piece with more characters than this for each token is cut before its tokens are counted: a picture as text, a
# huge line.
_MOST_CHARACTERS = 16
# In characters: a wider gap between two pieces is text that was left out (a long address, a picture), not white space.
_WIDE_GAP = 40
_LEAD_IN = re.compile(
    r"(?:[:：]|(?:如下|以下|包括|包含|分为|有)[^。！？!?.]{0,12}[。.]"
    r"|\b(?:following|as follows|below)\b[^.?!]{0,40}[.])[*_]*$"
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The smallest part that is not cut: a sentence, a table row, a code line, a heading.

    ``depth`` is how bad a cut before it is. ``binds_next`` says that the next piece belongs with it. ``tokens`` is 0
    until they are counted.
    """

    start: int
    end: int
    depth: int
    binds_next: bool
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading, if there is one, and the blocks up to the next heading."""

    headings: tuple[str, ...]
    rank: int
    has_heading: bool
    has_body: bool
    pieces: tuple[_Piece, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Sections that become chunks together.

    ``tokens`` counts all of them, ``longest`` the longest. ``bare``: the group ends in a heading without a body that
    counts as content; an unanswered question does not.
    """

    headings: tuple[str, ...]
    parent: tuple[str, ...]
    pieces: tuple[_Piece, ...]
    tokens: int
    longest: int
    bare: bool
    headed: bool


def split(document: Document, count_tokens: TokenCounter, max_tokens: int = MAX_TOKENS) -> tuple[Chunk, ...]:
    """The chunks of a document in order, each at most ``max_tokens`` long by ``count_tokens``.

    A question stays with its answer, an item with its lead-in, a table's rows with its head, a heading with its
    body. Sentences, table rows and code lines are cut only when one alone is too long. Chunks do not overlap; rules,
    images and bare links between them are left out. A heading without a body is kept: often it is the content itself.
    """
    text = document.text
    sections = _measured(text, list(_sections(text)), count_tokens, max_tokens)
    groups = _merged(_groups(sections, max_tokens), max_tokens)
    slices = [(group.headings, run) for group in groups for run in _pack(group.pieces, max_tokens)]
    seen: Counter[tuple[tuple[str, ...], str]] = Counter()
    chunks = []
    for headings, start, end, tokens in _fitted(text, slices, count_tokens, max_tokens):
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
                tokens=tokens,
                page=document.page_at(start),
            )
        )
    return tuple(chunks)


def _chunk_id(document_id: str, headings: tuple[str, ...], text: str, ordinal: int) -> str:
    key = json.dumps([document_id, headings, text, ordinal], ensure_ascii=False)
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# --- a document -> sections of pieces ---------------------------------------------------------------------------


def _sections(text: str) -> Iterator[_Section]:
    run: list[Block] = []
    for block in parse(text):
        if run and (block.kind == "heading" or block.headings != run[-1].headings):
            yield _section(text, run)
            run = []
        run.append(block)
    if run:
        yield _section(text, run)


def _section(text: str, blocks: Sequence[Block]) -> _Section:
    content = [block for block in blocks if block.kind != "noise"]
    has_body = any(block.kind != "heading" for block in content)
    if content and not has_body:
        # Only an address stands below the heading.
        content = [block for block in blocks if block.kind == "heading" or _is_address(text, block)]
    pieces = [
        piece
        for number, block in enumerate(content)
        for piece in _pieces(text, block, content[number + 1] if number + 1 < len(content) else None)
    ]
    return _Section(blocks[0].headings, blocks[0].rank, blocks[0].kind == "heading", has_body, tuple(pieces))


def _is_address(text: str, block: Block) -> bool:
    return text.startswith(("http", "<http", "www."), block.start)


def _pieces(text: str, block: Block, following: Block | None) -> Iterator[_Piece]:
    indent = min(block.indent, 12) // 2
    if block.kind in ("heading", "formula", "noise"):
        yield _Piece(block.start, block.end, indent, block.kind == "heading")
        return
    head = _head_rows(text, block) if block.kind == "table" else 0
    for number, (start, end) in enumerate(block.lines):
        depth = indent
        if number and block.kind == "code":
            parted = text.count("\n", block.lines[number - 1][1], start) > 1
            column = start - text.rfind("\n", block.start, start) - 1
            depth += (_NEXT_PART if parted else _NEXT_LINE) + min(column, 12) // 4
        elif number:
            depth += _NEXT_LINE
        last = number == len(block.lines) - 1
        binds = number < head or (block.kind == "code" and (number == 0 or number == len(block.lines) - 2))
        if block.kind in _PROSE:
            binds = text[end - 1] in ":：" or (last and _leads(text, end, following))
            *inner, final = sentences(text, start, end)
            for piece in inner:
                yield _Piece(*piece, depth, binds_next=False)
                depth = indent + _INSIDE_LINE
            start, end = final
        yield _Piece(start, end, depth, binds)


def _head_rows(text: str, table: Block) -> int:
    """How many rows of a table are its head: those down to the rule below it, or else the first."""
    for number, (start, end) in enumerate(table.lines[:3]):
        if not text[start:end].strip("|-: \t"):
            return number + 1
    return 1


def _leads(text: str, end: int, following: Block | None) -> bool:
    """Whether the text before ``end`` belongs with the block that follows, such as ``有以下几种。`` with a list."""
    if following is None or following.kind in ("paragraph", "heading"):
        return False
    return following.kind == "formula" or bool(_LEAD_IN.search(text[max(0, end - 60) : end]))


# --- pieces are measured ----------------------------------------------------------------------------------------


def _measured(text: str, sections: Sequence[_Section], count_tokens: TokenCounter, max_tokens: int) -> list[_Section]:
    """The sections with the lengths of their pieces; a piece that is too long by itself is cut into windows."""
    counted: list[list[_Piece]] = [[] for _ in sections]
    waiting = [(number, piece) for number, section in enumerate(sections) for piece in section.pieces]
    while waiting:
        windows: list[tuple[int, _Piece]] = []
        countable = []
        for number, piece in waiting:
            length = piece.end - piece.start
            if length > _MOST_CHARACTERS * max_tokens:
                windows += [(number, part) for part in _windows(text, piece, _MOST_CHARACTERS * max_tokens)]
            else:
                countable.append((number, piece))
        lengths = count_tokens([text[piece.start : piece.end] for _, piece in countable])
        for (number, piece), tokens in zip(countable, lengths, strict=True):
            length = piece.end - piece.start
            if tokens <= max_tokens or length == 1:
                counted[number].append(_Piece(piece.start, piece.end, piece.depth, piece.binds_next, tokens))
            else:
                size = max(1, length * 3 * max_tokens // (4 * tokens))
                windows += [(number, part) for part in _windows(text, piece, size)]
        waiting = windows
    return [
        replace(section, pieces=tuple(sorted(pieces, key=lambda piece: piece.start)))
        for section, pieces in zip(sections, counted, strict=True)
    ]


def _windows(text: str, piece: _Piece, size: int) -> Iterator[_Piece]:
    """Parts of at most ``size`` characters, cut at white space or a comma where there is one."""
    start, depth = piece.start, piece.depth
    while start < piece.end:
        stop = min(start + size, piece.end)
        if stop < piece.end:
            best = max(text.rfind(mark, start + size // 2, stop) for mark in " ，,、\t\n")
            stop = best + 1 if best >= 0 else stop
        body = text[start:stop]
        if body.strip():
            left = start + len(body) - len(body.lstrip())
            right = start + len(body.rstrip())
            yield _Piece(left, right, depth, binds_next=piece.binds_next and stop == piece.end)
            depth = piece.depth + _INSIDE_LINE
        start = stop


# --- sections -> groups -----------------------------------------------------------------------------------------


def _groups(sections: Sequence[_Section], max_tokens: int) -> Iterator[_Group]:
    """A question with all the labels below it is one group if it fits; otherwise every section is one.

    A heading that only has subsections, and a scrap of text above the first heading, join what follows.
    """
    carried: tuple[_Piece, ...] = ()
    at = 0
    while at < len(sections):
        section = sections[at]
        family, after = _family(sections, at, max_tokens)
        if not section.pieces:
            pass
        elif after < len(sections) and _goes_on(section, sections[after]) and after == at + 1:
            carried += section.pieces
        else:
            pieces = (*carried, *family)
            bare = not section.has_body and after == at + 1 and _is_topic(section)
            parent = section.headings[:-1]
            tokens = _tokens(pieces)
            yield _Group(section.headings, parent, pieces, tokens, tokens, bare, section.has_heading)
            carried = ()
        at = after
    if carried:
        tokens = _tokens(carried)
        yield _Group((), (), carried, tokens, tokens, bare=True, headed=True)


def _family(sections: Sequence[_Section], at: int, max_tokens: int) -> tuple[tuple[_Piece, ...], int]:
    """The pieces of a section and of the labels below it, and the number of the section after them; of the section
    alone if they are too long together."""
    root = sections[at]
    pieces, tokens, after = list(root.pieces), _tokens(root.pieces), at + 1
    while after < len(sections) and _is_below(sections[after], root):
        pieces += sections[after].pieces
        tokens += _tokens(sections[after].pieces)
        if tokens > max_tokens:
            return root.pieces, at + 1
        after += 1
    return tuple(pieces), after


def _is_below(section: _Section, root: _Section) -> bool:
    """Whether a section has no heading mark of its own and stands below the heading of ``root``."""
    if not root.has_heading or section.headings[: len(root.headings)] != root.headings:
        return False
    return not section.has_heading or section.rank >= max(_FIRST_UNMARKED_RANK, root.rank + 1)


def _is_topic(section: _Section) -> bool:
    """Whether a heading can say something by itself: it has a heading mark and asks nothing."""
    return 0 < section.rank < _FIRST_UNMARKED_RANK and not is_question(section.headings[-1])


def _goes_on(section: _Section, following: _Section) -> bool:
    """Whether a section is only the beginning of the one that follows."""
    if section.has_heading:
        depth = len(section.headings)
        below = len(following.headings) > depth and following.headings[:depth] == section.headings
        return below and not section.has_body
    return not section.headings and following.has_heading and _tokens(section.pieces) < MIN_TOKENS


def _tokens(pieces: Sequence[_Piece]) -> int:
    return sum(piece.tokens for piece in pieces)


def _merged(groups: Iterator[_Group], max_tokens: int) -> list[_Group]:
    """Bare headings join their siblings, except that a section of more than half a chunk keeps its own heading path;
    scraps without a heading join what stands before them."""
    merged: list[_Group] = []
    for group in groups:
        before = merged[-1] if merged else None
        if before is not None:
            tokens = before.tokens + group.tokens
            related = _common(before.headings, group.headings)
            longest = max(before.longest, group.longest)
            bare = group.headed and (before.bare or group.bare) and 2 * longest <= max_tokens
            siblings = bare and before.parent == group.parent != ()
            scrap = not group.headed and group.tokens < MIN_TOKENS and (related or not group.headings)
            if tokens <= max_tokens and (siblings or scrap):
                merged[-1] = replace(
                    before,
                    headings=group.parent if siblings else related,
                    pieces=before.pieces + group.pieces,
                    tokens=tokens,
                    longest=longest,
                    bare=group.bare,
                )
                continue
        merged.append(group)
    return merged


def _common(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    while length < min(len(left), len(right)) and left[length] == right[length]:
        length += 1
    return left[:length]


# --- groups -> slices -------------------------------------------------------------------------------------------


def _pack(pieces: Sequence[_Piece], max_tokens: int) -> Iterator[Sequence[_Piece]]:
    """Runs of pieces of about equal length, cut where the depth is least and nothing is bound together."""
    first, rest = 0, _tokens(pieces)
    while first < len(pieces):
        after = len(pieces)
        if rest > max_tokens:
            after = _best_cut(pieces, first, rest / -(-rest // max_tokens), max_tokens)
        yield pieces[first:after]
        rest -= _tokens(pieces[first:after])
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


def _fitted(
    text: str,
    runs: Sequence[tuple[tuple[str, ...], Sequence[_Piece]]],
    count_tokens: TokenCounter,
    max_tokens: int,
) -> list[tuple[tuple[str, ...], int, int, int]]:
    """(headings, start, end, tokens) of each run as a slice. A slice also holds what was left out between its pieces
    and may be longer than their sum; then it is cut again."""
    fitted = []
    waiting = list(runs)
    while waiting:
        halves = []
        countable = []
        for headings, run in waiting:
            long = run[-1].end - run[0].start > _MOST_CHARACTERS * max_tokens
            if long and len(run) > 1:
                halves += [(headings, half) for half in _halved(run)]
            else:
                countable.append((headings, run))
        lengths = count_tokens([text[run[0].start : run[-1].end] for _, run in countable])
        for (headings, run), tokens in zip(countable, lengths, strict=True):
            if tokens > max_tokens and len(run) > 1:
                halves += [(headings, half) for half in _halved(run)]
            else:
                fitted.append((headings, run[0].start, run[-1].end, tokens))
        waiting = halves
    return sorted(fitted, key=lambda slice_: slice_[1])


def _halved(run: Sequence[_Piece]) -> tuple[Sequence[_Piece], Sequence[_Piece]]:
    """A run cut at its widest gap if one is wide, else near its middle where nothing is bound together."""
    lengths = list(accumulate(piece.tokens for piece in run))

    def quality(at: int) -> tuple[int, bool, int]:
        gap = run[at].start - run[at - 1].end
        return gap if gap > _WIDE_GAP else 0, not run[at - 1].binds_next, -abs(2 * lengths[at - 1] - lengths[-1])

    at = max(range(1, len(run)), key=quality)
    return run[:at], run[at:]
