"""Run folders: kept as they grow, resumed, never mixed."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.answers import ANSWER_SCORERS
from eval.run import Run, answer_cases, load_records, load_run, save_scores, score_run
from eval.spec import RunSpec
from eval.types import EvalCase, EvalRecord, Trial
from ingest.errors import BadInput, NotFound
from ingest.types import Place
from tests.eval.samples import FINDER, REFUSAL, answered, case, cite

SPEC = RunSpec(
    questions="q.jsonl",
    questions_sha256="00",
    library="11",
    settings={"embedder": "bundled", "reranker": "none"},
    prompts="22",
    versions={"numpy": "2"},
    commit="abc",
    changes="",
    seeds={"statistics": 1},
    machine={"cores": "2"},
)
CASES = (case("1"), case("2", "unanswerable"), case("3", question="break"))
ANSWER = answered([("It needs 2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB.")], {"generate": 0.5})


def answer(asked: EvalCase) -> Trial:
    if asked.question == "break":
        raise ValueError("broken")
    rankings = {"dense": ((Place("cache.md", 0, 5), Place("other.md", 1, 2)),)}
    return Trial(ANSWER if asked.answerable else REFUSAL, rankings, 0.75)


def scored(folder: Path, records: Sequence[EvalRecord]) -> Run:
    run = score_run(folder, SPEC, records, ANSWER_SCORERS)
    save_scores(run)
    return run


def test_a_run_loads_again_as_it_was_saved(tmp_path: Path) -> None:
    records = answer_cases(CASES, answer, FINDER, SPEC, tmp_path / "run")
    saved = scored(tmp_path / "run", records)
    assert load_run(tmp_path / "run") == saved
    assert saved.records == records
    assert saved.spec == SPEC
    assert [record.error for record in records] == ["", "", "ValueError: broken"]
    assert saved.summary.errors == 1


def test_an_interrupted_run_goes_on_where_it_stopped_even_after_half_a_line(tmp_path: Path) -> None:
    whole = answer_cases(CASES, answer, FINDER, SPEC, tmp_path)
    path = tmp_path / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:50])
    asked: list[str] = []

    def watched(one: EvalCase) -> Trial:
        asked.append(one.id)
        return answer(one)

    seen: list[str] = []
    again = answer_cases(CASES, watched, FINDER, SPEC, tmp_path, lambda record: seen.append(record.case.id))
    assert again == whole
    assert asked == ["2", "3"]
    assert seen == ["1", "2", "3"]
    assert path.read_bytes().splitlines(keepends=True) == lines


def test_reading_leaves_a_line_that_is_still_being_written(tmp_path: Path) -> None:
    whole = answer_cases(CASES, answer, FINDER, SPEC, tmp_path)
    path = tmp_path / "records.jsonl"
    growing = path.read_bytes()[:-20]
    path.write_bytes(growing)
    assert load_records(tmp_path) == whole[:2]
    assert path.read_bytes() == growing


def test_a_run_is_made_by_one_process_at_a_time(tmp_path: Path) -> None:
    def ask_in_the_middle(one: EvalCase) -> Trial:
        with pytest.raises(BadInput, match="another process is making this run"):
            answer_cases(CASES, answer, FINDER, SPEC, tmp_path)
        return answer(one)

    answer_cases(CASES[:1], ask_in_the_middle, FINDER, SPEC, tmp_path)
    assert len(load_records(tmp_path)) == 1
    assert len(answer_cases(CASES, answer, FINDER, SPEC, tmp_path)) == 3


def test_scoring_again_asks_nothing_and_gives_the_same_summary(tmp_path: Path) -> None:
    records = answer_cases(CASES, answer, FINDER, SPEC, tmp_path)
    first = scored(tmp_path, records)
    assert scored(tmp_path, load_records(tmp_path)) == first


def test_a_folder_of_another_spec_is_not_mixed_into(tmp_path: Path) -> None:
    answer_cases(CASES, answer, FINDER, SPEC, tmp_path)
    with pytest.raises(BadInput, match="this folder holds a run made in another way"):
        answer_cases(CASES, answer, FINDER, replace(SPEC, commit="def"), tmp_path)


def test_the_same_spec_names_the_same_folder() -> None:
    assert SPEC.run_name == replace(SPEC).run_name
    assert SPEC.run_name.startswith("q-")
    assert SPEC.run_name != replace(SPEC, settings={"reranker": "bundled"}).run_name


def test_an_unfinished_a_missing_and_a_broken_run_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no finished run here"):
        load_run(tmp_path / "none")
    answer_cases(CASES, answer, FINDER, SPEC, tmp_path)
    with pytest.raises(NotFound, match="no finished run here"):
        load_run(tmp_path)
    (tmp_path / "spec.json").write_text(json.dumps({"questions": 3}), encoding="utf-8")
    with pytest.raises(BadInput, match=r"spec\.json cannot be read"):
        answer_cases(CASES, answer, FINDER, SPEC, tmp_path)
