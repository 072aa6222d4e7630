"""The two sides of a question that asks about two things at once."""

import re
from itertools import pairwise

from ingest.tokens import search_tokens
from rag.names import names
from rag.terms import TERM
from rag.types import Statement

_JOINT = re.compile(
    r"[\s,，、]*(?:和|跟|与|同|以及|相比于?|比起|比|还是|或者?|、|/|\b(?:vs\.?|versus|and|or|than|from|to|with)(?=\s))"
    r"\s*(?:the\s)?",
    re.IGNORECASE,
)


def sides(question: str) -> tuple[str, str] | None:
    """The first two technical names with only a joint between them, as in "A 和 B" or "A vs B"; None if there are
    none."""
    known = set(names(question))
    found = [match for match in TERM.finditer(question) if match[0] in known]
    for left, right in pairwise(found):
        if _JOINT.fullmatch(question[left.end() : right.start()]) and left[0].lower() != right[0].lower():
            return left[0], right[0]
    return None


def speaks_of(side: str, statement: Statement, other: str) -> bool:
    """Whether the name is in the heading above the statement, or in the statement and the heading is not about the
    ``other`` side."""
    heading, text = (set(search_tokens(part)) for part in (" ".join(statement.headings[-1:]), statement.text))
    name, others = (set(search_tokens(asked)[:1]) for asked in (side, other))
    return name <= heading or (name <= text and not others <= heading)
