"""The retriever and the pipeline as LangChain parts."""

from collections.abc import Iterator
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
    """A ``rag.pipeline.Pipeline``; typed loosely because pydantic cannot check a Protocol's parts."""
    k: int = 10

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [_document(hit) for hit in self.pipeline.search(query).hits[: self.k]]


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
    ``{"text": str, "answer": Answer}``; its stream yields the text piece by piece and the answer last.

    A chat model's text that had to be withdrawn stays in ``text``; ``answer.text`` is what counts."""

    def stream(inputs: Iterator[Any]) -> Iterator[AddableDict]:
        for given in inputs:
            asked = given if isinstance(given, dict) else {"question": given}
            for event in pipeline.stream(asked["question"], asked.get("history", ())):
                if isinstance(event, TextPiece):
                    yield AddableDict(text=event.text)
                elif isinstance(event, Answer):
                    yield AddableDict(answer=event)

    return RunnableGenerator(stream, name="notecite")
