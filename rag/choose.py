"""Scored statements -> those that make up an answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ingest.dedupe import turning_words
from ingest.questions import is_question
from ingest.tokens import search_tokens
from rag.comparison import sides, speaks_of
from rag.names import names
from rag.support import NEGATION
from rag.terms import is_chinese
from rag.types import Query, Statement

_WANTS_ALL = re.compile(
    r"哪些|哪几|几[种个类点步档招]|有什么|都有|都是|分别|步骤|流程|方法|手段|列[出举]|怎么[做搭组]"
    r"|\b(?:what are|list|kinds?|types?|steps?|ways?|methods?)\b",
    re.IGNORECASE,
)
_WANTS_SEVERAL = re.compile(
    r"优缺点|特点|区别|不同|对比|比较|差在|如何|\b(?:differ\w*|compare|vs\.?|versus|how|which)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Extent:
    """Which statements may join the best one, and how much room they have. Measured on the development questions."""

    same_section: float
    """In the section of the best statement, the least ratio of their probability to its own."""
    elsewhere: float
    """The same in other sections."""
    same_section_below: float
    """Without probabilities: in its section, how far their score may lie below its own."""
    elsewhere_below: float
    """The same in other sections."""
    share: float
    """The share of the answer's length that may be used."""
    whole_list: bool
    """Whether an item of its section brings its whole list."""


_ONE = _Extent(0.65, 0.75, 0.45, 0.3, share=0.27, whole_list=False)
_SEVERAL = _Extent(0.6, 0.8, 0.8, 0.5, share=0.5, whole_list=False)
_ALL = _Extent(0.4, 0.6, 0.8, 0.5, share=0.83, whole_list=True)
_LEAST_PROBABILITY = 0.14
"""Low, so that an unsure answer shows what else may be right. With 0.1, citations are right less often by 0.01 to 0.03,
and answers hold something right hardly more often; with 0.16, 1 to 2 more of 100 answers hold nothing right."""
_CODE_SPAN = re.compile(r"\s*(?:[-*+•]|\d+[.)、])?\s*(?:\*\*)?`[^`]+`(?:\*\*)?\s*[:：]?")
_LONGEST_LABEL = 20
"""Characters of an item that says nothing without what stands below it."""
_SHORTEST_ALONE = 40
"""Characters of a nested item that may be understood without the one above it."""
_LEAST_PROBABILITY_OF_A_SIDE = 0.05
_LEAST_PROBABILITY_OF_A_LIST = 0.1
"""The least median probability of a list's items; below it the list is about something else and one item fits by
chance."""


def choose(query: Query, read: Sequence[Statement], characters: int) -> list[Statement]:
    """The best statements that fit into about ``characters``. If all of something is asked for, an item in the section
    of the best statement brings its whole list; if two things are asked about, something is chosen on each."""
    if not read:
        return []
    extent = _ALL if _WANTS_ALL.search(query.asked) else _SEVERAL if _WANTS_SEVERAL.search(query.asked) else _ONE
    budget = round(characters * extent.share)
    ranked = sorted(read, key=lambda s: (-s.score, s.rank, s.start))
    best = ranked[0]
    chosen: list[Statement] = []
    for statement in ranked:
        at_home = _same_section(statement, best)
        if statement in chosen or not _near(statement, best, extent, at_home=at_home):
            continue
        group = _belonging(statement, read, whole_list=extent.whole_list and at_home)
        if extent.whole_list and not _is_of_the_question(group):
            group = _belonging(statement, read, whole_list=False)
        fresh = [s for s in group if s not in chosen and not _repeats(s, chosen)]
        if not chosen or sum(len(s.text) for s in (*chosen, *fresh)) <= budget:
            chosen += fresh
    two = sides(query.question) or ()
    for side, other in zip(two, reversed(two), strict=True):
        if not any(speaks_of(side, s, other) for s in chosen):
            likely = (s for s in ranked if s.probability is None or s.probability >= _LEAST_PROBABILITY_OF_A_SIDE)
            about = (s for s in likely if speaks_of(side, s, other))
            chosen += [s for s in about if not s.leads_in and not _repeats(s, chosen)][:1]
    chosen = [s for s in chosen if not s.leads_in or _is_followed(s, chosen, read)] or chosen
    parents = {id(parent): parent for parent in _parents(chosen, read)}
    return chosen + [parent for parent in parents.values() if parent not in chosen]


def parent_of(item: Statement, read: Sequence[Statement]) -> Statement | None:
    """The list item below which ``item`` stands in its note; None if it is not nested."""
    if item.kind != "item" or not item.indent:
        return None
    above = [s for s in read if s.rank == item.rank and s.start < item.start]
    for other in sorted(above, key=lambda s: -s.start):
        if not _same_section(other, item):
            return None
        if other.indent < item.indent:
            return other if other.kind == "item" else None
    return None


def _parents(chosen: Sequence[Statement], read: Sequence[Statement]) -> Iterator[Statement]:
    """The items above the short nested ones among the ``chosen``, without which these would say nothing."""
    for statement in chosen:
        parent = parent_of(statement, read) if len(statement.text) <= _SHORTEST_ALONE else None
        while parent is not None:
            yield parent
            parent = parent_of(parent, read)


def _is_followed(statement: Statement, chosen: Sequence[Statement], read: Sequence[Statement]) -> bool:
    """Whether the next statement of the note is chosen too."""
    below = (s for s in read if s.rank == statement.rank and s.start >= statement.end)
    following = min(below, key=lambda s: s.start, default=None)
    return any(s is following for s in chosen)


def _same_section(statement: Statement, other: Statement) -> bool:
    return statement.rank == other.rank and statement.headings == other.headings


def _near(statement: Statement, best: Statement, extent: _Extent, *, at_home: bool) -> bool:
    if statement is best:
        return True
    if statement.probability is None or best.probability is None:
        return statement.score >= best.score - (extent.same_section_below if at_home else extent.elsewhere_below)
    share = extent.same_section if at_home else extent.elsewhere
    return statement.probability >= max(_LEAST_PROBABILITY, share * best.probability)


def _belonging(statement: Statement, read: Sequence[Statement], whole_list: bool) -> list[Statement]:
    """The statement with what it cannot be understood without: a lead-in brings what it announces, a question its
    answer (without one, nothing is left), an item that is only a label what stands below it, code and formulas their
    lead-in, and with ``whole_list`` an item its list."""
    same_hit = [s for s in read if s.rank == statement.rank]
    first = last = next(i for i, s in enumerate(same_hit) if s is statement)
    if statement.kind == "paragraph" and is_question(statement.text):
        answer = same_hit[first + 1] if first + 1 < len(same_hit) else None
        answered = answer and _same_section(answer, statement) and not is_question(answer.text)
        return [statement, *_belonging(answer, read, whole_list)] if answer and answered else []
    below = same_hit[first : _end_of_what_is_below(same_hit, first) + 1]
    is_label = statement.leads_in or len(statement.text) <= _LONGEST_LABEL or _CODE_SPAN.fullmatch(statement.text)
    if len(below) > 1 and is_label and (below[1].kind == "item" or not whole_list):
        return below
    if statement.leads_in:
        whole_list, last = True, min(last + 1, len(same_hit) - 1)
    if whole_list and same_hit[last].kind == "item":
        if statement.kind == "item":
            first = _end_of_list(same_hit, first, -1)
        last = _end_of_list(same_hit, last, 1)
    announced = same_hit[first].kind in ("code", "formula") or (whole_list and same_hit[first].kind == "item")
    if announced and first > 0 and same_hit[first - 1].leads_in:
        first -= 1
    return same_hit[first : last + 1]


def _is_of_the_question(group: Sequence[Statement]) -> bool:
    probabilities = [s.probability for s in group if s.kind == "item" and s.probability is not None]
    return len(probabilities) < 2 or median(probabilities) >= _LEAST_PROBABILITY_OF_A_LIST


def _end_of_what_is_below(statements: Sequence[Statement], at: int) -> int:
    """The last of the statements that are indented below the item at ``at``; itself if there are none."""
    item = statements[at]
    end = at
    if item.kind == "item" and not _has_lost_its_indentation(item):
        while end + 1 < len(statements) and _same_section(item, statements[end + 1]):
            if statements[end + 1].indent <= item.indent:
                break
            end += 1
    return end


def _end_of_list(statements: Sequence[Statement], at: int, step: int) -> int:
    """The last position in direction ``step`` of the list of the item at ``at``: the items beside it, with all that is
    indented below them."""
    item = statements[at]
    end = at
    while 0 <= at + step < len(statements) and _is_in_list(statements[at + step], item):
        at += step
        if statements[at].kind == "item":
            end = at
    return end if step < 0 else at


def _is_in_list(statement: Statement, item: Statement) -> bool:
    if not _same_section(statement, item):
        return False
    if statement.kind != "item":
        return statement.indent > item.indent
    return statement.indent >= item.indent or _has_lost_its_indentation(statement)


def _has_lost_its_indentation(statement: Statement) -> bool:
    """What begins a chunk is read without the white space before it."""
    return 0 < statement.start == statement.hit.chunk.start


def _turning(text: str) -> set[str]:
    """The words that make a statement say something else when they are exchanged. In English not every word does."""
    words = set(turning_words(text))
    if is_chinese(text):
        return words
    telling = {name.lower() for name in names(text)}
    return {word for word in words if not word.isalpha() or word in telling or NEGATION.fullmatch(word)}


def _repeats(statement: Statement, chosen: Sequence[Statement]) -> bool:
    """Whether the statement repeats, in nearly the same words, one that is already chosen. With another number, name
    or negation it says something else."""
    tokens, turning = set(search_tokens(statement.text)), _turning(statement.text)
    for other in chosen:
        others = set(search_tokens(other.text))
        alike = len(tokens & others) >= 0.8 * min(len(tokens), len(others)) and len(tokens) <= len(others) * 1.3
        if tokens and alike and turning <= set(turning_words(" ".join((*other.headings, other.text)))):
            return True
    return False
