"""What a question takes for granted, held against the notes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.generate import display, quoting
from rag.judge import in_context
from rag.protocols import SupportJudge
from rag.terms import is_chinese
from rag.types import Draft, Query, Statement

_LEAST_CHANCE = 0.3
_STATEMENTS_HELD_AGAINST = 3
_LEAST_CONTRADICTION = 0.8


@dataclass(frozen=True, slots=True)
class PremiseCheck:
    """The judge was trained to find a question contradicted by what denies its presupposition."""

    judge: SupportJudge

    def __call__(self, query: Query, read: Sequence[Statement]) -> Statement | None:
        """The statement, of those that most likely answer, that contradicts what the question takes for granted; None
        if there is none."""
        likely = [s for s in read if s.chance is not None and s.chance >= _LEAST_CHANCE and not s.leads_in]
        likely.sort(key=lambda s: -s.score)
        likely = likely[:_STATEMENTS_HELD_AGAINST]
        if not likely:
            return None
        pairs = [(in_context(s.headings[-2:], display(s)), query.in_words) for s in likely]
        contradiction = np.asarray(self.judge.support(pairs))[:, 1]
        surest = int(contradiction.argmax())
        return likely[surest] if contradiction[surest] >= _LEAST_CONTRADICTION else None


def premise_drafts(question: str, denial: Statement) -> tuple[Draft, Draft]:
    """The opening of an answer, in the question's language: what the notes say instead, citing itself."""
    line = "问题的前提与笔记不符，笔记里说：" if is_chinese(question) else "The notes deny what the question assumes:"
    return Draft(line, (), ""), quoting(denial, "\n\n")
