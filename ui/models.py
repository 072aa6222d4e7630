"""Tries the models that settings name, so that one that cannot be used is reported before it is saved."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ingest.errors import LibraryMismatch, ModelUnavailable, NoteciteError, NotFound
from ingest.phrases import Phrase
from ingest.types import Chunk
from rag.build import Application
from rag.settings import Settings
from rag.types import Hit, Query

_WORDS = "notes"
_HIT = Hit(Chunk("0", "0.md", _WORDS, (), 0, len(_WORDS), _WORDS, 1), 1.0, "fused")
_NO_MODEL = ("bundled", "none", "chat")


def try_models(application: Application, before: Settings) -> None:
    """Uses once each model whose setting differs from ``before``, and checks that a chat model is set where one is
    needed. Raises BadInput, ModelUnavailable."""
    settings = application.settings
    if settings.embedder != before.embedder:
        with _readable(settings.embedder):
            application.embedder.embed_queries([_WORDS])
    if settings.reranker == "chat":
        # A missing library is reported elsewhere.
        with suppress(NotFound, LibraryMismatch):
            _ = application.reranker
    elif settings.reranker != before.reranker and settings.reranker not in _NO_MODEL:
        with _readable(settings.reranker):
            application.reranker.rerank(Query(_WORDS, _WORDS), {"fused": [_HIT]})
    if settings.conflicts == "chat":
        _ = application.conflict_finder
    if settings.judge != before.judge:
        with _readable(settings.judge):
            if judge := application.judge:
                judge.support([(_WORDS, _WORDS)])


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turns whatever a model library raises into an error that a person can read."""
    try:
        yield
    except NoteciteError:
        raise
    except Exception as error:
        raise ModelUnavailable(
            Phrase("this model cannot be used", "无法使用这个模型"),
            f"{name} ({type(error).__name__})",
            Phrase("choose another, or: bundled", "请换一个，或使用 bundled"),
        ) from error
