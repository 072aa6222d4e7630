"""The whole path from a question to its answer."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest

from ingest.errors import BadInput
from ingest.lines import MARKER
from ingest.phrases import Phrase
from rag.answerability import Decision, nearest_headings, refusal, unmentioned, unmentioned_line
from rag.cite import Citer
from rag.comparison import asks_one_thing
from rag.condense import condense
from rag.conflicts import conflict_drafts, conflicts_of
from rag.names import respelt
from rag.protocols import AnswerGenerator, Condenser, Config, ConflictFinder, Reranker, RerankFailed, Retriever
from rag.types import (
    Answer,
    Conflict,
    Draft,
    Event,
    Hit,
    Notice,
    Query,
    Restart,
    Stage,
    StageDone,
    Statement,
    StatementPair,
    Support,
    leads_in,
)

LONGEST_QUESTION = 8_000
"""Characters. Longer input is a document, not a question."""

QUOTING = "extractive"
"""The name of the generator that quotes the notes."""

_ENOUGH_SUPPORTED = 0.5
"""An answer is tried again if a smaller share of its sentences is supported."""
_NOTHING_SUPPORTED = Notice(
    Phrase(
        "Nothing that the chat model wrote is supported by your notes; this quotes them instead.",
        "对话模型写的内容在笔记里都没有依据，改为直接引用笔记。",
    )
)
_LONGEST_WIDER = 600
"""Characters of the question and the unsupported sentences that are searched for together."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found."""

    query: Query
    """The query that was searched for in the end, its names spelt as in the notes."""
    stages: Mapping[Stage, Sequence[Hit]]
    """The hits of each stage of the retriever."""
    hits: Sequence[Hit]
    """The hits to use, best first."""
    seconds: Mapping[str, float]
    """How long each stage took, in the order in which they ran."""
    notice: Notice | None = None
    """That the reranker failed."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What the generator wrote, with what supports each draft."""

    drafts: Sequence[Draft]
    supports: Sequence[Support | None]
    notice: Notice | None = None

    @property
    def supported(self) -> list[bool]:
        """Of each draft; True where nothing was judged."""
        return [support is None or support.verdict == "supported" for support in self.supports]

    @property
    def share_supported(self) -> float:
        return sum(self.supported) / max(1, len(self.supports))

    @property
    def own(self) -> "_Attempt":
        """Without the sides of a conflict, which come at the end of the answer."""
        return self._of(is_side=False)

    @property
    def sides(self) -> "_Attempt":
        return self._of(is_side=True)

    def _of(self, *, is_side: bool) -> "_Attempt":
        kept = [pair for pair in zip(self.drafts, self.supports, strict=True) if pair[0].is_side == is_side]
        return _Attempt([draft for draft, _ in kept], [support for _, support in kept], self.notice)

    def denies(self, name: str) -> bool:
        """Whether it says itself that the notes do not mention the name."""
        return any(draft.denies and name.casefold() in draft.text.casefold() for draft in self.drafts)

    def models(self, in_use: Mapping[str, str]) -> Mapping[str, str]:
        """The models by role: where all is quoted, no chat model wrote it."""
        if not self.drafts or not all(draft.quoted for draft in self.drafts):
            return in_use
        return {role: name for role, name in in_use.items() if role != "prompt"} | {"generator": QUOTING}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One part for each step from a question to its answer.

    ``config`` is LangChain's, with a user's callbacks; it reaches the chat model wherever that is asked.
    """

    retriever: Retriever
    reranker: Reranker
    read: Callable[[Query, Sequence[Hit]], Sequence[Statement]]
    answerable: Callable[[Query, Mapping[Stage, Sequence[Hit]], Sequence[Hit], Sequence[Statement]], Decision]
    generator: AnswerGenerator
    page_at: Callable[[str, int], int | None]
    """The page of an offset in a document; None for documents without pages, or that are gone."""
    models: Mapping[str, str]
    """The names of the models in use, by role."""
    condense: Condenser = condense
    verify: Callable[[Sequence[Draft]], Sequence[Support | None]] | None = None
    """None: sentences are not verified."""
    conflicts: ConflictFinder | None = None
    """None: nobody looks for conflicts."""
    cut_unsupported: bool = False
    """Whether unsupported sentences are left out. Then no sentence is shown before all are verified."""
    quote: AnswerGenerator | None = None
    """What answers if every sentence of the generator is left out."""
    reflect: bool = False
    """Whether an answer of which less than half is supported is tried once more."""

    def search(self, question: str, history: Sequence[str] = (), config: Config | None = None) -> SearchResult:
        """Raises BadInput for an empty question or one of more than 8,000 characters."""
        seconds: dict[str, float] = {}
        question, history = _checked(question), [_encodable(turn) for turn in history]
        with _timed(seconds, "condense"):
            query = self.condense(question, history, config)
        with _timed(seconds, "retrieve"):
            stages = self.retriever.retrieve(query)
            spelt = respelt(query, stages["fused"])
            if spelt != query:
                query, stages = spelt, self.retriever.retrieve(spelt)
        with _timed(seconds, "rerank"):
            hits, notice = self._reranked(query, stages, config)
        return SearchResult(query, stages, hits, seconds, notice)

    def _reranked(
        self, query: Query, stages: Mapping[Stage, Sequence[Hit]], config: Config | None
    ) -> tuple[Sequence[Hit], Notice | None]:
        try:
            return self.reranker.rerank(query, stages, config), None
        except RerankFailed as failed:
            return failed.hits, Notice(failed.told, failed=True)

    def stream(
        self,
        question: str,
        history: Sequence[str] = (),
        config: Config | None = None,
        found: SearchResult | None = None,
    ) -> Iterator[Event]:
        """The stages as they end, the answer's text as it grows, and last the Answer. ``found``: what ``search`` gave
        for the question; None: it is searched for."""
        found = found or self.search(question, history, config)
        seconds = dict(found.seconds)
        counts = {"condense": len(found.query.history), "retrieve": len(found.hits), "rerank": len(found.hits)}
        yield from (StageDone(stage, spent, counts[stage]) for stage, spent in found.seconds.items())
        with _timed(seconds, "read"):
            read = self.read(found.query, found.hits)
            decision = self.answerable(found.query, found.stages, found.hits, read)
            compare = self.conflicts if decision.answered else None
            disputed, uncompared = compare(found.query, read, config) if compare else ((), None)
        yield StageDone("read", seconds["read"], len(read))
        notices = [notice for notice in (found.notice, uncompared) if notice]
        yield from notices

        citer = Citer(self.page_at)
        written, unsupported = _Attempt((), ()), 0
        if decision.answered:
            offered = _undisputed(found.query, read, disputed)
            written, unsupported = yield from self._write(found, offered, citer, seconds, config)

        conflicts: tuple[Conflict, ...] = ()
        missing: tuple[str, ...] = ()
        nearest: tuple[tuple[str, ...], ...] = ()
        sides = written.sides
        if not sides.drafts:
            # What is quoted supports itself.
            quoted = conflict_drafts(question, disputed)
            sides = _Attempt(quoted, [Support("supported", 1.0)] * len(quoted))
        if citer.citations or sides.drafts:
            missing = unmentioned(found.query, found.stages)
            if unsaid := [name for name in missing if not written.denies(name)]:
                yield citer.add(f"\n\n{unmentioned_line(question, unsaid)}")
            first = len(citer.sentences)
            yield from (citer.take(side) for side in sides.drafts)
            conflicts = conflicts_of(citer.sentences[first:])
        else:
            nearest = nearest_headings(found.hits)
            yield citer.add(refusal(question, found.query.question, nearest))
        yield replace(
            _cited_answer(question, found, citer, (*written.own.supports, *sides.supports), conflicts),
            confidence=decision.confidence,
            nearest=nearest,
            seconds=seconds,
            models=written.models(self.models),
            notice=citer.notice or next((notice.phrase for notice in notices), None),
            unsupported=unsupported,
            unmentioned=missing,
        )

    def _write(
        self,
        found: SearchResult,
        offered: Sequence[Statement],
        citer: Citer,
        seconds: dict[str, float],
        config: Config | None,
    ) -> Generator[Event, None, tuple[_Attempt, int]]:
        """The generator's drafts, cited and verified. Returns what is shown, and how many sentences are unsupported.
        ``offered`` leaves out the statements that are shown as conflicts."""
        drafts: list[Draft] = []
        with _timed(seconds, "generate"):
            for item in self.generator.generate(found.query, found.hits, offered, config):
                if isinstance(item, Draft):
                    drafts.append(item)
                elif isinstance(item, Restart):
                    drafts.clear()
                # The sides of a conflict come last.
                if not (isinstance(item, Draft) and (self.cut_unsupported or item.is_side)):
                    yield citer.take(item)
        yield StageDone("generate", seconds["generate"], len(drafts))

        with _timed(seconds, "verify"):
            written = self._verified(drafts)
        yield StageDone("verify", seconds["verify"], len(drafts))
        if self.reflect and drafts and written.share_supported < _ENOUGH_SUPPORTED:
            with _timed(seconds, "reflect"):
                second = self._again(found, offered, written, config)
            yield StageDone("reflect", seconds["reflect"], len(second.drafts))
            if second.share_supported > written.share_supported:
                written = second
                yield citer.take(Restart())
                if not self.cut_unsupported:
                    yield from (citer.take(draft) for draft in second.own.drafts)
                if second.notice:
                    yield citer.take(second.notice)
        supported = written.supported
        unsupported = len(supported) - sum(supported)
        if not self.cut_unsupported:
            return written, unsupported
        kept = _supported_part(written)
        if not any(draft.sources for draft in kept.drafts):
            if not (self.quote and any(draft.sources for draft in written.drafts)):
                return _Attempt((), ()), unsupported
            yield citer.take(_NOTHING_SUPPORTED)
            quoted = [d for d in self.quote.generate(found.query, found.hits, offered, config) if isinstance(d, Draft)]
            kept = self._verified(quoted)
        yield from (citer.take(draft) for draft in kept.own.drafts)
        return kept, unsupported

    def _again(
        self, found: SearchResult, offered: Sequence[Statement], first: _Attempt, config: Config | None
    ) -> _Attempt:
        """A second answer, from these hits merged with those of a search for the question plus the unsupported
        sentences; empty if the model fails."""
        missing = [draft.text for draft, supported in zip(first.drafts, first.supported, strict=True) if not supported]
        wider = replace(found.query, question=" ".join((found.query.question, *missing))[:_LONGEST_WIDER])
        more, _ = self._reranked(wider, self.retriever.retrieve(wider), config)
        both = {hit.chunk.id: hit for pair in zip_longest(found.hits, more) for hit in pair if hit}
        drafts: list[Draft] = []
        notice: Notice | None = None
        for item in self.generator.generate(found.query, list(both.values()), offered, config):
            if isinstance(item, Draft):
                drafts.append(item)
            elif isinstance(item, Restart):
                drafts.clear()
                notice = None
            elif item.failed:
                return _Attempt((), ())
            else:
                notice = item
        return self._verified(drafts, notice)

    def _verified(self, drafts: Sequence[Draft], notice: Notice | None = None) -> _Attempt:
        return _Attempt(drafts, self.verify(drafts) if self.verify else [None] * len(drafts), notice)

    def answer(
        self,
        question: str,
        history: Sequence[str] = (),
        config: Config | None = None,
        found: SearchResult | None = None,
    ) -> Answer:
        *_, last = self.stream(question, history, config, found)
        assert isinstance(last, Answer)
        return last


def _encodable(text: str) -> str:
    """Halves of surrogate pairs, which a terminal or JSON may hand over, become question marks."""
    return text.encode("utf-8", "replace").decode()


def _checked(question: str) -> str:
    if not question.strip():
        raise BadInput(Phrase("the question is empty", "问题为空"), "", Phrase("type one", "请输入问题"))
    if len(question) > LONGEST_QUESTION:
        raise BadInput(
            Phrase("the question is too long", "问题太长"),
            f"{len(question)} characters",
            Phrase(f"ask in at most {LONGEST_QUESTION} characters", f"请控制在 {LONGEST_QUESTION} 个字符以内"),
        )
    return _encodable(question)


def _undisputed(query: Query, read: Sequence[Statement], disputed: Sequence[StatementPair]) -> Sequence[Statement]:
    """The statements left for the answer itself beside the conflicts; none if these hold the best of them, or, where
    more than one thing may be right, all of the best."""
    sides = [side for pair in disputed for side in pair]
    left = [statement for statement in read if not any(statement is side for side in sides)]
    best = max((statement.score for statement in left), default=0.0)
    needed = max if asks_one_thing(query.asked) else min
    return left if not sides or best >= needed(side.score for side in sides) else ()


def _supported_part(written: _Attempt) -> _Attempt:
    """What is left when the unsupported drafts go: a lead-in goes with all that it announces, a heading above a draft
    that goes moves to the next one."""
    drafts: list[Draft] = []
    supports: list[Support | None] = []
    heading = ""
    for at, (draft, support) in enumerate(zip(written.drafts, written.supports, strict=True)):
        announced = (of for of, _ in zip(written.supported[at + 1 :], _announced(written.drafts, at), strict=False))
        if not written.supported[at] or (leads_in(draft.text) and not any(announced)):
            heading = draft.before if draft.before.strip() else heading
            continue
        drafts.append(replace(draft, before=heading) if heading and not draft.before.strip() else draft)
        supports.append(support)
        heading = ""
    if sum(draft.is_side for draft in drafts) == 1:
        drafts = [replace(draft, before="\n\n", is_side=False) if draft.is_side else draft for draft in drafts]
    return _Attempt(drafts, supports, written.notice)


def _announced(drafts: Sequence[Draft], at: int) -> Iterator[Draft]:
    """What a lead-in announces: the next draft, and those that follow it without a blank line or as items of a list."""
    for place, draft in enumerate(drafts[at + 1 :]):
        if place and (draft.before.strip() or ("\n\n" in draft.before and not MARKER.match(draft.text))):
            return
        yield draft


def _cited_answer(
    question: str,
    found: SearchResult,
    citer: Citer,
    supports: Sequence[Support | None],
    conflicts: tuple[Conflict, ...],
) -> Answer:
    """The answer as it was cited. ``supports`` are those of its sentences, the sides of the conflicts last."""
    sentences = [replace(s, support=p) for s, p in zip(citer.sentences, supports, strict=True)]
    return Answer(
        question=question,
        standalone_question=found.query.question,
        text=citer.text.strip(),
        abstained=not citer.citations,
        sentences=tuple(sentences) if citer.citations else (),
        citations=tuple(citer.citations),
        hits=tuple(found.hits),
        dropped_citations=citer.dropped_citations,
        conflicts=conflicts,
    )


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
