"""Questions with two sides: about two things at once, or about whether something is so."""

import re
from itertools import pairwise

from ingest.tokens import search_tokens
from rag.names import names
from rag.terms import HAN, TERM
from rag.types import Statement

_JOINT = re.compile(
    r"[\s,，、]*(?:和|跟|与|同|以及|相比于?|比起|比|还是|或者?|、|/|\b(?:vs\.?|versus|and|or|than|from|to|with)(?=\s))"
    r"\s*(?:the\s)?",
    re.IGNORECASE,
)

_WHETHER = re.compile(
    rf"(?P<asked>{HAN})[不没](?P=asked)|还是|吗(?=[？?，。]|$)|是否|能否|可否"
    r"|^(?:is|are|was|were|do|does|did|can|could|should|will|would|must)\b|\bwhether\b",
    re.IGNORECASE,
)


def asks_whether(question: str) -> bool:
    """Whether the answer is yes or no, or one of two alternatives, so that another note may say the opposite."""
    return bool(_WHETHER.search(question))


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
