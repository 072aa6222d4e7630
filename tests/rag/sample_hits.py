"""Hits over a few little notes, and a pipeline that always finds them, for the tests of answering."""

from collections.abc import Sequence

from ingest.types import Chunk
from rag.answerability import Decision
from rag.pipeline import Pipeline
from rag.protocols import AnswerGenerator
from rag.rerank import KeepOrder
from rag.similarity import EmbeddedSimilarity
from rag.statement_reader import StatementReader
from rag.types import Hit, Query, Stage
from tests.fakes import FakeEmbedder


def hit(
    text: str, title: str = "笔记", headings: tuple[str, ...] = (), document_id: str = "note.md", start: int = 0
) -> Hit:
    chunk = Chunk(
        id=f"{document_id}-{start}",
        document_id=document_id,
        title=title,
        headings=headings,
        start=start,
        end=start + len(text),
        text=text,
        tokens=len(text),
    )
    return Hit(chunk, 1.0, "fused")


TEA = hit(
    "绿茶用 80 度左右的水冲泡。水太烫会让茶汤变苦。第一泡只要一分钟。",
    title="泡茶",
    headings=("绿茶",),
    document_id="tea.md",
    start=40,
)
COFFEE = hit(
    "咖啡豆要放在密封罐里，避免阳光直射。开封以后两周内喝完。磨好的粉当天用掉。",
    title="咖啡",
    headings=("保存",),
    document_id="coffee.md",
)
BREAD = hit(
    "The dough rests for two hours at room temperature. Bake it at 230 degrees for forty minutes.",
    title="Bread",
    headings=("Baking",),
    document_id="bread.md",
)


read = StatementReader(EmbeddedSimilarity(FakeEmbedder()), lambda chunk: (chunk,))


class Found:
    """A retriever that always finds ``hits``."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = hits

    def retrieve(self, query: Query) -> dict[Stage, Sequence[Hit]]:
        return {"dense": self.hits, "lexical": self.hits, "fused": self.hits}


def pipeline_over(hits: Sequence[Hit], generator: AnswerGenerator) -> Pipeline:
    """A pipeline that answers every question from ``hits``."""
    return Pipeline(
        retriever=Found(hits),
        reranker=KeepOrder(),
        read=read,
        answerable=lambda query, stages, hits, read: Decision(True, None),
        generator=generator,
        page_at=lambda document_id, offset: None,
        models={"generator": "test"},
    )
