"""Which side of a question a statement takes: yes or no, or one of two alternatives."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.comparison import asks_whether
from rag.names import names
from rag.negation import Clause, clauses, read_clause
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
        r"(?<!优)先(?![进前验])|(?<![目之以当])前(?![向提缀后])",
        r"(?<![然以之最])后(?![续果端缀验来])(?!面?的?[章文])",
    ),
)
"""Opposites in words that mean much else: sides only of a question that names both."""
_IS_ASKED = r"(?:[是算]|属于|\b(?:is|are|was|were|be)\b)[^，。,.;；]{{0,30}}(?:{pole})"
_YES = re.compile(
    r"(?:要|能|会|可以|是的?|对|有|需要|必须|应该|支持|建议|推荐)(?=[，。,.!！；;]|$)|(?:yes|always)(?=[,.;!]|$)",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:不(?:[要用能会行是对]|可以|需要|应该|支持|建议|推荐)?|没有?|无需|否)(?=[，。,.!！；;]|$)"
    r"|(?:no|never)(?=[,.;!]|$)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[，。：！？；,:;!?\n]|\.\s")
_REPLY = re.compile(r"(?:[-*•]\s|\d+[.、)])?\s*(?:(?:答|A|Answer)\s*[:：])?\s*", re.IGNORECASE)
_SAME_WORDS = 0.75
"""The least share of a clause's words that stand in the question that it answers."""
_FEWEST_AFFIRMED = 2
"""How many of the question's words a clause has that affirms it."""
_SAME_TOPIC = 0.8
"""The least share of a heading's words that stand in the question that it asks too."""
_ASKING = re.compile(
    r"(?P<verb>[要能会是有用])[不没](?P=verb)|可以|需要|应该|允许|是否|能否|[要能会吗么]"
    r"|\b(?:i|we|you|should|need|do|does|did|can)\b",
    re.IGNORECASE,
)
"""What only asks whether."""


def opposed(question: str, one: Statement, other: Statement) -> bool:
    """Whether the two take opposite sides of the question: each holds one of two opposites alone, or one says yes and
    the other no."""
    if not asks_whether(question) or _are_of_other_names(question, one.text, other.text):
        return False
    if any(_pole(one.text, *poles) * _pole(other.text, *poles) < 0 for poles in _poles_of(question)):
        return True
    ours, theirs = (_read(question, statement) for statement in (one, other))
    return _denies(ours, theirs) or _denies(theirs, ours)


def _are_of_other_names(question: str, one: str, other: str) -> bool:
    """Whether each speaks of a technical name that neither the other nor the question has."""
    known = names(question)
    ours, theirs = (set(names(text)).difference(known) for text in (one, other))
    return bool(ours - theirs and theirs - ours)


def _poles_of(question: str) -> Iterator[tuple[str, str]]:
    for pair in (*_POLES, *_DIRECTIONS):
        both_named = all(re.search(pole, question, re.IGNORECASE) for pole in pair)
        one_asked = _IS_ASKED.format(pole="|".join(pair))
        if both_named or (pair in _POLES and re.search(one_asked, question, re.IGNORECASE)):
            yield pair


def _pole(text: str, one: str, other: str) -> int:
    """1 if the text holds only the first of two opposites, or denies only the second; -1 for the reverse; else 0."""
    sides = {
        sign * _sign(text, found.start())
        for pole, sign in ((one, 1), (other, -1))
        for found in re.finditer(pole, text, re.IGNORECASE)
    }
    return sides.pop() if len(sides) == 1 else 0


def _sign(text: str, at: int) -> int:
    """-1 if the clause denies before this position what it says there."""
    return -1 if NEGATION.search(_CLAUSE_END.split(text[:at])[-1]) else 1


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
    asked = _without_asking(question).words
    heading = statement.headings[-1] if statement.headings else ""
    of_heading = _without_asking(heading).words
    verdict = 0
    if asks_whether(heading) and len(asked & of_heading) >= max(1, _SAME_TOPIC * len(of_heading)):
        reply = _REPLY.sub("", statement.text, count=1)
        verdict = 1 if _YES.match(reply) else -1 if _NO.match(reply) else 0
    read = [
        clause
        for clause in map(_without_asking, clauses(statement.text))
        if len(clause.words & asked) >= max(1, _SAME_WORDS * len(clause.words)) and not clause.denies_otherwise
    ]
    # What the question itself denies, both may deny.
    already = {word for clause in map(_without_asking, clauses(question)) for word in clause.negated}
    affirmed = (
        clause.words & asked for clause in read if clause.negations % 2 == 0 and len(clause.words) >= _FEWEST_AFFIRMED
    )
    denied = (clause.negated & asked - already for clause in read if clause.negations % 2)
    return _Reply(verdict, frozenset().union(*affirmed), frozenset().union(*denied))


def _without_asking(text: str) -> Clause:
    # A comma parts the words before from those behind, which a space would not.
    return read_clause(_ASKING.sub("，", text))
