"""The page's web server: who may connect, what the browser may load, and the files it may fetch."""

import base64
import hmac
import ipaddress
import secrets
import socket
import threading
from collections.abc import Callable
from html import escape
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.errors import BadInput, NoteciteError
from ingest.phrases import Language, Phrase
from ui.app import mount
from ui.conversations import as_markdown
from ui.desk import Desk
from ui.person import COOKIE, person_of

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""The browser keeps everything on this origin, whatever a note or a library of the page may contain."""

REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "frame-ancestors 'self'; sandbox allow-scripts"
)
"""Lets a report draw its charts, but gives it no origin, so that it can reach nothing."""

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b6e69"/>'
    '<path d="M11 8H8v16h3M21 8h3v16h-3M16 11v10" stroke="white" stroke-width="3" fill="none"/></svg>'
)
_SHOWN = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_YEAR_SECONDS = 365 * 24 * 3600


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_address(host: str, password: str, open_to_all: bool) -> None:
    """Raises BadInput for an address that others can reach without a password, unless ``open_to_all`` allows it."""
    if not (is_loopback(host) or password or open_to_all):
        raise BadInput(
            Phrase("other machines could read your notes at this address", "其他机器能通过这个地址读到你的笔记"),
            host,
            Phrase(
                "set a password with NOTECITE_PASSWORD or --password, or allow it with --no-password",
                "请用 NOTECITE_PASSWORD 或 --password 设置密码，或明确指定 --no-password",
            ),
        )


class Guard:
    """Checks the password, gives each browser its own token, and tells it what it may load.

    Refuses requests that another web site sends. On a loopback address, answers only requests that name it, so that no
    site can reach the page by a name of its own. ``language`` is as in ``build``.
    """

    def __init__(self, app: ASGIApp, password: str, loopback_only: bool, language: Language | None = None) -> None:
        self._app = app
        self._password = password
        self._loopback_only = loopback_only
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        connection = HTTPConnection(scope)
        refusal = self._refusal(headers, _language_of(connection, self._language))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        fresh = "" if COOKIE in connection.cookies else secrets.token_urlsafe(24)
        if fresh:
            joined = "; ".join(part for part in (headers.get("cookie", ""), f"{COOKIE}={fresh}") if part)
            rest = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
            scope = {**scope, "headers": [*rest, (b"cookie", joined.encode("latin-1"))]}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message.get("headers", [])}
                added = [
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"same-origin"),
                ]
                if b"content-security-policy" not in own:
                    added.append((b"content-security-policy", POLICY.encode()))
                if fresh:
                    value = f"{COOKIE}={fresh}; Path=/; Max-Age={_YEAR_SECONDS}; HttpOnly; SameSite=Lax"
                    added.append((b"set-cookie", value.encode()))
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _refusal(self, headers: dict[str, str], language: Language) -> Response | None:
        host = headers.get("host", "").rsplit(":", 1)[0]
        if self._loopback_only and not is_loopback(host):
            return PlainTextResponse(Phrase("unknown host", "未知的主机名").to(language), 421)
        origin = headers.get("origin")
        if origin and urlsplit(origin).netloc != headers.get("host", ""):
            return PlainTextResponse(Phrase("not from this page", "请求不是来自本页面").to(language), 403)
        if not self._password:
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        try:
            password = base64.b64decode(given).partition(b":")[2] if scheme.lower() == "basic" else b""
        except ValueError:
            password = b""
        if hmac.compare_digest(password, self._password.encode()):
            return None
        return PlainTextResponse(
            Phrase("password needed", "需要密码").to(language),
            401,
            {"WWW-Authenticate": 'Basic realm="notecite", charset="UTF-8"'},
        )


def build(desk: Desk, *, password: str = "", loopback_only: bool = True, language: Language | None = None) -> ASGIApp:
    """The whole application; its models load in the background.

    ``language`` overrides the browser's preference on a first visit.
    """
    app = FastAPI(openapi_url=None)

    @app.get("/")
    def choose_language(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(
            f"/{_language_of(request, language)}/{query}", headers={"Vary": "Accept-Language, Cookie"}
        )

    @app.get("/alive")
    def alive() -> Response:
        return Response(status_code=204)

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(ICON, media_type="image/svg+xml")

    @app.get("/manifest.json")
    def manifest() -> dict[str, str]:
        return {"name": "notecite"}

    @app.get("/export/{conversation_id}.md")
    def export(conversation_id: str, request: Request, language: Language = "en") -> Response:
        try:
            conversation = desk.conversations(person_of(request.cookies)).get(conversation_id)
        except NoteciteError as error:
            raise HTTPException(404, error.to(language)) from error
        return Response(
            as_markdown(conversation, language),
            media_type="text/markdown; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="conversation-{conversation_id}.md"'},
        )

    @app.get("/file")
    def file(document: str, language: Language = "en") -> Response:
        try:
            path = desk.file(document)
        except NoteciteError as error:
            raise HTTPException(404, error.to(language)) from error
        # A saved web page is shown as text, because as HTML it would run on this origin.
        kind = _SHOWN.get(path.suffix.lower(), "text/plain; charset=utf-8")
        return FileResponse(path, media_type=kind, filename=path.name, content_disposition_type="inline")

    @app.get("/page.png")
    def page_image(document: str, page: int, language: Language = "en") -> Response:
        try:
            return Response(desk.page_image(document, page), media_type="image/png")
        except NoteciteError as error:
            raise HTTPException(404, error.to(language)) from error

    @app.get("/report")
    def report(run: str, old: str = "", language: Language = "en") -> Response:
        from eval.report import html_report

        try:
            named = [desk.measuring.run(name) for name in (old, run) if name]
            return HTMLResponse(html_report(named, language), headers={"Content-Security-Policy": REPORT_POLICY})
        except NoteciteError as error:
            return HTMLResponse(f"<p>{escape(error.to(language))}</p>", 404)

    mount(app, desk)
    threading.Thread(target=desk.warm_up, name="warm-up", daemon=True).start()
    return Guard(app, password, loopback_only, language)


def _language_of(connection: HTTPConnection, first: Language | None) -> Language:
    """The language that was last chosen on the page, else ``first``, else the browser's."""
    chosen = connection.cookies.get("notecite_language")
    if chosen in ("en", "zh"):
        return "zh" if chosen == "zh" else "en"
    return first or _preferred(connection.headers.get("accept-language", ""))


def _preferred(accepted: str) -> Language:
    """The first of the browser's languages that the page has."""
    for part in accepted.lower().split(","):
        if part.strip().startswith("zh"):
            return "zh"
        if part.strip().startswith("en"):
            return "en"
    return "en"


def run(
    desk: Desk,
    host: str,
    port: int,
    *,
    password: str = "",
    language: Language | None = None,
    on_ready: Callable[[str], None],
) -> None:
    """Serves until interrupted; passes the address to ``on_ready`` once it answers. Port 0 takes a free one.

    Raises BadInput when the address or port cannot be used.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host.strip("[]"), port), family=family)
    except OSError as error:
        # What follows the reason repeats the address.
        reason = str(error.strerror).partition(" (while")[0]
        raise BadInput(
            Phrase(f"the page cannot be served here ({reason})", f"无法在此地址提供页面（{reason}）"),
            f"{host}:{port}",
            Phrase("choose another with --host or --port", "请用 --host 或 --port 另选"),
        ) from error
    server = _Server(
        uvicorn.Config(
            build(desk, password=password, loopback_only=is_loopback(host), language=language),
            log_level="error",
            timeout_graceful_shutdown=2,
        )
    )
    shown_host = f"[{host.strip('[]')}]" if ":" in host else host
    server.on_ready = lambda: on_ready(f"http://{shown_host}:{listener.getsockname()[1]}/")
    try:
        server.run(sockets=[listener])
    finally:
        desk.close()


class _Server(uvicorn.Server):
    on_ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_ready()
