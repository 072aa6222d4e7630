"""What the page works with: one application, the conversations of its visitors, and one sync at a time."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from ingest.embed import BUNDLED
from ingest.errors import BadInput, LibraryBusy, NoteciteError, NotFound
from ingest.files import saving, write_whole
from ingest.library import Library, open_library
from ingest.phrases import Phrase
from ingest.readers import SUFFIXES, pdf
from ingest.sync import SyncProgress, SyncReport, pending_changes
from ingest.types import Document, Place
from rag.build import SHARED, Application, sync_notes
from rag.chat_model import ServedChatModel
from rag.pipeline import Pipeline, SearchResult
from rag.settings import Settings, load_settings, save_settings, sources
from rag.types import Answer, Event
from ui.conversations import Conversations, folder_for
from ui.jobs import Job
from ui.measuring import Measuring
from ui.models import try_models
from ui.questions import Questions
from ui.suggestions import suggestions

UPLOADS = "uploads"
"""The folder inside the library's folder for dropped files; it is synced like any other."""
LARGEST_UPLOAD = 50_000_000
"""Bytes."""
MOST_UPLOADS = 100
ANSWERS_AT_ONCE = 2
MOST_WAITING = 20
"""Questions that may wait; the next one is refused."""
WARM_UP = "warm up 预热"
"""Asked when the library has no headings to ask about."""


@dataclass(slots=True)
class SyncJob(Job):
    """A sync that runs or has run."""

    progress: SyncProgress | None = None
    report: SyncReport | None = None

    def show(self, progress: SyncProgress) -> None:
        self.progress = progress
        self.go_on()


class WaitingLine:
    """Lets ``at_once`` people through at a time while up to ``most_waiting`` stand in line."""

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self._free = threading.Semaphore(at_once)
        self._most = at_once + most_waiting
        self._here = 0
        self._counting = threading.Lock()

    @contextmanager
    def turn(self, given_up: threading.Event | None = None) -> Iterator[bool]:
        """Waits for a turn, or until ``given_up`` is set; yields whether the turn came. Raises BadInput at once when
        the line is full."""
        with self._counting:
            if self._here >= self._most:
                raise BadInput(
                    Phrase("too many questions are waiting", "排队的问题太多"),
                    self._here,
                    Phrase("ask again in a moment", "请稍后再问"),
                )
            self._here += 1
        mine = False
        try:
            while not (mine or (given_up and given_up.is_set())):
                mine = self._free.acquire(timeout=0.1)
            yield mine
        finally:
            if mine:
                self._free.release()
            with self._counting:
                self._here -= 1


class Desk:
    """Safe to use from several threads."""

    def __init__(self, settings: Settings, *, options: Mapping[str, Any] | None = None, at_home: bool = True) -> None:
        """``options`` are those of the command line, which win over saved settings; ``at_home`` says that only people
        at this machine can visit: they may add its folders by path and change the settings."""
        self.settings = settings
        self.options = options or {}
        self.at_home = at_home
        self.job: SyncJob | None = None
        self.measuring = Measuring(settings.library)
        self.questions = Questions(settings.library)
        self._application = Application(settings)
        self._superseded: list[Library] = []
        self._opening = threading.RLock()
        self._keeping = threading.Lock()
        self._asking: defaultdict[str, set[threading.Event]] = defaultdict(set)
        self._line = WaitingLine(ANSWERS_AT_ONCE, MOST_WAITING)

    def warm_up(self) -> None:
        """Loads the models and answers one question, so that the first visitor need not wait. Sends nothing to a chat
        model; an empty library is no error."""
        try:
            application, question = self.application, next(iter(self.suggestions()), WARM_UP)
            if application.chat_model is not None:
                settings = application.settings
                without_chat = {
                    "chat_model": "",
                    "reranker": BUNDLED if settings.reranker == "chat" else settings.reranker,
                    "conflicts": "judge" if settings.conflicts == "chat" else settings.conflicts,
                }
                application = application.under(settings.model_copy(update=without_chat))
            with self._line.turn():
                application.pipeline.answer(question)
        except NoteciteError:
            # Whoever asks will see the error.
            return

    def close(self) -> None:
        if self.measuring.job is not None:
            self.measuring.job.cancelled.set()
            self.measuring.job.ended.wait(10)
        if self.job is not None:
            self.job.cancelled.set()
            self.job.ended.wait(10)
        for library in self._superseded:
            library.close()
        self._application.close()

    def conversations(self, person: str) -> Conversations:
        return Conversations(folder_for(self.settings.library), person)

    # Asking

    @property
    def application(self) -> Application:
        """With its library open. Raises NotFound before the first sync, LibraryMismatch, ModelUnavailable."""
        with self._opening:
            # Opens the library, which two threads must not do at once.
            _ = self._application.pipeline
            return self._application

    @property
    def pipeline(self) -> Pipeline:
        return self.application.pipeline

    def ask(self, question: str, history: Sequence[str], person: str = "") -> Iterator[list[Event]]:
        """The events of ``Pipeline.stream`` once it is this question's turn, in lists of those that arrived together;
        ends when ``person`` stops it.

        Raises BadInput when too many wait, and what ``Pipeline.stream`` raises.
        """
        stopped = threading.Event()
        events: Queue[Event | Exception | None] = Queue()

        def produce() -> None:
            try:
                for event in self.pipeline.stream(question, history):
                    if stopped.is_set():
                        return
                    events.put(event)
            except Exception as error:
                events.put(error)
            finally:
                events.put(None)

        self._asking[person].add(stopped)
        try:
            with self._line.turn(stopped) as mine:
                if mine:
                    # In a thread of its own: the model server may be silent while the person wants to stop.
                    threading.Thread(target=produce, name="answer", daemon=True).start()
                while not stopped.is_set():
                    arrived = _arrived(events)
                    batch = [event for event in arrived if event is not None and not isinstance(event, Exception)]
                    if batch:
                        yield batch
                    for failed in arrived:
                        if isinstance(failed, Exception):
                            raise failed
                    if arrived and arrived[-1] is None:
                        return
        finally:
            stopped.set()
            self._asking[person].discard(stopped)

    def stop(self, person: str) -> None:
        """Stops the answers that are being written for a person."""
        for stopped in tuple(self._asking[person]):
            stopped.set()

    def look_inside(self, question: str, changes: Mapping[str, object]) -> tuple[SearchResult, Answer]:
        """A search and its answer with some settings changed."""
        with self._line.turn():
            application = self.application
            pipeline = application.under(application.settings.model_copy(update=changes)).pipeline
            found = pipeline.search(question)
            return found, pipeline.answer(question, found=found)

    # Settings

    @property
    def origins(self) -> dict[str, str]:
        """Where each setting comes from."""
        return sources(**self.options)

    @property
    def chat_model(self) -> ServedChatModel | None:
        return self._application.chat_model

    def save_settings(self, changes: Mapping[str, Any]) -> Path:
        """Saves settings, puts them in force and returns the file; None removes a setting. Another library folder needs
        a restart. Raises BadInput, ModelUnavailable for settings that cannot be used, and then saves nothing."""
        if not self.at_home:
            raise BadInput(
                Phrase("the settings cannot be changed from here", "不能从这里更改设置"),
                "",
                Phrase("change them on the machine of the notes", "请在笔记所在的机器上更改"),
            )
        defaults = Settings.model_fields
        wanted = {name: defaults[name].default if value is None else value for name, value in changes.items()}
        given = {name: value for name, value in self.options.items() if value is not None}
        settings = load_settings(**wanted | given)
        same_embedder = settings.embedder == self.settings.embedder
        fresh = self._application.under(settings, SHARED if same_embedder else ["bundled_judge"])
        try_models(fresh, self.settings)
        file = save_settings(changes)
        with self._opening:
            superseded = self._application.opened_library
            if superseded is not None and superseded is not fresh.opened_library:
                # Closed only at the end, because an answer or a run may still read it.
                self._superseded.append(superseded)
            self.settings = settings
            self._application = fresh
        return file

    # Notes

    def document(self, document_id: str) -> Document:
        return self.application.library.document(document_id)

    def file(self, document_id: str) -> Path:
        """Where a document's file is. Raises NotFound when the file is gone."""
        catalog = self.application.library.catalog
        note = catalog.document_ids().get(document_id)
        folder = next((folder.path for folder in catalog.folders() if note and folder.id == note.folder), None)
        if note is None or folder is None or not (folder / note.path).is_file():
            raise NotFound(
                Phrase("the note's file is not there", "找不到这篇笔记的文件"),
                document_id,
                Phrase("sync again", "请重新同步"),
            )
        return folder / note.path

    def page_image(self, document_id: str, page: int) -> bytes:
        """A page of a PDF as PNG. Raises NotFound, UnreadableNote."""
        return pdf.page_image(self.file(document_id).read_bytes(), page)

    def section(self, path: Sequence[str]) -> tuple[Document, Place]:
        """The first place under a heading path, title first. Raises NotFound."""
        library = self.application.library
        for headings, place in library.headings():
            if tuple(headings) == tuple(path):
                return library.document(place.document_id), place
        raise NotFound(
            Phrase("the library has no such heading any more", "库中已没有这个标题"),
            " > ".join(path),
            Phrase("ask again", "请重新提问"),
        )

    def suggestions(self) -> list[str]:
        """Questions made from the library's own headings."""
        return suggestions(path for path, _ in self.application.library.headings())

    def is_empty(self) -> bool:
        try:
            return self.application.library.counts().documents == 0
        except NotFound:
            return True

    # The library

    def copies(self) -> dict[str, tuple[str, ...]]:
        """For each document that shares a passage with others, these others in order."""
        pairs = groupby(self.application.library.copies(), key=itemgetter(0))
        return {document_id: tuple(other for _, other in others) for document_id, others in pairs}

    def changes_on_disk(self) -> int:
        """How many notes are new, changed or gone since they were last synced."""
        return pending_changes(self.application.library)

    def start_sync(self, folders: Sequence[Path] = (), *, rebuild: bool = False) -> SyncJob:
        """Starts a sync in the background, or returns the running one. ``rebuild`` empties the library first and syncs
        the folders that it had. Raises LibraryBusy when folders or a rebuild are asked for while a sync is running."""
        with self._opening:
            if self.job is not None and not self.job.ended.is_set():
                if folders or rebuild:
                    raise LibraryBusy(
                        Phrase("a sync is running", "正在同步"), "", Phrase("wait until it is done", "请等它完成")
                    )
                return self.job
            self.job = job = SyncJob()
        threading.Thread(target=self._sync, args=(job, folders, rebuild), name="sync", daemon=True).start()
        return job

    def _sync(self, job: SyncJob, folders: Sequence[Path], rebuild: bool) -> None:
        with job.under_way(
            Phrase("the sync ended early", "同步提前结束"),
            Phrase("sync again; what was finished is kept", "请重新同步；已完成的部分已保存"),
        ):
            job.report = sync_notes(self.settings, folders, rebuild=rebuild, progress=job.show)

    def folder(self, path: str) -> Path:
        """A folder of this machine by the path that a person typed. Raises BadInput, NotFound."""
        if not self.at_home:
            raise BadInput(
                Phrase("folders of the server cannot be added from here", "不能从这里添加服务器上的文件夹"),
                path,
                Phrase("drop the files instead", "请改为拖入文件"),
            )
        folder = Path(path.strip().strip("'\"")).expanduser()
        if not path.strip() or not folder.is_dir():
            raise NotFound(
                Phrase("folder not found", "找不到文件夹"), path, Phrase("give its whole path", "请给出完整路径")
            )
        return folder

    def keep_upload(self, source: Path) -> Path:
        """Copies a dropped file into the uploads under its own name, or a numbered one if that is taken.

        Raises BadInput for a file that is not a note, is too large, is not a plain file or cannot be saved.
        """
        name = Path(source.name.replace("\\", "/")).name.lstrip(".~$")
        if source.is_symlink() or not source.is_file() or Path(name).suffix.lower() not in SUFFIXES:
            raise BadInput(
                Phrase("this is not a note", "这不是笔记文件"),
                name,
                Phrase(f"drop files of {' '.join(SUFFIXES)}", f"可拖入 {' '.join(SUFFIXES)} 文件"),
            )
        if source.stat().st_size > LARGEST_UPLOAD:
            raise BadInput(
                Phrase("the file is too large", "文件太大"),
                name,
                Phrase(f"at most {LARGEST_UPLOAD // 1_000_000} MB", f"上限 {LARGEST_UPLOAD // 1_000_000} MB"),
            )
        folder = self.settings.library / UPLOADS
        folder.mkdir(parents=True, exist_ok=True)
        stem, suffix, content = Path(name).stem[:80], Path(name).suffix, source.read_bytes()
        target, number = folder / f"{stem}{suffix}", 1
        # Two visitors may drop notes of one name at once.
        with self._keeping, saving(target):
            while os.path.lexists(target):
                if target.is_file() and target.read_bytes() == content:
                    return target
                number += 1
                target = folder / f"{stem} ({number}){suffix}"
            write_whole(target, content)
        return target

    def forget(self, document_id: str) -> bool:
        """Removes a document from the library; if its file was dropped on the page, deletes the file too and returns
        True. Raises NotFound, LibraryBusy.
        """
        with open_library(self.settings.library, write=True) as library:
            folders = {folder.id: folder.path for folder in library.catalog.folders()}
            file = library.forget_document(document_id)
        uploads = self.settings.library / UPLOADS
        dropped = folders[file.folder].resolve() == uploads.resolve()
        if dropped:
            (uploads / file.path).unlink(missing_ok=True)
        return dropped


def _arrived(events: "Queue[Event | Exception | None]") -> list[Event | Exception | None]:
    """All that the queue holds, after waiting up to 0.1 s for the first item; empty if none came."""
    arrived: list[Event | Exception | None] = []
    with suppress(Empty):
        arrived.append(events.get(timeout=0.1))
        while True:
            arrived.append(events.get_nowait())
    return arrived
