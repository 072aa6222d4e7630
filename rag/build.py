"""Settings -> a pipeline: the one place that names the concrete parts."""

from dataclasses import dataclass
from functools import cached_property
from types import TracebackType

from ingest.embed import open_embedder
from ingest.library import Library, open_library
from ingest.protocols import Embedder
from rag.answerability import Answerability
from rag.chat import ChatCondenser, ChatGenerator
from rag.chat_model import ServedChatModel
from rag.condense import condense
from rag.generate import ExtractiveGenerator
from rag.pipeline import Pipeline
from rag.prompt import ANSWER
from rag.protocols import Generator, Reranker
from rag.rerank import CrossEncoderReranker, KeepOrder
from rag.retrieve import HybridRetriever
from rag.settings import Settings

# Below these no development question was answerable; cosines of two models do not compare.
_LEAST_COSINE = {"bundled": (0.87, 0.79)}


@dataclass(frozen=True)
class Application:
    """A library with the models to ask it, opened when first needed and closed together."""

    settings: Settings

    @cached_property
    def embedder(self) -> Embedder:
        return open_embedder(self.settings.embedder)

    @cached_property
    def library(self) -> Library:
        return open_library(self.settings.library, embedder_fingerprint=self.embedder.fingerprint)

    @cached_property
    def pipeline(self) -> Pipeline:
        settings, library = self.settings, self.library
        return Pipeline(
            retriever=HybridRetriever(
                library, self.embedder, settings.candidates, settings.dense_weight, settings.lexical_weight
            ),
            reranker=_reranker(settings),
            answerable=Answerability(_LEAST_COSINE.get(settings.embedder, (0.0, 0.0))),
            generator=self._generator,
            page_at=lambda document_id, offset: library.document(document_id).page_at(offset),
            models=self._models,
            condense=ChatCondenser(self.chat_model) if self.chat_model else condense,
        )

    @cached_property
    def chat_model(self) -> ServedChatModel | None:
        settings = self.settings
        if not settings.chat_model:
            return None
        return ServedChatModel(
            settings.chat_model,
            settings.chat_base_url,
            settings.chat_api_key,
            settings.chat_temperature,
            settings.chat_max_tokens,
            settings.chat_timeout_seconds,
        )

    @property
    def _generator(self) -> Generator:
        settings = self.settings
        extractive = ExtractiveGenerator(self.embedder, settings.answer_characters)
        if self.chat_model is None:
            return extractive
        room = max(settings.context_tokens - settings.chat_max_tokens, settings.context_tokens // 2)
        return ChatGenerator(self.chat_model, self.embedder, extractive, room)

    @property
    def _models(self) -> dict[str, str]:
        names = {"embedder": self.settings.embedder, "reranker": self.settings.reranker}
        if self.settings.chat_model:
            return {**names, "generator": self.settings.chat_model, "prompt": ANSWER}
        return {**names, "generator": "extractive"}

    def __enter__(self) -> "Application":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "library" in self.__dict__:
            self.library.close()


def _reranker(settings: Settings) -> Reranker:
    if settings.reranker == "none":
        return KeepOrder()
    return CrossEncoderReranker(settings.reranker, settings.rerank_candidates)
