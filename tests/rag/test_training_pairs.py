import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ingest.types import Chunk
from rag.training.claims import Claim
from rag.training.examples import Notes
from rag.training.pairs import (
    LABELLED,
    from_clapnq,
    from_parallel_reading,
    from_questions,
    from_reading_answers,
    from_twins,
    read_written,
    shortened,
)

GROUP = "notes/tea.md"
TEXT = "## 泡茶\n\n绿茶用八十度的水。茶叶三克就够。\n\n红茶要用刚开的水，泡五分钟左右。\n"


def write_lines(path: Path, items: Sequence[object]) -> Path:
    path.write_text("\n".join(json.dumps(item, ensure_ascii=False) for item in items), "utf-8")
    return path


def notes(*documents: tuple[str, str]) -> Notes:
    chunks = {name: (Chunk(f"c-{name}", name, "茶", ("泡茶",), 0, len(text), text, 30),) for name, text in documents}
    return Notes(chunks, dict(documents), {chunk.id: chunk for own in chunks.values() for chunk in own})


def test_written_lines_become_claims_and_lists(tmp_path: Path) -> None:
    items = [
        {"id": "s-0001", "group": GROUP, "head": "茶 > 泡茶", "premise": "绿茶用八十度的水。"},
        {"id": "s-0002", "group": GROUP, "head": "茶 > 泡茶", "sents": ["绿茶用八十度的水。", "茶叶三克。"]},
    ]
    write_lines(tmp_path / "items.jsonl", items)
    lines = [
        {"i": "0001", "s": ["水温八十度"], "c": ["用开水泡"], "n": ["产自杭州"]},
        {"i": "0002", "a": [["放多少茶叶", [1]]], "u": ["泡几次"]},
        {"i": "0009", "s": ["没有这一条"]},
    ]
    write_lines(tmp_path / "out00.jsonl", lines)
    with (tmp_path / "out00.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"i": "0001", "s": ["写了一半')
    claims, lists = read_written(tmp_path, held_back=False)
    assert [(claim.claim, claim.label) for claim in claims if claim.kind == "written"] == [
        ("水温八十度", "supported"),
        ("用开水泡", "contradicted"),
        ("产自杭州", "missing"),
    ]
    (own,) = [claim for claim in claims if claim.kind == "own words"]
    assert (own.claim, own.label) == ("绿茶用八十度的水。", "supported")
    assert {claim.premise.rpartition("\n")[2] for claim in claims} == {"绿茶用八十度的水。"}
    assert [(asked.question, asked.answers, asked.kind) for asked in lists] == [
        ("放多少茶叶", frozenset({1}), "written"),
        ("泡几次", frozenset(), "unanswerable"),
    ]
    assert read_written(tmp_path, held_back=True) == ([], [])


def test_labelled_statements_are_right_wrong_or_left_out(tmp_path: Path) -> None:
    found = ["茶 > 泡茶\n绿茶用八十度的水。", "茶 > 泡茶\n水温如下：", "茶 > 储存\n放在阴凉处。", "红茶用开水。"]
    asked = {"id": "s-0001", "group": GROUP, "question": "多热的水", "sents": found}
    write_lines(tmp_path / "items.jsonl", [asked, asked | {"id": "s-0002", "question": "几点喝"}])
    write_lines(tmp_path / "out00.jsonl", [{"i": "0001", "a": [0, 3], "p": [1]}, {"i": "0002", "a": []}])
    _, lists = read_written(tmp_path, held_back=False)
    assert [(each.question, [each.statements[at] for at in sorted(each.answers)], each.kind) for each in lists] == [
        ("多热的水", [found[0], found[3]], LABELLED),
        ("几点喝", [], LABELLED),
    ]
    assert [len(each.statements) for each in lists] == [3, 4]
    assert read_written(tmp_path, held_back=True) == ([], [])


def test_labelled_statements_that_disagree_contradict_each_other(tmp_path: Path) -> None:
    found = ["茶 > 泡茶\n绿茶用八十度的水。", "绿茶要滚水冲。", "茶 > 泡茶\n绿茶别用开水。"]
    asked = {"id": "s-0001", "group": GROUP, "question": "绿茶为什么用开水", "sents": found}
    write_lines(tmp_path / "items.jsonl", [asked])
    write_lines(tmp_path / "out00.jsonl", [{"i": "0001", "a": [0, 1, 2], "c": [[0, 1], [1, 2]], "f": [0, 2]}])
    claims, _ = read_written(tmp_path, held_back=False)
    contradicted = {(claim.premise, claim.claim) for claim in claims if claim.label == "contradicted"}
    assert contradicted == {
        (found[0], "绿茶要滚水冲。"),
        (found[1], "绿茶用八十度的水。"),
        (found[1], "绿茶别用开水。"),
        (found[2], "绿茶要滚水冲。"),
        (found[0], "绿茶为什么用开水"),
        (found[2], "绿茶为什么用开水"),
    }
    others = {(claim.premise, claim.claim) for claim in claims if claim.label == "uncontradicted"}
    assert (found[1], "绿茶为什么用开水") in others
    assert len(others & {(found[0], "绿茶别用开水。"), (found[2], "绿茶用八十度的水。")}) == 1
    assert len(others) == 2


def test_a_question_contradicts_by_what_it_takes_for_granted(tmp_path: Path) -> None:
    write_lines(tmp_path / "items.jsonl", [{"id": "f-1", "group": GROUP, "head": "", "premise": "绿茶用八十度的水。"}])
    write_lines(tmp_path / "out.jsonl", [{"i": "1", "fp": ["为什么绿茶要用开水泡"], "ok": ["绿茶用多热的水"]}])
    claims, _ = read_written(tmp_path, held_back=False)
    labels = {claim.claim: claim.label for claim in claims}
    assert (labels["为什么绿茶要用开水泡"], labels["绿茶用多热的水"]) == ("contradicted", "uncontradicted")


def test_a_long_premise_is_cut_down_to_what_the_claim_is_about() -> None:
    text = "茶 > 泡茶\n" + "".join(f"第{n}种杯子放在第{n}层的架子上。" for n in range(40)) + "绿茶用八十度的水。"
    (claim,) = shortened([Claim(text, "绿茶用八十度的水", "supported", "verbatim", "a")], seed=0)
    assert "绿茶用八十度的水" in claim.premise
    assert len(claim.premise) < 350


def test_statements_that_overlap_the_quote_answer(tmp_path: Path) -> None:
    line = {"file": "tea.md", "quote": "茶叶三克就够", "questions": ["放几克茶叶"]}
    files = [write_lines(tmp_path / "q.jsonl", [line])]
    both = [
        *from_questions(notes(("tea.md", TEXT)), files, held_back=False, seed=0),
        *from_questions(notes(("tea.md", TEXT)), files, held_back=True, seed=0),
    ]
    (asked,) = both
    assert [asked.statements[at].rpartition("\n")[2] for at in asked.answers] == ["茶叶三克就够。"]
    assert {text.rpartition("\n")[2] for text in asked.statements} == {
        "茶叶三克就够。",
        "绿茶用八十度的水。",
        "红茶要用刚开的水，泡五分钟左右。",
    }


@pytest.mark.parametrize("name", ["tea.md", "ch1.2/tea.md"])
def test_a_sentence_is_supported_by_its_nearest_translation(name: str) -> None:
    ours = "绿茶要用八十度的水来泡。红茶一定要用刚刚烧开的水。茶叶每一壶要放三克左右。"
    theirs = (
        "Green tea wants water of about eighty degrees.\nBlack tea wants water that has just boiled.\n"
        "Use three grams of tea leaves or so for each pot."
    )

    def embed(texts: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        words = (("绿茶", "Green"), ("红茶", "Black"), ("三克", "three"))
        rows = [[float(any(word in text for word in pair)) for pair in words] for text in texts]
        return np.array(rows, np.float32)

    pair = notes((name, ours), (name.replace(".md", "_origin.md"), theirs))
    claims = [c for held in (False, True) for c in from_twins(pair, embed, held_back=held, seed=1)]
    supported = [claim for claim in claims if claim.label == "supported"]
    assert supported
    assert {claim.language for claim in claims} <= {"zh-en", "en-zh"}
    for claim in supported:
        if "绿茶" in claim.claim:
            assert "Green tea" in claim.premise


def reading(path: Path, context: str, question: str, answer: str) -> Path:
    item = {"id": "1", "question": question, "answers": [{"text": answer, "answer_start": context.find(answer)}]}
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": [item]}]}]}), "utf-8")
    return path


def test_the_sentence_that_holds_the_answer_answers(tmp_path: Path) -> None:
    chinese = reading(tmp_path / "zh.json", "茶壶在上层。杯子有六个。", "有几个杯子", "六")
    english = reading(tmp_path / "en.json", "The pot is above. There are six cups.", "How many cups?", "six")
    (asked,) = from_reading_answers([chinese], seed=0)
    assert (asked.statements, asked.answers) == (("杯子有六个。", "茶壶在上层。"), frozenset({0}))
    across = from_parallel_reading(chinese, english)
    assert [(asked.language, asked.statements[0]) for asked in across] == [
        ("zh-en", "There are six cups."),
        ("en-zh", "杯子有六个。"),
    ]


def test_clapnq_marks_the_chosen_sentences(tmp_path: Path) -> None:
    passage = {"title": "Tea", "text": "", "sentences": ["Tea is old .", "It needs water ."]}
    chosen = {"answer": "Water", "selected_sentences": ["It needs water ."]}
    items = [
        {"id": "1", "input": "what does tea need", "passages": [passage], "output": [chosen]},
        {"id": "2", "input": "who drinks tea", "passages": [passage], "output": [{"answer": ""}]},
    ]
    one, two = from_clapnq(write_lines(tmp_path / "clapnq.jsonl", items))
    assert (one.statements, one.answers) == (("Tea\nTea is old .", "Tea\nIt needs water ."), frozenset({1}))
    assert two.answers == frozenset()
