"""The whole path from a question to its answer, on one screen."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import compress

from ingest.errors import BadInput
from ingest.phrases import Phrase
from rag.answerability import Decision, nearest_headings, refusal, unmentioned_line, unmentioned_names
from rag.cite import Citer
from rag.condense import condense
from rag.conflicts import claim_of, conflict_drafts
from rag.protocols import Condenser, Config, Generator, Reranker, Retriever
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
    Support,
)

LONGEST_QUESTION = 8_000
"""Characters. Longer input is a document, not a question."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found: the hits of each stage, and the ``hits`` to use, best first. ``seconds`` by stage."""

    query: Query
    stages: Mapping[Stage, Sequence[Hit]]
    hits: Sequence[Hit]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One function per step; ``answer()`` is the last item of ``stream()``. ``config`` is LangChain's, with a user's
    callbacks; it reaches the chat model, if there is one. ``verify`` and ``conflicts`` are None without a judge. With
    ``cut_unsupported`` a sentence that is not carried by what it cites is left out, so none is shown before all are
    verified."""

    retriever: Retriever
    reranker: Reranker
    read: Callable[[Query, Sequence[Hit]], Sequence[Statement]]
    answerable: Callable[[Query, Mapping[Stage, Sequence[Hit]], Sequence[Hit], Sequence[Statement]], Decision]
    generator: Generator
    page_at: Callable[[str, int], int | None]
    models: Mapping[str, str]
    condense: Condenser = condense
    verify: Callable[[Sequence[Draft]], Sequence[Support | None]] | None = None
    conflicts: Callable[[Sequence[Statement]], Sequence[tuple[Statement, Statement]]] | None = None
    cut_unsupported: bool = False

    def search(self, question: str, history: Sequence[str] = (), config: Config | None = None) -> Search:
        """Raises BadInput for an empty question or one of more than 8,000 characters."""
        seconds: dict[str, float] = {}
        question = _checked(question)
        with _timed(seconds, "condense"):
            query = self.condense(question, history, config)
        with _timed(seconds, "retrieve"):
            stages = self.retriever.retrieve(query)
        with _timed(seconds, "rerank"):
            hits = self.reranker.rerank(query, stages)
        return Search(query, stages, hits, seconds)

    def stream(self, question: str, history: Sequence[str] = (), config: Config | None = None) -> Iterator[Event]:
        """The stages as they end, the answer's text as it grows, and last the Answer."""
        found = self.search(question, history, config)
        seconds = dict(found.seconds)
        yield from (StageDone(stage, spent, len(found.hits)) for stage, spent in seconds.items())
        with _timed(seconds, "read"):
            read = self.read(found.query, found.hits)
            decision = self.answerable(found.query, found.stages, found.hits, read)
            disputed = self.conflicts(read) if self.conflicts and decision.answered else ()
        yield StageDone("read", seconds["read"], len(read))

        citer = Citer(self.page_at)
        drafts: list[Draft] = []
        with _timed(seconds, "generate"):
            for item in self._generate(found, read, disputed, config) if decision.answered else ():
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
        unsupported = sum(support is not None and support.verdict != "supported" for support in supports)
        if self.cut_unsupported:
            carried = [support is None or support.verdict == "supported" for support in supports]
            supports, drafts = list(compress(supports, carried)), list(compress(drafts, carried))
            if any(draft.sources for draft in drafts):
                yield from (citer.take(draft) for draft in drafts)
            else:
                supports = []

        sentences = [replace(s, support=support) for s, support in zip(citer.sentences, supports, strict=True)]
        conflicts: list[Conflict] = []
        unmentioned: tuple[str, ...] = ()
        nearest: tuple[tuple[str, ...], ...] = ()
        if citer.citations or disputed:
            unmentioned = unmentioned_names(found.query, found.stages)
            if unmentioned:
                yield citer.add(f"\n\n{unmentioned_line(question, unmentioned)}")
            for number, pair in enumerate(disputed):
                claims = conflict_drafts(question, pair, first=not number)
                yield from (citer.take(draft) for draft in claims)
                (a, b) = citer.sentences[-2:]
                conflicts.append(Conflict(claim_of(pair[0]), a.citations, claim_of(pair[1]), b.citations))
            sentences += citer.sentences[len(sentences) :]
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

    def _generate(
        self,
        found: Search,
        read: Sequence[Statement],
        disputed: Sequence[tuple[Statement, Statement]],
        config: Config | None,
    ) -> Iterator[Draft | Notice | Restart]:
        """What is disputed is shown apart, so it is not offered for the answer itself."""
        shown = {id(side) for pair in disputed for side in pair}
        undisputed = [statement for statement in read if id(statement) not in shown]
        yield from self.generator.generate(found.query, found.hits, undisputed, config)

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


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
