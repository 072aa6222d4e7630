"""The retrieval benchmark: its table and its command line."""

from collections.abc import Sequence

import pytest

from eval.benchmarks.retrieval import main, measure, table
from eval.evidence import EvidenceFinder
from eval.types import EvalCase, Evidence
from ingest.errors import BadInput
from ingest.phrases import Phrase
from ingest.types import Chunk
from rag.types import Hit

CASES = (
    EvalCase(id="1", question="?", type="fact", evidence=(Evidence("a.md", "two"),)),
    EvalCase(id="2", question="fails", type="fact", evidence=(Evidence("b.md", "one"),)),
    EvalCase(id="3", question="?", type="unanswerable"),
)
FINDER = EvidenceFinder({"a.md": "one two", "b.md": "one"}.get)


def search(case: EvalCase) -> dict[str, Sequence[Hit]]:
    if case.question == "fails":
        raise BadInput(Phrase("no", "不"), "", Phrase("try", "再试"))
    return {"dense": [Hit(Chunk("c", "a.md", "", (), 4, 7, "two", 1), 1.0, "dense")]}


def test_a_case_that_fails_scores_nothing_and_unanswerable_cases_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = measure(CASES, search, FINDER)
    assert list(scores["dense"]) == ["1"]
    assert capsys.readouterr().err == "2: no: try\n"
    _header, _rule, everything, facts = table("dense", CASES, scores["dense"]).splitlines()
    assert everything.startswith("| all | 2 | 0.500 [")
    assert facts.startswith("| fact | 2 | 0.500 [")


def test_a_missing_folder_is_an_error_in_one_line(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--notes", f"{tmp_path}/none", "--questions", f"{tmp_path}/q.jsonl"]) == 1
    assert capsys.readouterr().err.startswith("notecite: ")
    assert main(["--notes", f"{tmp_path}", "--questions", f"{tmp_path}/q.jsonl", "--set", "candidates"]) == 1
    assert "write key=value" in capsys.readouterr().err
