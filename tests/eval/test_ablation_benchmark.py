"""The ablation table."""

from pathlib import Path

import pytest

from eval.benchmarks.ablation import main, table
from eval.benchmarks.retrieval import COLUMNS
from tests.eval.samples import case

CASES = [case(str(number)) for number in range(8)]


def test_variants_are_compared_with_the_first_and_missing_cases_count_as_worst() -> None:
    perfect = {one.id: dict.fromkeys(COLUMNS, 1.0) for one in CASES}
    half = {one.id: dict.fromkeys(COLUMNS, 1.0) for one in CASES[:4]}
    _header, _rule, shipped, broken = table(CASES, {"as shipped": perfect, "broken": half}).splitlines()
    assert shipped == "| as shipped | " + " | ".join(["1.000"] * len(COLUMNS)) + " |  |  |"
    assert broken.startswith("| broken | " + " | ".join(["0.500"] * len(COLUMNS)) + " | -0.500 [")
    assert broken.endswith(" | 0.1250 |")


def test_a_missing_library_is_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--questions", str(tmp_path / "q"), "--library", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("notecite: ")
