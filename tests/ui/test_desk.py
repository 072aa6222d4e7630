import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

import rag.build
import rag.settings
import ui.desk
from ingest.errors import BadInput, LibraryBroken, LibraryBusy, UnreadableNote
from ingest.phrases import Phrase
from ingest.readers.pdf import page_image
from ingest.sync import SyncProgress
from rag.build import sync_notes
from rag.settings import Settings, load_settings
from rag.types import Event, TextPiece
from tests.fakes import FakeEmbedder
from ui.desk import ANSWERS_AT_ONCE, WARM_UP, Desk, WaitingLine


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(load_settings(library=tmp_path / "library"))


class SlowPipeline:
    """One word, and the next only when it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def stream(self, question: str, history: Sequence[str]) -> Iterator[Event]:
        yield TextPiece(question)
        self.go_on.wait()
        yield TextPiece("never shown")


def test_an_answer_can_be_stopped_while_its_model_keeps_silent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = SlowPipeline()
    monkeypatch.setattr(Desk, "pipeline", property(lambda _: pipeline))
    mine, yours = desk.ask("mine", (), "me"), desk.ask("yours", (), "you")
    assert next(mine) == [TextPiece("mine")]
    assert next(yours) == [TextPiece("yours")]
    desk.stop("me")
    assert list(mine) == []
    pipeline.go_on.set()
    assert list(yours) == [[TextPiece("never shown")]]


def test_what_came_before_an_error_is_shown_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Breaking:
        def stream(self, question: str, history: Sequence[str]) -> Iterator[Event]:
            yield TextPiece(question)
            raise UnreadableNote(Phrase("broken", "坏了"), "a.md", Phrase("sync", "同步"))

    monkeypatch.setattr(Desk, "pipeline", property(lambda _: Breaking()))
    answer = desk.ask("q", (), "me")
    assert next(answer) == [TextPiece("q")]
    with pytest.raises(UnreadableNote):
        next(answer)


def test_who_stops_lets_the_next_one_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = SlowPipeline()
    monkeypatch.setattr(Desk, "pipeline", property(lambda _: pipeline))
    slow = [desk.ask(f"{number}", (), f"{number}") for number in range(ANSWERS_AT_ONCE)]
    assert [next(answer) for answer in slow] == [[TextPiece(f"{number}")] for number in range(ANSWERS_AT_ONCE)]
    waiting = desk.ask("waiting", (), "waiting")
    stopping = threading.Timer(0.3, desk.stop, ["0"])
    gone = threading.Thread(target=lambda: list(slow[0]))
    gone.start()
    stopping.start()
    assert next(waiting) == [TextPiece("waiting")]
    gone.join()
    pipeline.go_on.set()


def test_who_stops_while_waiting_leaves_the_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = SlowPipeline()
    monkeypatch.setattr(Desk, "pipeline", property(lambda _: pipeline))
    slow = [desk.ask(f"{number}", (), f"{number}") for number in range(ANSWERS_AT_ONCE)]
    for answer in slow:
        next(answer)
    threading.Timer(0.3, desk.stop, ["waiting"]).start()
    assert list(desk.ask("waiting", (), "waiting")) == []
    pipeline.go_on.set()


def test_a_sync_is_cancelled_between_two_files(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def endless(settings: object, folders: object, *, rebuild: bool, progress: Callable[[SyncProgress], None]) -> None:
        for files in itertools.count():
            progress(SyncProgress(files, 99, files, 99))
            begun.set()

    monkeypatch.setattr(ui.desk, "sync_notes", endless)
    job = desk.start_sync()
    assert begun.wait(60)
    assert desk.start_sync() is job
    with pytest.raises(LibraryBusy):
        desk.start_sync([Path("other")])
    job.cancelled.set()
    assert job.ended.wait(60)
    assert (job.report, job.error) == (None, None)


def test_who_finds_the_line_full_is_told_at_once() -> None:
    line = WaitingLine(at_once=1, most_waiting=0)
    with line.turn(), pytest.raises(BadInput, match="too many questions are waiting"), line.turn():
        pass
    with line.turn():
        pass


def test_who_stands_in_line_gets_a_turn() -> None:
    line, through = WaitingLine(at_once=1, most_waiting=3), []

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
    desk = Desk(load_settings(library=tmp_path / "library"), at_home=False)
    with pytest.raises(BadInput):
        desk.folder(str(tmp_path))


def test_a_page_of_a_pdf_is_drawn() -> None:
    data = (Path(__file__).parent.parent.parent / "notes" / "rag" / "向量数据库与ANN.pdf").read_bytes()
    assert page_image(data, 1, width=40).startswith(b"\x89PNG")
    with pytest.raises(UnreadableNote):
        page_image(data, 99)


def test_saved_settings_are_in_force_at_once_but_not_over_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.settings, "settings_files", lambda: (tmp_path / "none", tmp_path / "notecite.toml"))
    options = {"library": tmp_path / "library", "language": "zh"}
    desk = Desk(load_settings(**options), options=options)
    assert desk.chat_model is None
    assert desk.save_settings({"chat_model": "m", "language": "en"}) == tmp_path / "notecite.toml"
    assert (desk.settings.chat_model, desk.settings.language) == ("m", "zh")
    assert desk.chat_model is not None
    assert desk.origins["chat_model"] == str(tmp_path / "notecite.toml")


def test_settings_that_cannot_be_used_are_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "notecite.toml"
    monkeypatch.setattr(rag.settings, "settings_files", lambda: (tmp_path / "none", file))
    desk = Desk(load_settings(library=tmp_path / "library"))
    for changes in ({"reranker": "chat"}, {"strictness": "never"}, {"chat_base_url": "no address"}):
        with pytest.raises(BadInput):
            desk.save_settings(changes)
    assert not file.exists()
    desk.save_settings({"chat_model": "m", "reranker": "chat"})
    with pytest.raises(BadInput):
        desk.save_settings({"chat_model": None})
    assert desk.settings.chat_model == "m"


def test_a_chat_model_that_another_setting_needs_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "notecite.toml"
    file.write_text('chat_model = "m"\nconflicts = "chat"\n', encoding="utf-8")
    monkeypatch.setattr(rag.settings, "settings_files", lambda: (tmp_path / "none", file))
    desk = Desk(load_settings(library=tmp_path / "library"))
    with pytest.raises(BadInput, match="conflicts needs a chat model"):
        desk.save_settings({"chat_model": None})
    assert desk.settings.chat_model == "m"
    assert file.read_text(encoding="utf-8") == 'chat_model = "m"\nconflicts = "chat"\n'


def test_another_embedder_opens_a_library_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rag.settings, "settings_files", lambda: (tmp_path / "none", tmp_path / "notecite.toml"))
    monkeypatch.setattr(ui.desk, "try_models", lambda application, before: None)
    monkeypatch.setattr(rag.build, "open_embedder", lambda settings: FakeEmbedder())
    options = {"library": tmp_path / "library"}
    desk = Desk(load_settings(**options), options=options)
    sync_notes(desk.settings, [])
    first, judge = desk.application.library, desk.application.bundled_judge
    desk.save_settings({"strictness": "eager"})
    assert desk.application.library is first
    desk.save_settings({"embedder": "bundled-untrained"})
    second = desk.application.library
    assert second is not first
    assert desk.application.bundled_judge is judge
    # An answer may still be read from the first.
    assert first.counts() == second.counts()
    desk.close()
    for library in (first, second):
        with pytest.raises(LibraryBroken, match="closed database"):
            library.counts()


def test_warming_up_sends_nothing_to_a_chat_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked:
        settings = load_settings(library=tmp_path, reranker="chat", conflicts="chat", chat_model="m")
        chat_model = library = pipeline = property(lambda self: self)
        asked: ClassVar[list[str]] = []
        changes: ClassVar[dict[str, str]] = {}

        def headings(self) -> list[tuple[tuple[str, ...], None]]:
            return []

        def under(self, settings: Settings) -> "Asked":
            names = ("chat_model", "reranker", "conflicts")
            self.changes.update({name: getattr(settings, name) for name in names})
            return self

        def answer(self, question: str) -> None:
            self.asked.append(question)

    monkeypatch.setattr(Desk, "application", Asked())
    Desk(load_settings(library=tmp_path)).warm_up()
    assert Asked.asked == [WARM_UP]
    assert Asked.changes == {"chat_model": "", "reranker": "bundled", "conflicts": "judge"}


def test_settings_are_not_for_visitors(tmp_path: Path) -> None:
    desk = Desk(load_settings(library=tmp_path / "library"), at_home=False)
    with pytest.raises(BadInput):
        desk.save_settings({"strictness": "eager"})
