import base64
import socket
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.testclient import TestClient

from ingest.errors import BadInput, NotFound
from ingest.phrases import Phrase
from rag.settings import load_settings
from ui.desk import Desk
from ui.person import person_of
from ui.server import POLICY, REPORT_POLICY, Guard, build, check_address, is_loopback, run


def guarded(password: str = "", loopback_only: bool = True, host: str = "127.0.0.1:7860") -> TestClient:
    app = FastAPI()

    @app.get("/")
    def who(request: Request) -> str:
        return person_of(request.cookies)

    return TestClient(Guard(app, password, loopback_only), base_url=f"http://{host}")


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


@pytest.mark.parametrize(("host", "expected"), [("127.0.0.1", True), ("::1", True), ("[::1]", True)])
def test_loopback_addresses_are_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_another_address_needs_a_password_or_a_clear_word(host: str) -> None:
    with pytest.raises(BadInput, match="--no-password"):
        check_address(host, "", False)
    check_address(host, "secret", False)
    check_address(host, "", True)


def test_each_browser_gets_its_own_token_and_keeps_it() -> None:
    one, two = guarded(), guarded()
    first = one.get("/").json()
    assert len(first) == 32
    assert one.get("/").json() == first
    assert two.get("/").json() != first


@pytest.mark.parametrize("others", ['prefs={"a":1}', "t=a b", "flag", "a/b=1", "a=1"])
def test_cookies_of_other_ports_do_not_take_the_token_away(others: str) -> None:
    for cookies in (f"{others}; notecite_person=mine", f"notecite_person=mine; {others}"):
        answer = guarded().get("/", headers={"Cookie": cookies})
        assert (answer.json(), answer.headers.get("set-cookie")) == ("mine", None)
    answer = guarded().get("/", headers={"Cookie": others})
    assert f"notecite_person={answer.json()}; Path=/" in answer.headers["set-cookie"]


def test_a_token_cannot_be_read_by_scripts() -> None:
    cookie = guarded().get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_without_the_password_nobody_comes_in() -> None:
    client = guarded("geheim")
    assert client.get("/").status_code == 401
    assert client.get("/", headers=basic("wrong")).status_code == 401
    assert client.get("/", headers={"Authorization": "Basic ///"}).status_code == 401
    assert client.get("/", headers=basic("geheim")).status_code == 200


def test_on_loopback_only_its_own_names_are_answered() -> None:
    assert guarded(host="evil.example").get("/").status_code == 421
    assert guarded(host="localhost:7860").get("/").status_code == 200
    assert guarded(host="notes.example", loopback_only=False).get("/").status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"), [("http://127.0.0.1:7860", 200), ("http://evil.example", 403), ("null", 403)]
)
def test_what_another_site_sends_is_refused(origin: str, status: int) -> None:
    assert guarded().get("/", headers={"Origin": origin}).status_code == status


def test_the_browser_is_told_to_stay_on_this_origin() -> None:
    assert guarded().get("/").headers["content-security-policy"] == POLICY
    assert "http" not in POLICY


def test_a_page_that_may_do_less_keeps_its_own_policy() -> None:
    app = FastAPI()

    @app.get("/report")
    def report() -> HTMLResponse:
        return HTMLResponse("", headers={"Content-Security-Policy": REPORT_POLICY})

    answer = TestClient(Guard(app, "", True), base_url="http://127.0.0.1").get("/report")
    assert answer.headers.get_list("content-security-policy") == [REPORT_POLICY]
    assert "sandbox allow-scripts" in REPORT_POLICY


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Accept-Language": "en-US,zh"}, "password needed"),
        ({"Accept-Language": "zh-CN,en;q=0.5"}, "需要密码"),
        ({"Accept-Language": "zh-CN", "Cookie": "notecite_language=en"}, "password needed"),
    ],
)
def test_a_refusal_is_told_in_the_language_of_the_page(headers: dict[str, str], told: str) -> None:
    assert guarded("geheim").get("/", headers=headers).text == told


@pytest.mark.parametrize(("language", "told"), [("en", "the note's file is not there"), ("zh", "找不到这篇笔记的文件")])
def test_a_file_that_is_gone_is_told_in_the_language_of_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    def gone(desk: Desk, document_id: str) -> Path:
        raise NotFound(
            Phrase("the note's file is not there", "找不到这篇笔记的文件"), document_id, Phrase("sync", "同步")
        )

    monkeypatch.setattr(Desk, "file", gone)
    client = TestClient(build(Desk(load_settings(library=tmp_path / "library"))), base_url="http://127.0.0.1")
    for address in ("/file?document=a.md", "/page.png?document=a.md&page=1"):
        assert client.get(f"{address}&language={language}").json()["detail"].startswith(told)


def test_a_port_that_is_taken_is_told_once(tmp_path: Path) -> None:
    desk = Desk(load_settings(library=tmp_path / "library"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput) as told:
            run(desk, "127.0.0.1", port, on_ready=lambda _: None)
    assert told.value.what.en == "the page cannot be served here (Address already in use)"
