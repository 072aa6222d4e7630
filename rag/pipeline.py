"""The whole path from a question to its answer, on one screen."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import compress, zip_longest

from ingest.errors import BadInput
from ingest.phrases import Phrase
from rag.answerability import Decision, nearest_headings, refusal, unmentioned_line, unmentioned_names
from rag.cite import Citer
from rag.condense import condense
from rag.conflicts import claim_of, conflict_drafts
from rag.names import HITS_READ, respelt
from rag.protocols import AnswerGenerator, Condenser, Config, ConflictFinder, Reranker, Retriever
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
)

LONGEST_QUESTION = 8_000
"""Characters. Longer input is a document, not a question."""

_ENOUGH_CARRIED = 0.5
_LONGEST_WIDER = 600
"""Characters of the question and of what was missing, which are searched together."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found: the hits of each stage, and the ``hits`` to use, best first. ``seconds`` by stage."""

    query: Query
    stages: Mapping[Stage, Sequence[Hit]]
    hits: Sequence[Hit]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One function per step; ``answer()`` is the last item of ``stream()``. ``config`` is LangChain's, with a user's
    callbacks; it reaches the chat model, if there is one. ``verify`` and ``conflicts`` are None where the settings ask
    for neither. With ``cut_unsupported`` a sentence that is not carried by what it cites is left out, so none is shown
    before all are verified; with ``reflect`` an answer of which less than half is carried is tried once more."""

    retriever: Retriever
    reranker: Reranker
    read: Callable[[Query, Sequence[Hit]], Sequence[Statement]]
    answerable: Callable[[Query, Mapping[Stage, Sequence[Hit]], Sequence[Hit], Sequence[Statement]], Decision]
    generator: AnswerGenerator
    page_at: Callable[[str, int], int | None]
    models: Mapping[str, str]
    condense: Condenser = condense
    verify: Callable[[Sequence[Draft]], Sequence[Support | None]] | None = None
    conflicts: ConflictFinder | None = None
    cut_unsupported: bool = False
    reflect: bool = False

    def search(self, question: str, history: Sequence[str] = (), config: Config | None = None) -> SearchResult:
        """Raises BadInput for an empty question or one of more than 8,000 characters."""
        seconds: dict[str, float] = {}
        question = _checked(question)
        with _timed(seconds, "condense"):
            query = self.condense(question, history, config)
        with _timed(seconds, "retrieve"):
            stages = self.retriever.retrieve(query)
            spelt = respelt(query, stages["fused"][:HITS_READ])
            if spelt != query:
                query, stages = spelt, self.retriever.retrieve(spelt)
        with _timed(seconds, "rerank"):
            hits = self.reranker.rerank(query, stages)
        return SearchResult(query, stages, hits, seconds)

    def stream(self, question: str, history: Sequence[str] = (), config: Config | None = None) -> Iterator[Event]:
        """The stages as they end, the answer's text as it grows, and last the Answer."""
        found = self.search(question, history, config)
        seconds = dict(found.seconds)
        yield from (StageDone(stage, spent, len(found.hits)) for stage, spent in seconds.items())
        with _timed(seconds, "read"):
            read = self.read(found.query, found.hits)
            decision = self.answerable(found.query, found.stages, found.hits, read)
            compare = self.conflicts if decision.answered else None
            disputed, notice = compare(found.query, read, config) if compare else ((), None)
        yield StageDone("read", seconds["read"], len(read))

        citer = Citer(self.page_at)
        if notice:
            yield citer.take(notice)
        supports: Sequence[Support | None] = ()
        unsupported = 0
        if decision.answered:
            offered = _undisputed(read, disputed)
            supports, unsupported = yield from self._write(found, offered, citer, seconds, config)
        sentences = [replace(s, support=support) for s, support in zip(citer.sentences, supports, strict=True)]

        conflicts: list[Conflict] = []
        unmentioned: tuple[str, ...] = ()
        nearest: tuple[tuple[str, ...], ...] = ()
        if citer.citations or disputed:
            unmentioned = unmentioned_names(found.query, found.stages)
            if unmentioned:
                yield citer.add(f"\n\n{unmentioned_line(question, unmentioned)}")
            for number, pair in enumerate(disputed):
                yield from (citer.take(draft) for draft in conflict_drafts(question, pair, first=not number))
                a, b = citer.sentences[-2:]
                conflicts.append(Conflict(claim_of(pair[0]), a.citations, claim_of(pair[1]), b.citations))
                # They are quoted.
                sentences += [replace(side, support=Support("supported", 1.0)) for side in (a, b)]
        else:
            nearest = nearest_headings(found.hits)
            yield citer.add(refusal(question, nearest))
        yield Answer(
            question=question,
            standalone_question=found.query.question,
            text=citer.text.strip(),
            abstained=not citer.citations,
            sentences=tuple(sentences) if citer.citations else (),
            citations=tuple(citer.citations),
            hits=tuple(found.hits),
            confidence=decision.confidence,
            nearest=nearest,
            seconds=seconds,
            models=self.models,
            dropped_citations=citer.dropped_citations,
            notice=citer.notice,
            unsupported=unsupported,
            conflicts=tuple(conflicts),
            unmentioned=unmentioned,
        )

    def _write(
        self,
        found: SearchResult,
        offered: Sequence[Statement],
        citer: Citer,
        seconds: dict[str, float],
        config: Config | None,
    ) -> Generator[Event, None, tuple[Sequence[Support | None], int]]:
        """The generator's drafts, cited and verified; returns what supports each sentence, and how many are not
        supported. What is ``offered`` leaves out the statements that are shown apart."""
        drafts: list[Draft] = []
        with _timed(seconds, "generate"):
            for item in self.generator.generate(found.query, found.hits, offered, config):
                if isinstance(item, Draft):
                    drafts.append(item)
                elif isinstance(item, Restart):
                    drafts.clear()
                if not (self.cut_unsupported and isinstance(item, Draft)):
                    yield citer.take(item)
        yield StageDone("generate", seconds["generate"], len(drafts))

        with _timed(seconds, "verify"):
            supports = self.verify(drafts) if self.verify else [None] * len(drafts)
        yield StageDone("verify", seconds["verify"], len(drafts))
        if self.reflect and drafts and _share_carried(supports) < _ENOUGH_CARRIED:
            with _timed(seconds, "reflect"):
                others, their_supports = self._again(found, offered, drafts, supports, config)
            yield StageDone("reflect", seconds["reflect"], len(others))
            if _share_carried(their_supports) > _share_carried(supports):
                drafts, supports = others, their_supports
                if not self.cut_unsupported:
                    yield citer.take(Restart())
                    yield from (citer.take(draft) for draft in drafts)
        unsupported = sum(not _is_carried(support) for support in supports)
        if self.cut_unsupported:
            carried = [_is_carried(support) for support in supports]
            kept = list(compress(drafts, carried))
            if not any(draft.sources for draft in kept):
                return (), unsupported
            yield from (citer.take(draft) for draft in kept)
            supports = list(compress(supports, carried))
        return supports, unsupported

    def _again(
        self,
        found: SearchResult,
        offered: Sequence[Statement],
        drafts: Sequence[Draft],
        supports: Sequence[Support | None],
        config: Config | None,
    ) -> tuple[list[Draft], Sequence[Support | None]]:
        """A second answer, from a search for the question together with what was not carried in the first; none from a
        model that now fails."""
        missing = [d.text for d, support in zip(drafts, supports, strict=True) if not _is_carried(support)]
        wider = replace(found.query, question=" ".join((found.query.question, *missing))[:_LONGEST_WIDER])
        more = self.reranker.rerank(wider, self.retriever.retrieve(wider))
        both = {hit.chunk.id: hit for pair in zip_longest(found.hits, more) for hit in pair if hit}
        others: list[Draft] = []
        for item in self.generator.generate(found.query, list(both.values()), offered, config):
            if isinstance(item, Notice):
                return [], []
            if isinstance(item, Draft):
                others.append(item)
            else:
                others.clear()
        return others, self.verify(others) if self.verify else [None] * len(others)

    def answer(self, question: str, history: Sequence[str] = (), config: Config | None = None) -> Answer:
        *_, last = self.stream(question, history, config)
        assert isinstance(last, Answer)
        return last


def _checked(question: str) -> str:
    if not question.strip():
        raise BadInput(Phrase("the question is empty", "问题为空"), repr(question), Phrase("type one", "请输入问题"))
    if len(question) > LONGEST_QUESTION:
        raise BadInput(
            Phrase("the question is too long", "问题太长"),
            f"{len(question)} characters",
            Phrase(f"ask in at most {LONGEST_QUESTION} characters", f"请控制在 {LONGEST_QUESTION} 个字符以内"),
        )
    return question


def _undisputed(read: Sequence[Statement], disputed: Sequence[StatementPair]) -> Sequence[Statement]:
    """What is left for the answer itself beside the conflicts; nothing, if these hold all that answers best."""
    sides = [side for pair in disputed for side in pair]
    left = [statement for statement in read if not any(statement is side for side in sides)]
    best = max((statement.score for statement in left), default=0.0)
    return left if not sides or best >= min(side.score for side in sides) else ()


def _is_carried(support: Support | None) -> bool:
    return support is None or support.verdict == "supported"


def _share_carried(supports: Sequence[Support | None]) -> float:
    return sum(map(_is_carried, supports)) / max(1, len(supports))


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
