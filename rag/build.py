"""Settings -> a pipeline: the one place that names the concrete parts."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np

from ingest import embed
from ingest.embed import BUNDLED
from ingest.errors import BadInput, LibraryBroken, NotFound
from ingest.late import LateInteraction
from ingest.library import Library, open_library
from ingest.phrases import Phrase
from ingest.protocols import Embedder, Vectors
from ingest.sync import Progress, SyncReport, check_folder, sync
from ingest.types import Chunk
from rag.answerability import CalibratedAnswerability, UnknownNames
from rag.chat import ChatCondenser, ChatGenerator
from rag.chat_model import ServedChatModel
from rag.condense import condense
from rag.conflicts import ChatConflictFinder, JudgeConflictFinder
from rag.generate import ExtractiveGenerator
from rag.judge import BundledJudge, CrossEncoderJudge
from rag.pipeline import QUOTING, Pipeline
from rag.prompt import ANSWER
from rag.protocols import AnswerGenerator, ConflictFinder, Reranker, Similarity, SupportJudge
from rag.rerank import ChatReranker, CrossEncoderReranker, KeepOrder, LateReranker, ReadingReranker
from rag.retrieve import HybridRetriever
from rag.settings import UNTRAINED, Settings
from rag.similarity import EmbeddedSimilarity, LateSimilarity
from rag.statement_reader import StatementReader
from rag.verify import Verifier

LEAST_CONFIDENCE = {"strict": 0.7, "balanced": 0.35, "eager": 0.2}
"""The least confidence at which an answer is given, by strictness; chosen on the risk-coverage curve of the shipped
questions."""
RANKING_WEIGHTS = Path(__file__).parent / "weights" / "ranking.safetensors"
JUDGE_WEIGHTS = Path(__file__).parent / "weights" / "judge.safetensors"
RERANKING_WEIGHTS = Path(__file__).parent / "weights" / "reranking.json"
READING_WEIGHTS = Path(__file__).parent / "weights" / "reading.json"
ANSWERABILITY_WEIGHTS = Path(__file__).parent / "weights" / "answerability.json"


def open_embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name; ``bundled`` is e5 with the trained ranking layers."""
    if settings.embedder == BUNDLED:
        return LateInteraction(RANKING_WEIGHTS)
    return embed.open_embedder(_body(settings))


def _body(settings: Settings) -> str:
    """The name that ``ingest`` has for the model below the trained layers."""
    return BUNDLED if settings.embedder == UNTRAINED else settings.embedder


def sync_notes(
    settings: Settings, folders: Sequence[Path], *, rebuild: bool = False, progress: Progress | None = None
) -> SyncReport:
    """Brings the library of the settings up to date with the folders.

    ``rebuild`` empties it first and adds the folders synced before. Raises what ``open_library`` and ``sync`` raise,
    and BadInput when there is no folder to rebuild from.
    """
    if rebuild:
        folders = _folders_to_rebuild(settings.library, folders)
    for folder in folders:
        # First, because opening the library creates its folder.
        check_folder(folder)
    with open_library(settings.library, write=True, rebuild=rebuild) as library:
        return sync(
            folders,
            library,
            lambda: open_embedder(settings),
            lambda: embed.open_token_counter(_body(settings)),
            progress,
        )


def _folders_to_rebuild(library: Path, folders: Sequence[Path]) -> Sequence[Path]:
    try:
        with open_library(library) as opened:
            folders = [*folders, *(folder.path for folder in opened.catalog.folders())]
    except (NotFound, LibraryBroken):
        if not folders:
            raise
    if not folders:
        raise BadInput(
            Phrase("the library has no folder to rebuild it from", "库中没有可用来重建的文件夹"),
            library,
            Phrase("name one: `notecite sync --rebuild FOLDER`", "请指定：`notecite sync --rebuild 文件夹`"),
        )
    return folders


def layer(path: Path) -> Vectors:
    """The weights of a logistic layer, as ``eval/fit_layers.py`` writes them."""
    return np.array(json.loads(path.read_text(encoding="utf-8"))["weights"], np.float32)


Shared = Literal["embedder", "library", "bundled_judge"]
SHARED: Collection[Shared] = ("embedder", "library", "bundled_judge")
"""The parts that do not depend on the settings of search and answer, and take long to open."""


@dataclass(frozen=True)
class Application:
    """A library with the models to ask it, each opened at its first use."""

    settings: Settings

    @cached_property
    def embedder(self) -> Embedder:
        return open_embedder(self.settings)

    @cached_property
    def library(self) -> Library:
        return open_library(self.settings.library, embedder_fingerprint=self.embedder.fingerprint)

    @property
    def opened_library(self) -> Library | None:
        """The library; None if nothing has opened it yet."""
        library: Library | None = self.__dict__.get("library")
        return library

    def under(self, settings: Settings, keep: Collection[Shared] = SHARED) -> "Application":
        """An application under other settings that shares the parts named in ``keep``, as far as they are open.

        Do not close it while it shares this application's library.
        """
        other = Application(settings)
        other.__dict__.update({name: self.__dict__[name] for name in keep if name in self.__dict__})
        return other

    def close(self) -> None:
        if self.opened_library is not None:
            self.opened_library.close()

    @property
    def retriever(self) -> HybridRetriever:
        settings = self.settings
        return HybridRetriever(
            self.library, self.embedder, settings.candidates, settings.dense_weight, settings.lexical_weight
        )

    @cached_property
    def pipeline(self) -> Pipeline:
        library, judge = self.library, self.judge
        return Pipeline(
            retriever=self.retriever,
            reranker=self.reranker,
            read=self.reader,
            answerable=self._answerable,
            generator=self._generator,
            page_at=library.page_at,
            models=self._models,
            condense=ChatCondenser(self.chat_model) if self.chat_model else condense,
            verify=Verifier(judge) if judge else None,
            conflicts=self.conflict_finder,
            cut_unsupported=self.settings.unsupported == "cut",
            quote=ExtractiveGenerator(self.settings.answer_characters) if self.chat_model else None,
            reflect=self.settings.reflect and self.chat_model is not None,
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
            self._reply_tokens,
            settings.chat_timeout_seconds,
        )

    @property
    def _generator(self) -> AnswerGenerator:
        settings = self.settings
        extractive = ExtractiveGenerator(settings.answer_characters)
        if self.chat_model is None:
            return extractive
        return ChatGenerator(self.chat_model, self.embedder, extractive, self._prompt_tokens)

    @property
    def _reply_tokens(self) -> int:
        """At most half of the context, of which the prompt has the rest: a server refuses what exceeds it together."""
        return min(self.settings.chat_max_tokens, self.settings.context_tokens // 2)

    @property
    def _prompt_tokens(self) -> int:
        return self.settings.context_tokens - self._reply_tokens

    def _section_of(self, chunk: Chunk) -> list[Chunk]:
        return [other for other in self.library.chunks_of(chunk.document_id) if other.headings == chunk.headings]

    @property
    def reader(self) -> StatementReader:
        if not isinstance(self.reranker, ReadingReranker):
            return StatementReader(self._similarity, self._section_of)
        return StatementReader(self._similarity, self._section_of, self.bundled_judge, layer(READING_WEIGHTS))

    @property
    def _similarity(self) -> Similarity:
        if isinstance(self.embedder, LateInteraction):
            return LateSimilarity(self.library, self.embedder)
        return EmbeddedSimilarity(self.embedder)

    @property
    def _answerable(self) -> UnknownNames | CalibratedAnswerability:
        if not isinstance(self.reranker, ReadingReranker):
            return UnknownNames()
        return CalibratedAnswerability(layer(ANSWERABILITY_WEIGHTS), LEAST_CONFIDENCE[self.settings.strictness])

    @cached_property
    def reranker(self) -> Reranker:
        settings = self.settings
        if settings.reranker == "none":
            return KeepOrder()
        if settings.reranker == "chat":
            return self._chat_reranker
        if settings.reranker != BUNDLED:
            return CrossEncoderReranker(settings.reranker, settings.rerank_candidates)
        return self._bundled_reranker

    @property
    def _bundled_reranker(self) -> Reranker:
        if isinstance(self.embedder, LateInteraction):
            late = LateReranker(self.library, self.embedder, self.settings.rerank_candidates)
            return ReadingReranker(late, self._similarity, self.bundled_judge, layer(RERANKING_WEIGHTS))
        return KeepOrder()

    @property
    def _chat_reranker(self) -> ChatReranker:
        model = self._chat_model_for("reranker")
        return ChatReranker(model, self._bundled_reranker, self.settings.rerank_candidates, self._prompt_tokens)

    @property
    def conflict_finder(self) -> ConflictFinder | None:
        judged = JudgeConflictFinder(self.judge) if self.judge else None
        if self.settings.conflicts == "chat":
            return ChatConflictFinder(self._chat_model_for("conflicts"), judged, self._prompt_tokens)
        return judged if self.settings.conflicts == "judge" else None

    def _chat_model_for(self, setting: str) -> ServedChatModel:
        if self.chat_model is None:
            raise BadInput(
                Phrase(f"the setting {setting} needs a chat model", f"设置项 {setting} 需要对话模型"),
                f"{setting} = chat",
                Phrase(f"set chat_model, or another {setting}", f"请设置 chat_model，或换一个 {setting}"),
            )
        return self.chat_model

    @cached_property
    def bundled_judge(self) -> BundledJudge:
        """Also scores which statements answer the question, even if ``judge`` is ``none``."""
        return BundledJudge(JUDGE_WEIGHTS)

    @cached_property
    def judge(self) -> SupportJudge | None:
        """None if answers are not verified."""
        if self.settings.judge == "none":
            return None
        return self.bundled_judge if self.settings.judge == BUNDLED else CrossEncoderJudge(self.settings.judge)

    @property
    def _models(self) -> dict[str, str]:
        names = {"embedder": self.settings.embedder, "reranker": self.settings.reranker}
        if self.settings.chat_model:
            return {**names, "generator": self.settings.chat_model, "prompt": ANSWER}
        return {**names, "generator": QUOTING}

    def __enter__(self) -> "Application":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
