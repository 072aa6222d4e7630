"""Models are opened before their names are saved."""

from pathlib import Path

import pytest

import rag.build
from ingest.errors import BadInput, ModelUnavailable
from rag.build import Application
from rag.settings import Settings, load_settings
from ui.models import try_models


def application(folder: Path, **changes: str) -> Application:
    return Application(load_settings(library=folder / "library", **changes))


@pytest.fixture
def before(tmp_path: Path) -> Settings:
    return load_settings(library=tmp_path / "library")


def test_a_chat_reranker_needs_a_chat_model(tmp_path: Path, before: Settings) -> None:
    with pytest.raises(BadInput, match="chat model"):
        try_models(application(tmp_path, reranker="chat"), before)
    try_models(application(tmp_path, reranker="chat", chat_model="m"), before)


def test_a_chat_model_that_finds_conflicts_must_be_set(tmp_path: Path, before: Settings) -> None:
    with pytest.raises(BadInput, match="conflicts needs a chat model"):
        try_models(application(tmp_path, conflicts="chat"), before)
    try_models(application(tmp_path, conflicts="chat", chat_model="m"), before)


def test_what_needs_no_model_is_not_tried(tmp_path: Path, before: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rag.build, "open_embedder", lambda _: pytest.fail("the embedder was opened"))
    try_models(application(tmp_path, reranker="none", judge="none"), before)


def test_an_embedder_that_breaks_at_its_first_use_is_an_error_to_read(
    tmp_path: Path, before: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def embed_queries(self, texts: object) -> None:
            raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(rag.build, "open_embedder", lambda _: Broken())
    changed = application(tmp_path, embedder="broken")
    with pytest.raises(ModelUnavailable, match=r"this model cannot be used: broken \(RuntimeError\)"):
        try_models(changed, before)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["embedder", "reranker", "judge"])
def test_a_folder_that_holds_no_model_is_told(tmp_path: Path, before: Settings, role: str) -> None:
    with pytest.raises(ModelUnavailable, match=str(tmp_path)):
        try_models(application(tmp_path, **{role: str(tmp_path)}), before)
