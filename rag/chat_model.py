"""A chat model on any OpenAI-compatible server (OpenAI, DeepSeek, Qwen, Ollama, vLLM, llama.cpp …).

Only this module imports langchain-openai. Every failure of a server is raised as a ``ChatFailed``:

===============  =====================================================================  ============
kind             what happened                                                          asked again
===============  =====================================================================  ============
``unreachable``  no connection                                                          yes
``busy``         429, 408 or 409                                                        yes
``server``       5xx, or an error sent in the middle of the reply                       yes
``broken``       the reply ended before its end was announced                           yes
``timeout``      no text and no reasoning for ``timeout_seconds``, or no end in 20      no
                 times as long
``context``      the server says that the prompt is too long                            with a shorter one
``rejected``     401, 403, 404, another 4xx, no quota left, or the content filter       no
``malformed``    no stream of reply pieces, or half a character in one                  no
``empty``        a reply without text                                                   no
``cut``          the reply reached its token limit; raised after its last piece         no
``unfounded``    nothing in the reply is in the notes; raised by ``rag/chat.py``        no
===============  =====================================================================  ============

A server that asks for a wait of more than 20 s is not asked again. What a callback raises is no failure of the server
and stays as it is.
"""

import contextlib
import contextvars
import queue
import re
import threading
import time
import traceback
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from ingest.errors import ModelUnavailable
from ingest.phrases import Phrase
from rag.prompt import Message
from rag.protocols import Config

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk
    from langchain_openai import ChatOpenAI

OPENAI = "https://api.openai.com/"
_LONGEST_PATIENCE = 20.0
"""The longest wait, in seconds, that a server may ask for; beyond it, it is not asked again."""
_LONGEST_REASON = 160
_LONGEST_REPLY = 20
"""A reply may take this many times ``timeout_seconds`` from its request to its end."""
_REASONING = "reasoning_content"
_REASONING_FIELDS = (_REASONING, "reasoning")
"""Where servers send reasoning apart from the text: DeepSeek, vLLM and llama.cpp in the first, Ollama in the second."""
_CHARACTERS_PER_TOKEN = 10
"""A server that sends more than this for each token allowed does not keep the limit."""

FailureKind = Literal[
    "unreachable",
    "busy",
    "server",
    "broken",
    "timeout",
    "context",
    "rejected",
    "malformed",
    "empty",
    "cut",
    "unfounded",
]

_TOO_LONG = re.compile(
    r"context.{0,24}(?:length|size|window|limit|overflow)|(?:length|size|overflow)\w*.{0,24}context|prompt is too long"
    r"|too many (?:input )?tokens|tokens? exceed|exceed(?:s|ed)? .{0,40}token|max_new_tokens|input is too long"
    r"|input length should be|max_seq_len|超长",
    re.IGNORECASE,
)


class ChatFailed(Exception):
    """``wait``: seconds after which asking again may help; None if it does not help."""

    def __init__(self, kind: FailureKind, reason: Phrase, wait: float | None = None) -> None:
        self.kind = kind
        self.reason = reason
        self.wait = wait
        super().__init__(reason.en)


class _SentError(Exception):
    """``body``: the error that a server sent in place of a piece."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = dict(body)
        super().__init__(self.body)


@dataclass(frozen=True, slots=True)
class Contact:
    """How a server answered: the model it names, seconds to the first piece and to the last, and the reply."""

    model: str
    first_seconds: float
    seconds: float
    reply: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """How many tokens a chat model ``read`` and ``wrote`` in all replies to one question."""

    read: int
    wrote: int


class UsageCounter:
    """Counts the tokens of every reply that is asked for with its ``config``."""

    def __init__(self) -> None:
        from langchain_core.callbacks import UsageMetadataCallbackHandler

        self._handler = UsageMetadataCallbackHandler()

    @property
    def config(self) -> Config:
        return {"callbacks": [self._handler]}

    @property
    def tokens(self) -> TokenUsage | None:
        """None as long as no server has reported any."""
        told = self._handler.usage_metadata.values()
        if not told:
            return None
        return TokenUsage(sum(usage["input_tokens"] for usage in told), sum(usage["output_tokens"] for usage in told))


@dataclass(frozen=True)
class ServedChatModel:
    """``max_tokens`` bounds a reply, ``timeout_seconds`` the wait for each piece of it that has text or reasoning; the
    whole reply may take 20 times as long. Only waiting for the server counts."""

    model: str
    base_url: str
    api_key: SecretStr
    temperature: float
    max_tokens: int
    timeout_seconds: float

    def reply(self, messages: Sequence[Message], config: Config | None = None) -> Generator[str]:
        """The pieces of the reply. It is requested immediately, not when the first piece is taken. Raises ChatFailed.
        Closing the generator ends the request at its next piece. LangChain's ``config`` holds a user's callbacks; what
        one with ``raise_error`` raises is raised here."""
        return self._text(self._chunks(messages, config))

    def contact(self) -> Contact:
        """Asks for one word. Raises ModelUnavailable, which says what to do."""
        chunks = self._chunks((("user", "Reply with the single word OK."),), None)
        start = time.perf_counter()
        first, text, model = 0.0, "", ""
        try:
            with contextlib.closing(chunks):
                for chunk in chunks:
                    text += _printable(chunk.text)
                    model = str(chunk.response_metadata.get("model_name") or model)
                    if text and not first:
                        first = time.perf_counter() - start
                    if len(text) > _LONGEST_REASON:
                        break
            if not text:
                raise _empty()
        except ChatFailed as failed:
            # Whether its word was cut short says nothing about whether it answers.
            if failed.kind != "cut" or not text:
                why = failed.reason
                raise ModelUnavailable(
                    Phrase(f"the chat model does not answer ({why.en})", f"对话模型没有回答（{why.zh}）"),
                    f"{self.model} @ {self.base_url}",
                    _NEXT_STEP.get(failed.kind, _LOOK_AT_THE_SERVER),
                ) from failed
        return Contact(model or self.model, first, time.perf_counter() - start, text.strip())

    @cached_property
    def _client(self) -> "ChatOpenAI":
        from langchain_openai import ChatOpenAI

        class ReasoningChatOpenAI(ChatOpenAI):
            """Keeps the reasoning, which the class leaves out: it shows that the server is at work. Raises the error
            that vLLM sends in place of a piece, which the class takes for an empty one."""

            def _convert_chunk_to_generation_chunk(self, chunk: dict[str, Any], *rest: Any, **named: Any) -> Any:
                if chunk.get("object") == "error":
                    raise _SentError(chunk)
                made = super()._convert_chunk_to_generation_chunk(chunk, *rest, **named)
                if made is not None and (reasoning := _reasoning(chunk)):
                    made.message.additional_kwargs[_REASONING] = reasoning
                return made

        # OpenAI's newest models refuse the old name of the limit; most other servers know only that.
        ours = self.base_url.startswith(OPENAI)
        limit: dict[str, Any] = (
            {"max_completion_tokens": self.max_tokens} if ours else {"extra_body": {"max_tokens": self.max_tokens}}
        )
        return ReasoningChatOpenAI(
            model=self.model,
            base_url=self.base_url,
            api_key=self.api_key if self.api_key.get_secret_value() else SecretStr("none"),
            temperature=self.temperature,
            timeout=self.timeout_seconds,
            max_retries=0,
            use_responses_api=False,
            **limit,
        )

    def _chunks(self, messages: Sequence[Message], config: Config | None) -> "Generator[AIMessageChunk]":
        """The pieces, read in a separate thread: a server that only sends signs of life would block this one for
        ever."""
        arrived: queue.SimpleQueue[AIMessageChunk | Exception | None] = queue.SimpleQueue()
        stopped = threading.Event()

        def read() -> None:
            try:
                with contextlib.closing(self._stream(messages, config)) as stream:
                    for chunk in stream:
                        if stopped.is_set():
                            return
                        arrived.put(chunk)
                arrived.put(None)
            except Exception as error:
                # The waiting thread gives every error that a server can cause its name.
                arrived.put(error)

        # What loads LangChain the first time is not the server's time. An error comes again where it is given its name.
        with contextlib.suppress(Exception):
            _ = self._client
        # The copy passes on LangChain's own context, where a surrounding chain keeps its callbacks.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(read,), name="chat-model", daemon=True).start()
        return self._waiting(arrived, stopped)

    def _stream(self, messages: Sequence[Message], config: Config | None) -> "Generator[AIMessageChunk]":
        """Also asks for the number of tokens; a server that does not know this option is asked again without it."""
        import openai

        def chunks(usage: bool) -> Any:
            return self._client.stream(list(messages), config=config, stream_usage=usage)  # type: ignore[arg-type]

        try:
            yield from chunks(usage=True)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if "stream_options" not in self._told(error):
                raise
            yield from chunks(usage=False)

    def _waiting(
        self, arrived: "queue.SimpleQueue[AIMessageChunk | Exception | None]", stopped: threading.Event
    ) -> "Generator[AIMessageChunk]":
        finish, characters = "", 0
        longest = self.timeout_seconds * _LONGEST_REPLY
        silent = total = 0.0
        try:
            while True:
                left, all_left = self.timeout_seconds - silent, longest - total
                start = time.monotonic()
                try:
                    # Even if a piece is there: pieces without text may come faster than they are taken.
                    if min(left, all_left) <= 0:
                        raise queue.Empty
                    chunk = arrived.get(timeout=min(left, all_left))
                except queue.Empty:
                    raise (_timeout(self.timeout_seconds) if left < all_left else _endless(longest)) from None
                waited = time.monotonic() - start
                total += waited
                if isinstance(chunk, Exception):
                    if _is_of_a_callback(chunk):
                        raise chunk
                    raise self._failure(chunk, characters > 0) from chunk
                if chunk is None:
                    break
                finish = str(chunk.response_metadata.get("finish_reason") or finish)
                said = len(chunk.text) + len(chunk.additional_kwargs.get(_REASONING, ""))
                silent = 0.0 if said else silent + waited
                characters += said
                yield chunk
                if characters > self.max_tokens * _CHARACTERS_PER_TOKEN:
                    finish = "length"
                    break
        finally:
            stopped.set()
        if not finish:
            # Without chunked encoding a lost connection looks like an end.
            raise _broken() if characters else _empty()
        if finish == "length":
            raise ChatFailed("cut", Phrase("its limit of tokens was reached", "达到了长度上限"))
        if finish == "content_filter":
            raise ChatFailed("rejected", Phrase("the server's content filter stopped it", "服务器的内容过滤中止了它"))

    def _text(self, chunks: "Generator[AIMessageChunk]") -> Generator[str]:
        empty = True
        with contextlib.closing(chunks):
            for chunk in chunks:
                text = _printable(chunk.text)
                if text:
                    empty = empty and not text.strip()
                    yield text
        if empty:
            raise _empty()

    def _failure(self, error: Exception, begun: bool) -> ChatFailed:
        import openai

        told = self._told(error)
        if isinstance(error, openai.APITimeoutError):
            return _timeout(self.timeout_seconds)
        if isinstance(error, openai.APIConnectionError):
            unreachable = Phrase("the server cannot be reached", "连接不上服务器")
            return _broken() if begun else ChatFailed("unreachable", unreachable, wait=0)
        if isinstance(error, openai.APIStatusError):
            return _status(error, told)
        if isinstance(error, (openai.APIError, _SentError)):
            if _TOO_LONG.search(told):
                return ChatFailed("context", _context(told))
            return ChatFailed("server", Phrase(f"the server says: {told}", f"服务器报错：{told}"), wait=0)
        return ChatFailed("malformed", Phrase(f"its reply cannot be read ({told})", f"它的回复无法读取（{told}）"))

    def _told(self, error: Exception) -> str:
        """The error's own message on one short line, the key masked."""
        body = getattr(error, "body", None)
        message = body.get("message") if isinstance(body, dict) else None
        text = " ".join(_printable(str(message or getattr(error, "message", "") or error)).split())
        if key := self.api_key.get_secret_value():
            text = text.replace(key, "**********")
        text = text or type(error).__name__
        return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _empty() -> ChatFailed:
    return ChatFailed("empty", Phrase("its reply was empty", "它的回复是空的"))


def _broken() -> ChatFailed:
    return ChatFailed("broken", Phrase("the connection broke off half-way", "连接中途断开"), wait=0)


_LOOK_AT_THE_SERVER = Phrase(
    "look whether the server runs; chat_base_url usually ends in /v1",
    "请确认服务器正在运行；chat_base_url 通常以 /v1 结尾",
)
_NEXT_STEP: dict[FailureKind, Phrase] = {
    "rejected": Phrase(
        "check chat_model, chat_base_url and chat_api_key", "请检查 chat_model、chat_base_url、chat_api_key"
    ),
    "busy": Phrase("try again later", "请稍后再试"),
    "timeout": Phrase(
        "raise chat_timeout_seconds or take a smaller model", "请调大 chat_timeout_seconds，或换小一些的模型"
    ),
    "cut": Phrase(
        "raise chat_max_tokens; context_tokens must be at least twice that",
        "请调大 chat_max_tokens，context_tokens 至少要有它的两倍",
    ),
    "context": Phrase(
        "set context_tokens to what the model can read and write together",
        "请把 context_tokens 设为模型读写合计的上限",
    ),
    "empty": Phrase("try again or take another model", "请重试，或换一个模型"),
}


def _timeout(seconds: float) -> ChatFailed:
    return ChatFailed("timeout", Phrase(f"nothing came for {seconds:g} s", f"{seconds:g} 秒没有任何输出"))


def _endless(seconds: float) -> ChatFailed:
    return ChatFailed("timeout", Phrase(f"its reply had no end after {seconds:g} s", f"{seconds:g} 秒后回复仍未结束"))


def _context(told: str) -> Phrase:
    return Phrase(f"the prompt was too long for it: {told}", f"提示超出了它的上下文：{told}")


def _status(error: Any, told: str) -> ChatFailed:
    status: int = error.status_code
    reason = Phrase(f"HTTP {status}: {told}", f"HTTP {status}：{told}")
    if status in (400, 413, 422, 500) and _TOO_LONG.search(told):
        return ChatFailed("context", _context(told))
    asked_for = _retry_after(error.response.headers.get("retry-after", ""))
    wait = asked_for if asked_for <= _LONGEST_PATIENCE else None
    if status in (408, 409, 429) and error.code != "insufficient_quota":
        return ChatFailed("busy", reason, wait)
    if status >= 500:
        return ChatFailed("server", reason, wait)
    return ChatFailed("rejected", reason)


def _is_of_a_callback(error: Exception) -> bool:
    """Whether a callback raised it. Its type does not tell, as LangChain raises any type for a malformed piece."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__") == "langchain_core.callbacks.manager" for frame, _ in frames)


def _reasoning(piece: Mapping[str, Any]) -> str:
    """The reasoning in a piece as the server sent it; empty if there is none."""
    choices = piece.get("choices")
    delta = choices[0]["delta"] if choices else {}
    return next((told for name in _REASONING_FIELDS if isinstance(told := delta.get(name), str) and told), "")


def _retry_after(header: str) -> float:
    """The seconds to wait; 0 if none are given, or a date in the past."""
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return 0.0


def _printable(text: str) -> str:
    """``text`` without replacement characters and lone surrogates, which stand for broken characters."""
    return text.encode("utf-8", "ignore").decode().replace("\N{REPLACEMENT CHARACTER}", "")
