"""The table of what answers are worth."""

from pathlib import Path

import pytest

from eval.answers import ANSWER_SCORERS
from eval.benchmarks.answers import case_lines, main, tables
from eval.keypoints import KEYPOINT_TERMS
from eval.score import score_records
from tests.eval.samples import REFUSAL, answered, case, cite, record

GOOD = answered([("It needs 2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB.")])
BAD = answered([("4 GB.", [1, 2])], [cite(1, "other.md", "4 GB"), cite(2, "cache.md", "It needs 2 GB.")])
RECORDS = [
    record(case("1", keypoints=["2 GB"]), GOOD),
    record(case("2", keypoints=["2 GB"]), BAD),
    record(case("3", keypoints=["2 GB"]), REFUSAL),
    record(case("4", "number"), None),
    record(case("5", "unanswerable"), REFUSAL),
    record(case("6", "unanswerable"), BAD),
]
SCORES = score_records(RECORDS, [*ANSWER_SCORERS, KEYPOINT_TERMS])


def test_citations_are_pooled_over_the_answers_and_everything_else_is_a_mean_over_questions() -> None:
    lines = [line.strip("| ").split(" | ") for line in tables(RECORDS, SCORES, ()).splitlines()]
    fact = next(line for line in lines if line[0] == "fact")
    assert fact[1:3] == ["3", "2"]
    assert [cell.split()[0] for cell in fact[3:6]] == ["0.667", "1.000", "0.333"]
    assert fact[6].startswith("8 [")


def test_rates_name_the_cases_that_went_wrong_and_a_failure_is_one_of_them() -> None:
    text = tables(RECORDS, SCORES, ())
    assert "| unanswerable, refused | 1 of 2 | 0.500 [" in text
    assert "| answerable, refused | 2 of 4 | 0.500 [" in text
    assert "] | 3 4 |" in text
    assert "| conflicts: shown as such | 0 | – |  |" in text


def test_each_question_has_a_line_of_its_own() -> None:
    lines = case_lines(RECORDS, SCORES, ()).splitlines()[2:]
    assert lines[1] == "| 2 | fact | answered | 1/2 | 1/1 | 0/1 | 0 | 4 |"
    assert lines[3] == "| 4 | number | error | 0/0 | 0/0 | – | – | 0 |"


def test_a_missing_library_is_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--questions", str(tmp_path / "q"), "--library", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("notecite: ")
