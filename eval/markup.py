"""The pieces of HTML that reports are made of. Every text is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape

from eval.score import Row
from eval.stats import Estimate
from eval.tables import Cell, Interval, Table
from ingest.phrases import Phrase


def both(phrase: Phrase) -> str:
    """In both languages; the page shows one."""
    if phrase.en == phrase.zh:
        return escape(phrase.en)
    return f'<span class="en">{escape(phrase.en)}</span><span class="zh">{escape(phrase.zh)}</span>'


def text_of(cell: Cell) -> str:
    return both(cell) if isinstance(cell, Phrase) else escape(str(cell))


def section(id_: str, title: Phrase, *parts: str) -> str:
    return f'<section id="{id_}"><h2>{both(title)}</h2>{"".join(parts)}</section>'


def note(phrase: Phrase) -> str:
    return f'<p class="note">{both(phrase)}</p>'


def table(header: Iterable[str], rows: Iterable[str], kind: str = "") -> str:
    """Cells and rows as HTML; a wide table scrolls within itself."""
    cells = "".join(header)
    return f'<div class="scroll"><table class="{kind}"><tr>{cells}</tr>{"".join(rows)}</table></div>'


def plain_table(found: Table) -> str:
    """The table as HTML."""
    header = (f"<th>{text_of(cell)}</th>" for cell in found.header)
    rows = (f"<tr>{''.join(map(data_cell, row))}</tr>" for row in found.rows)
    return table(header, rows) + (note(found.note) if found.note else "")


def whisker(estimate: Estimate, failure: bool, low: float = 0.0, high: float = 1.0) -> str:
    """An interval and its value drawn on a rail from ``low`` to ``high``; ``failure`` gives it the colour of errors."""

    def at(value: float) -> str:
        return f"{2 + 96 * (min(high, max(low, value)) - low) / (high - low):.1f}"

    zero = f'<line class="rail" x1="{at(0)}" x2="{at(0)}" y1="2" y2="12"/>' if low < 0 else ""
    return (
        f'<svg class="whisker{" failure" if failure else ""}" viewBox="0 0 100 14" preserveAspectRatio="none" '
        'aria-hidden="true"><line class="rail" x1="2" x2="98" y1="7" y2="7" stroke-width="1"/>'
        f'{zero}<line x1="{at(estimate.low)}" x2="{at(estimate.high)}" y1="7" y2="7" stroke="currentColor" '
        'stroke-width="3" opacity=".55"/>'
        f'<line x1="{at(estimate.value)}" x2="{at(estimate.value)}" y1="2" y2="12" stroke="currentColor" '
        'stroke-width="2"/></svg>'
    )


def tinted(row: Row | None) -> str:
    """A cell with value and interval; the better the value, the greener the cell."""
    if row is None:
        return "<td>–</td>"
    found = row.estimate
    worth = 1 - found.value if row.rate_of_failure else found.value
    return (
        f'<td class="tinted" style="--worth:{worth:.3f}">{found.value:.2f}'
        f"<small>{found.low:.2f}–{found.high:.2f}</small></td>"
    )


def direction(failure: bool) -> str:
    """An arrow that says which direction is good."""
    told = Phrase("lower is better", "越低越好") if failure else Phrase("higher is better", "越高越好")
    return f'<span class="arrow" title="{escape(told.en)} / {escape(told.zh)}">{"↓" if failure else "↑"}</span>'


def chips(texts: Sequence[tuple[str, bool]]) -> str:
    """Short labels as HTML, the wrong ones in red."""
    return "".join(f'<span class="chip{" wrong" if wrong else ""}">{text}</span>' for text, wrong in texts)


def data_cell(cell: Cell) -> str:
    """A cell of text; an interval goes below its value."""
    if isinstance(cell, Interval):
        to = " … " if cell.low[0] in "+-" else "–"
        return f"<td>{cell.value}<small>{cell.low}{to}{cell.high}</small></td>"
    wide = ' class="wide"' if isinstance(cell, str) and len(cell) > 40 else ""
    return f"<td{wide}>{text_of(cell)}</td>"
