"""Planted faults in a small honest run: each is caught by its own score and by the gate."""

from pathlib import Path

import pytest

from eval.answers import ANSWER_SCORERS
from eval.benchmarks.faults import FAULTS, Fault, find, main, table
from eval.run import Run, score_run
from eval.types import QuestionType, Scorer
from ingest.types import Place
from tests.eval.samples import NOTES, REFUSAL, answered, case, cite, record
from tests.eval.test_run import SPEC

ANSWER = answered(
    [("It needs 2 GB.", [1]), ("Half can be saved.", [2])],
    [cite(1, "cache.md", "It needs 2 GB."), cite(2, "cache.md", "Quantise it to save half.")],
)
QUOTES = (("cache.md", "It needs 2 GB."), ("cache.md", "Quantise it to save half."))
ELSEWHERE = {"reranked": tuple((Place("other.md", start, start + 9),) for start in range(10))}


def honest() -> Run:
    """Thirty right answers and ten right refusals, each of a document of its own as far as clusters go."""
    records = []
    for number in range(40):
        kind: QuestionType = "unanswerable" if number % 4 == 0 else "fact"
        one = record(case(str(number), kind, QUOTES), REFUSAL if number % 4 == 0 else ANSWER, ELSEWHERE)
        records.append(one)
    return score_run(Path("honest"), SPEC, records, ANSWER_SCORERS)


def scorers(records: object) -> tuple[Scorer, ...]:
    return ANSWER_SCORERS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_leaves_its_interval_and_closes_the_gate(fault: Fault) -> None:
    finding = find(honest(), fault, scorers, NOTES.__getitem__)
    assert finding.beyond
    assert fault.own_score in finding.closed
    assert finding.caught


def test_an_honest_answerer_is_not_called_faulty() -> None:
    nothing = Fault("nothing", "citation_recall", lambda trial, text_of, generator: trial.answer)
    finding = find(honest(), nothing, scorers, NOTES.__getitem__)
    assert (finding.beyond, finding.closed) == (False, ())
    assert table([finding]).splitlines()[-1].endswith("| NO | NOTHING |")


def test_a_missing_run_is_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none"), "--library", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("notecite: no finished run here")
