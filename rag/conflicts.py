"""Statements of the notes that contradict each other on what is asked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ingest.lexical import search_tokens
from rag.generate import display, quoting
from rag.judge import in_context
from rag.protocols import SupportJudge
from rag.terms import is_chinese
from rag.types import Conflict, Draft, Statement

_LIST_MARK = re.compile(r"^\s*(?:- |\d{1,3}\. )")
# Strict, because a false alarm costs more trust than a missed conflict. What passes says the opposite of the other in
# much the same words: of the 258 shipped and development questions without a conflict, one shows a pair.
_LEAST_CHANCE = 0.1
_LEAST_SHARED = 0.4
"""Of the tokens of the one with fewer."""
_LEAST_CONTRADICTION = 0.6
_STATEMENTS_COMPARED = 8
_PAIRS_COMPARED = 20
_MOST_SHOWN = 1


@dataclass(frozen=True, slots=True)
class ConflictFinder:
    judge: SupportJudge

    def __call__(self, read: Sequence[Statement]) -> list[tuple[Statement, Statement]]:
        """Pairs of statements of different documents that each may answer and that deny each other, surest first."""
        bearing = [s for s in read if s.chance is not None and s.chance >= _LEAST_CHANCE and _says_something(s)]
        bearing.sort(key=lambda s: -s.score)
        pairs = [pair for pair in combinations(bearing[:_STATEMENTS_COMPARED], 2) if _may_disagree(*pair)][
            :_PAIRS_COMPARED
        ]
        if not pairs:
            return []
        both_ways = [texts for a, b in pairs for texts in ((_premise(a), display(b)), (_premise(b), display(a)))]
        contradiction = np.asarray(self.judge.support(both_ways))[:, 1].reshape(-1, 2).mean(axis=1)
        order = np.argsort(-contradiction, kind="stable")
        return [pairs[i] for i in order[:_MOST_SHOWN] if contradiction[i] >= _LEAST_CONTRADICTION]


def claim_of(statement: Statement) -> str:
    """The statement as one line of its own, without the mark of the list that it stands in."""
    return _LIST_MARK.sub("", display(statement)).strip()


def conflict_drafts(question: str, pair: tuple[Statement, Statement], *, first: bool) -> Iterator[Draft]:
    """Both sides as list items, each citing itself; before the first pair the heading."""
    before = f"\n\n**{_heading(question)}**\n\n" if first else "\n"
    for statement in pair:
        yield replace(quoting(statement, before), text=f"- {claim_of(statement)}")
        before = "\n"


def conflict_section(question: str, conflicts: Sequence[Conflict]) -> str:
    """The end of the Markdown of an answer with conflicts, from their heading on; empty without conflicts."""
    sides = [
        side
        for conflict in conflicts
        for side in ((conflict.claim_a, conflict.citations_a), (conflict.claim_b, conflict.citations_b))
    ]
    items = [f"- {claim} {''.join(f'[{number}]' for number in numbers)}" for claim, numbers in sides]
    return f"**{_heading(question)}**\n\n{chr(10).join(items)}" if items else ""


def _heading(question: str) -> str:
    return "笔记里的说法不一致：" if is_chinese(question) else "Your notes disagree:"


def _says_something(statement: Statement) -> bool:
    return statement.kind in ("paragraph", "item") and not statement.leads_in


def _may_disagree(one: Statement, other: Statement) -> bool:
    if one.hit.chunk.document_id == other.hit.chunk.document_id:
        return False
    ours, theirs = set(search_tokens(one.text)), set(search_tokens(other.text))
    return len(ours & theirs) >= _LEAST_SHARED * max(1, min(len(ours), len(theirs)))


def _premise(statement: Statement) -> str:
    return in_context(statement.headings[-2:], display(statement))
