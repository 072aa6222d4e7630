"""What joins the best statements of an answer: the other side of a comparison, the rest of a list, code, what another
note says."""

import re
from collections.abc import Iterator, Sequence

from ingest.questions import is_question
from ingest.tokens import query_tokens, search_tokens
from rag.comparison import label_of, names_side, speaks_of
from rag.lists import belonging, is_member, same_section, sections_below
from rag.names import names
from rag.types import Query, Statement

_LEAST_PROBABILITY_OF_A_SIDE = 0.05
_ANNOUNCES = re.compile(
    r"[几两二三四五六七八九十\d][种个类大步条点]|类型|分类|方法|方式|手段|步骤|流程|阶段|原因|指标|方案|策略|技巧|办法|对策|措施|要点"
    r"|坑|问题|场景|教训|经验|注意|优化|区别|怎么(?:排查|做|搭|办|解决|处理)"
    r"|\b(?:kinds|types|steps|methods|ways|stages|phases|metrics|approaches|techniques|causes|reasons|fixes|tricks"
    r"|pitfalls|lessons|mistakes)\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"[*_]*(?:因此|因而|所以|于是|由此|从而|这(?!里|篇|份)|它|该|此(?!外)|例如|比如|否则|反之"
    r"|(?:it|this|that|these|those|they|therefore|thus|hence|so|such|otherwise|for example)\b)",
    re.IGNORECASE,
)
LONGEST_CODE = 800
"""Characters of code that comes with an answer without being likely itself."""
_LONGEST_VERDICT = 8
"""Characters."""
_MOST_MEMBERS, _MOST_CHOSEN = 8, 30
"""Items of a list that is completed because most of it is chosen, and statements that are looked at for it."""
_MOST_SECTIONS = 8
"""Headings that may be a list."""
_LEAST_PROBABILITY_ELSEWHERE, _FEWEST_SHARED = 0.06, 2
"""The least probability of what another note says, and how many of the question's words it holds."""


def compared(
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
        yield from table
        return
    together = bool(best.headings) and all(names_side(best.headings[-1], side) for side in two)
    for side, other in zip(two, reversed(two), strict=True):
        if not any(speaks_of(side, s, other) and not s.leads_in for s in chosen):
            yield from _on_side(side, other, section if together else ranked, read)


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


def missing(chosen: Sequence[Statement], read: Sequence[Statement]) -> list[Statement]:
    """What is not chosen of the lists of which most is."""
    known, others = {id(s) for s in chosen}, dict[int, Statement]()
    for statement in filter(is_member, chosen[:_MOST_CHOSEN]):
        members = belonging(statement, read, whole_list=True)
        left = [s for s in members if id(s) not in known]
        if len(members) <= _MOST_MEMBERS and len(left) < len(members) / 2:
            others |= {id(s): s for s in left}
    return list(others.values())


def pointed_at(chosen: Sequence[Statement], read: Sequence[Statement]) -> Iterator[Statement]:
    """The sentence before each chosen one of a paragraph that points back to it ("因此…", "It …"), without which nobody
    can tell what it speaks of."""
    for statement in chosen:
        if statement.kind == "paragraph" and _POINTS_BACK.match(statement.text):
            above = (s for s in read if s.rank == statement.rank and s.end <= statement.start)
            before = max(above, key=lambda s: s.start, default=None)
            if before is not None and before.kind == "paragraph" and same_section(before, statement):
                yield before


def code_beside(best: Statement, read: Sequence[Statement]) -> list[Statement]:
    """The likeliest code of the best statement's section, with its lead-in."""
    written = (s for s in read if s.kind == "code" and same_section(s, best) and len(s.text) <= LONGEST_CODE)
    code = max(written, key=lambda s: s.score, default=None)
    return belonging(code, read, whole_list=False) if code else []


def of_headings_asked_for(
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


def of_another_note(query: Query, ranked: Sequence[Statement], chosen: Sequence[Statement]) -> Iterator[Statement]:
    """What other notes say of the question, which may be the opposite."""
    asked, named = set(query_tokens(query.question)), {name.lower() for name in names(query.question)}
    documents = {statement.hit.chunk.document_id for statement in chosen}
    for statement in ranked:
        if statement.probability is None or statement.probability < _LEAST_PROBABILITY_ELSEWHERE:
            return
        if statement.hit.chunk.document_id in documents or statement.leads_in:
            continue
        shared = asked & set(search_tokens(statement.text))
        with_headings = " ".join((*statement.headings, statement.text)).lower()
        if len(shared) >= _FEWEST_SHARED or any(name in with_headings for name in named):
            yield statement


def verdicts(chosen: Sequence[Statement], read: Sequence[Statement]) -> list[Statement]:
    """The first words of the paragraphs that only some other sentences are chosen of, if they are as short as "No."."""
    openers: dict[tuple[str, int], Statement] = {}
    for statement in read:
        openers.setdefault((statement.hit.chunk.id, statement.block), statement)
    found = (openers[s.hit.chunk.id, s.block] for s in chosen if s.kind == "paragraph")
    short = {id(s): s for s in found if len(s.text) <= _LONGEST_VERDICT and not s.leads_in}
    return list(short.values())
