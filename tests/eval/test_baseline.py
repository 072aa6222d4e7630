"""A run, reduced to what is committed as the baseline of the gate."""

from pathlib import Path

from eval.baseline import baseline_of
from eval.cases import load_cases, only
from eval.compare import gate, is_gated
from eval.run import load_run, save_run
from tests.eval.samples import answered, cite
from tests.eval.test_compare import CASES, GOOD, HALF, run

DATA = Path(__file__).parents[2] / "eval" / "data"


def test_a_baseline_gates_as_the_whole_run_does(tmp_path: Path) -> None:
    whole, worse = run(tmp_path / "a", [GOOD] * 40), run(tmp_path / "b", [HALF] * 20 + [GOOD] * 20)
    save_run(baseline_of(whole, tmp_path / "baseline"))
    kept = load_run(tmp_path / "baseline")
    assert gate(kept, worse) == gate(whole, worse)
    assert [line.name for line in gate(kept, worse) if not line.passed] == ["citation_precision", "citation_recall"]


def test_a_baseline_holds_texts_and_gated_scores_alone(tmp_path: Path) -> None:
    timed = answered([("2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB.")], {"generate": 0.5})
    kept = baseline_of(run(tmp_path / "a", [timed], CASES[:1]), tmp_path / "baseline")
    (record,) = kept.records
    assert record.trial is not None
    assert (record.trial.answer.text, record.trial.answer.citations, record.trial.answer.seconds) == (
        "2 GB. [1]",
        (),
        {},
    )
    assert set(kept.scores["0"]) == {row.name for row in kept.summary.rows}
    assert all(is_gated(name) for name in kept.scores["0"])
    assert kept.summary.seconds == {}


def test_the_committed_baseline_is_of_the_committed_questions() -> None:
    cases = only(load_cases(DATA / "sample_notes.jsonl"), DATA / "ci_subset.txt")
    kept = load_run(DATA / "baseline")
    assert tuple(record.case for record in kept.records) == cases
    assert {"citation_recall", "false_answer", "bundled/faithfulness"} <= {row.name for row in kept.summary.rows}
