"""The tokens that a server says its replies cost."""

import json
from dataclasses import replace

from pydantic import SecretStr

from rag.chat_model import ServedChatModel, TokenUsage, UsageCounter
from rag.generate import ExtractiveGenerator
from rag.rerank import ChatReranker, KeepOrder
from rag.types import Support
from tests.rag.sample_hits import COFFEE, TEA, pipeline_over
from tests.scripted_server import Handler, ScriptedServer, Step, fails, says

ASKED = [("user", "hi")]


def served(server: ScriptedServer) -> ServedChatModel:
    return ServedChatModel("tea-model", server.base_url, SecretStr(""), 0.0, 200, timeout_seconds=5)


def says_and_counts(text: str, read: int, wrote: int) -> Step:
    """A reply whose last piece is the count of its tokens, as OpenAI sends it."""
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tea-model"}
    usage = {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
    pieces = [
        {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**chunk, "choices": [], "usage": usage},
    ]

    def step(handler: Handler) -> None:
        handler.begin(200, "text/event-stream")
        for piece in pieces:
            handler.event(json.dumps(piece).encode())
        handler.event(b"[DONE]")

    return step


def test_the_tokens_of_all_replies_are_counted_together() -> None:
    counter = UsageCounter()
    with ScriptedServer(says_and_counts("one", 10, 2), says_and_counts("two", 30, 4)) as server:
        replies = ["".join(served(server).reply(ASKED, counter.config)) for _ in range(2)]
    assert replies == ["one", "two"]
    assert counter.tokens == TokenUsage(40, 6)


def test_the_tokens_of_reranking_are_counted_too() -> None:
    counter = UsageCounter()
    with ScriptedServer(says_and_counts("2, 1", 10, 2)) as server:
        reranker = ChatReranker(served(server), KeepOrder(), 50, 2000)
        pipeline = replace(pipeline_over((TEA, COFFEE), ExtractiveGenerator(200)), reranker=reranker)
        hits = pipeline.answer("绿茶用多少度的水？", config=counter.config).hits
    assert [hit.chunk.document_id for hit in hits] == ["coffee.md", "tea.md"]
    assert counter.tokens == TokenUsage(10, 2)


def test_the_tokens_of_a_second_search_are_counted_too() -> None:
    counter = UsageCounter()
    with ScriptedServer(says_and_counts("1", 10, 2), says_and_counts("2", 30, 4)) as server:
        pipeline = replace(
            pipeline_over((TEA, COFFEE), ExtractiveGenerator(200)),
            reranker=ChatReranker(served(server), KeepOrder(), 50, 2000),
            verify=lambda drafts: [Support("not_found", 0.0) for _ in drafts],
            reflect=True,
        )
        pipeline.answer("绿茶用多少度的水？", config=counter.config)
    assert counter.tokens == TokenUsage(40, 6)


def test_a_server_that_does_not_count_leaves_the_number_unknown() -> None:
    counter = UsageCounter()
    with ScriptedServer(says("one")) as server:
        assert "".join(served(server).reply(ASKED, counter.config)) == "one"
    assert counter.tokens is None


def test_a_server_that_refuses_to_count_is_asked_again_without() -> None:
    with ScriptedServer(fails(400, "Unrecognized request argument: stream_options"), says("one")) as server:
        assert "".join(served(server).reply(ASKED)) == "one"
        assert ["stream_options" in request["body"] for request in server.seen] == [True, False]
