"""Scored statements -> those that make up an answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from ingest.dedupe import turning_words
from ingest.questions import is_question
from ingest.tokens import query_tokens, search_tokens
from rag.comparison import asks_whether, label_of, names_side, own_label, sides, speaks_of
from rag.lists import ancestors, belonging, is_member, parents, same_section, sections_below
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
_WANTS_SEVERAL = re.compile(
    r"优缺点|特点|区别|不同|对比|比较|差在|如何|\b(?:differ\w*|compare|vs\.?|versus|how|which)\b", re.IGNORECASE
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
_ALL = _Extent(0.4, 0.6, 0.8, 0.5, share=0.83, whole_list=True)
_LEAST_PROBABILITY = 0.14
"""Low, so that an unsure answer shows what else may be right. With 0.1, citations are right less often by 0.01 to 0.03,
and answers hold something right hardly more often; with 0.16, 1 to 2 more of 100 answers hold nothing right."""
_LEAST_PROBABILITY_OF_A_SIDE = 0.05
_ANNOUNCES = re.compile(
    r"[几两二三四五六七八九十\d][种个类大步条点]|类型|分类|方法|方式|手段|步骤|流程|阶段|原因|指标|方案|策略|技巧|办法|对策|措施|要点"
    r"|坑|问题|场景|教训|经验|注意|优化|区别|怎么(?:排查|做|搭|办|解决|处理)"
    r"|\b(?:kinds|types|steps|methods|ways|stages|phases|metrics|approaches|techniques|causes|reasons|fixes|tricks"
    r"|pitfalls|lessons|mistakes)\b",
    re.IGNORECASE,
)
_LONGEST_CODE = 800
"""Characters of code that comes with an answer without being likely itself."""
_LONGEST_VERDICT = 8
"""Characters."""
_MOST_MEMBERS = 8
"""Items of a list that is completed because most of it is chosen."""
_MOST_SECTIONS = 8
"""Headings that may be a list."""
_LEAST_PROBABILITY_ELSEWHERE, _FEWEST_SHARED = 0.06, 2
"""The least probability of what another note says, and how many of the question's words it holds."""
_LEAST_PROBABILITY_OF_A_LIST = 0.1
"""The least median probability of a list's items; below it the list is about something else and one item fits by
chance."""


def choose(query: Query, read: Sequence[Statement], characters: int) -> list[Statement]:
    """The best statements that fit into about ``characters``. If all of something is asked for, an item brings its
    whole list; if two things are asked about, something is chosen on each; if something is asked that another note may
    deny, what it says is chosen too; how something is written brings code."""
    if not read:
        return []
    extent = _ALL if _WANTS_ALL.search(query.asked) else _SEVERAL if _WANTS_SEVERAL.search(query.asked) else _ONE
    budget = round(characters * extent.share)
    ranked = sorted(read, key=lambda s: (-s.score, s.rank, s.start))
    best = ranked[0]
    wants_code = bool(_WANTS_CODE.search(query.asked))
    chosen: list[Statement] = []
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
        fresh = [s for s in group if s not in chosen and not _repeats(s, chosen)]
        fresh = [s for s in fresh if not _is_of_another_label(query, s, best, read)]
        if not chosen or sum(_room(s, wants_code=wants_code) for s in (*chosen, *fresh)) <= budget:
            chosen += fresh
    if extent.whole_list:
        chosen += [s for s in _missing(chosen, read) if not _repeats(s, chosen)]
        chosen += [s for s in _of_headings_asked_for(query, best, chosen, read) if not _repeats(s, chosen)]
    if wants_code and not any(s.kind == "code" for s in chosen):
        chosen += _code_beside(best, read, chosen)
    if two := sides(query.question, map(label_of, read)):
        chosen += [s for s in _compared(two, best, ranked, chosen, read) if not _repeats(s, chosen)]
    if asks_whether(query.asked):
        chosen += list(islice(_of_another_note(query, ranked, chosen), 1))
        chosen += _verdicts(chosen, read)
    chosen = [s for s in chosen if not s.leads_in or _is_followed(s, chosen, read)] or chosen
    above = {id(parent): parent for parent in parents(chosen, read)}
    return chosen + [parent for parent in above.values() if parent not in chosen]


def _compared(
    two: tuple[str, str],
    best: Statement,
    ranked: Sequence[Statement],
    chosen: Sequence[Statement],
    read: Sequence[Statement],
) -> Iterator[Statement]:
    """The table of the best statement's section that has a column for each side, or else something on either side that
    is not chosen yet; below a heading on both, only there."""
    section = [s for s in ranked if same_section(s, best)]
    table = [s for s in section if all(names_side(s.header, side) for side in two)]
    if table and len(table) <= _MOST_MEMBERS:
        yield from (s for s in table if s not in chosen)
        return
    together = bool(best.headings) and all(names_side(best.headings[-1], side) for side in two)
    for side, other in zip(two, reversed(two), strict=True):
        if not any(speaks_of(side, s, other) and not s.leads_in for s in chosen):
            yield from (s for s in _on_side(side, other, section if together else ranked, read) if s not in chosen)


def _on_side(side: str, other: str, ranked: Sequence[Statement], read: Sequence[Statement]) -> list[Statement]:
    """The best statement on one side of a comparison, with what belongs to it. One that is labelled with the side is
    about it however unlikely."""
    for statement in ranked:
        labelled = label_of(statement).lower() == side.lower()
        likely = statement.probability is None or statement.probability >= _LEAST_PROBABILITY_OF_A_SIDE
        if (labelled or likely) and speaks_of(side, statement, other):
            group = belonging(statement, read, whole_list=False)
            if any(not s.leads_in for s in group):
                return group
    return []


def _room(statement: Statement, *, wants_code: bool) -> int:
    """How much of the answer's length it takes; nothing if it is the code that is asked for."""
    asked_for = wants_code and statement.kind == "code" and len(statement.text) <= _LONGEST_CODE
    return 0 if asked_for else len(statement.text)


def _missing(chosen: Sequence[Statement], read: Sequence[Statement]) -> list[Statement]:
    """What is not chosen of the lists of which most is."""
    missing: dict[int, Statement] = {}
    for statement in filter(is_member, chosen):
        members = belonging(statement, read, whole_list=True)
        others = [s for s in members if s not in chosen]
        if len(members) <= _MOST_MEMBERS and len(others) < len(members) / 2:
            missing |= {id(s): s for s in others}
    return list(missing.values())


def _code_beside(best: Statement, read: Sequence[Statement], chosen: Sequence[Statement]) -> list[Statement]:
    """The likeliest code of the best statement's section, with its lead-in."""
    written = (s for s in read if s.kind == "code" and same_section(s, best) and len(s.text) <= _LONGEST_CODE)
    code = max(written, key=lambda s: s.score, default=None)
    return [s for s in belonging(code, read, whole_list=False) if s not in chosen] if code else []


def _of_headings_asked_for(
    query: Query, best: Statement, chosen: Sequence[Statement], read: Sequence[Statement]
) -> Iterator[Statement]:
    """The best statement of each section below the heading of the best statement, or beside its section, if their
    headings are the list that is asked for: the heading above them announces one, and with those above it speaks of the
    question; none of their own says more of the question."""
    asked = set(query_tokens(query.question))
    for above in (best.headings, best.headings[:-1]):
        sections = sections_below(above, best, read)
        own = [section[0].headings[-1] for section in sections]
        if not (above and _ANNOUNCES.search(above[-1]) and 1 < len(own) <= _MOST_SECTIONS):
            continue
        spoken = asked & set(search_tokens(" ".join((best.hit.chunk.title, *above))))
        more = (asked & set(search_tokens(heading)) - spoken for heading in own)
        if not spoken or any(map(is_question, own)) or any(more):
            continue
        for section in sections:
            if not any(s.headings == section[0].headings for s in chosen):
                yield max((s for s in section if not s.leads_in), key=lambda s: s.score, default=section[0])
        return


def _of_another_note(query: Query, ranked: Sequence[Statement], chosen: Sequence[Statement]) -> Iterator[Statement]:
    """What other notes say of the question, which may be the opposite."""
    asked, named = set(query_tokens(query.question)), {name.lower() for name in names(query.question)}
    documents = {statement.hit.chunk.document_id for statement in chosen}
    for statement in ranked:
        if statement.probability is None or statement.probability < _LEAST_PROBABILITY_ELSEWHERE:
            return
        if statement.hit.chunk.document_id in documents or statement.leads_in or _repeats(statement, chosen):
            continue
        shared = asked & set(search_tokens(statement.text))
        with_headings = " ".join((*statement.headings, statement.text)).lower()
        if len(shared) >= _FEWEST_SHARED or any(name in with_headings for name in named):
            yield statement


def _verdicts(chosen: Sequence[Statement], read: Sequence[Statement]) -> list[Statement]:
    """The first words of the paragraphs that only some other sentences are chosen of, if they are as short as "No."."""
    openers: dict[tuple[int, int], Statement] = {}
    for statement in read:
        openers.setdefault((statement.rank, statement.block), statement)
    found = (openers[s.rank, s.block] for s in chosen if s.kind == "paragraph")
    short = {id(s): s for s in found if len(s.text) <= _LONGEST_VERDICT and not s.leads_in}
    return [s for s in short.values() if s not in chosen]


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


def _is_of_another_label(query: Query, statement: Statement, best: Statement, read: Sequence[Statement]) -> bool:
    """Whether the best statement of its section has a label that is asked about, and this one and what stands above it
    have only others."""
    asked, of_best = query.question.lower(), own_label(best).lower()
    if not of_best or of_best not in asked or not same_section(statement, best):
        return False
    labels = [own_label(s).lower() for s in (statement, *ancestors(statement, read))]
    return any(labels) and not any(label and label in asked for label in labels)


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
