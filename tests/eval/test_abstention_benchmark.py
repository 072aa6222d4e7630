"""Questions with and without their passage: how they are drawn, and the table that tells them apart."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.benchmarks.abstention import (
    Outcome,
    Passage,
    Question,
    Trial,
    case_lines,
    draw,
    main,
    read_passages,
    tables,
    write_notes,
)
from eval.stats import auroc
from ingest.errors import BadInput
from tests.eval.samples import REFUSAL, answered, cite

ANSWER = answered([("It needs 2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB.")])
PASSAGES = [
    Passage(f"Tea {n}", f"Tea number {n}x is brewed at {n}0 degrees.", (Question(f"How hot is {n}x?", (f"{n}0",)),))
    for n in range(1, 9)
]


def outcome(confidence: float, *, kept: bool, passage: int, abstained: bool = False) -> Outcome:
    question = Question(f"question {passage}", ("2 GB",))
    return Outcome(Trial(question, passage, kept), REFUSAL if abstained else ANSWER, confidence)


def test_a_squad_file_is_read_passage_by_passage_each_once(tmp_path: Path) -> None:
    asked = {"question": "How hot?", "answers": [{"text": "80"}, {"text": " 80"}]}
    paragraph = {"context": "At 80 degrees.", "qas": [asked]}
    path = tmp_path / "reading.json"
    path.write_text(json.dumps({"data": [{"title": "Tea", "paragraphs": [paragraph, paragraph]}]}), "utf-8")
    question = Question("How hot?", ("80",))
    assert read_passages(path) == [Passage("Tea", "At 80 degrees.", (question, question))]


def test_of_clapnq_the_chosen_sentences_are_the_answer(tmp_path: Path) -> None:
    passage = {"title": "Tea", "text": "One . Two ."}
    line = {"input": "which", "passages": [passage], "output": [{"selected_sentences": ["Two ."]}]}
    path = tmp_path / "reading.jsonl"
    path.write_text(json.dumps(line) + "\n", "utf-8")
    assert read_passages(path) == [Passage("Tea", "One . Two .", (Question("which", ("Two .",)),))]


def test_a_line_of_clapnq_may_hold_other_line_separators(tmp_path: Path) -> None:
    passage = {"title": "Tea", "text": "One\u2028two\u0085three ."}
    line = {"input": "which", "passages": [passage], "output": [{"selected_sentences": ["three ."]}]}
    path = tmp_path / "reading.jsonl"
    path.write_text(json.dumps(line, ensure_ascii=False) + "\n\n", "utf-8")
    assert [found.text for found in read_passages(path)] == ["One\u2028two\u0085three ."]


@pytest.mark.parametrize("content", ["", "{}", '{"data": [{"paragraphs": [{}]}]}', "[1]"])
def test_another_file_is_bad_input(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, "utf-8")
    with pytest.raises(BadInput, match="not a reading set"):
        read_passages(path)


def test_half_of_the_questions_lose_their_passage_and_a_seed_draws_the_same_again() -> None:
    trials = draw(PASSAGES, 6, seed=1)
    assert [trial.kept for trial in trials] == [True] * 3 + [False] * 3
    assert len({trial.passage for trial in trials}) == 6
    assert draw(PASSAGES, 6, seed=1) == trials != draw(PASSAGES, 6, seed=2)


def test_passages_have_a_second_question_only_when_each_has_had_one() -> None:
    twice = [replace(passage, questions=passage.questions * 2) for passage in PASSAGES]
    passages = [trial.passage for trial in draw(twice, 12, seed=1) if trial.kept]
    assert len(set(passages[:4])) == 4
    assert len(passages) == 6


def test_a_question_that_another_passage_may_answer_is_left_out() -> None:
    again = Passage("Other", "Boiling at 10 degrees.", ())
    asked = {trial.question.text for trial in draw([*PASSAGES, again], 100, seed=0)}
    assert asked == {f"How hot is {n}x?" for n in range(2, 9)}
    assert draw([Passage("Tea", "Hot.", (Question("How hot?", ()),))], 10, seed=0) == []


def test_the_notes_are_the_passages_that_were_not_taken_away(tmp_path: Path) -> None:
    trials = [Trial(PASSAGES[0].questions[0], 0, kept=True), Trial(PASSAGES[1].questions[0], 1, kept=False)]
    assert write_notes(PASSAGES[:3], trials, tmp_path) == 2
    notes = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert notes == {
        "00000.md": "# Tea 1\n\nTea number 1x is brewed at 10 degrees.\n",
        "00002.md": "# Tea 3\n\nTea number 3x is brewed at 30 degrees.\n",
    }


OUTCOMES = [
    outcome(0.9, kept=True, passage=0),
    outcome(0.5, kept=True, passage=1),
    outcome(0.6, kept=False, passage=2),
    outcome(0.3, kept=False, passage=3, abstained=True),
]


def test_refusals_at_every_strictness_follow_from_one_pass() -> None:
    lines = tables(OUTCOMES).splitlines()
    assert lines[0].startswith("AUROC of the answering probability: 0.750 [")
    cells = [[cell.split(",")[0] for cell in line.strip("| ").split(" | ")] for line in lines[4:]]
    assert cells == [
        ["strict", "2 of 2", "1 of 2"],
        ["balanced", "1 of 2", "0 of 2"],
        ["eager", "1 of 2", "0 of 2"],
    ]


def test_the_cases_that_went_wrong_are_listed() -> None:
    assert case_lines(OUTCOMES, "balanced") == "- 0.60 question 2 (2 GB) answered: It needs 2 GB. [1]\n"
    assert case_lines(OUTCOMES, "strict") == "- 0.50 question 1 (2 GB) refused\n"


def test_the_area_counts_pairs_in_order_ties_by_half() -> None:
    area = auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False], range(4))
    assert area.value == 3.5 / 4
    assert 0 <= area.low <= area.value <= area.high <= 1


def test_an_area_that_nothing_can_be_said_of_spans_everything() -> None:
    assert (auroc([0.9], [True], [0]).low, auroc([0.9], [True], [0]).high) == (0, 1)
    lone = auroc([0.9, 0.1], [True, False], [0, 0])
    assert (lone.value, lone.low, lone.high) == (1, 0, 1)


def test_a_missing_file_is_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().err.startswith("notecite: not a reading set")
