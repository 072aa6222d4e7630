import base64
import threading
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from ingest.errors import BadInput
from rag.settings import load_settings
from ui.desk import Desk, Line
from ui.person import person_of
from ui.server import POLICY, Guard, check_address, is_loopback


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


def test_the_browser_is_told_to_stay_on_this_origin() -> None:
    assert guarded().get("/").headers["content-security-policy"] == POLICY
    assert "http" not in POLICY


def test_who_finds_the_line_full_is_told_at_once() -> None:
    line = Line(at_once=1, most_waiting=0)
    with line.turn(), pytest.raises(BadInput, match="too many questions are waiting"), line.turn():
        pass
    with line.turn():
        pass


def test_who_stands_in_line_gets_a_turn() -> None:
    line, through = Line(at_once=1, most_waiting=3), []

    def come(number: int) -> None:
        with line.turn():
            through.append(number)

    with line.turn():
        people = [threading.Thread(target=come, args=(number,)) for number in range(3)]
        for person in people:
            person.start()
        assert through == []
    for person in people:
        person.join()
    assert sorted(through) == [0, 1, 2]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(load_settings(library=tmp_path / "library"))


def test_a_dropped_note_is_kept_under_its_own_name_once(desk: Desk, tmp_path: Path) -> None:
    note = tmp_path / "笔记.md"
    note.write_text("a", encoding="utf-8")
    assert desk.keep_upload(note) == desk.keep_upload(note) == desk.settings.library / "uploads" / "笔记.md"


def test_another_note_of_the_same_name_is_kept_beside_it(desk: Desk, tmp_path: Path) -> None:
    note = tmp_path / "README.md"
    note.write_text("a", encoding="utf-8")
    desk.keep_upload(note)
    note.write_text("b", encoding="utf-8")
    assert desk.keep_upload(note).name == "README (2).md"


@pytest.mark.parametrize("name", ["program.exe", "noextension", ".md"])
def test_a_file_that_is_no_note_is_refused(desk: Desk, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("x", encoding="utf-8")
    with pytest.raises(BadInput):
        desk.keep_upload(file)


def test_a_link_is_refused(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("x", encoding="utf-8")
    (tmp_path / "link.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(BadInput):
        desk.keep_upload(tmp_path / "link.md")


def test_a_name_cannot_leave_the_folder(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "..\\..\\out.md"
    file.write_text("x", encoding="utf-8")
    assert desk.keep_upload(file).parent == desk.settings.library / "uploads"


def test_folders_of_the_machine_are_not_for_visitors(tmp_path: Path) -> None:
    desk = Desk(load_settings(library=tmp_path / "library"), folders_allowed=False)
    with pytest.raises(BadInput):
        desk.folder(str(tmp_path))
