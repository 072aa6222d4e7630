"""The progress of a sync on a terminal."""

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.phrases import Language, Phrase
from ingest.sync import SyncProgress


class SyncBar:
    """A bar on stderr with files, chunks per second and time left; nothing where stderr is no terminal."""

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
