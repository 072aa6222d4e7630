"""Scored statements -> those that make up an answer."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ingest.dedupe import turning_words
from ingest.questions import is_question
from ingest.tokens import query_tokens, search_tokens
from rag.beside import (
    LONGEST_CODE,
    code_beside,
    compared,
    missing,
    of_another_note,
    of_headings_asked_for,
    pointed_at,
    verdicts,
)
from rag.comparison import asks_whether, label_of, own_label, sides
from rag.lists import belonging, is_member, parents, same_section
from rag.names import names
from rag.order import reverses
from rag.support import NEGATION
from rag.terms import is_chinese
from rag.types import Query, Statement

_WANTS_ALL = re.compile(
    r"哪些|哪几|哪[两二三四五六七八九十\d]|几[种个类点步档招]|有什么|有啥|都有|都是|分别|步骤|流程|方法|手段|列[出举]|怎么[做搭组]"
    r"|怎么(?:排查|解决|处理|避免|防|优化|保证|减[小少轻]|降低|提[升高]|加[快速]|控制|缓解|设计)|好在哪|[由靠].{0,4}(?:组成|构成)"
    r"|\b(?:what are|what [\w -]{1,40} are there|list|kinds?|types?|steps?|ways?|methods?)\b",
    re.IGNORECASE,
)
_WANTS_SEVERAL = re.compile(r"优缺点|特点|比较|如何|\b(?:how|which)\b", re.IGNORECASE)
_COMPARES = re.compile(
    r"区别|不同|差[在异别]|对比|各[是自看]|\b(?:differ\w*|compare[ds]?|comparison|vs\.?|versus)\b", re.IGNORECASE
)
_WANTS_CODE = re.compile(
    r"怎么?样?(?:写|配|用|调|跑|启动|安装|设置|实现|部署|装|抓|接入)|如何(?:写|配置|使用|调用|实现|安装|设置|部署|接入)"
    r"|代码|命令|示例|例子|语法|配置文件"
    r"|\b(?:code|command|snippet|example|syntax|how (?:do|can|to|would) (?:(?:i|you|we|one) )?"
    r"(?:write|configure|config|call|use|run|install|start|implement|set|deploy))\b",
    re.IGNORECASE,
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
    """Whether an item brings its whole list: in its section, and elsewhere as long as there is no list yet."""


_ONE = _Extent(0.65, 0.75, 0.45, 0.3, share=0.27, whole_list=False)
_SEVERAL = _Extent(0.6, 0.8, 0.8, 0.5, share=0.5, whole_list=False)
_COMPARED = _Extent(0.45, 0.55, 0.8, 0.5, share=0.6, whole_list=False)
"""A comparison has something to say of each side; the likeliest statement is of one. Over the 27 comparisons of the
development and the shipped questions, key points rise from 0.61 to 0.67 and citations are right less often by 0.03; at
0.4 and 0.5, by 0.05 for 0.01 more."""
_ALL = _Extent(0.4, 0.6, 0.8, 0.5, share=0.83, whole_list=True)
_LEAST_PROBABILITY = 0.14
"""Low, so that an unsure answer shows what else may be right. With 0.1, citations are right less often by 0.01 to 0.03,
and answers hold something right hardly more often; with 0.16, 1 to 2 more of 100 answers hold nothing right."""
_BOTH = re.compile("优缺点|优劣|利弊")
_OF_OTHERS = re.compile(
    "方案|办法|方法|做法|应对|对策|解决|处理|措施|原因|代价|步骤|优[点势]|缺[点陷]|不足|劣势|局限|好处|坏处|注意|例|总结|结论"
    "|pros|cons|fix|solution|cause|note|example",
)
"""Labels that say something of the others rather than name another thing."""
_LEAST_PROBABILITY_OF_A_LIST = 0.1
"""The least median probability of a list's items; below it the list is about something else and one item fits by
chance."""


def choose(query: Query, read: Sequence[Statement], characters: int) -> list[Statement]:
    """The best statements that fit into about ``characters``. If all of something is asked for, an item brings its
    whole list; if two things are asked about, more is chosen, and something on each; if something is asked that another
    note may deny, what it says is chosen too; how something is written brings code."""
    if not read:
        return []
    two = sides(query.question, map(label_of, read))
    if _WANTS_ALL.search(query.asked):
        extent = _ALL
    elif two or _COMPARES.search(query.asked):
        extent = _COMPARED
    else:
        extent = _SEVERAL if _WANTS_SEVERAL.search(query.asked) else _ONE
    budget = round(characters * extent.share)
    ranked = sorted(read, key=lambda s: (-s.score, s.rank, s.start))
    best = ranked[0]
    wants_code = bool(_WANTS_CODE.search(query.asked))
    chosen: list[Statement] = []

    def fresh(group: Iterable[Statement]) -> list[Statement]:
        """Those of the group that say something new of what is asked."""
        known = {id(s) for s in chosen}
        new = {id(s): s for s in group if id(s) not in known}
        return [s for s in new.values() if not (_repeats(s, chosen) or _is_of_another_label(query, s, best))]

    for statement in ranked:
        at_home = same_section(statement, best)
        if statement in chosen or not _near(statement, best, extent, at_home=at_home):
            continue
        if not at_home and _is_of_another_question(query, statement, best):
            continue
        whole_list = extent.whole_list and (at_home or sum(map(is_member, chosen)) < 2)
        group = belonging(statement, read, whole_list)
        if extent.whole_list and not _is_of_the_question(group):
            group = belonging(statement, read, whole_list=False)
        joining = fresh(group)
        if not chosen or sum(_room(s, wants_code=wants_code) for s in (*chosen, *joining)) <= budget:
            chosen += joining
    if extent.whole_list:
        chosen += fresh(missing(chosen, read))
        chosen += fresh(of_headings_asked_for(query, best, chosen, read))
    if wants_code and not any(s.kind == "code" for s in chosen):
        chosen += fresh(code_beside(best, read))
    if two:
        chosen += fresh(compared(two, best, ranked, chosen, read))
    if asks_whether(query.asked):
        chosen += fresh(of_another_note(query, ranked, chosen))[:1]
        chosen += fresh(verdicts(chosen, read))
    chosen += fresh(pointed_at(chosen, read))
    chosen = [s for s in chosen if not s.leads_in or _is_followed(s, chosen, read)] or chosen
    above = {id(parent): parent for parent in parents(chosen, read)}
    return chosen + [parent for parent in above.values() if parent not in chosen]


def _room(statement: Statement, *, wants_code: bool) -> int:
    """How much of the answer's length it takes; nothing if it is the code that is asked for."""
    asked_for = wants_code and statement.kind == "code" and len(statement.text) <= LONGEST_CODE
    return 0 if asked_for else len(statement.text)


def _is_followed(statement: Statement, chosen: Sequence[Statement], read: Sequence[Statement]) -> bool:
    """Whether the next statement of the note is chosen too."""
    below = (s for s in read if s.rank == statement.rank and s.start >= statement.end)
    following = min(below, key=lambda s: s.start, default=None)
    return any(s is following for s in chosen)


def _near(statement: Statement, best: Statement, extent: _Extent, *, at_home: bool) -> bool:
    if statement is best:
        return True
    if statement.probability is None or best.probability is None:
        return statement.score >= best.score - (extent.same_section_below if at_home else extent.elsewhere_below)
    share = extent.same_section if at_home else extent.elsewhere
    return statement.probability >= max(_LEAST_PROBABILITY, share * best.probability)


def _is_of_another_label(query: Query, statement: Statement, best: Statement) -> bool:
    """Whether it stands beside the best statement of its section and has another label than this one, whose label is
    asked about. What the heading of the section says tells no label from others, unless it says them all; labels such
    as "办法" are about the others."""
    asked = _BOTH.sub("优点缺点", query.question.lower())
    of_best, label = own_label(best).lower(), own_label(statement).lower()
    if not (of_best and label) or of_best not in asked or label in asked or _OF_OTHERS.search(label):
        return False
    if statement.indent != best.indent or not same_section(statement, best):
        return False
    heading = " ".join(statement.headings[-1:]).lower()
    return of_best not in heading or label in heading


def _is_of_another_question(query: Query, statement: Statement, best: Statement) -> bool:
    """Whether both stand below headings that are questions, and its own has less of what is asked."""
    headings = [s.headings[-1] if s.headings else "" for s in (statement, best)]
    if not all(map(is_question, headings)):
        return False
    asked = set(query_tokens(query.question))
    own, of_best = (len(asked & set(search_tokens(heading))) for heading in headings)
    return own < of_best


def _is_of_the_question(group: Sequence[Statement]) -> bool:
    probabilities = [s.probability for s in group if is_member(s) and s.probability is not None]
    return len(probabilities) < 2 or median(probabilities) >= _LEAST_PROBABILITY_OF_A_LIST


def _turning(text: str) -> set[str]:
    """The words that make a statement say something else when they are exchanged. In English not every word does."""
    words = set(turning_words(text))
    if is_chinese(text):
        return words
    telling = {name.lower() for name in names(text)}
    return {word for word in words if not word.isalpha() or word in telling or NEGATION.fullmatch(word)}


def _repeats(statement: Statement, chosen: Sequence[Statement]) -> bool:
    """Whether the statement repeats, in nearly the same words, one that is already chosen. With another number, name,
    negation or order it says something else."""
    tokens, turning = set(search_tokens(statement.text)), _turning(statement.text)
    for other in chosen:
        others = set(search_tokens(other.text))
        alike = len(tokens & others) >= 0.8 * min(len(tokens), len(others)) and len(tokens) <= len(others) * 1.3
        turned = not turning <= set(turning_words(" ".join((*other.headings, other.text))))
        if tokens and alike and not turned and not reverses(statement.text, other.text):
            return True
    return False
