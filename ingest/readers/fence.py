"""Code -> a fenced block of Markdown."""

import re


def fenced(code: str, language: str = "") -> str:
    """The fence is longer than any run of backticks in the code."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return f"{fence}{language}\n{code}\n{fence}"
