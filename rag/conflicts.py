"""Statements of the notes that contradict each other on what is asked."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ingest.lexical import search_tokens
from ingest.phrases import Phrase
from rag.chat_model import ChatFailed
from rag.generate import display, quoting
from rag.judge import in_context
from rag.prompt import conflict_prompt
from rag.protocols import ChatModel, Config, ConflictFinder, SupportJudge
from rag.reply import without_thoughts
from rag.terms import is_chinese
from rag.types import Conflict, Draft, Notice, Query, Statement, StatementPair

_LIST_MARK = re.compile(r"^\s*(?:- |\d{1,3}\. )")
# Strict, because a false alarm costs more trust than a missed conflict. What passes says the opposite of the other in
# much the same words: of the 258 shipped and development questions without a conflict, none shows a pair.
_LEAST_PROBABILITY = 0.25
_LEAST_SHARED = 0.25
"""Of the tokens of the one with fewer."""
_LEAST_CONTRADICTION = 0.48
_STATEMENTS_COMPARED = 8
_PAIRS_COMPARED = 20
_MOST_SHOWN = 1


@dataclass(frozen=True, slots=True)
class JudgeConflictFinder:
    """By the judge: statements of different documents that say the opposite of each other in much the same words."""

    judge: SupportJudge

    def __call__(
        self, query: Query, read: Sequence[Statement], config: Config | None = None
    ) -> tuple[Sequence[StatementPair], Notice | None]:
        bearing = [
            s for s in read if s.probability is not None and s.probability >= _LEAST_PROBABILITY and _says_something(s)
        ]
        bearing.sort(key=lambda s: -s.score)
        pairs = [pair for pair in combinations(bearing[:_STATEMENTS_COMPARED], 2) if _may_disagree(*pair)][
            :_PAIRS_COMPARED
        ]
        if not pairs:
            return (), None
        both_ways = [texts for a, b in pairs for texts in ((_premise(a), display(b)), (_premise(b), display(a)))]
        contradiction = np.asarray(self.judge.support(both_ways))[:, 1].reshape(-1, 2).mean(axis=1)
        order = np.argsort(-contradiction, kind="stable")
        return [pairs[i] for i in order[:_MOST_SHOWN] if contradiction[i] >= _LEAST_CONTRADICTION], None


# Lower than the judge's: the model tells what matters. Of the 14 shipped conflicts, 10 have both sides among what was
# read; 8 among the 8 statements that are shown on average, 6 among 5 with a least chance of 0.05.
_LEAST_PROBABILITY_SHOWN = 0.02
_STATEMENTS_SHOWN = 12
_SHOWN_OF_ONE_PLACE = 3
_MOST_NAMED = 6
"""Pairs; a model that names more has not looked."""
_MOST_SHOWN_BY_CHAT = 2

_NUMBER = r"[(\[（【]{0,2}(\d{1,3})[)\]）】]{0,2}"
_PAIR = rf"{_NUMBER}\s*(?:[-–—~,，、/&]|and|vs\.?|和|与)\s*{_NUMBER}"
_ONE_PAIR = re.compile(_PAIR, re.IGNORECASE)
_PAIRS = re.compile(rf"(?:[-*•]\s+|\d+[.)]\s+)?{_PAIR}(?:\s*[;；,，、]\s*{_PAIR})*\s*[.。]?", re.IGNORECASE)
_NO_PAIR = re.compile(r"\W*(?:none|no\b|没有|无)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ChatConflictFinder:
    """By a chat model, which only names numbers: pairs of statements that it was shown, from different places.

    Where it fails or its reply names neither pairs nor their absence, what ``otherwise`` finds, with a notice.
    ``prompt_tokens`` bounds what it is shown.
    """

    model: ChatModel
    otherwise: ConflictFinder | None
    prompt_tokens: int

    def __call__(
        self, query: Query, read: Sequence[Statement], config: Config | None = None
    ) -> tuple[Sequence[StatementPair], Notice | None]:
        statements = _to_compare(read)
        if len(statements) < 2:
            return (), None
        prompt, shown = conflict_prompt(
            query.in_words, [(_place(s), display(s)) for s in statements], self.prompt_tokens
        )
        try:
            named = _named_pairs("".join(self.model.reply(prompt.messages, config)))
        except ChatFailed as failed:
            return self._otherwise(failed.reason, query, read, config)
        return list(_real(named, statements[:shown])), None

    def _otherwise(
        self, reason: Phrase, query: Query, read: Sequence[Statement], config: Config | None
    ) -> tuple[Sequence[StatementPair], Notice | None]:
        told = Phrase(f"The chat model did not compare the notes ({reason.en})", f"对话模型没有比对笔记（{reason.zh}）")
        if self.otherwise is None:
            return (), Notice(Phrase(f"{told.en}.", f"{told.zh}。"))
        pairs, _ = self.otherwise(query, read, config)
        return pairs, Notice(Phrase(f"{told.en}; the judge did.", f"{told.zh}，改由评判模型比对。"))


def _to_compare(read: Sequence[Statement]) -> list[Statement]:
    """What may answer, best first, few of each place; nothing if all is of one place."""
    kept: list[Statement] = []
    places: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for statement in sorted(read, key=lambda s: -s.score):
        bears = statement.probability is None or statement.probability >= _LEAST_PROBABILITY_SHOWN
        if bears and _may_be_compared(statement) and places[_section(statement)] < _SHOWN_OF_ONE_PLACE:
            places[_section(statement)] += 1
            kept.append(statement)
    return kept[:_STATEMENTS_SHOWN] if len(places) > 1 else []


def _may_be_compared(statement: Statement) -> bool:
    return _says_something(statement) or statement.kind == "table"


def _section(statement: Statement) -> tuple[str, tuple[str, ...]]:
    return statement.hit.chunk.document_id, statement.headings


def _place(statement: Statement) -> str:
    return " > ".join(dict.fromkeys((statement.hit.chunk.title, *statement.headings)))


def _named_pairs(reply: str) -> list[tuple[int, int]]:
    """The pairs that stand in lines of their own. Raises ChatFailed for a reply that says nothing of pairs."""
    lines = [line.strip() for line in without_thoughts(reply).splitlines()]
    named = [
        (int(one), int(other)) for line in lines if _PAIRS.fullmatch(line) for one, other in _ONE_PAIR.findall(line)
    ]
    if len(named) > _MOST_NAMED or not (named or any(map(_NO_PAIR.match, lines))):
        raise ChatFailed("malformed", Phrase("its reply names no pairs", "它的回复没有按要求写出编号"))
    return named


def _real(named: Sequence[tuple[int, int]], shown: Sequence[Statement]) -> Iterator[StatementPair]:
    """The first of the named pairs that exist and are of different places; no statement comes twice."""
    used: set[int] = set()
    for pair in named:
        one, other = (number - 1 for number in pair)
        exist = all(0 <= at < len(shown) for at in (one, other))
        if not exist or used & {one, other} or _section(shown[one]) == _section(shown[other]):
            continue
        used |= {one, other}
        yield shown[one], shown[other]
        if len(used) == 2 * _MOST_SHOWN_BY_CHAT:
            return


def claim_of(statement: Statement) -> str:
    """The statement as one line of its own, without the mark of the list that it stands in."""
    return _LIST_MARK.sub("", display(statement)).strip()


def conflict_drafts(question: str, pair: StatementPair, *, first: bool) -> Iterator[Draft]:
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
