"""Comparison and gate over whole runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.answers import ANSWER_SCORERS
from eval.compare import compare, gate, is_gated
from eval.run import Run, answer_cases, score_run
from eval.types import EvalCase, QuestionType, Score, Trial
from ingest.errors import BadInput
from rag.types import Answer
from tests.eval.samples import FINDER, REFUSAL, answered, case, cite
from tests.eval.test_run import SPEC

CASES = [case(str(n), quotes=[("cache.md" if n % 2 else "other.md", "needs")]) for n in range(40)]
GOOD = answered([("2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB."), cite(2, "other.md", "cache needs")])
HALF = answered([("2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB.")])


def run(folder: Path, answers: Sequence[Answer], cases: Sequence[EvalCase] = CASES) -> Run:
    by_id = {one.id: answer for one, answer in zip(cases, answers, strict=True)}
    records = answer_cases(cases, lambda one: Trial(by_id[one.id]), FINDER, SPEC, folder)
    return score_run(folder, SPEC, records, ANSWER_SCORERS)


def test_equal_runs_do_not_differ_and_pass(tmp_path: Path) -> None:
    one, other = run(tmp_path / "a", [GOOD] * 40), run(tmp_path / "b", [GOOD] * 40)
    assert [(each.name, each.paired.difference.value, each.p_adjusted) for each in compare(one, other)] == [
        ("citation_precision", 0.0, 1.0),
        ("citation_recall", 0.0, 1.0),
        ("right_citation", 0.0, 1.0),
        ("numbers_cited", 0.0, 1.0),
        ("false_refusal", 0.0, 1.0),
        ("conflict_alarm", 0.0, 1.0),
    ]
    assert [line.verdict for line in gate(one, other)] == ["passed"] * 5


def test_wins_and_losses_are_listed_case_by_case(tmp_path: Path) -> None:
    old = run(tmp_path / "a", [GOOD] * 20 + [HALF] * 20)
    new = run(tmp_path / "b", [HALF] + [GOOD] * 39)
    recall = {each.name: each for each in compare(old, new)}["citation_recall"]
    assert (recall.old, recall.new) == (0.75, 0.975)
    assert [change.case.id for change in recall.worse] == ["0"]
    assert [change.case.id for change in recall.better] == [str(n) for n in range(20, 40, 2)]
    assert recall.paired.difference.value == pytest.approx(9 / 40)


def test_secondary_p_values_are_adjusted_and_the_primary_one_is_not(tmp_path: Path) -> None:
    old, new = run(tmp_path / "a", [GOOD] * 40), run(tmp_path / "b", [REFUSAL] * 8 + [GOOD] * 32)
    for difference in compare(old, new, primary="citation_recall"):
        factor = 1 if difference.name == "citation_recall" else 3
        assert difference.p_adjusted == pytest.approx(min(1.0, factor * difference.paired.p_value))


def test_the_gate_closes_when_a_measure_may_be_worse_than_the_margin(tmp_path: Path) -> None:
    old, new = run(tmp_path / "a", [GOOD] * 40), run(tmp_path / "b", [HALF] * 40)
    lines = {line.name: line for line in gate(old, new)}
    assert [name for name, line in lines.items() if not line.passed] == ["citation_precision", "citation_recall"]
    assert all(line.passed for line in gate(old, new, margin=2.0))


def test_a_few_cases_to_spare_pass_whatever_their_interval(tmp_path: Path) -> None:
    old, new = run(tmp_path / "a", [GOOD] * 40), run(tmp_path / "b", [HALF] * 10 + [GOOD] * 30)
    assert [line.name for line in gate(old, new, spare=4) if not line.passed] == [
        "citation_precision",
        "citation_recall",
    ]
    assert all(line.passed for line in gate(old, new, spare=5))


def test_a_measure_that_no_loss_would_close_cannot_tell_and_every_other_one_closes_when_all_is_wrong(
    tmp_path: Path,
) -> None:
    counts: dict[QuestionType, int] = {"fact": 20, "false_premise": 3, "unanswerable": 2, "conflict": 3}
    cases = [case(f"{type_} {n}", type_) for type_, count in counts.items() for n in range(count)]
    old = run(tmp_path, [REFUSAL if one.type == "unanswerable" else GOOD for one in cases], cases)
    wrong = {case_id: dict.fromkeys(found, Score.of(False)) for case_id, found in old.scores.items()}
    verdicts = {line.name: line.verdict for line in gate(old, replace(old, scores=wrong), margin=0.1, spare=2)}
    assert verdicts == {
        "citation_precision": "failed",
        "citation_recall": "failed",
        "numbers_cited": "failed",
        "false_answer": "cannot tell",
        "false_refusal": "failed",
        "conflict_shown": "cannot tell",
        "conflict_alarm": "failed",
        "false_premise": "failed",
    }
    beyond_all = gate(old, replace(old, scores=wrong), margin=1.1)
    assert {(line.verdict, line.passed) for line in beyond_all} == {("cannot tell", True)}


def test_a_measure_that_the_new_run_no_longer_has_does_not_pass(tmp_path: Path) -> None:
    old, new = run(tmp_path / "a", [GOOD] * 40), run(tmp_path / "b", [GOOD] * 40)
    fewer = score_run(tmp_path / "b", SPEC, new.records, ANSWER_SCORERS[1:])
    first = gate(old, fewer)[0]
    assert (first.name, first.difference, first.passed) == ("citation_precision", None, False)


def test_runs_over_different_questions_are_not_compared(tmp_path: Path) -> None:
    old, new = run(tmp_path / "a", [GOOD] * 40), run(tmp_path / "b", [GOOD] * 39, CASES[:39])
    with pytest.raises(BadInput, match="did not ask the same questions"):
        compare(old, new)


def test_judges_are_gated_but_word_overlap_is_not() -> None:
    assert is_gated("bundled/faithfulness")
    assert not is_gated("lexical-overlap/faithfulness")
    assert not is_gated("dense/hit@1")
