"""What was reviewed once is not proposed again."""

from pathlib import Path

import pytest

from eval.cases import load_cases
from eval.review import ReviewedQuestions
from ingest.errors import BadInput
from tests.eval.samples import case


def test_kept_and_rejected_questions_are_known_at_once_and_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    reviewed = ReviewedQuestions(path)
    assert reviewed.is_new("a")
    reviewed.keep(case("a"))
    reviewed.reject("b")
    for each in (reviewed, ReviewedQuestions(path)):
        assert [each.is_new(id_) for id_ in ("a", "b", "c")] == [False, False, True]
    assert [kept.id for kept in load_cases(path)] == ["a"]


def test_a_faulty_question_file_is_an_error_before_anything_is_added(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(BadInput, match="line 1"):
        ReviewedQuestions(tmp_path / "mine.jsonl")


def test_an_empty_question_file_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.touch()
    ReviewedQuestions(path).keep(case("a"))
    assert [kept.id for kept in load_cases(path)] == ["a"]
