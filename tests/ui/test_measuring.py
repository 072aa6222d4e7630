"""Runs as the page starts, lists and opens them; asked of a little library with a fake embedder."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import ui.measuring
from eval.answers import ANSWER_SCORERS
from eval.cases import keep_case
from eval.run import answer_cases, load_records, save_scores, score_run
from eval.types import QUESTION_TYPES, EvalCase, Trial
from ingest.errors import LibraryBusy, NotFound
from rag.build import Application
from rag.settings import load_settings
from tests.eval.samples import FINDER, REFUSAL, answered, case, cite
from tests.eval.test_run import SPEC
from ui import panels
from ui.measuring import Measuring, RunJob
from ui.panels import report, run_progress, runs, worst_cases

CASES = [case("1", question="<i>how much?"), case("2", "unanswerable")]
GOOD = answered([("It needs 2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB.")])


def made(folder: Path, refused: str = "1") -> None:
    """A finished run that refuses one of the cases and answers the other."""
    records = answer_cases(CASES, lambda asked: Trial(REFUSAL if asked.id == refused else GOOD), FINDER, SPEC, folder)
    save_scores(score_run(folder, SPEC, records, ANSWER_SCORERS))


def test_runs_of_the_library_and_of_the_working_folder_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made(tmp_path / "library" / "runs" / "first")
    made(tmp_path / "runs" / "second")
    (tmp_path / "runs" / "unfinished").mkdir()
    measuring = Measuring(tmp_path / "library")
    assert {run.name for run in measuring.runs()} == {"first", "second"}
    assert measuring.run("second").folder == tmp_path / "runs" / "second"
    for name in ("third", "../runs/second", ""):
        with pytest.raises(NotFound):
            measuring.run(name)


def test_a_run_is_shown_with_its_measures_and_worst_cases(tmp_path: Path) -> None:
    made(tmp_path / "runs" / "first")
    (run,) = Measuring(tmp_path).runs()
    html = runs([run], "en")
    assert '<th scope="row">first<small>q.jsonl' in html
    assert "Citation recall" in html
    assert 'data-act="open" data-id="first"' in html
    html = worst_cases(run, run.records, "zh")
    assert 'data-act="case" data-run="first" data-case="1"><span>&lt;i&gt;how much?</span>' in html


def test_every_type_of_question_has_a_name_in_both_languages() -> None:
    assert tuple(panels.QUESTION_TYPES) == QUESTION_TYPES


def test_a_report_stands_in_a_frame_that_can_reach_nothing() -> None:
    html = report('a"b', "c d", "zh")
    assert 'src="/report?run=a%22b&amp;old=c+d&amp;language=zh"' in html
    assert 'sandbox="allow-scripts"' in html


@pytest.fixture
def application(tmp_path: Path) -> Application:
    library = SimpleNamespace(document=FINDER, documents=lambda: ())
    settings = load_settings(library=tmp_path / "library")
    return cast(
        Application,
        SimpleNamespace(library=library, settings=settings, embedder=SimpleNamespace(fingerprint="fake")),
    )


class Answers:
    """Lets each question wait until it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Semaphore(0)

    def __call__(self, asked: EvalCase) -> Trial:
        self.go_on.acquire()
        return Trial(GOOD if asked.answerable else REFUSAL)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    answers = Answers()

    def score(folder: Path, records: Any, settings: object) -> None:
        save_scores(score_run(folder, SPEC, records, ANSWER_SCORERS))

    monkeypatch.setattr(ui.measuring, "answer_with", lambda _: answers)
    monkeypatch.setattr(ui.measuring, "finder_in", lambda _: FINDER)
    monkeypatch.setattr(ui.measuring, "describe", lambda *_: SPEC)
    monkeypatch.setattr(ui.measuring, "scored", score)
    yield answers
    answers.go_on.release(99)


def test_a_run_that_was_cancelled_goes_on_where_it_was(
    tmp_path: Path, application: Application, answers: Answers
) -> None:
    questions = tmp_path / "q.jsonl"
    for asked in CASES:
        keep_case(questions, asked)
    measuring = Measuring(tmp_path / "library")
    job = measuring.start(questions, application)
    with pytest.raises(LibraryBusy):
        measuring.start(questions, application)
    job.cancelled.set()
    answers.go_on.release()
    assert job.ended.wait(60)
    assert (job.asked, job.finished, job.error) == (1, False, None)
    assert len(load_records(tmp_path / "library" / "runs" / SPEC.run_name)) == 1
    assert measuring.runs() == []

    job = measuring.start(questions, application)
    answers.go_on.release()
    assert job.ended.wait(60)
    assert (job.asked, job.finished, job.error) == (2, True, None)
    assert [run.name for run in measuring.runs()] == [job.name]


def test_a_file_that_is_no_question_file_is_said_to(tmp_path: Path, application: Application, answers: Answers) -> None:
    job = Measuring(tmp_path / "library").start(tmp_path / "none.jsonl", application)
    assert job.ended.wait(60)
    assert isinstance(job.error, NotFound)


def test_the_progress_of_a_run_counts_questions() -> None:
    job = RunJob(questions=10)
    assert "Loading" in run_progress(job, "en")
    job.asked = 4
    assert '<progress max="10" value="4"' in run_progress(job, "en")
    job.asked = 10
    assert "正在打分" in run_progress(job, "zh")
