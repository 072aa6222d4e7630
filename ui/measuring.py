"""Evaluation runs that the page starts, lists and opens; ``eval`` does every step."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import eval as evaluation
from eval.answerer import answer_with, finder_in
from eval.cases import load_cases
from eval.run import SUMMARY, Run, answer_cases, load_run
from eval.scoring import scored
from eval.spec import describe
from ingest.errors import LibraryBusy, NoteciteError, NotFound
from ingest.phrases import Phrase
from rag.build import Application
from ui.jobs import Job

SAMPLE = Path(evaluation.__file__).parent / "data" / "sample_notes.jsonl"
"""Questions about the sample notes that come with the program."""
RUNS = "runs"
"""Below the library's folder; the command line puts them in this folder of the working directory."""
_RUNS_KEPT = 8


@dataclass(slots=True)
class RunJob(Job):
    """A run that is being made or has ended.

    ``asked`` of the ``questions`` have been answered; ``name`` is known once the first of them is asked.
    """

    questions: int = 0
    asked: int = 0
    name: str = ""
    finished: bool = False


class Measuring:
    """One run at a time. Safe to use from several threads."""

    def __init__(self, library: Path) -> None:
        self._folders = (library / RUNS, Path(RUNS).resolve())
        self._starting = threading.Lock()
        self.job: RunJob | None = None

    def runs(self) -> list[Run]:
        """The finished runs, the latest first; one that cannot be read is skipped."""
        return sorted(self._readable(), key=lambda run: -(run.folder / SUMMARY).stat().st_mtime)

    def run(self, name: str) -> Run:
        """Raises NotFound."""
        for run in self._readable():
            if run.name == name:
                return run
        raise NotFound(
            Phrase("there is no such run", "没有这次评测"), name, Phrase("choose another in the list", "请在列表中另选")
        )

    def _readable(self) -> Iterator[Run]:
        names = set()
        for parent in self._folders:
            for summary in sorted(parent.glob(f"*/{SUMMARY}")):
                try:
                    run = _loaded(summary.parent, summary.stat().st_mtime_ns)
                except (NoteciteError, OSError):
                    continue
                if run.name not in names:
                    names.add(run.name)
                    yield run

    def start(self, questions: Path, application: Application) -> RunJob:
        """Asks and scores in the background; a cancelled run of the same questions and settings goes on where it was.

        Raises LibraryBusy while another run is under way.
        """
        with self._starting:
            if self.job is not None and not self.job.ended.is_set():
                raise LibraryBusy(
                    Phrase("an evaluation is running", "正在评测"), "", Phrase("wait until it is done", "请等它完成")
                )
            self.job = job = RunJob()
        threading.Thread(target=self._make, args=(job, questions, application), name="run", daemon=True).start()
        return job

    def _make(self, job: RunJob, questions: Path, application: Application) -> None:
        def count(_: object) -> None:
            job.asked += 1
            job.go_on()

        with job.under_way(
            Phrase("the evaluation ended early", "评测提前结束"),
            Phrase("start it again; what was answered is kept", "请重新开始；已回答的部分已保存"),
        ):
            finder = finder_in(application.library)
            cases = load_cases(questions, finder)
            job.questions = len(cases)
            settings = application.settings
            spec = describe(questions, None, application.library, application.embedder.fingerprint, settings)
            job.name = spec.run_name
            folder = self._folders[0] / spec.run_name
            records = answer_cases(cases, answer_with(application), finder, spec, folder, count)
            scored(folder, records, settings)
            job.finished = True


@lru_cache(maxsize=_RUNS_KEPT)
def _loaded(folder: Path, written: int) -> Run:
    """``written`` is when the run's summary was written: a run that was scored again is read again."""
    return load_run(folder)
