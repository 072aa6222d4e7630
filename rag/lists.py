"""What belongs together in a note: a list with its lead-in, an item with what stands above and below it, a question
with its answer."""

import re
from collections.abc import Iterator, Sequence

from ingest.questions import is_question
from rag.types import Statement

_CODE_SPAN = re.compile(r"\s*(?:[-*+•]|\d+[.)、])?\s*(?:\*\*)?`[^`]+`(?:\*\*)?\s*[:：]?")
_LONGEST_LABEL = 20
"""Characters of an item that says nothing without what stands below it."""
_LABELLED = re.compile(
    rf"(?!答|例|注|即|如|图|表|式|note\b|e\.g|https?)[^\s，。；：！？、,;:!?|]{{2,{_LONGEST_LABEL}}}"
    r"(?: ?[^\s，。；：！？、,;:!?|]+){0,4} ?[:：](?!//)\s*\S",
    re.IGNORECASE,
)
_FEWEST_LABELLED = 3
"""Labelled lines that make up a list without marks, as PDFs have them."""
_SHORTEST_ALONE = 40
"""Characters of an item that may be understood without what stands above it."""


def belonging(statement: Statement, read: Sequence[Statement], whole_list: bool) -> list[Statement]:
    """The statement with what it cannot be understood without: a lead-in brings what it announces, a question its
    answer (without one, nothing is left), an item that is only a label what stands below it, code and formulas their
    lead-in, and with ``whole_list`` an item its list."""
    same_hit = [s for s in read if s.rank == statement.rank]
    at = next(i for i, s in enumerate(same_hit) if s is statement)
    if statement.kind == "paragraph" and is_question(statement.text):
        answer = same_hit[at + 1] if at + 1 < len(same_hit) else None
        answered = answer and same_section(answer, statement) and not is_question(answer.text)
        return [statement, *belonging(answer, read, whole_list)] if answer and answered else []
    below = same_hit[at : _end_of_what_is_below(same_hit, at) + 1]
    is_label = statement.leads_in or len(statement.text) <= _LONGEST_LABEL or _CODE_SPAN.fullmatch(statement.text)
    if len(below) > 1 and is_label and (below[1].kind == "item" or not whole_list):
        return below
    if statement.leads_in and at + 1 < len(same_hit):
        labelled = _labelled_lines(same_hit, at + 1)
        if len(labelled) > 1 and labelled[0] is same_hit[at + 1]:
            return [statement, *labelled]
        return _list_around(same_hit, at, at + 1)
    if not whole_list:
        return _with_lead_in(same_hit, at, at, ("code", "formula"))
    labelled = _labelled_lines(same_hit, at)
    return labelled if len(labelled) >= _FEWEST_LABELLED else _list_around(same_hit, at, at)


def _list_around(statements: list[Statement], first: int, last: int) -> list[Statement]:
    """The statements from ``first`` to ``last`` with all of the list in which they stand, or to which they lead."""
    if statements[last].kind == "item":
        if statements[first].kind == "item":
            first = _end_of_list(statements, first, -1)
        last = _end_of_list(statements, last, 1)
    return _with_lead_in(statements, first, last, ("item", "code", "formula"))


def _with_lead_in(statements: list[Statement], first: int, last: int, announced: Sequence[str]) -> list[Statement]:
    """The statements from ``first`` to ``last``, the lead-in before them included if they are of an ``announced``
    kind."""
    if statements[first].kind in announced and first > 0 and statements[first - 1].leads_in:
        first -= 1
    return statements[first : last + 1]


def _labelled_lines(statements: Sequence[Statement], at: int) -> list[Statement]:
    """Of the paragraphs around the one at ``at``, the lines that begin with a label, as in "Pruning: …"; what else they
    say is left out. Empty if the statement is not of such a line."""
    first = last = at
    while first > 0 and _is_in_labelled_list(statements[first - 1], statements[at]):
        first -= 1
    while last + 1 < len(statements) and _is_in_labelled_list(statements[last + 1], statements[at]):
        last += 1
    lines = [s for s in statements[first : last + 1] if is_labelled(s)]
    return lines if any(line.block == statements[at].block for line in lines) else []


def _is_in_labelled_list(statement: Statement, other: Statement) -> bool:
    if statement.kind != "paragraph" or statement.leads_in or not same_section(statement, other):
        return False
    return is_labelled(statement) or not _opens_block(statement)


def is_labelled(statement: Statement) -> bool:
    """Whether it is a line of a paragraph that begins with a label."""
    return statement.kind == "paragraph" and opens_line(statement) and bool(_LABELLED.match(statement.text))


def is_member(statement: Statement) -> bool:
    """Whether it is a member of a list, with or without a list mark."""
    return statement.kind == "item" or is_labelled(statement)


def opens_line(statement: Statement) -> bool:
    """Whether nothing stands before it on its line."""
    return not _before(statement).rpartition("\n")[2].strip()


def _opens_block(statement: Statement) -> bool:
    """Whether it opens a line with nothing on the line above."""
    return not _before(statement).rstrip(" \t").removesuffix("\n").rpartition("\n")[2].strip()


def _before(statement: Statement) -> str:
    return statement.hit.chunk.text[: statement.start - statement.hit.chunk.start]


def parent_of(item: Statement, read: Sequence[Statement]) -> Statement | None:
    """The list item below which ``item`` stands in its note, or else the lead-in of its list; None if there is
    neither."""
    if item.kind != "item":
        return None
    above = [s for s in read if s.rank == item.rank and s.start < item.start]
    for other in sorted(above, key=lambda s: -s.start):
        if not same_section(other, item):
            return None
        if other.kind != "item":
            if other.indent > item.indent or (other.kind == "code" and item.indent):
                continue
            return other if other.leads_in else None
        if other.indent < item.indent:
            return other
    return None


def parents(chosen: Sequence[Statement], read: Sequence[Statement]) -> Iterator[Statement]:
    """What stands above the short items among the ``chosen``, without which these would say nothing: the items that
    they are part of, and the lead-in of their list if their section has several lists."""
    for statement in chosen:
        parent = parent_of(statement, read) if len(statement.text) <= _SHORTEST_ALONE else None
        while parent is not None:
            if parent.kind == "item" or _is_of_several(parent, read):
                yield parent
            parent = parent_of(parent, read)


def _is_of_several(lead_in: Statement, read: Sequence[Statement]) -> bool:
    """Whether its section has another lead-in, or a label before it."""
    section = (s for s in read if same_section(s, lead_in) and s is not lead_in)
    return any(
        (s.leads_in and s.kind != "item") or (s.start < lead_in.start and _LABELLED.match(s.text)) for s in section
    )


def _end_of_what_is_below(statements: Sequence[Statement], at: int) -> int:
    """The last of the statements that are indented below the item at ``at``; itself if there are none."""
    item, end = statements[at], at
    if item.kind != "item":
        return end
    for statement in statements[at + 1 :]:
        same_block = (statement.hit.chunk.id, statement.block) == (item.hit.chunk.id, item.block)
        known = same_block or not _has_lost_its_indentation(item)
        if not (known and same_section(item, statement) and statement.indent > item.indent):
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
    if not same_section(statement, item):
        return False
    if statement.kind != "item":
        return statement.indent > item.indent
    return statement.indent >= item.indent or _has_lost_its_indentation(statement)


def _has_lost_its_indentation(statement: Statement) -> bool:
    """What begins a chunk is read without the white space before it."""
    return 0 < statement.start == statement.hit.chunk.start


def sections_below(headings: tuple[str, ...], beside: Statement, read: Sequence[Statement]) -> list[list[Statement]]:
    """The statements of each section right below a heading in the document of ``beside``, in the order of the note."""
    document = (s for s in read if s.hit.chunk.document_id == beside.hit.chunk.document_id)
    sections: dict[tuple[str, ...], list[Statement]] = {}
    for statement in sorted(document, key=lambda s: s.start):
        if statement.headings and statement.headings[:-1] == headings:
            sections.setdefault(statement.headings, []).append(statement)
    return list(sections.values())


def same_section(statement: Statement, other: Statement) -> bool:
    """Whether both were read below the same headings of the same hit, or of hits that were read as one section."""
    return statement.rank == other.rank and statement.headings == other.headings
