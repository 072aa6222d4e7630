"""What a server does wrong, and the outcome of each, over real HTTP on loopback."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import cached_property
from time import sleep, time
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from pydantic import SecretStr

from ingest.errors import ModelUnavailable
from rag import chat_model
from rag.chat import ChatCondenser, ChatGenerator
from rag.chat_model import ChatFailed, ServedChatModel
from rag.condense import condense
from rag.generate import ExtractiveGenerator
from rag.types import Answer, Draft, Event, Hit, Notice, Query, Restart, Support, TextPiece
from tests.fakes import FakeEmbedder
from tests.rag.sample_hits import COFFEE, TEA, hit, pipeline_over, read
from tests.scripted_server import (
    ScriptedServer,
    Step,
    breaks_the_chunked_encoding,
    fails,
    fails_midway,
    goes_on,
    hangs_up,
    reasons,
    says,
    sends,
    sends_no_choices,
    stalls,
    user_message,
)

QUESTION = Query("绿茶用多少度的水？", "绿茶用多少度的水？")
GOOD = says("绿茶用 80 度的水。[1]")
QUOTED = "绿茶用 80 度左右的水冲泡。"
CUT_OFF = "The chat model's answer was cut off at its limit; raise chat_max_tokens for the rest."
HALF = "绿茶用 80 度左右的水冲泡。[1] 水太烫会让茶汤变苦。[1] 第一泡"
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'


@dataclass(slots=True)
class Outcome:
    """What came of one question: the texts that stand at the end, the notices, the pauses, and how often the server
    was asked; ``withdrawn`` counts restarts."""

    texts: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    withdrawn: int = 0
    pauses: list[float] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)


def outcome(
    *steps: Step, hits: Sequence[Hit] = (TEA, COFFEE), timeout_seconds: float = 5.0, tokens: int = 2000
) -> Outcome:
    found = Outcome()
    embedder = FakeEmbedder()
    with ScriptedServer(*steps) as server:
        model = ServedChatModel("m", server.base_url, SecretStr("sk-secret"), 0.0, 100, timeout_seconds)
        fallback = ExtractiveGenerator(200)
        generator = ChatGenerator(model, embedder, fallback, tokens, found.pauses.append)
        for item in generator.generate(QUESTION, hits, read(QUESTION, hits)):
            if isinstance(item, Draft):
                found.texts.append(item.text)
            elif isinstance(item, Notice):
                found.notices.append(item.phrase.en)
            elif isinstance(item, Restart):
                found.texts.clear()
                found.withdrawn += 1
        found.requests = server.seen
    return found


def quoted(reason: str) -> list[str]:
    return [f"The chat model gave no answer ({reason}); the notes are quoted instead."]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (hangs_up, "the server cannot be reached"),
        (fails(500, "boom"), "HTTP 500: boom"),
        (fails(503, ""), "HTTP 503: Error code: 503"),
        (fails(429, "slow down"), "HTTP 429: slow down"),
        (fails(408, "late"), "HTTP 408: late"),
        (says(HALF, finish=None), "the connection broke off half-way"),
        (breaks_the_chunked_encoding(HALF), "the connection broke off half-way"),
        (fails_midway(HALF, message="overloaded"), "the server says: overloaded"),
    ],
)
def test_a_passing_fault_is_tried_three_times_then_the_notes_are_quoted(fault: Step, reason: str) -> None:
    found = outcome(fault)
    assert (found.texts, found.notices) == ([QUOTED], quoted(reason))
    assert (found.pauses, len(found.requests)) == ([0.5, 1.0], 3)


@pytest.mark.parametrize(
    "fault",
    [hangs_up, fails(502, "<html>bad gateway</html>"), fails(429, "slow down"), says(HALF, finish=None)],
)
def test_a_fault_that_passes_leaves_no_trace(fault: Step) -> None:
    found = outcome(fault, GOOD)
    assert (found.texts, found.notices) == (["绿茶用 80 度的水。"], [])
    assert (found.pauses, len(found.requests)) == ([0.5], 2)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (fails(401, "Incorrect API key provided: sk-secret"), "HTTP 401: Incorrect API key provided: **********"),
        (fails(403, "no"), "HTTP 403: no"),
        (fails(404, "no such model"), "HTTP 404: no such model"),
        (fails(422, "temperature?"), "HTTP 422: temperature?"),
        (fails(429, "no money", code="insufficient_quota"), "HTTP 429: no money"),
        (fails(429, "come back", Retry_After="3600"), "HTTP 429: come back"),
        (fails(429, "come back", Retry_After=formatdate(time() + 3600)), "HTTP 429: come back"),
        (fails(503, "come back", Retry_After="3600"), "HTTP 503: come back"),
        (says("绿茶用 80 度", finish="content_filter"), "the server's content filter stopped it"),
        (says(), "its reply was empty"),
        (says(" \n "), "its reply was empty"),
        (says("<think>绿茶？"), "nothing that it wrote stands in the notes"),
        (says("法国的首都是巴黎，人口有两百万。[1]"), "nothing that it wrote stands in the notes"),
        (says("？？？[1]"), "nothing that it wrote stands in the notes"),
        (says("绿茶用 80 度左右的水", finish="length"), "its limit of tokens was reached"),
    ],
)
def test_a_fault_that_stays_is_not_tried_again(fault: Step, reason: str) -> None:
    found = outcome(fault)
    assert (found.texts, found.notices) == ([QUOTED], quoted(reason))
    assert (found.pauses, len(found.requests), found.withdrawn) == ([], 1, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"data: {oops\n\n",
        b"data: [1, 2]\n\n",
        b"data: null\n\n",
        b'data: {"choices": "none"}\n\n',
        b'data: {"choices": [{"delta": null}]}\n\ndata: [DONE]\n\n',
        CHUNK + '{"content":"绿'.encode()[:-1],
        CHUNK + b'{"content":"\xe7\xbb"},"finish_reason":null}]}\n\n',
        b'{"choices": [{"message": {"content": "hello"}}]}',
        b"<html><body>It works!</body></html>",
        b"\x00\x01\x02" * 1000,
    ],
)
def test_an_answer_that_is_no_reply_is_not_tried_again(body: bytes) -> None:
    found = outcome(sends(body))
    assert found.texts == [QUOTED]
    assert len(found.notices) == 1
    assert len(found.requests) == 1


def test_broken_characters_inside_a_reply_are_left_out() -> None:
    pieces = b'"\\ud83d \\ufffd'
    body = CHUNK + b'{"content":' + pieces + "绿茶用 80 度的水。[1]".encode() + b'"},"finish_reason":"stop"}]}\n\n'
    found = outcome(sends(body + b"data: [DONE]\n\n"))
    assert (found.texts, found.notices) == (["绿茶用 80 度的水。"], [])


@pytest.mark.parametrize("signs_of_life", [False, True])
def test_a_stalled_server_is_not_waited_for_twice(signs_of_life: bool) -> None:
    found = outcome(stalls(HALF, signs_of_life=signs_of_life), timeout_seconds=0.3)
    assert (found.texts, found.notices) == ([QUOTED], quoted("nothing came for 0.3 s"))
    assert (found.withdrawn, found.pauses, len(found.requests)) == (1, [], 1)


@pytest.mark.parametrize("step", [goes_on(""), sends_no_choices(), goes_on("", "reasoning_content")])
def test_pieces_that_say_nothing_are_no_answer(step: Step) -> None:
    found = outcome(step, timeout_seconds=0.3)
    assert (found.texts, found.notices) == ([QUOTED], quoted("nothing came for 0.3 s"))


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_a_server_that_reasons_is_waited_for(name: str) -> None:
    found = outcome(reasons(name, 6, 0.2, "绿茶用 80 度的水。[1]"), timeout_seconds=0.8)
    assert (found.texts, found.notices) == (["绿茶用 80 度的水。"], [])


def test_a_server_that_reasons_beyond_the_limit_is_cut_off() -> None:
    found = outcome(goes_on("hm " * 50, "reasoning_content"))
    assert (found.texts, found.notices) == ([QUOTED], quoted("its limit of tokens was reached"))


def test_a_reply_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_model, "_LONGEST_REPLY", 1.5)
    found = outcome(goes_on(" "), timeout_seconds=0.5)
    assert (found.texts, found.notices) == ([QUOTED], quoted("its reply had no end after 0.75 s"))


def test_making_the_client_ready_is_not_the_servers_time() -> None:
    class SlowToLoad(ServedChatModel):
        @cached_property
        def _client(self) -> Any:
            sleep(0.6)
            return super()._client

    with ScriptedServer(says("OK")) as server:
        contact = SlowToLoad("m", server.base_url, SecretStr(""), 0.0, 100, 0.5).contact()
    assert contact.reply == "OK"
    assert contact.first_seconds < 0.5


def contacted(step: Step) -> str:
    with ScriptedServer(step) as server:
        return ServedChatModel("m", server.base_url, SecretStr(""), 0.0, 100, 5.0).contact().reply


def test_a_model_whose_word_is_cut_short_answers() -> None:
    assert contacted(says("Sure! Here is the", finish="length")) == "Sure! Here is the"


@pytest.mark.parametrize(
    ("fault", "reason", "todo"),
    [
        (says(finish="length"), "达到了长度上限", "请调大 chat_max_tokens，context_tokens 至少要有它的两倍"),
        (says(), "它的回复是空的", "请重试，或换一个模型"),
        (fails(400, "prompt 超长"), "提示超出了它的上下文：prompt 超长", "请把 context_tokens 设为模型读写合计的上限"),
    ],
)
def test_a_model_that_does_not_answer_gets_its_own_next_step(fault: Step, reason: str, todo: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        contacted(fault)
    assert caught.value.what.zh == f"对话模型没有回答（{reason}）"
    assert caught.value.todo.zh == todo


def test_a_client_that_cannot_be_made_is_a_failure_with_a_name() -> None:
    model = ServedChatModel("m", "http://[::1", SecretStr(""), 0.0, 100, 0.5)
    with pytest.raises(ChatFailed) as caught:
        list(model.reply([("user", "?")]))
    assert caught.value.kind == "malformed"


class Raises(BaseCallbackHandler):
    raise_error = True

    def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        raise ValueError("the user's own")


def test_what_a_callback_raises_is_no_fault_of_the_server() -> None:
    with ScriptedServer(GOOD) as server:
        model = ServedChatModel("m", server.base_url, SecretStr(""), 0.0, 100, 5.0)
        with pytest.raises(ValueError, match="the user's own"):
            list(model.reply([("user", "?")], {"callbacks": [Raises()]}))


@pytest.mark.parametrize(("header", "pause"), [("3", 3.0), ("0", 0.5), ("soon", 0.5), ("-1", 0.5), ("nan", 0.5)])
def test_a_busy_or_loading_server_is_waited_for_as_long_as_it_asks(header: str, pause: float) -> None:
    assert outcome(fails(429, "slow down", Retry_After=header), GOOD).pauses == [pause]
    assert outcome(fails(503, "loading", Retry_After=header), GOOD).pauses == [pause]


def test_half_an_answer_is_withdrawn_before_it_is_tried_again() -> None:
    found = outcome(says(HALF, finish=None), GOOD)
    assert (found.texts, found.withdrawn, found.notices) == (["绿茶用 80 度的水。"], 1, [])


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 512 tokens. However, you requested 900 tokens.",
        "the request exceeds the available context size. try increasing the context size",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 512",
        "prompt is too long: 900 tokens > 512 maximum",
        "Range of input length should be [1, 6144]",
        "Your request exceeded model token limit: 8192",
        "length of prompt_tokens (13450) must be less than max_seq_len (4096).",
        "Prompt 超长",
    ],
)
def test_a_prompt_too_long_for_the_server_is_halved_twice(message: str) -> None:
    hits = [hit("水温越高，苦味出来得越快。" * 12, start=n * 1000) for n in range(8)]
    found = outcome(fails(400, message), hits=hits)
    sizes = [user_message(request).count("\n[") for request in found.requests]
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]
    assert found.notices == quoted(f"the prompt was too long for it: {message}")
    assert found.pauses == []


def test_the_error_that_vllm_sends_as_a_piece_is_told() -> None:
    def piece(message: str) -> Step:
        error = {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
        return sends(b"data: " + json.dumps(error).encode() + b"\n\ndata: [DONE]\n\n")

    found = outcome(piece("This model's maximum context length is 512 tokens."), GOOD)
    assert (found.texts, found.pauses) == (["绿茶用 80 度的水。"], [])
    assert outcome(piece("boom")).notices == quoted("the server says: boom")


def test_a_shorter_prompt_that_fits_is_answered() -> None:
    found = outcome(fails(400, "maximum context length", code="context_length_exceeded"), GOOD)
    assert (found.texts, found.notices) == (["绿茶用 80 度的水。"], [])


def test_whole_sentences_of_an_answer_cut_at_its_limit_stay_with_a_notice() -> None:
    found = outcome(says(HALF, finish="length"))
    assert found.texts == ["绿茶用 80 度左右的水冲泡。", "水太烫会让茶汤变苦。"]
    assert found.notices == [CUT_OFF]


def test_a_refusal_that_goes_on_to_its_limit_is_a_refusal() -> None:
    found = outcome(says("笔记里没有说到这个问题。你可以换个问法，例如", finish="length"))
    assert (found.texts, found.notices) == ([], [])


def test_a_server_that_does_not_keep_the_limit_is_cut_off() -> None:
    found = outcome(says(*(f"绿茶用 {n} 度的水冲泡。[1] " for n in range(200))))
    assert len(found.notices) == 1
    assert 0 < len(found.texts) < 200


def test_no_server_at_all_quotes_the_notes() -> None:
    with ScriptedServer(GOOD) as server:
        gone = server.base_url
    embedder = FakeEmbedder()
    model = ServedChatModel("m", gone, SecretStr(""), 0.0, 100, 5.0)
    fallback = ExtractiveGenerator(200)
    generator = ChatGenerator(model, embedder, fallback, 2000, lambda seconds: None)
    items = list(generator.generate(QUESTION, (TEA,), read(QUESTION, (TEA,))))
    assert [type(item) for item in items] == [Notice, Draft]


@pytest.mark.parametrize("fault", [hangs_up, fails(500, "boom"), says(), sends(b"data: {oops\n\n"), stalls()])
def test_a_follow_up_is_condensed_by_rule_when_the_model_fails(fault: Step) -> None:
    with ScriptedServer(fault) as server:
        model = ServedChatModel("m", server.base_url, SecretStr(""), 0.0, 100, 0.3)
        query = ChatCondenser(model)("那红茶呢？", ["绿茶用多少度的水？"])
    assert query == condense("那红茶呢？", ["绿茶用多少度的水？"])


def answered(*steps: Step) -> Iterator[Event]:
    embedder = FakeEmbedder()
    fallback = ExtractiveGenerator(200)
    with ScriptedServer(*steps) as server:
        model = ServedChatModel("m", server.base_url, SecretStr(""), 0.0, 100, 5.0)
        pipeline = pipeline_over((TEA, COFFEE), ChatGenerator(model, embedder, fallback, 2000, lambda seconds: None))
        yield from pipeline.stream(QUESTION.question)


def test_what_a_reader_sees_ends_as_the_answer_says() -> None:
    text = ""
    for event in answered(says(HALF, finish=None), fails(500, "boom")):
        if isinstance(event, TextPiece):
            text += event.text
        elif isinstance(event, Restart):
            text = ""
        elif isinstance(event, Answer):
            answer = event
    assert text.strip() == answer.text == f"{QUOTED} [1]"
    assert answer.notice is not None
    assert answer.notice.zh == "对话模型没有给出回答（HTTP 500：boom），改为直接摘录笔记。"
    assert [(c.number, c.quote) for c in answer.citations] == [(1, QUOTED)]


def tried_again(*steps: Step, cut_unsupported: bool = False) -> tuple[list[str], str | None]:
    """The sentences and the notice of an answer that is tried again, as only what it says of coffee is supported."""

    def verify(drafts: Sequence[Draft]) -> list[Support | None]:
        return [Support("supported" if "咖啡" in draft.text else "not_found", 0.5) for draft in drafts]

    with ScriptedServer(*steps) as server:
        model = ServedChatModel("m", server.base_url, SecretStr(""), 0.0, 100, 5.0)
        generator = ChatGenerator(model, FakeEmbedder(), ExtractiveGenerator(200), 2000, lambda seconds: None)
        pipeline = replace(pipeline_over((TEA, COFFEE), generator), verify=verify, reflect=True)
        answer = replace(pipeline, cut_unsupported=cut_unsupported).answer(QUESTION.question)
    return [sentence.text for sentence in answer.sentences], answer.notice.en if answer.notice else None


@pytest.mark.parametrize("cut_unsupported", [False, True])
def test_the_notice_of_an_answer_that_is_replaced_goes_with_it(cut_unsupported: bool) -> None:
    steps = says(HALF, finish="length"), says("咖啡豆要放在密封罐里。[2]")
    assert tried_again(*steps, cut_unsupported=cut_unsupported) == (["咖啡豆要放在密封罐里。"], None)


@pytest.mark.parametrize("cut_unsupported", [False, True])
def test_a_second_answer_that_is_cut_off_is_shown_with_its_notice(cut_unsupported: bool) -> None:
    steps = says("绿茶用 80 度左右的水冲泡。[1]"), says("咖啡豆要放在密封罐里。[2] 开封", finish="length")
    assert tried_again(*steps, cut_unsupported=cut_unsupported) == (["咖啡豆要放在密封罐里。"], CUT_OFF)


def test_the_notes_do_not_replace_an_answer_that_the_model_fails_to_better() -> None:
    assert tried_again(says("绿茶用 80 度左右的水冲泡。[1]"), fails(400, "no")) == ([QUOTED], None)


def test_dropped_numbers_are_counted_in_the_answer() -> None:
    *_, answer = answered(says("绿茶用 80 度左右的水冲泡。[1][7] 水太烫会让茶汤变苦。[9]"))
    assert isinstance(answer, Answer)
    assert answer.text == "绿茶用 80 度左右的水冲泡。 [1] 水太烫会让茶汤变苦。 [2]"
    assert (answer.dropped_citations, answer.notice, answer.abstained) == (2, None, False)


def test_numbers_that_are_no_source_are_dropped_and_counted() -> None:
    *_, answer = answered(says("绿茶用 80 度左右的水冲泡。[1][100][0]"))
    assert isinstance(answer, Answer)
    assert (answer.text, answer.dropped_citations) == ("绿茶用 80 度左右的水冲泡。 [1]", 2)


def test_a_refusal_of_the_model_offers_the_nearest_headings() -> None:
    *_, answer = answered(says("笔记里没有说到这个问题。"))
    assert isinstance(answer, Answer)
    assert (answer.abstained, answer.citations, answer.notice) == (True, (), None)
    assert answer.nearest == (("泡茶", "绿茶"), ("咖啡", "保存"))
    assert answer.text.startswith("笔记里没有说到这个问题。搜索的是“")
