"""What grows on a terminal: the progress of a sync, and an answer."""

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from ingest.phrases import Language, Phrase
from ingest.sync import SyncProgress
from rag.types import Answer, Event, Restart, TextPiece
from ui.text import printable


class SyncBar:
    """A bar on stderr with files, chunks per second and time left; nothing if stderr is not a terminal."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._bar = Progress(
            TextColumn("{task.fields[files]}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} {task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=None, files="", speed="")

    def __enter__(self) -> "SyncBar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, progress: SyncProgress) -> None:
        files = Phrase(f"{progress.files_done}/{progress.files} files", f"文件 {progress.files_done}/{progress.files}")
        speed = self._bar.tasks[0].speed or 0.0
        self._bar.update(
            self._task,
            completed=progress.chunks_done,
            total=progress.chunks_expected,
            files=files.to(self._language),
            speed=Phrase(f"{speed:.0f} chunks/s", f"{speed:.0f} 片段/秒").to(self._language),
        )


def watched(events: Iterable[Event], console: Console | None = None) -> Answer:
    """The answer at the end of ``events``. On a terminal the last lines of its text are shown as they come, and taken
    away at the end, since only the whole answer tells what is supported."""
    console = console or Console()
    text = ""
    with Live(console=console, transient=True, auto_refresh=False) as live:
        for event in events:
            if isinstance(event, Answer):
                return event
            if isinstance(event, Restart):
                text = ""
            elif isinstance(event, TextPiece):
                text += event.text
            lines = Text(printable(text)).wrap(console, console.width)
            live.update(Text("\n").join(lines[-(console.height - 1) :]), refresh=console.is_terminal)
    raise AssertionError("the last event is the answer")
