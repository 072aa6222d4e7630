"""Question files: what is read, and what is said of a faulty one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.cases import CaseFault, case_from_json, keep_case, load_cases, only
from eval.evidence import EvidenceFinder
from eval.types import EvalCase, Evidence
from ingest.errors import BadInput, NotFound
from ingest.phrases import Phrase

NOTES = {"kv.md": "# 缓存\n\nkv-cache 存的是\n历史 token 的 K 和 V。", "lr.md": "warmup 用 2000 步。"}

ROW: dict[str, Any] = {
    "id": "q1",
    "question": "缓存里放了啥",
    "type": "fact",
    "answer": "历史 token 的 K 和 V。",
    "keypoints": ["K 和 V"],
    "evidence": [{"file": "kv.md", "quote": "存的是历史 token 的 K 和 V"}],
    "alt_evidence": [{"file": "lr.md", "quote": "2000 步"}],
    "history": ["kv-cache 是什么？"],
}

CASE = EvalCase(
    id="q1",
    question="缓存里放了啥",
    type="fact",
    answer="历史 token 的 K 和 V。",
    keypoints=("K 和 V",),
    evidence=(Evidence("kv.md", "存的是历史 token 的 K 和 V"),),
    alternatives=(Evidence("lr.md", "2000 步"),),
    history=("kv-cache 是什么？",),
)


def write(path: Path, *rows: Any) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_full_row_becomes_a_case_and_quotes_are_checked_with_white_space_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", ROW, "")
    assert load_cases(path, EvidenceFinder(NOTES.get)) == (CASE,)


def test_an_unanswerable_row_needs_only_its_question_and_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", "\ufeff" + json.dumps({"id": "q2", "question": "?", "type": "unanswerable"}))
    assert load_cases(path) == (EvalCase(id="q2", question="?", type="unanswerable"),)


def test_added_cases_load_again_unchanged(tmp_path: Path) -> None:
    cases = (CASE, EvalCase(id="q2", question="没有的", type="unanswerable"))
    for case in cases:
        keep_case(tmp_path / "q.jsonl", case)
    assert load_cases(tmp_path / "q.jsonl") == cases


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_case_is_added_on_a_line_of_its_own(tmp_path: Path, end: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(ROW) + end, encoding="utf-8")
    keep_case(path, EvalCase(id="q2", question="没有的", type="unanswerable"))
    assert [case.id for case in load_cases(path)] == ["q1", "q2"]
    assert path.read_text(encoding="utf-8").count("\n") == 2


def test_a_case_that_could_not_be_read_again_is_not_added(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the question cannot be kept: q1: 'question' is missing or empty"):
        keep_case(tmp_path / "q.jsonl", replace(CASE, question=" "))
    assert not (tmp_path / "q.jsonl").exists()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 1: not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1]", "line 1: not a JSON object"),
        ({**ROW, "id": ""}, "line 1: 'id' is missing or empty"),
        ({**ROW, "question": 3}, "line 1: 'question' is not a string"),
        ({**ROW, "keypoints": "K"}, "line 1: 'keypoints' is not a list of non-empty strings"),
        ({**ROW, "evidence": ["K"]}, "line 1: 'evidence' is not a list of objects"),
        ({**ROW, "evidence": [{"file": "kv.md"}]}, "line 1: 'quote' is missing or empty"),
        ({**ROW, "evidence": [{"file": "kv.md", "quote": "\u200b"}]}, "line 1: an empty quote in 'evidence'"),
        ({**ROW, "evidence": []}, "line 1: no evidence, though the type is answerable"),
        ({**ROW, "type": "unanswerable"}, "line 1: evidence on an unanswerable question"),
        ({**ROW, "evidence": [{"file": "no.md", "quote": "K"}]}, "line 1: no document 'no.md' among the notes"),
        (
            {**ROW, "evidence": [{"file": "kv.md", "quote": "只存 V"}]},
            "line 1: 'kv.md' does not hold the quote '只存 V'",
        ),
    ],
)
def test_a_faulty_row_is_named_by_its_line(tmp_path: Path, row: Any, said: str) -> None:
    path = write(tmp_path / "q.jsonl", row)
    with pytest.raises(BadInput) as raised:
        load_cases(path, EvidenceFinder(NOTES.get))
    assert raised.value.to("en") == f"faulty question file: {path}: {said}"


def test_what_is_no_case_says_why_in_both_languages() -> None:
    with pytest.raises(CaseFault) as raised:
        case_from_json([1])
    assert raised.value.phrase == Phrase("not a JSON object", "不是 JSON 对象")


def test_questions_about_other_notes_are_told_as_such(tmp_path: Path) -> None:
    gone = [{**ROW, "id": f"gone{n}", "evidence": [{"file": f"no{n}.md", "quote": "K"}]} for n in range(12)]
    path = write(tmp_path / "q.jsonl", ROW, *gone, "{", {"id": "q2", "question": "?", "type": "unanswerable"})
    with pytest.raises(BadInput) as raised:
        load_cases(path, EvidenceFinder(NOTES.get))
    assert raised.value.to("en") == (
        f"these questions are about other notes: {path}: 12 of 15 name documents that the library lacks, such as "
        "'no0.md'; sync these notes, or choose other questions"
    )
    assert "15 题中有 12 题引用的文档不在笔记库里，例如 'no0.md'" in raised.value.to("zh")


def test_a_few_missing_documents_are_named_line_by_line(tmp_path: Path) -> None:
    gone = [{**ROW, "id": f"gone{n}", "evidence": [{"file": "no.md", "quote": "K"}]} for n in range(2)]
    with pytest.raises(BadInput, match=r"line 1: no document 'no\.md' among the notes; line 2: no document"):
        load_cases(write(tmp_path / "q.jsonl", *gone, ROW, {**ROW, "id": "q2"}), EvidenceFinder(NOTES.get))


def test_an_unknown_type_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"unknown type 'facts'; use one of fact, list, compare, howto/why, "):
        load_cases(write(tmp_path / "q.jsonl", {**ROW, "type": "facts"}))


def test_all_faults_are_told_at_once_up_to_ten(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", ROW, ROW, *["{}"] * 11)
    with pytest.raises(BadInput) as raised:
        load_cases(path)
    said = raised.value.to("zh")
    assert "第 2 行：id 'q1' 重复，首见第 1 行" in said
    assert "第 11 行" in said
    assert "第 12 行" not in said
    assert said.endswith("另有 2 处")


def test_a_missing_an_empty_and_a_misencoded_file_are_errors_that_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="the question file cannot be read"):
        load_cases(tmp_path / "none.jsonl")
    with pytest.raises(BadInput, match="the question file holds no questions") as raised:
        load_cases(write(tmp_path / "empty.jsonl", "", ""))
    assert raised.value.to("zh").startswith("问题文件是空的：")
    (tmp_path / "gbk.jsonl").write_bytes("问题".encode("gbk"))
    with pytest.raises(BadInput, match="the question file is not UTF-8"):
        load_cases(tmp_path / "gbk.jsonl")


def test_a_list_of_ids_picks_cases_in_their_own_order_and_an_unknown_id_is_an_error(tmp_path: Path) -> None:
    cases = tuple(EvalCase(id=str(number), question="?", type="unanswerable") for number in range(4))
    (tmp_path / "ids.txt").write_text("# a few\n3\n1  # hard\n\n", encoding="utf-8")
    assert [case.id for case in only(cases, tmp_path / "ids.txt")] == ["1", "3"]
    (tmp_path / "ids.txt").write_text("9\n", encoding="utf-8")
    with pytest.raises(BadInput, match="no such question: 9"):
        only(cases, tmp_path / "ids.txt")
