"""The retriever and the pipeline as LangChain parts."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableGenerator
from langchain_core.runnables.utils import AddableDict

from rag.pipeline import Pipeline
from rag.types import Answer, Hit, TextPiece


class NoteRetriever(BaseRetriever):
    """A pipeline's search as a LangChain retriever: the best ``k`` hits as Documents.

    Metadata of each: document, heading, page, start, end, score, stage.
    """

    pipeline: Any
    """A ``rag.pipeline.Pipeline``, typed loosely because pydantic cannot check Protocols."""
    k: int = 10

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.pipeline.search(query, config={"callbacks": run_manager.get_child()})
        return [_document(hit) for hit in found.hits[: self.k]]


def _document(hit: Hit) -> Document:
    chunk = hit.chunk
    metadata = {
        "document": chunk.document_id,
        "heading": list(chunk.headings),
        "page": chunk.page,
        "start": chunk.start,
        "end": chunk.end,
        "score": hit.score,
        "stage": hit.stage,
    }
    return Document(page_content=chunk.text, metadata=metadata, id=chunk.id)


def as_runnable(pipeline: Pipeline) -> Runnable[Any, AddableDict]:
    """The pipeline as a Runnable from ``{"question": str, "history": [str]}`` (or a bare question) to
    ``{"text": str, "answer": Answer}``; its stream yields the text piece by piece and the answer last. Asked for
    asynchronously, it works in a thread of its own.

    Text of a chat model that had to be withdrawn stays in ``text``, so use ``answer.text``."""

    def stream(inputs: Iterator[Any]) -> Generator[AddableDict]:
        for given in inputs:
            asked = given if isinstance(given, dict) else {"question": given}
            for event in pipeline.stream(asked["question"], asked.get("history") or ()):
                if isinstance(event, TextPiece):
                    yield AddableDict(text=event.text)
                elif isinstance(event, Answer):
                    yield AddableDict(answer=event)

    async def astream(inputs: AsyncIterator[Any]) -> AsyncIterator[AddableDict]:
        loop, context, thread = asyncio.get_running_loop(), copy_context(), ThreadPoolExecutor(1, "notecite")
        pieces = stream(iter([given async for given in inputs]))

        def following() -> AddableDict | None:
            # The copy of the context passes on the callbacks that LangChain keeps there.
            return context.run(next, pieces, None)

        try:
            while piece := await loop.run_in_executor(thread, following):
                yield piece
        finally:
            # Nobody waits for a piece that is still being made; the generator is closed after it.
            thread.submit(context.run, pieces.close)
            thread.shutdown(wait=False)

    return RunnableGenerator(stream, astream, name="notecite")
