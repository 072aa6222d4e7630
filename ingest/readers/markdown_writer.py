"""The pieces of Markdown that several readers write: fenced code, tables, plain text."""

import re
from collections.abc import Sequence

_LIKE_MARKUP = re.compile(r"^(?=#{1,6} |```|~~~)")


def fenced(code: str, language: str = "") -> str:
    """A block of code; its fence is longer than any run of backticks in the code."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return f"{fence}{language}\n{code}\n{fence}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table of rows of equal length, the first of which is its head; for what a cell holds see ``in_cell``."""
    head, *others = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *others])


def in_cell(text: str) -> str:
    """Text in which no ``|`` ends the cell."""
    return text.replace("|", "\\|")


def plain(text: str) -> str:
    """Text that does not begin like a heading or a fence."""
    return _LIKE_MARKUP.sub(r"\\", text)
