"""The printed lines of a PDF -> Markdown: headings, paragraphs, lists, tables and code, told by type and position."""

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from ingest.readers.markdown_writer import fenced, in_cell, plain, table

Kind = Literal["heading", "text", "item", "table", "code"]

_CJK = re.compile(r"[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
# Between a bullet printed close to its text and that text PDFium puts no space; other signs may be a part of the text.
_BULLET = re.compile(r"[•◦▪‣]\s*|[●○■□∙·–*-](?:\s+|$)")
_NUMBER = re.compile(r"(?:\d{1,3}|[(（]\d{1,3}|[a-zA-Z])[.、)）](?:\s+|(?=[^\d\s.,])|$)")
_HEADING_NUMBER = re.compile(
    r"(?:第|§|Chapter|Section|Part|Appendix|Lecture)? ?"
    r"(?:\d+|[IVXLC]+|[A-Z]|[一二三四五六七八九十]+)(?:\.\d+)*[.、章节讲篇]?"
)
_CONTENTS_LINE = re.compile(r"(?: ?[.·…]){5,} ?\w+$")
_NEARBY = 100
# In type sizes: a wider gap between words parts two cells.
WIDE_GAP = 0.6
# Another item of the same list is looked for within this many lines.
_LIST_REACH = 20
_Key = tuple[str, int]
"""A line's text without what counts the pages, and its baseline in steps of six points."""

# What follows a word without a space: a raised number, closing punctuation.
_ATTACHED = re.compile(r"\^\d|[.,;:!?)\]](?:\s|$)")
# What a sentence ends with, and the mark of a footnote behind it.
_SENTENCE_END = re.compile(r"[。！？；.!?;][”’」』)）\"']?(?:\^\d+)?$")


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a line between wide gaps. ``left`` and ``right`` in points from the page's left edge."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line.

    ``baseline`` in points from the page's bottom edge, ``size`` the type size in points. ``hyphenated``: the last
    word continues in the next line. ``marker`` is the bullet or number that starts the line and is not in its text.
    """

    cells: tuple[Cell, ...]
    baseline: float
    size: float
    bold: bool = False
    monospaced: bool = False
    hyphenated: bool = False
    marker: str = ""

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)

    @property
    def left(self) -> float:
        return self.cells[0].left

    @property
    def right(self) -> float:
        return self.cells[-1].right

    def overlaps(self, other: "Line | Cell") -> bool:
        return self.left < other.right and other.left < self.right

    def glue(self, following: "Line") -> str:
        """What joins this line and the next of the same paragraph: a space, but nothing next to Chinese."""
        if self.hyphenated or _CJK.match(self.text[-1:]) or _CJK.match(following.text[:1]):
            return ""
        return " "


@dataclass(frozen=True, slots=True)
class Page:
    """``height`` in points; the lines in reading order."""

    height: float
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Block:
    """Lines that belong together. ``tight``: close below the block above. ``depth``: how deep a list item is nested."""

    kind: Kind
    lines: list[Line]
    tight: bool
    depth: int = 0


def markdown(pages: Sequence[Page]) -> tuple[str, tuple[int, ...]]:
    """The text, and the offset at which each page begins in it."""
    pages = [replace(page, lines=tuple(_whole_lines(page.lines))) for page in pages]
    bodies = _without_running_lines(pages, _Style([line for page in pages for line in page.lines]))
    style = _Style([line for lines in bodies for line in lines])
    pieces: list[str] = []
    page_starts: list[int] = []
    length = 0
    last: _Block | None = None
    for lines in bodies:
        blocks = list(_blocks(_with_markers_beside(lines), style))
        for position, block in enumerate(blocks):
            separator, written = _separator(last, block, position == 0), _written(block, style)
            fence, _, code = written.partition("\n")
            if position == 0 and last and last.kind == block.kind == "code" and _is_open(pieces[-1], fence):
                pieces[-1] = pieces[-1].removesuffix(fence)
                length -= len(fence)
                separator, written = "", code
            if position == 0:
                page_starts.append(length + len(separator))
            pieces += (separator, written)
            length += len(separator) + len(written)
            last = block
        if not blocks:
            page_starts.append(length)
    return "".join(pieces), tuple(page_starts)


class _Style:
    """What is usual in this document: the body's type size, the sizes of headings, the distance between lines."""

    def __init__(self, lines: Sequence[Line]) -> None:
        characters: Counter[float] = Counter()
        for line in lines:
            characters[_half_points(line.size)] += len(line.text)
        self.body_size = max(characters, key=lambda size: characters[size], default=0.0)
        rows = {index for start, end in self.tables(lines) for index in range(start, end)}
        self._heading_sizes = {
            _half_points(line.size) for index, line in enumerate(lines) if index not in rows and self._is_large(line)
        }
        self._bold_is_rare = sum(len(line.text) for line in lines if line.bold) < 0.2 * characters.total()
        steps = [
            (above.baseline - below.baseline) / above.size for above, below in pairwise(lines) if above.overlaps(below)
        ]
        steps = [step for step in steps if 0.9 < step < 3]
        self._step = statistics.quantiles(steps, n=4)[0] if len(steps) > 1 else 1.6

    def heading_level(self, line: Line) -> int:
        """1 to 6, the largest type first and bold lines in body size last; 0 if the line is no heading."""
        if line.monospaced or _BULLET.match(line.text) or not re.search(r"[^\W\d_]", line.text):
            return 0
        if self._is_large(line):
            return min(6, 1 + sum(size > _half_points(line.size) for size in self._heading_sizes))
        bold_title = line.bold and self._bold_is_rare and not re.search(r"[。，,；;.]$", line.text)
        if bold_title and len(line.cells) == 1 and len(line.text) <= 40 and line.size > 0.95 * self.body_size:
            return min(6, 1 + len(self._heading_sizes))
        return 0

    def is_tight(self, above: Line, below: Line) -> bool:
        """Whether ``below`` is the next line of the same column, with no gap between."""
        return above.overlaps(below) and self.is_close(above, below)

    def is_close(self, above: Line, below: Line) -> bool:
        """Whether ``below`` is at the height of the next line."""
        return 0 < (above.baseline - below.baseline) / above.size < 1.25 * self._step

    def tables(self, lines: Sequence[Line]) -> Iterator[tuple[int, int]]:
        """The start and end of each run of lines that are rows of a table."""
        start = 0
        for end in range(1, len(lines) + 1):
            if end < len(lines) and self._continues_table(lines[end - 1], lines[end]):
                continue
            rows = lines[start:end]
            if len(rows) > 1 and not _is_justified(rows) and not self._are_numbered_headings(rows):
                yield start, end
            start = end

    def _continues_table(self, above: Line, below: Line) -> bool:
        if any(line.monospaced or line.marker for line in (above, below)) or not _is_next_row(above, below):
            return False
        same_size = _half_points(above.size) == _half_points(below.size)
        return same_size or not (self._is_large(above) or self._is_large(below))

    def _are_numbered_headings(self, rows: Sequence[Line]) -> bool:
        """Whether these are headings in a row, with a gap behind the number of each."""
        return self._is_large(rows[0]) and all(_HEADING_NUMBER.fullmatch(row.cells[0].text) for row in rows)

    def _is_large(self, line: Line) -> bool:
        clearly = line.size > 1.12 * self.body_size
        slightly = line.size > 1.06 * self.body_size and not re.search(r"[。，,；;.]$", line.text)
        return (clearly or slightly) and len(line.text) <= 80


def _half_points(size: float) -> float:
    return round(size * 2) / 2


def _without_running_lines(pages: Sequence[Page], style: _Style) -> list[list[Line]]:
    """Drops what stands at the same height near the edge of many pages (headers, page numbers), and the contents.

    A heading at the top may be the title of a slide: where it is the same on consecutive pages, except for a number
    that counts them, the first one stays.
    """

    def keys(number: int, page: Page, line: Line) -> Iterator[_Key]:
        if 0.1 * page.height < line.baseline < 0.9 * page.height:
            return
        height = round(line.baseline / 6)
        if not is_title(page, line):
            yield re.sub(r"\d+|\b[ivxlc]+\b", "#", line.text), height
            return
        yield line.text, height
        for count in re.finditer(r"\d{1,4}", line.text):
            yield f"{line.text[: count.start()]}#{int(count[0]) - number}{line.text[count.end() :]}", height

    def is_title(page: Page, line: Line) -> bool:
        return line.baseline > 0.5 * page.height and style.heading_level(line) > 0

    seen: dict[_Key, list[int]] = {}
    for number, page in enumerate(pages):
        for found in {key for line in page.lines for key in keys(number, page, line)}:
            seen.setdefault(found, []).append(number)

    def is_running(number: int, page: Page, line: Line) -> bool:
        found = keys(number, page, line)
        if is_title(page, line):
            return any(len(seen[key]) >= 3 and not {number - 1, number - 2}.isdisjoint(seen[key]) for key in found)
        return any(_is_on_many(seen[key], len(pages), key[0]) for key in found)

    return [
        [
            line
            for line in page.lines
            if not is_running(number, page, line) and not _CONTENTS_LINE.search(line.text[-200:])
        ]
        for number, page in enumerate(pages)
    ]


def _is_on_many(numbers: Sequence[int], pages: int, text: str) -> bool:
    """Whether a line is on so many pages that it is a running one. A line with words must also be on pages close to
    each other for the most part, like the header of a chapter or of its left pages."""
    near = sum(right - left <= 2 for left, right in pairwise(numbers))
    runs = not re.search(r"[^\W\d_]", text) or 2 * near > len(numbers) - 1
    return len(numbers) >= max(2, min(3, pages / 3)) and runs


def _whole_lines(lines: Sequence[Line]) -> list[Line]:
    """Joins lines that stand side by side at the same height."""
    whole: list[Line] = []
    for line in lines:
        last = whole[-1] if whole else None
        if last and _is_raised(line, last):
            line = _as_raised(line, last.baseline)
        elif last and _is_raised(last, line):
            last = _as_raised(last, line.baseline)
        same_height = last and abs(last.baseline - line.baseline) < 0.1 * line.size
        gap = line.left - last.right if last else 0
        if last and same_height and gap > 0:
            bold, monospaced = last.bold and line.bold, last.monospaced and line.monospaced
            cells = last.cells + line.cells
            if gap < WIDE_GAP * line.size:
                space = "" if gap < 0.15 * line.size or _ATTACHED.match(line.text) else " "
                text = f"{last.cells[-1].text}{space}{line.cells[0].text}"
                joined = Cell(text, last.cells[-1].left, line.cells[0].right)
                cells = (*last.cells[:-1], joined, *line.cells[1:])
            whole[-1] = replace(line, cells=cells, bold=bold, monospaced=monospaced, size=max(last.size, line.size))
        else:
            whole.append(line)
    return whole


def _is_raised(mark: Line, line: Line) -> bool:
    """Whether ``mark`` is a small raised number beside ``line``: an exponent or the mark of a footnote."""
    gap = max(line.left - mark.right, mark.left - line.right)
    rise = (mark.baseline - line.baseline) / line.size
    return mark.text.isdecimal() and mark.size < 0.85 * line.size and 0.15 < rise < 0.7 and 0 < gap < line.size


def _as_raised(mark: Line, baseline: float) -> Line:
    return replace(mark, cells=(replace(mark.cells[0], text=f"^{mark.text}"),), baseline=baseline)


def _with_markers_beside(lines: Sequence[Line]) -> list[Line]:
    """Joins bullets and numbers that were printed separately to their lines, which stand right of them at the same
    height."""
    apart = dict.fromkeys(line for line in lines if _marker(line.text) == line.text)
    attached: set[Line] = set()
    marked = []
    for line in lines:
        if line in apart:
            continue
        beside = next((mark for mark in apart if mark not in attached and _stands_beside(mark, line)), None)
        if beside:
            attached.add(beside)
            marked.append(replace(line, marker=beside.text))
        else:
            marked.append(line)
    return marked


def _stands_beside(mark: Line, line: Line) -> bool:
    gap = line.left - mark.right
    return abs(mark.baseline - line.baseline) < 0.5 * line.size and -1 < gap < 4 * line.size


def _marker(text: str) -> str:
    found = _BULLET.match(text) or _NUMBER.match(text)
    return found[0] if found else ""


def _with_own_marker(line: Line, style: _Style) -> Line:
    """Separates the bullet or number that begins the line from its text."""
    marker = _marker(line.text)
    if not marker or line.marker or line.monospaced or style.heading_level(line):
        return line
    first, *others = line.cells
    if len(first.text) <= len(marker):
        return replace(line, cells=tuple(others), marker=marker.strip())
    width = sum(line.size if _CJK.match(character) else 0.4 * line.size for character in marker)
    rest = Cell(first.text[len(marker) :], first.left + width, first.right)
    return replace(line, cells=(rest, *others), marker=marker.strip())


def _blocks(printed: Sequence[Line], style: _Style) -> Iterator[_Block]:
    lines = [_with_own_marker(line, style) for line in printed]
    kinds = _kinds(lines, style)
    lefts: list[float] = []
    block: _Block | None = None
    for index, kind in enumerate(kinds):
        tight = index > 0 and style.is_tight(lines[index - 1], lines[index])
        if block and tight and _is_wrapped(index, printed[index], block, lines, style):
            lines[index], kind = printed[index], "text"
        line = lines[index]
        if block and _belongs(line, kind, block, tight, lines, style):
            block.lines.append(line)
            continue
        if block:
            yield block
        if kind == "item":
            lefts = [left for left in lefts if left < line.left - 0.8 * line.size] + [line.left]
        elif kind != "text" or (lefts and line.left < lefts[0] - 0.5 * line.size):
            lefts = []
        block = _Block(kind, [line], tight, max(0, len(lefts) - 1))
    if block:
        yield block


def _kinds(lines: Sequence[Line], style: _Style) -> list[Kind]:
    def kind(line: Line) -> Kind:
        if not line.marker and style.heading_level(line):
            return "heading"
        if line.monospaced:
            return "code"
        return "item" if line.marker else "text"

    kinds = [kind(line) for line in lines]
    for start, end in style.tables(lines):
        kinds[start:end] = ["table"] * (end - start)
    return kinds


def _is_wrapped(index: int, printed: Line, block: _Block, lines: Sequence[Line], style: _Style) -> bool:
    """Whether a line that begins like a list item continues the sentence above: no other item of its list is near."""
    line = lines[index]
    if line.marker == printed.marker or re.search(r"[:：]$", block.lines[-1].text):
        return False
    if _SENTENCE_END.search(block.lines[-1].text) or not _belongs(printed, "text", block, True, lines, style):
        return False
    near = (*lines[max(0, index - _LIST_REACH) : index], *lines[index + 1 : index + 1 + _LIST_REACH])
    return not any(
        abs(other.left - line.left) < 0.8 * line.size and _is_same_list(other.marker, line.marker) for other in near
    )


def _is_same_list(marker: str, other: str) -> bool:
    """Whether these are the same bullet, or consecutive numbers written alike."""
    if not marker or _BULLET.match(marker) or _BULLET.match(other):
        return marker == other
    (form, number), (other_form, other_number) = _numbered(marker), _numbered(other)
    return form == other_form and abs(number - other_number) == 1


def _numbered(marker: str) -> tuple[str, int]:
    number = marker.strip("(（.、)）")
    return marker.replace(number, "#"), int(number) if number.isdecimal() else ord(number)


def _is_next_row(above: Line, below: Line) -> bool:
    """Whether the cells of two lines stand in the same columns: no text of one crosses a gap of the other."""
    if len(above.cells) != len(below.cells) or len(above.cells) < 2 or above.hyphenated or below.hyphenated:
        return False
    columns = list(zip(above.cells, below.cells, strict=True))
    return all(max(a.right, b.right) < min(c.left, d.left) for (a, b), (c, d) in pairwise(columns))


def _is_justified(rows: Sequence[Line]) -> bool:
    """Whether most of these rows are lines of justified text: they end at one margin, and their gaps are as wide as
    each other, and only because the first word of the next line had no room.

    The head of a table need not line up with the columns below it.
    """
    if _line_up(rows) or _line_up(rows[1:]):
        return False
    margin = max(row.right for row in rows)
    return 2 * sum(_is_stretched(above, below, margin) for above, below in pairwise(rows)) > len(rows) - 1


def _line_up(rows: Sequence[Line]) -> bool:
    """Whether an edge or the centre of a column lines up at every gap; the outer edges of justified text always do.

    That of two rows may be chance.
    """

    def is_level(places: Sequence[float]) -> bool:
        return max(places) - min(places) < 0.2 * rows[0].size

    columns = list(zip(*(row.cells for row in rows), strict=True))
    return len(rows) > 2 and all(
        is_level([cell.right for cell in before])
        or is_level([cell.left for cell in after])
        or any(is_level([(cell.left + cell.right) / 2 for cell in column]) for column in (before, after))
        for before, after in pairwise(columns)
    )


def _is_stretched(line: Line, following: Line, margin: float) -> bool:
    if min(line.right, following.right) < margin - 0.5 * line.size:
        return False
    gaps = [after.left - before.right for before, after in pairwise(line.cells)]
    if any(" " in cell.text for cell in line.cells):
        gaps.append(WIDE_GAP * line.size)
    first = following.cells[0]
    word = (first.right - first.left) * len(first.text.split()[0]) / len(first.text)
    words = sum(cell.right - cell.left for cell in line.cells) + word
    spaces = 0.4 * line.size * len(line.cells)
    return max(gaps) < 2 * min(gaps) and line.left + words + spaces > margin


def _belongs(line: Line, kind: Kind, block: _Block, tight: bool, lines: Sequence[Line], style: _Style) -> bool:
    """Whether ``line`` continues ``block``, which ends just above it."""
    last = block.lines[-1]
    if kind == "table" or block.kind == "table":
        return kind == block.kind and _is_next_row(last, line)
    if kind == "code" or block.kind == "code":
        # A closing bracket alone ends left of the line above it.
        beside = style.is_close(last, line) or any(line.overlaps(other) for other in block.lines)
        return kind == block.kind and beside and last.baseline > line.baseline
    if kind == "heading" or block.kind == "heading":
        same_heading = style.heading_level(last) == style.heading_level(line)
        return kind == block.kind and tight and same_heading and _is_full(last, line, lines, style)
    if kind == "item":
        return False
    indent = (line.left - last.left) / line.size
    if last.hyphenated:
        return True
    if tight:
        return -2.6 < indent < (2 if block.kind == "item" else 0.8) and _is_full(last, line, lines, style)
    next_column = line.baseline > last.baseline and not last.overlaps(line)
    return next_column and not _SENTENCE_END.search(last.text) and _is_full(last, line, lines, style)


def _is_full(line: Line, following: Line, lines: Sequence[Line], style: _Style) -> bool:
    """Whether ``line`` had no room for the first word of ``following``: then it was wrapped, not ended."""
    if line.right - line.left < 10 * line.size:
        return False
    at = lines.index(line)
    lines = lines[max(0, at - _NEARBY) : at + _NEARBY]
    first = last = min(at, _NEARBY)
    while first > 0 and style.is_tight(lines[first - 1], lines[first]):
        first -= 1
    while last + 1 < len(lines) and style.is_tight(lines[last], lines[last + 1]):
        last += 1
    margin = max(neighbour.right for neighbour in lines[first : last + 1])
    # A margin is where several lines end, not where the longest of a few short lines does.
    distances = sorted(abs(other.right - margin) / line.size for other in lines)
    if distances[1:2] > [0.6] and distances[2:3] > [1.5]:
        margin = max(other.right for other in lines if other.overlaps(line))
    word = re.match(r"[!-~]*|.", following.text)
    width = max(line.size, 0.5 * line.size * len(word[0] if word else ""))
    return line.right + width > margin - 0.5 * line.size


def _separator(last: _Block | None, block: _Block, first_of_page: bool) -> str:
    if last is None:
        return ""
    above, below = last.lines[-1], block.lines[0]
    if first_of_page:
        runs_over = last.kind in ("text", "item") and block.kind == "text" and not _SENTENCE_END.search(above.text)
        return above.glue(below) if runs_over and _half_points(above.size) == _half_points(below.size) else "\n\n"
    return "\n" if block.kind == last.kind == "item" or (block.tight and block.kind == last.kind == "text") else "\n\n"


def _written(block: _Block, style: _Style) -> str:
    if block.kind == "table":
        return table([[in_cell(cell.text) for cell in line.cells] for line in block.lines])
    if block.kind == "code":
        return _code(block.lines)
    text = block.lines[0].text
    for above, below in pairwise(block.lines):
        text += above.glue(below) + below.text
    if block.kind == "heading":
        return f"{'#' * style.heading_level(block.lines[0])} {text}"
    if block.kind == "item":
        marker = block.lines[0].marker
        return f"{'    ' * block.depth}{'-' if _BULLET.match(marker) else marker} {text}"
    return plain(text)


def _is_open(code: str, fence: str) -> bool:
    """Whether a block of code, closed by ``fence``, ends with brackets that are not closed yet."""
    unclosed = sum(code.count(bracket) for bracket in "([{") - sum(code.count(bracket) for bracket in ")]}")
    return unclosed > 0 and code.endswith(f"\n{fence}")


def _code(lines: Sequence[Line]) -> str:
    """A PDF has no spaces at the start of a line: they are inferred from where the line begins."""
    # What is printed of a short line is much narrower than its characters are wide.
    longest = max(lines, key=lambda line: len(line.text))
    width = max(0.1, (longest.right - longest.left) / len(longest.text))
    left = min(line.left for line in lines)
    indented = [" " * round((line.left - left) / width) + line.text for line in lines]
    return fenced("\n".join(indented))
