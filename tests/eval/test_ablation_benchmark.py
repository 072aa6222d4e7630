"""The ablation tables, and the page of the documentation that holds them."""

import re
from pathlib import Path

import pytest

from eval.benchmarks.ablation import ANSWER_COLUMNS, ANSWER_PRIMARY, RETRIEVAL_PRIMARY, VARIANTS, main, page, table
from eval.benchmarks.retrieval import COLUMNS
from tests.eval.samples import case

CASES = [case(str(number)) for number in range(8)]
PAGE = Path(__file__).parents[2] / "eval" / "ablation.md"


def test_variants_are_compared_with_the_first_and_missing_cases_count_as_worst() -> None:
    perfect = {one.id: dict.fromkeys(COLUMNS, 1.0) for one in CASES}
    half = {one.id: dict.fromkeys(COLUMNS, 1.0) for one in CASES[:4]}
    measured = {"as shipped": perfect, "broken": half}
    _header, _rule, shipped, broken = table(CASES, measured, COLUMNS, RETRIEVAL_PRIMARY).splitlines()
    assert shipped == "| as shipped | " + " | ".join(["1.000"] * len(COLUMNS)) + " |  |  |"
    assert broken.startswith("| broken | " + " | ".join(["0.500"] * len(COLUMNS)) + " | -0.500 [")
    assert broken.endswith(" | 0.1250 |")


def test_a_measure_is_taken_over_the_cases_it_applies_to_and_failures_are_rates() -> None:
    values = {one.id: {"citation_recall": 0.5} for one in CASES[:6]} | {
        one.id: {"false_answer": 0.0} for one in CASES[6:]
    }
    shipped = table(CASES, {"as shipped": values}, ANSWER_COLUMNS, ANSWER_PRIMARY).splitlines()[2]
    assert shipped.startswith("| as shipped | 0.500 | 0.000 | 0.000 | 1.000 |")


def test_a_missing_folder_of_notes_is_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--questions", tmp_path / "q", "--notes", tmp_path / "none", "--libraries", tmp_path]
    assert main(list(map(str, arguments))) == 1
    assert capsys.readouterr().err.startswith("notecite: ")


def lines_of(text: str) -> list[list[str]]:
    """The cells of every table line that is no rule."""
    found = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in cells] for cells in found]


def test_the_page_of_the_documentation_is_what_the_command_writes_today() -> None:
    """When this fails after a change of the variants or measures: make ablation."""
    retrieval = [each.name for each in VARIANTS if each.rankings]
    answers = [each.name for each in VARIANTS if each.answers]
    lines = lines_of(PAGE.read_text(encoding="utf-8"))
    assert [cells[0] for cells in lines] == ["variant", *retrieval, "variant", *answers]
    assert lines[0][1:-2] == list(COLUMNS)
    assert lines[len(retrieval) + 1][1:-2] == list(ANSWER_COLUMNS)
    assert all(re.fullmatch(r"[01]\.\d{3}", cell) for cells in lines for cell in cells[1:-2] if cells[0] != "variant")


def test_a_page_names_its_questions_and_how_to_make_it_again() -> None:
    text = page("eval/data/q.jsonl", CASES, ["| a |\n"])
    assert text.startswith("# What each part adds\n")
    assert "8 questions of `eval/data/q.jsonl`" in text
    assert "`make ablation`" in text
