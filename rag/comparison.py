"""Questions with two sides: about two things at once, or about whether something is so."""

import re
from collections.abc import Iterable
from itertools import product

from ingest.lines import MARKER, clean_title
from ingest.tokens import search_tokens
from rag.names import names
from rag.terms import HAN, TERM, is_chinese
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
_VALUE = re.compile(
    r"多[少大长久高快]|几(?![乎何])|默认|哪[天年月个种里儿]|何时|什么时候|设[成为]什么|取什么"
    r"|\b(?:how (?:many|much|long|big|large|often|fast)|when|where|default|which)\b",
    re.IGNORECASE,
)
_SHORTEST_LABEL, _LONGEST_LABEL = 2, 20
_LABEL = re.compile(
    rf"(?:{MARKER.pattern})?(?:\*\*)?([^，。；：！？,;:!?|\n]{{2,{_LONGEST_LABEL}}}?)(?:\*\*)?[ \t]*(?:[:：](?!//)|$)"
)
_NUMBER = re.compile(rf"(?:{MARKER.pattern}|\d+(?:\.\d+)+[ \t.、]*|[一二三四五六七八九十]{{1,3}}、)[ \t]*")


def asks_whether(question: str) -> bool:
    """Whether the answer is yes or no, or one of two alternatives, so that another note may say the opposite."""
    return bool(_WHETHER.search(question))


def asks_one_thing(question: str) -> bool:
    """Whether only one answer can be right: yes or no, or one number, time, place or name."""
    return asks_whether(question) or bool(_VALUE.search(question))


def sides(question: str, labels: Iterable[str] = ()) -> tuple[str, str] | None:
    """The first two things with only a joint between them, as in "A 和 B" or "A vs B"; None if there are none. A thing
    is a technical name or one of the ``labels``, which are headings and the like in the notes."""
    known = set(names(question))
    found = [(match.start(), match.end()) for match in TERM.finditer(question) if match[0] in known]
    for label in set(labels):
        if _SHORTEST_LABEL <= len(label) <= _LONGEST_LABEL:
            found += [match.span() for match in re.finditer(re.escape(label), question, re.IGNORECASE)]
    for left, right in product(sorted(found), repeat=2):
        one, other = question[slice(*left)], question[slice(*right)]
        if left[1] <= right[0] and _JOINT.fullmatch(question[left[1] : right[0]]) and one.lower() != other.lower():
            return one, other
    return None


def label_of(statement: Statement) -> str:
    """What the statement says something of: the label at its beginning, or else the heading above it."""
    labelled = _LABEL.match(statement.text)
    if labelled:
        return clean_title(labelled[1])
    return _NUMBER.sub("", statement.headings[-1]) if statement.headings else ""


def speaks_of(side: str, statement: Statement, other: str) -> bool:
    """Whether the name is in the heading above the statement, or in the statement and the heading is not about the
    ``other`` side."""
    heading, text = " ".join(statement.headings[-1:]), statement.text
    return _names(heading, side) or (_names(text, side) and not _names(heading, other))


def _names(text: str, side: str) -> bool:
    if is_chinese(side):
        return side.lower() in text.lower()
    return set(search_tokens(side)[:1]) <= set(search_tokens(text))
