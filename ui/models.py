"""Opens the models that settings name, so that one that cannot be used is told before it is saved."""

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
    """Uses once each model that ``application`` names otherwise than ``before``. Raises BadInput, ModelUnavailable."""
    settings = application.settings
    if settings.embedder != before.embedder:
        with _told(settings.embedder):
            application.embedder.embed_queries([_WORDS])
    if settings.reranker == "chat":
        # Whether there is a library to rerank is told elsewhere.
        with suppress(NotFound, LibraryMismatch):
            _ = application.reranker
    elif settings.reranker != before.reranker and settings.reranker not in _NO_MODEL:
        with _told(settings.reranker):
            application.reranker.rerank(Query(_WORDS, _WORDS), {"fused": [_HIT]})
    if settings.judge != before.judge:
        with _told(settings.judge):
            if judge := application.judge:
                judge.support([(_WORDS, _WORDS)])


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Whatever a model library raises becomes an error that a person can read."""
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
