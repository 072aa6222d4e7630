"""The whole path from a question to its answer, on one screen."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ingest.errors import BadInput
from ingest.phrases import Phrase
from rag.answerability import Decision, nearest_headings, refusal
from rag.cite import Citer
from rag.condense import condense
from rag.protocols import Condenser, Config, Generator, Reranker, Retriever
from rag.types import Answer, Event, Hit, Query, Stage, StageDone, TextPiece

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
    callbacks; it reaches the chat model, if there is one."""

    retriever: Retriever
    reranker: Reranker
    answerable: Callable[[Query, Mapping[Stage, Sequence[Hit]], Sequence[Hit]], Decision]
    generator: Generator
    page_at: Callable[[str, int], int | None]
    models: Mapping[str, str]
    condense: Condenser = condense

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
        citer = Citer(self.page_at)
        decision = self.answerable(found.query, found.stages, found.hits)
        with _timed(seconds, "generate"):
            for item in self.generator.generate(found.query, found.hits, config) if decision.answered else ():
                yield citer.take(item)
        text = citer.text
        nearest: tuple[tuple[str, ...], ...] = ()
        if not citer.citations:
            nearest = nearest_headings(found.hits)
            text = refusal(question, nearest)
            yield TextPiece(text)
        yield StageDone("generate", seconds["generate"], len(citer.sentences))
        yield Answer(
            question=question,
            standalone_question=found.query.question,
            text=text.strip(),
            abstained=not citer.citations,
            sentences=tuple(citer.sentences),
            citations=tuple(citer.citations),
            hits=tuple(found.hits),
            confidence=decision.confidence,
            nearest=nearest,
            seconds=seconds,
            models=self.models,
            dropped_citations=citer.dropped_citations,
            notice=citer.notice,
        )

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
