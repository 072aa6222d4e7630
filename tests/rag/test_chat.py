"""The chat-model answerer over a real HTTP server that says what the test tells it."""

import os
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from pydantic import SecretStr

from ingest.errors import ModelUnavailable
from rag.build import Application
from rag.chat import ChatCondenser, ChatGenerator
from rag.chat_model import ServedChatModel
from rag.condense import condense
from rag.generate import ExtractiveGenerator
from rag.settings import Settings
from rag.types import Draft, Notice, Query, Restart
from tests.fakes import FakeEmbedder
from tests.rag.sample_hits import COFFEE, TEA, hit
from tests.scripted_server import ScriptedServer, Step, fails, goes_on, says, user_message

QUESTION = Query("绿茶用多少度的水？", "绿茶用多少度的水？")


def served(server: ScriptedServer, key: str = "sk-secret") -> ServedChatModel:
    return ServedChatModel("tea-model", server.base_url, SecretStr(key), 0.0, 200, timeout_seconds=5)


def generator(server: ScriptedServer) -> ChatGenerator:
    embedder = FakeEmbedder()
    return ChatGenerator(
        served(server),
        embedder,
        ExtractiveGenerator(200),
        2000,
        lambda seconds: None,
    )


def written(*pieces: str) -> list[Draft | Notice | Restart]:
    with ScriptedServer(says(*pieces)) as server:
        return list(generator(server).generate(QUESTION, (TEA, COFFEE), ()))


def drafts(*pieces: str) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """The text and the cited slices of each draft; nothing else may come."""
    found = []
    for item in written(*pieces):
        assert isinstance(item, Draft)
        found.append((item.text, [(s.hit.chunk.document_id, s.start, s.end) for s in item.sources]))
    return found


def test_each_sentence_comes_with_the_words_that_support_it() -> None:
    assert drafts("绿茶用 80 度", "左右的水冲泡。[", "1] 水太烫，茶汤会变苦[1]。", "咖啡豆要放在密封罐里。[2]") == [
        ("绿茶用 80 度左右的水冲泡。", [("tea.md", 40, 55)]),
        ("水太烫，茶汤会变苦。", [("tea.md", 55, 65)]),
        ("咖啡豆要放在密封罐里。", [("coffee.md", 0, 18)]),
    ]


def test_a_sentence_is_there_before_the_reply_is_whole() -> None:
    more = threading.Event()

    def step(handler: Any) -> None:
        says("绿茶用 80 度左右的水冲泡。[1] 水太烫会让", finish=None)(handler)
        assert more.wait(5)

    with ScriptedServer(step) as server:
        items = generator(server).generate(QUESTION, (TEA, COFFEE), ())
        first = next(items)
        more.set()
    assert isinstance(first, Draft)
    assert first.text == "绿茶用 80 度左右的水冲泡。"


def test_the_request_holds_the_sources_and_the_settings() -> None:
    with ScriptedServer(says("绿茶用 80 度的水。[1]")) as server:
        list(generator(server).generate(QUESTION, (TEA, COFFEE), ()))
        (request,) = server.seen
    assert request["path"] == "/v1/chat/completions"
    assert {name.lower(): value for name, value in request["headers"].items()}["authorization"] == "Bearer sk-secret"
    body = request["body"]
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert (body["model"], body["temperature"], body["max_tokens"], body["stream"]) == ("tea-model", 0.0, 200, True)
    assert "max_completion_tokens" not in body
    assert "[2] 咖啡 > 保存" in user_message(request)


def test_the_key_of_another_account_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-elsewhere")
    with ScriptedServer(says("绿茶用 80 度的水。[1]")) as server:
        "".join(served(server, key="").reply([("user", "?")]))
        assert "sk-from-elsewhere" not in str(server.seen)


def test_text_without_support_waits_for_text_with_it() -> None:
    assert drafts("让我想一想。绿茶用 80 度左右的水冲泡。[1] 祝您愉快每一天！") == [
        ("让我想一想。", []),
        ("绿茶用 80 度左右的水冲泡。", [("tea.md", 40, 55)]),
        ("祝您愉快每一天！", []),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        "笔记里没有说到这个问题。",
        "笔记里没有说到这个问题",
        "抱歉，笔记里没有说到这个问题。[1]",
        "笔记里没有说到这个问题，但提到了 RoPE。",
        "**Your notes don’t say.**",
        "根据提供的信息，资料中没有提到红茶的水温。",
        "The sources do not mention the temperature.",
        "笔记里没写红茶用多少度的水。",
        "无法从资料中得知红茶的水温。",
        "没有找到相关信息。",
        "文档中未提及红茶。",
        "[1]和[2]均未提及红茶。",
        "None of the sources mention black tea. [1]",
        "There is no information about black tea in the sources.",
        "I cannot answer this based on the provided sources.",
    ],
)
def test_a_refusal_is_no_answer(reply: str) -> None:
    assert drafts(reply) == []


@pytest.mark.parametrize(
    "refusal",
    ["抱歉，笔记里没有说到这个问题。", "Your notes don't say 85 degrees.", "笔记里没有说到这个问题，但提到了 RoPE。"],
)
def test_what_is_cited_after_a_refusal_is_an_answer(refusal: str) -> None:
    assert drafts(f"{refusal} 绿茶用 80 度左右的水冲泡。[1]") == [
        (refusal, []),
        ("绿茶用 80 度左右的水冲泡。", [("tea.md", 40, 55)]),
    ]


def test_more_than_the_refusal_sentence_is_not_left_out() -> None:
    added = "笔记里没有说到这个问题，但提到了 RoPE。"
    assert [text for text, _ in drafts(f"绿茶用 80 度左右的水冲泡。[1] {added}")] == [
        "绿茶用 80 度左右的水冲泡。",
        added,
    ]


def test_a_refusal_after_an_answer_is_left_out() -> None:
    assert [text for text, _ in drafts("绿茶用 80 度左右的水冲泡。[1] 笔记里没有说到这个问题。")] == [
        "绿茶用 80 度左右的水冲泡。"
    ]


def test_the_missing_half_of_an_answer_is_said_without_a_citation() -> None:
    assert drafts("绿茶用 80 度左右的水冲泡。[1] 资料里没有提到红茶用多少度的水。[1]") == [
        ("绿茶用 80 度左右的水冲泡。", [("tea.md", 40, 55)]),
        ("资料里没有提到红茶用多少度的水。", []),
    ]
    found = written("绿茶用 80 度左右的水冲泡。[1] 资料里没有提到红茶用多少度的水。")
    assert [item.denies for item in found if isinstance(item, Draft)] == [False, True]


@pytest.mark.parametrize(
    "correction",
    [
        "资料里没有提到绿茶用开水，而是用 80 度左右的水冲泡。",
        "The notes do not say that; rather, 绿茶用 80 度左右的水冲泡。",
    ],
)
def test_what_the_notes_say_instead_of_what_was_taken_for_granted_is_an_answer(correction: str) -> None:
    assert drafts(f"{correction}[1]") == [(correction, [("tea.md", 40, 55)])]
    assert drafts(correction) == []


def test_a_note_about_what_notes_lack_may_be_repeated() -> None:
    note = hit("提示里写明：资料里没有答案就说没有，不许编。", document_id="prompt.md")
    said = "提示里写明资料里没有答案就说没有。"
    with ScriptedServer(says(f"{said}[1]")) as server:
        (only,) = generator(server).generate(Query("提示里写什么", "提示里写什么"), (note,), ())
    assert isinstance(only, Draft)
    assert (only.text, len(only.sources)) == (said, 1)


@pytest.mark.parametrize(
    "courtesy",
    ["您好！", "希望对你有帮助！", "如有其他问题，欢迎随时提问。", "Great question!", "I hope this helps!", "😊"],
)
def test_a_courtesy_is_left_out(courtesy: str) -> None:
    answer = [("绿茶用 80 度左右的水冲泡。", [("tea.md", 40, 55)])]
    assert drafts(f"{courtesy}\n\n绿茶用 80 度左右的水冲泡。[1]") == answer
    assert drafts(f"绿茶用 80 度左右的水冲泡。[1]\n\n{courtesy}") == answer


@pytest.mark.parametrize(
    "said",
    [
        "很遗憾，所给的资料里没有提到红茶。",
        "关于红茶的水温，笔记里没有提到。",
        "Unfortunately, the provided sources do not mention black tea.",
    ],
)
def test_a_denial_stays_one_though_it_names_a_source(said: str) -> None:
    assert drafts(f"{said}[1]") == []


CONTEXT = hit(
    "The context cache does not cover the system prompt. Cached context expires after 300 seconds. "
    "The text encoder does not contain a projection head. "
    "窗口之外的上下文无法直接提供给当前 token，要靠层数叠加间接传递。",
    document_id="context.md",
)


def cited(said: str) -> list[tuple[str, list[str]]]:
    """The text and the quotes of each draft when the model says this about ``CONTEXT``."""
    with ScriptedServer(says(said)) as server:
        found = list(generator(server).generate(Query("?", "?"), (CONTEXT,), ()))
    return [
        (item.text, [CONTEXT.chunk.text[s.start : s.end] for s in item.sources])
        for item in found
        if isinstance(item, Draft)
    ]


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ("The context cache doesn't cover system prompts.", "The context cache does not cover the system prompt."),
        (
            "No, the text encoder does not include a projection head.",
            "The text encoder does not contain a projection head.",
        ),
        (
            "窗口外的上下文没有直接提供给当前 token。",
            "窗口之外的上下文无法直接提供给当前 token，要靠层数叠加间接传递。",
        ),
    ],
)
def test_what_a_note_denies_may_be_said_in_other_words(said: str, quote: str) -> None:
    assert cited(f"{said}[1]") == [(said, [quote])]


@pytest.mark.parametrize(
    "said",
    [
        "The context does not mention the system prompt.",
        "The text does not include a picture of the encoder.",
        "The notes do not cover system prompts.",
        "The context does not provide information.",
        "上下文里没有提到 token 的层数。",
        "上下文没有提供。",
    ],
)
def test_a_denial_about_the_notes_is_no_claim_of_a_note_that_denies(said: str) -> None:
    assert cited(f"{said}[1]") == []


def test_an_index_that_the_notes_have_is_no_citation() -> None:
    note = hit("hidden_states[0] 是词嵌入的输出，hidden_states[1] 是第一层的输出。")
    said = "hidden_states[1] 是第一层的输出"
    with ScriptedServer(says(f"{said}。[1]")) as server:
        (only,) = generator(server).generate(Query("?", "?"), (note,), ())
    assert isinstance(only, Draft)
    assert (only.text, len(only.sources)) == (f"{said}。", 1)


def test_a_bold_claim_is_cited_like_any_sentence() -> None:
    assert drafts(
        "**绿茶用 80 度左右的水冲泡。**\n\n## 水太烫会让茶汤变苦 [1]\n\n**保存**\n\n咖啡豆要放在密封罐里。[2]"
    ) == [
        ("**绿茶用 80 度左右的水冲泡。**", [("tea.md", 40, 55)]),
        ("## 水太烫会让茶汤变苦", [("tea.md", 55, 65)]),
        ("咖啡豆要放在密封罐里。", [("coffee.md", 0, 18)]),
    ]


def test_thoughts_that_only_end_are_withdrawn() -> None:
    assert said_at_last("绿茶用 80 度左右的水冲泡。[1]\n</think>\n\n咖啡豆要放在密封罐里。[2]") == [
        "咖啡豆要放在密封罐里。"
    ]


def said_at_last(*pieces: str) -> list[str]:
    """The texts of the drafts that are not withdrawn."""
    found: list[str] = []
    for item in written(*pieces):
        if isinstance(item, Restart):
            found.clear()
        elif isinstance(item, Draft):
            found.append(item.text)
    return found


def test_a_model_that_repeats_itself_is_stopped() -> None:
    with ScriptedServer(goes_on("绿茶用 80 度的水。[1] ")) as server:
        (only,) = generator(server).generate(QUESTION, (TEA, COFFEE), ())
        assert isinstance(only, Draft)
        assert server.left.wait(5)


def shown(reply: str) -> str:
    """The Markdown of the answer, without citations."""
    return "".join(item.before + item.text for item in written(reply) if isinstance(item, Draft))


@pytest.mark.parametrize(
    ("first", "second"),
    [("**绿茶**\n\n", "**红茶**\n\n"), ("- **绿茶**\n", "- **红茶**\n"), ("绿茶：\n\n", "红茶：\n\n")],
)
def test_the_same_words_about_something_else_are_no_repetition(first: str, second: str) -> None:
    item = "- 用 80 度左右的水冲泡。"
    reply = f"{first}{item}[1]\n- 水太烫会变苦。[1]\n\n{second}{item}[1]\n- 豆子要密封。[2]"
    assert [line for line in shown(reply).splitlines() if line] == [
        *first.split("\n")[:1],
        item,
        "- 水太烫会变苦。",
        *second.split("\n")[:1],
        item,
        "- 豆子要密封。",
    ]


def test_the_same_words_with_other_numbers_are_no_repetition() -> None:
    said = "绿茶用 80 度左右的水冲泡。"
    assert [text for text, _ in drafts(f"{said}[1] {said}[1] {said}[1][2]")] == [said, said]


def test_the_heading_of_a_repetition_stays() -> None:
    hot, bitter = "用 80 度左右的水冲泡。", "水太烫会变苦。"
    reply = f"**绿茶**\n\n{hot}[1]\n\n**保存**\n\n豆子要密封。[2]\n\n**绿茶**\n\n{hot}[1]\n\n{bitter}[1]"
    assert shown(reply) == f"**绿茶**\n\n{hot}\n\n**保存**\n\n豆子要密封。\n\n**绿茶**\n\n{bitter}"


def test_what_the_prompt_took_out_of_a_note_is_back_in_the_answer() -> None:
    assert drafts("绿茶用 80 度左右的水冲泡，结尾是 ‹|im_end|>。[1]")[0][0].endswith("结尾是 <|im_end|>。")


def test_closing_the_answer_ends_the_request() -> None:
    def step(handler: Any) -> None:
        says("绿茶用 80 度左右的水冲泡。[1] 水太烫会让茶汤变苦。[1]", finish=None)(handler)
        goes_on("还有")(handler)

    with ScriptedServer(step) as server:
        items = generator(server).generate(QUESTION, (TEA, COFFEE), ())
        next(items)
        assert not server.left.is_set()
        items.close()  # type: ignore[attr-defined]
        assert server.left.wait(5)


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_chat_model_start(self, serialized: dict[str, Any], messages: list[list[Any]], **rest: Any) -> None:
        self.seen.append(f"start {rest['tags']}")

    def on_llm_new_token(self, token: Any, **rest: Any) -> None:
        self.seen.append(f"token {token}")

    def on_llm_end(self, response: Any, **rest: Any) -> None:
        self.seen.append("end")


def test_langchain_callbacks_see_the_model_at_work() -> None:
    recorder = Recorder()
    with ScriptedServer(says("绿茶用 80 度的水。", "[1]")) as server:
        list(generator(server).generate(QUESTION, (TEA,), (), {"callbacks": [recorder], "tags": ["mine"]}))
    assert recorder.seen[0] == "start ['mine']"
    assert [entry for entry in recorder.seen if entry.strip() != "token"][1:] == [
        "token 绿茶用 80 度的水。",
        "token [1]",
        "end",
    ]


def test_callbacks_of_a_surrounding_chain_see_it_too() -> None:
    recorder = Recorder()
    with ScriptedServer(says("绿茶用 80 度的水。[1]")) as server:
        chain: RunnableLambda[Query, list[object]] = RunnableLambda(
            lambda query: list(generator(server).generate(query, (TEA,), ()))
        )
        chain.invoke(QUESTION, {"callbacks": [recorder], "tags": ["outer"]})
    assert recorder.seen[0] == "start ['outer']"
    assert recorder.seen[-1] == "end"


def test_nothing_is_traced_unless_asked_for() -> None:
    assert not {"LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"} & set(os.environ)
    with ScriptedServer(says("绿茶用 80 度的水。[1]")) as server:
        list(generator(server).generate(QUESTION, (TEA,), ()))
    assert not {"LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"} & set(os.environ)


def test_contact_tells_which_model_answers_and_how_fast() -> None:
    with ScriptedServer(says("O", "K")) as server:
        contact = served(server).contact()
    assert (contact.model, contact.reply) == ("scripted-model", "OK")
    assert 0 < contact.first_seconds <= contact.seconds


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (fails(401, "wrong key sk-secret"), "HTTP 401: wrong key **********"),
        (fails(404, "no such model"), "HTTP 404: no such model"),
        (says(), "its reply was empty"),
    ],
)
def test_contact_tells_why_a_model_does_not_answer(step: Step, told: str) -> None:
    with ScriptedServer(step) as server, pytest.raises(ModelUnavailable) as caught:
        served(server).contact()
    assert f"does not answer ({told}): tea-model @ {server.base_url}:" in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def condensed(reply: str, question: str, history: Sequence[str]) -> str:
    with ScriptedServer(says(reply)) as server:
        query = ChatCondenser(served(server))(question, history)
    assert (query.asked, query.history) == (question, tuple(history))
    return query.question


@pytest.mark.parametrize(
    "reply",
    [
        "红茶用多少度的水冲泡？",
        "改写：红茶用多少度的水冲泡？",
        "<think>\n换成红茶\n</think>\n\n“红茶用多少度的水冲泡？”\n",
        "换成红茶。</think>红茶用多少度的水冲泡？",
        "好的，改写如下：\n红茶用多少度的水冲泡？",
        "**改写**：红茶用多少度的水冲泡？",
        "**改写后的问题：** “红茶用多少度的水冲泡？”",
        "最后的问题：那红茶呢？\n改写：红茶用多少度的水冲泡？",
        "红茶用多少度的水冲泡？\n\n（把“那”换成了红茶。）",
    ],
)
def test_the_model_makes_a_follow_up_stand_alone(reply: str) -> None:
    assert condensed(reply, "那红茶呢？", ["绿茶用多少度的水冲泡？"]) == "红茶用多少度的水冲泡？"


@pytest.mark.parametrize("reply", ["红茶怎么泡", "请介绍红茶的泡法", "红茶用多少度的水冲泡"])
def test_a_rewrite_needs_no_question_mark(reply: str) -> None:
    assert condensed(reply, "那红茶呢？", ["绿茶用多少度的水冲泡？"]) == reply


def test_only_a_leading_label_is_taken_off() -> None:
    asked = "查询改写：有哪些做法？"
    assert condensed(asked, "有哪些做法？", ["什么是查询改写？"]) == asked


def test_an_english_preamble_is_no_question() -> None:
    reply = "Sure! Here is the rewritten question:\nHow is black tea brewed?"
    assert condensed(reply, "And black tea?", ["How is green tea brewed?"]) == "How is black tea brewed?"


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "改写它的缺点：",
        "How hot is black tea?",
        "红茶和 GPT-4 用多少度的水？",
        "红茶" * 200,
        "<think>红茶",
        "抱歉，我不知道。",
        "抱歉，你指的是什么？",
        "它的缺点是秩太小。",
        "它有哪些缺点？",
    ],
)
def test_a_rewrite_that_cannot_be_right_gives_way_to_the_rules(reply: str) -> None:
    history = ["LoRA 的秩怎么选？"]
    assert condensed(reply, "它有哪些缺点？", history) == condense("它有哪些缺点？", history).question


def test_a_first_question_is_not_sent_to_be_rewritten() -> None:
    with ScriptedServer(says("别的问题")) as server:
        assert ChatCondenser(served(server))("绿茶怎么泡？", ()).question == "绿茶怎么泡？"
        assert server.seen == []


def test_without_a_chat_model_there_is_nobody_to_send_to() -> None:
    assert Application(Settings(chat_base_url="http://127.0.0.1:9/v1", chat_api_key=SecretStr("k"))).chat_model is None


def test_the_settings_name_the_chat_model() -> None:
    settings = Settings(chat_model="m", chat_base_url="http://127.0.0.1:9/v1", chat_max_tokens=50)
    assert Application(settings).chat_model == ServedChatModel(
        "m", "http://127.0.0.1:9/v1", SecretStr(""), 0.0, 50, 60.0
    )


def test_the_key_shows_nowhere() -> None:
    settings = Settings(chat_model="m", chat_api_key=SecretStr("sk-secret"))
    application = Application(settings)
    shown = (settings, settings.model_dump(mode="json"), application, application.chat_model)
    assert "sk-secret" not in f"{shown!r} {shown}"
