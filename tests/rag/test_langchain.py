"""The LangChain parts, asked in every way that LangChain offers."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from pydantic import SecretStr

from rag.chat import ChatGenerator
from rag.chat_model import ServedChatModel
from rag.generate import ExtractiveGenerator
from rag.langchain import NoteRetriever, as_runnable
from rag.rerank import ChatReranker, KeepOrder
from rag.types import Draft
from tests.fakes import FakeEmbedder
from tests.rag.sample_hits import COFFEE, TEA, pipeline_over
from tests.scripted_server import ScriptedServer, says

QUESTION = "绿茶用多少度的水？"
TEXT = "绿茶用 80 度左右的水冲泡。 [1]"


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.models = 0

    def on_chat_model_start(self, serialized: dict[str, Any], messages: list[list[Any]], **rest: Any) -> None:
        self.models += 1


def served(server: ScriptedServer) -> ServedChatModel:
    return ServedChatModel("m", server.base_url, SecretStr(""), 0.0, 100, 5.0)


@pytest.mark.parametrize("asked", [QUESTION, {"question": QUESTION}, {"question": QUESTION, "history": None}])
def test_the_runnable_answers_alike_in_both_ways(asked: object) -> None:
    runnable = as_runnable(pipeline_over((TEA, COFFEE), ExtractiveGenerator(20)))
    waited = asyncio.run(runnable.ainvoke(asked))
    assert waited["answer"].text == waited["text"].strip() == TEXT
    assert waited["text"] == runnable.invoke(asked)["text"]


def test_the_asynchronous_stream_yields_pieces_and_ends_with_the_answer() -> None:
    with ScriptedServer(says("绿茶用 80 度左右的水冲泡。[1] 咖啡豆要放在密封罐里。[2]")) as server:
        generator = ChatGenerator(served(server), FakeEmbedder(), ExtractiveGenerator(200), 2000)
        runnable = as_runnable(pipeline_over((TEA, COFFEE), generator))

        async def pieces() -> list[dict[str, Any]]:
            return [piece async for piece in runnable.astream(QUESTION)]

        *texts, last = asyncio.run(pieces())
    assert [piece["text"] for piece in texts] == ["绿茶用 80 度左右的水冲泡。 [1]", " 咖啡豆要放在密封罐里。 [2]"]
    assert last["answer"].text == f"{TEXT} 咖啡豆要放在密封罐里。 [2]"


def test_the_loop_goes_on_while_an_answer_is_made_and_stopping_ends_it() -> None:
    asked, answered, ended = threading.Event(), threading.Event(), threading.Event()

    class Slow:
        def generate(self, *rest: object) -> Iterator[Draft]:
            try:
                yield Draft("一。", (), "")
                asked.set()
                answered.wait(5)
                yield Draft("二。", (), "")
            finally:
                ended.set()

    async def stopped() -> None:
        pieces = as_runnable(pipeline_over((TEA,), Slow())).astream(QUESTION)
        assert (await anext(pieces))["text"] == "一。"
        following = asyncio.ensure_future(anext(pieces))
        while not asked.is_set():
            await asyncio.sleep(0.01)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        answered.set()

    asyncio.run(stopped())
    assert ended.wait(5)


def test_callbacks_see_the_model_from_an_asynchronous_call() -> None:
    recorder = Recorder()
    with ScriptedServer(says("绿茶用 80 度左右的水冲泡。[1]")) as server:
        generator = ChatGenerator(served(server), FakeEmbedder(), ExtractiveGenerator(200), 2000)
        asyncio.run(as_runnable(pipeline_over((TEA,), generator)).ainvoke(QUESTION, {"callbacks": [recorder]}))
    assert recorder.models == 1


def test_callbacks_of_the_retriever_see_the_model_that_reranks() -> None:
    recorder = Recorder()
    with ScriptedServer(says("2, 1")) as server:
        reranker = ChatReranker(served(server), KeepOrder(), 50, 2000)
        pipeline = replace(pipeline_over((TEA, COFFEE), ExtractiveGenerator(200)), reranker=reranker)
        found = NoteRetriever(pipeline=pipeline, k=1).invoke(QUESTION, {"callbacks": [recorder]})
    assert [document.metadata["document"] for document in found] == ["coffee.md"]
    assert recorder.models == 1
