"""How long the page lets people wait: what is printed, and what is told when it cannot be measured."""

import sys
from pathlib import Path

import pytest

from eval.benchmarks.page import Asked, crowds, main, report

ALONE = [Asked("a?", "A.", 0.2, 1.0), Asked("b?", "B.", 0.4, 2.0), Asked("c?", "C.", 0.6, 3.0)]


def test_people_who_ask_at_once_are_compared_with_those_who_ask_alone() -> None:
    at_once = [Asked("a?", "A.", 1.0, 4.0), Asked("b?", "B.", 1.0, 4.0), Asked("c?", "C.", 1.0, 4.0)]
    assert report(1.25, 2.5, ALONE, at_once, 3).splitlines()[1:] == [
        "question box usable 1.25 s, suggestions shown 2.50 s after the server is ready",
        "alone: first words median 0.40 s, p95 0.58 s; whole answer median 2.00 s, p95 2.90 s",
        "at once: first words median 1.00 s, p95 1.00 s; whole answer median 4.00 s, p95 4.00 s",
        "at once, p95 of the whole answer: 2.0 times the median alone, 1.4 times the p95 alone",
        "at once: 3 answered, 0 with another answer than alone",
    ]


def test_who_got_anothers_answer_is_named() -> None:
    lines = report(1.0, 1.0, ALONE, [Asked("a?", "B.", 1.0, 1.0), Asked("b?", "B.", 1.0, 1.0)], 2).splitlines()
    assert lines[-2:] == ["at once: 2 answered, 1 with another answer than alone", "  a?"]


def test_everyone_has_a_question() -> None:
    assert list(crowds(["a", "b", "c"], 2)) == [["a", "b"], ["c", "a"]]
    assert list(crowds(["a"], 3)) == [["a", "a", "a"]]


def test_without_playwright_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"id": "1", "question": "a?", "type": "unanswerable"}\n', encoding="utf-8")
    assert main(["--library", str(tmp_path), "--questions", str(questions)]) == 1
    assert capsys.readouterr().err.startswith("notecite: playwright is not installed: playwright: pip install")
