"""Which side of a question a statement takes: yes or no, or one of two alternatives."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.comparison import asks_whether
from rag.negation import clauses, read_clause
from rag.support import NEGATION
from rag.types import Statement

_POLES = (
    (r"同步|\bsync(?:hronous(?:ly)?)?\b", r"异步|\basync(?:hronous(?:ly)?)?\b"),
    (r"精确|无损|\bexact(?:ly)?\b|\blossless\b", r"近似|有损|\bapproximat\w*|\blossy\b"),
    (r"在线|\bonline\b|\bon-policy\b", r"离线|\boffline\b|\boff-policy\b"),
    (r"串行|\bsequential(?:ly)?\b|\bserial(?:ly)?\b", r"并行|\bparallel\b"),
    (r"静态|\bstatic(?:ally)?\b", r"动态|\bdynamic(?:ally)?\b"),
    (r"单向|\bunidirectional\b", r"双向|\bbidirectional\b"),
)
"""Opposites of which a question may name one alone."""
_DIRECTIONS = (
    (
        r"(?<!优)先(?!进|前|验)|(?<![目之以])前(?!向|提|缀|后)|\b(?:before|first|earlier)\b",
        r"(?<![然以之最])后(?!续|果|端|缀|验)|\b(?:after|last|later)\b",
    ),
    (
        r"增[大加长]|变[大多高]|升高|提高|上升|\bincreas\w+",
        r"减[小少]|变[小少低]|降低|下降|\bdecreas\w+|\breduc\w+",
    ),
)
"""Opposites in words that mean much else: sides only of a question that names both."""
_YES = re.compile(
    r"(?:要|能|会|可以|是的?|对|有|需要|必须|应该|支持|建议|推荐)(?=[，。,.!！；;]|$)|yes\b|always\b", re.IGNORECASE
)
_NO = re.compile(r"(?:不|没|否|无需|不用|别)(?!过|同|仅|但|只|断|如|少)|(?:no|never|not)\b(?! only)", re.IGNORECASE)
_REPLY = re.compile(r"(?:[-*•]|\d+[.、)])?\s*(?:答|A|Answer)?\s*[:：]?\s*", re.IGNORECASE)
_LEAST_SHARED, _SAME_WORDS = 2, 0.6
"""How many of its words, and which share of them, a clause has from the question that it answers."""
# Words of a question that only ask whether.
_ASKING = frozenset("要 能 会 是 可 可以 需要 应该 有 用 吗 是否 能否".split())
_NEAR = 6
"""Characters before a word of a clause in which a negation denies it."""


def opposed(question: str, one: Statement, other: Statement) -> bool:
    """Whether the two take opposite sides of the question: each holds one of two opposites alone, or one says yes and
    the other no."""
    if not asks_whether(question):
        return False
    if any(_pole(one.text, *poles) * _pole(other.text, *poles) < 0 for poles in _poles_of(question)):
        return True
    ours, theirs = (_read(question, statement) for statement in (one, other))
    return _denies(ours, theirs) or _denies(theirs, ours)


def _poles_of(question: str) -> Iterator[tuple[str, str]]:
    for poles, needed in ((_POLES, any), (_DIRECTIONS, all)):
        yield from (pair for pair in poles if needed(re.search(pole, question, re.IGNORECASE) for pole in pair))


def _pole(text: str, one: str, other: str) -> int:
    """1 if the text holds only the first of two opposites, or denies only the second; -1 for the reverse; else 0."""
    sides = {
        sign * _sign(text, found.start())
        for pole, sign in ((one, 1), (other, -1))
        for found in re.finditer(pole, text, re.IGNORECASE)
    }
    return sides.pop() if len(sides) == 1 else 0


def _sign(text: str, at: int) -> int:
    before = re.split(r"[，。；：！？,;:!?\n]", text[max(0, at - _NEAR) : at])[-1]
    return -1 if NEGATION.search(before) else 1


@dataclass(frozen=True, slots=True)
class _Reply:
    verdict: int
    """1 or -1 for a yes or no at its beginning, else 0."""
    affirmed: frozenset[str]
    """The words of the question in clauses that say so."""
    denied: frozenset[str]
    """Those right after a negation."""


def _denies(one: _Reply, other: _Reply) -> bool:
    if one.verdict or other.verdict:
        says = [reply.verdict or (-1 if reply.denied else 1 if reply.affirmed else 0) for reply in (one, other)]
        return says == [-1, 1]
    return not one.denied.isdisjoint(other.affirmed)


def _read(question: str, statement: Statement) -> _Reply:
    """A yes or no counts only below a heading that asks the same; clauses only in the words of the question."""
    asked = read_clause(question).words
    topic = asked - _ASKING
    heading = statement.headings[-1] if statement.headings else ""
    topic_of_heading = read_clause(heading).words - _ASKING
    verdict = 0
    if asks_whether(heading) and len(topic & topic_of_heading) * 2 >= len(topic_of_heading):
        reply = _REPLY.sub("", statement.text, count=1)
        verdict = 1 if _YES.match(reply) else -1 if _NO.match(reply) else 0
    read = [
        clause
        for clause in map(read_clause, clauses(statement.text))
        if len(clause.words & asked) >= max(_LEAST_SHARED, _SAME_WORDS * len(clause.words))
        and not clause.denies_otherwise
    ]
    # What the question itself denies, both may deny.
    already = {word for clause in map(read_clause, clauses(question)) for word in clause.negated}
    affirmed = (clause.words & topic for clause in read if clause.negations % 2 == 0)
    denied = (clause.negated & topic - already for clause in read if clause.negations % 2)
    return _Reply(verdict, frozenset().union(*affirmed), frozenset().union(*denied))
