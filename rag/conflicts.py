"""Statements of the notes that contradict each other on what is asked."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, islice

import numpy as np

from ingest.lines import MARKER
from ingest.phrases import Phrase
from ingest.tokens import search_tokens
from rag.chat_model import ChatFailed
from rag.comparison import asks_one_thing
from rag.generate import display, quoting
from rag.judge import in_context
from rag.names import names
from rag.negation import denies, exchanges
from rag.numerals import has_other_number
from rag.order import reverses
from rag.prompt import CONFLICT_HEADING, conflict_prompt
from rag.protocols import ChatModel, Config, ConflictFinder, SupportJudge
from rag.reply import without_thoughts
from rag.scope import are_told_apart
from rag.stance import opposed
from rag.terms import language_of
from rag.types import Conflict, Draft, Notice, Query, Restart, Sentence, Statement, StatementPair

_LIST_MARK = re.compile(r"^\s*(?:- |\d{1,3}\. )")
# Strict, because a false alarm costs more trust than a missed conflict: none of the 258 shipped and development
# questions without a conflict shows a pair, and one of about 650 headings of notes asked as questions (two numbers for
# one thing).
_LEAST_PROBABILITY = 0.25
_LEAST_PROBABILITY_OF_ONE_THING = 0.1
"""Lower where only one thing can be right, so that a statement on it that says otherwise is no other part of the
answer."""
_LEAST_SHARED = 0.25
"""Share of the tokens of the statement that has fewer."""
_LEAST_CONTRADICTION = 0.48
_LEAST_IF_OPPOSED = 0.12
"""For pairs that take opposite sides of the question. Of six such conflicts, the judge gives all at least 0.16; of
eight pairs that only seem to be, half get less."""
_STATEMENTS_COMPARED = 8
_PAIRS_COMPARED = 20
_MOST_SHOWN = 1


@dataclass(frozen=True, slots=True)
class JudgeConflictFinder:
    """Asks the judge: finds statements of different sections that say the opposite of each other in much the same
    words."""

    judge: SupportJudge

    def __call__(
        self, query: Query, read: Sequence[Statement], config: Config | None = None
    ) -> tuple[Sequence[StatementPair], Notice | None]:
        least = _LEAST_PROBABILITY_OF_ONE_THING if asks_one_thing(query.asked) else _LEAST_PROBABILITY
        bearing = [s for s in read if s.probability is not None and s.probability >= least and _says_something(s)]
        bearing.sort(key=lambda s: -s.score)
        asked = names(query.question)
        pairs = [
            pair
            for pair in combinations(bearing[:_STATEMENTS_COMPARED], 2)
            if _section(pair[0]) != _section(pair[1]) and not are_told_apart(asked, *pair)
        ]
        # The judge does not tell one order from the other, and yes from no, in other words, only a little.
        ways = (
            (pair for pair in pairs if _are_reversed(*pair)),
            self._contradictions([pair for pair in pairs if opposed(query.question, *pair)], _LEAST_IF_OPPOSED),
            (
                pair
                for pair in self._contradictions([pair for pair in pairs if _share_words(*pair)], _LEAST_CONTRADICTION)
                if _differ_in_words(*pair)
            ),
        )
        return tuple(islice(chain(*ways), _MOST_SHOWN)), None

    def _contradictions(self, pairs: Sequence[StatementPair], least: float) -> Iterator[StatementPair]:
        """The pairs that the judge takes for a contradiction with at least this probability, the likeliest first."""
        pairs = pairs[:_PAIRS_COMPARED]
        if not pairs:
            return
        both_ways = [texts for a, b in pairs for texts in ((_premise(a), display(b)), (_premise(b), display(a)))]
        contradiction = np.asarray(self.judge.support(both_ways))[:, 1].reshape(-1, 2).mean(axis=1)
        for at in np.argsort(-contradiction, kind="stable"):
            if contradiction[at] >= least:
                yield pairs[at]


# Lower than the judge's, because the model can tell what matters. 10 of the 14 shipped conflicts have both sides among
# the statements read. At this threshold 8 statements are shown on average and 8 conflicts keep both sides; at 0.05 it
# is 5 statements and 6 conflicts.
_LEAST_PROBABILITY_SHOWN = 0.02
_STATEMENTS_SHOWN = 12
_SHOWN_OF_ONE_PLACE = 3
_MOST_NAMED = 6
"""Pairs. A model that names more has not looked."""
_MOST_SHOWN_BY_CHAT = 2

_NUMBER = r"[(\[（【]{0,2}(\d{1,3})[)\]）】]{0,2}"
_PAIR = rf"{_NUMBER}\s*(?:[-–—~,，、/&]|and|vs\.?|和|与)\s*{_NUMBER}"
_ONE_PAIR = re.compile(_PAIR, re.IGNORECASE)
_PAIRS = re.compile(rf"(?:[-*•]\s+|\d+[.)]\s+)?{_PAIR}(?:\s*[;；,，、]\s*{_PAIR})*\s*[.。]?", re.IGNORECASE)
_NO_PAIR = re.compile(r"\W*(?:none|no\b|没有|无)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ChatConflictFinder:
    """Asks a chat model, which only names the numbers of statements that it was shown; pairs are of different places.

    If it fails, or its reply neither names pairs nor says that there are none, ``otherwise`` looks instead, with a
    notice. ``prompt_tokens`` bounds what the model is shown.
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
        return list(_valid_pairs(named, statements[:shown])), None

    def _otherwise(
        self, reason: Phrase, query: Query, read: Sequence[Statement], config: Config | None
    ) -> tuple[Sequence[StatementPair], Notice | None]:
        told = Phrase(f"The chat model did not compare the notes ({reason.en})", f"对话模型没有比对笔记（{reason.zh}）")
        if self.otherwise is None:
            return (), Notice(Phrase(f"{told.en}.", f"{told.zh}。"), failed=True)
        pairs, _ = self.otherwise(query, read, config)
        instead = Phrase(f"{told.en}; the judge did.", f"{told.zh}，改由评判模型比对。")
        return pairs, Notice(instead, failed=True)


def _to_compare(read: Sequence[Statement]) -> list[Statement]:
    """The statements that may answer, best first, at most three of each place; none if all are of one place."""
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
    return " > ".join(statement.labels)


def _named_pairs(reply: str) -> list[tuple[int, int]]:
    """The pairs on lines of their own. Raises ChatFailed for a reply that says nothing about pairs."""
    lines = [line.strip() for line in without_thoughts(reply).splitlines()]
    named = [
        (int(one), int(other)) for line in lines if _PAIRS.fullmatch(line) for one, other in _ONE_PAIR.findall(line)
    ]
    if len(named) > _MOST_NAMED or not (named or any(map(_NO_PAIR.match, lines))):
        raise ChatFailed("malformed", Phrase("its reply names no pairs", "它的回复没有按要求写出编号"))
    return named


def _valid_pairs(named: Sequence[tuple[int, int]], shown: Sequence[Statement]) -> Iterator[StatementPair]:
    """The first of the named pairs that exist and are of different places. No statement is in two of them."""
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
    """The statement as one line of its own, without its list mark."""
    return _LIST_MARK.sub("", display(statement)).strip()


def conflict_drafts(question: str, pairs: Sequence[StatementPair]) -> list[Draft]:
    """Both sides of each pair as list items below one heading, each citing itself."""
    statements = [statement for pair in pairs for statement in pair]
    return [_side(question, quoting(s, ""), claim_of(s), headed=not number) for number, s in enumerate(statements)]


def conflicts_of(sides: Sequence[Sentence]) -> tuple[Conflict, ...]:
    """The conflicts whose two sides are each two of these sentences."""
    return tuple(
        Conflict(_LIST_MARK.sub("", a.text), a.citations, _LIST_MARK.sub("", b.text), b.citations)
        for a, b in zip(sides[::2], sides[1::2], strict=True)
    )


def _side(question: str, draft: Draft, claim: str, *, headed: bool) -> Draft:
    before = f"\n\n{conflict_heading(question)}\n\n" if headed else "\n"
    return replace(draft, text=f"- {claim}", before=before, is_side=True)


def with_sides(question: str, written: Iterable[Draft | Notice | Restart]) -> Iterator[Draft | Notice | Restart]:
    """What a chat model wrote, with the two list items below the heading of a conflict as its sides. Without two that
    cite different words, they are no conflict and stay as they are."""
    held: list[Draft] = []
    for item in written:
        if isinstance(item, Draft) and _goes_on(question, held, item):
            held.append(item)
            items = [draft for draft in held if MARKER.match(draft.text)]
            if len(items) < 2:
                continue
            for number, draft in enumerate(items):
                yield _side(question, draft, MARKER.sub("", draft.text, count=1), headed=not number)
        else:
            yield from (*held, item)
        held.clear()
    yield from held


def _goes_on(question: str, held: Sequence[Draft], item: Draft) -> bool:
    """Whether what is held, the heading of a conflict as a line of its own or its first side, goes on with ``item``."""
    if not (item.sources and MARKER.match(item.text)):
        return not held and _is_conflict_heading(question, item.text)
    if not held:
        return _is_conflict_heading(question, item.before)
    return not item.before.strip() and all(set(item.sources) != set(draft.sources) for draft in held)


def _is_conflict_heading(question: str, text: str) -> bool:
    return bool(text.strip()) and text.strip("\n *#:：") == conflict_heading(question).strip("*:：")


def conflict_heading(question: str) -> str:
    """The line of Markdown above the conflicts at the end of an answer, in the language of the question."""
    return CONFLICT_HEADING.to(language_of(question))


def _says_something(statement: Statement) -> bool:
    return statement.kind in ("paragraph", "item") and not statement.leads_in


def _share_words(one: Statement, other: Statement) -> bool:
    ours, theirs = set(search_tokens(one.text)), set(search_tokens(other.text))
    return len(ours & theirs) >= _LEAST_SHARED * max(1, min(len(ours), len(theirs)))


def _are_reversed(one: Statement, other: Statement) -> bool:
    return _share_words(one, other) and (reverses(one.text, other.text) or reverses(other.text, one.text))


def _differ_in_words(one: Statement, other: Statement) -> bool:
    """Whether one denies what the other says or names another thing for it, or each has a number that the other lacks.
    The judge alone also takes two wordings of the same for a contradiction."""
    both = (one, other), (other, one)
    opposite = exchanges(one.text, other.text) or any(denies(a.text, b.text) for a, b in both)
    return opposite or all(has_other_number(a.text, b.text, " ".join(b.headings)) for a, b in both)


def _premise(statement: Statement) -> str:
    return in_context(statement.headings[-2:], display(statement))
