"""Questions with two sides: about two things at once, or about whether something is so."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice

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
    r"(?<![很许更诸众最太])多[少大长久高快]|几(?![乎何种百千])|默认(?:是|的?值|用|哪|什么|多)|哪[天年月个里儿]|何时|什么时候|设[成为]什么|取什么"
    r"|^(?:when|where|which)\b(?!.*\band\b)|\bhow (?:many|much|long|big|large|often|fast)\b"
    r"|\bwhat (?:is|'s) the default\b",
    re.IGNORECASE,
)
_LONGEST_JOINT = 20
_SHORTEST_LABEL, _LONGEST_LABEL = 2, 20
"""In characters."""
_LABEL = re.compile(
    rf"(?:{MARKER.pattern})?(?:\*\*)?(?P<label>[^，。；：！？,;:!?|\n]{{2,{_LONGEST_LABEL}}}?)(?:\*\*)?[ \t]*"
    r"(?:[:：](?:\*\*)?(?!//)|$)"
)
_NUMBER = re.compile(rf"^(?:{MARKER.pattern}|\d+(?:\.\d+)+[ \t.、]*|[一二三四五六七八九十]{{1,3}}、)[ \t]*")


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
    # The longest first of those that begin together: "Python 3.8" rather than "Python".
    found.sort(key=lambda span: (span[0], -span[1]))
    for start, end in found:
        one = question[start:end]
        for begin, stop in islice(found, bisect_left(found, end, key=lambda span: span[0]), None):
            if begin > end + _LONGEST_JOINT:
                break
            other = question[begin:stop]
            if _JOINT.fullmatch(question[end:begin]) and one.lower() != other.lower():
                return one, other
    return None


def label_of(statement: Statement) -> str:
    """What the statement says something of: the label at its beginning, which may be all of it, or else the heading
    above it."""
    if labelled := _LABEL.match(statement.text):
        return clean_title(labelled["label"])
    return _NUMBER.sub("", statement.headings[-1]) if statement.headings else ""


def own_label(statement: Statement) -> str:
    """The label before the colon at the statement's beginning, if something follows it; else empty."""
    labelled = _LABEL.match(statement.text)
    return clean_title(labelled["label"]) if labelled and labelled.end() < len(statement.text.rstrip()) else ""


def speaks_of(side: str, statement: Statement, other: str) -> bool:
    """Whether the statement has the side as its label or under a heading on it alone, or else names it below no heading
    or label on the ``other`` side alone."""
    for about in (own_label(statement), " ".join(statement.headings[-1:])):
        if names_side(about, side) != names_side(about, other):
            return names_side(about, side)
    return names_side(statement.text, side)


def names_side(text: str, side: str) -> bool:
    """Whether the text has the name, or all words of another thing."""
    if is_chinese(side):
        return side.lower() in text.lower()
    # The first token of a name is the whole of it.
    words = search_tokens(side)[: 1 if TERM.fullmatch(side) else None]
    return bool(words) and set(words) <= set(search_tokens(text))
