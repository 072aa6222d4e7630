"""An OpenAI-compatible server on loopback that does what a script tells it, faults included."""

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append({"path": self.path, "headers": dict(self.headers), "body": json.loads(body)})
        step = self.server.steps.pop(0) if len(self.server.steps) > 1 else self.server.steps[0]
        try:
            step(self)
        except OSError:
            self.server.left.set()
        self.close_connection = True

    def begin(self, status: int, content_type: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def event(self, data: bytes) -> None:
        self.wfile.write(b"data: " + data + b"\n\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None: ...


Step = Callable[[Handler], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    steps: list[Step]
    seen: list[dict[str, Any]]
    closing: threading.Event
    left: threading.Event


class ScriptedServer:
    """Takes one step for each request; the last step stays. ``seen`` holds the requests; ``left`` is set when a client
    went away in the middle of a reply."""

    def __init__(self, *steps: Step) -> None:
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.steps = list(steps)
        self._server.seen = []
        self._server.closing = threading.Event()
        self._server.left = threading.Event()
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def seen(self) -> list[dict[str, Any]]:
        return self._server.seen

    @property
    def left(self) -> threading.Event:
        return self._server.left

    def __enter__(self) -> "ScriptedServer":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()


def _chunk(delta: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "scripted-model", "choices": [choice]}
    return json.dumps(body).encode()


def says(*pieces: str, finish: str | None = "stop") -> Step:
    """The reply in pieces; without ``finish`` it breaks off there."""

    def step(handler: Handler) -> None:
        handler.begin(200, "text/event-stream")
        handler.event(_chunk({"role": "assistant", "content": ""}, None))
        for piece in pieces:
            handler.event(_chunk({"content": piece}, None))
        if finish is not None:
            handler.event(_chunk({}, finish))
            handler.event(b"[DONE]")

    return step


def breaks_the_chunked_encoding(piece: str) -> Step:
    """One piece of a chunked reply, then the connection is cut."""

    def step(handler: Handler) -> None:
        handler.begin(200, "text/event-stream", Transfer_Encoding="chunked")
        data = b"data: " + _chunk({"content": piece}, None) + b"\n\n"
        handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        handler.wfile.write(b"ffff\r\ndata: ")
        handler.wfile.flush()

    return step


def goes_on(piece: str, name: str = "content") -> Step:
    """The same piece again and again until the client leaves; ``name`` is the field that holds it."""
    return _sends_on(_chunk({name: piece}, None))


def sends_no_choices() -> Step:
    """Pieces without a choice, again and again until the client leaves."""
    return _sends_on(json.dumps({**json.loads(_chunk({}, None)), "choices": []}).encode())


def _sends_on(data: bytes) -> Step:
    def step(handler: Handler) -> None:
        handler.begin(200, "text/event-stream")
        while not handler.server.closing.wait(0.005):
            handler.event(data)

    return step


def reasons(name: str, pieces: int, pause: float, reply: str) -> Step:
    """Pieces of reasoning in the field ``name``, ``pause`` seconds before each, then the reply."""

    def step(handler: Handler) -> None:
        handler.begin(200, "text/event-stream")
        for _ in range(pieces):
            handler.server.closing.wait(pause)
            handler.event(_chunk({name: "hm "}, None))
        handler.event(_chunk({"content": reply}, "stop"))
        handler.event(b"[DONE]")

    return step


def stalls(*pieces: str, signs_of_life: bool = False) -> Step:
    """The pieces and then nothing; with ``signs_of_life`` comments that keep the connection from timing out."""

    def step(handler: Handler) -> None:
        handler.begin(200, "text/event-stream")
        for piece in pieces:
            handler.event(_chunk({"content": piece}, None))
        while not handler.server.closing.wait(0.02):
            if signs_of_life:
                handler.wfile.write(b": keep-alive\n\n")
                handler.wfile.flush()

    return step


def fails(status: int, message: str, code: str = "", **headers: str) -> Step:
    """An error status with a body as OpenAI's."""

    def step(handler: Handler) -> None:
        body = json.dumps({"error": {"message": message, "type": "error", "code": code or None}}).encode()
        handler.begin(status, "application/json", Content_Length=str(len(body)), **headers)
        handler.wfile.write(body)

    return step


def fails_midway(*pieces: str, message: str) -> Step:
    """The pieces, then an error as an event of the stream."""

    def step(handler: Handler) -> None:
        handler.begin(200, "text/event-stream")
        for piece in pieces:
            handler.event(_chunk({"content": piece}, None))
        handler.event(json.dumps({"error": {"message": message}}).encode())

    return step


def sends(body: bytes, content_type: str = "text/event-stream") -> Step:
    """Any bytes with status 200."""

    def step(handler: Handler) -> None:
        handler.begin(200, content_type)
        handler.wfile.write(body)

    return step


def hangs_up(handler: Handler) -> None:
    """Closes the connection without a word."""


def user_message(request: dict[str, Any]) -> str:
    messages: Sequence[dict[str, str]] = request["body"]["messages"]
    return messages[-1]["content"]
