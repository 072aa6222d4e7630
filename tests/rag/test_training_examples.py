import json
from pathlib import Path

import pytest

from ingest.errors import BadInput
from rag.training.examples import (
    ExampleSet,
    Notes,
    calibrates,
    headings,
    is_held_back,
    language_of,
    parallel_reading,
    read_notes,
    reading,
    twin_of,
    written,
)
from rag.training.mining import Bm25, Miner, lexical_search, repeats
from tests.fakes import count_tokens

QUESTIONS = ["泡绿茶水温多少", "green tea temperature"]
CHINESE = "# 茶\n\n## 怎么泡绿茶？\n\n绿茶用八十度的水，泡两分钟。\n\n## 怎么存茶叶？\n\n茶叶要避光、密封、放在冰箱。\n"
ENGLISH = "# Tea\n\n## How is green tea made?\n\nUse water of 80 degrees.\n\n## How is tea kept?\n\nDark and closed.\n"


def trained_name(suffix: str = ".md") -> str:
    """A file name that is not held back."""
    return next(f"tea{n}{suffix}" for n in range(100) if not is_held_back(f"tea{n}{suffix}"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    name = trained_name()
    (tmp_path / name).write_text(CHINESE, "utf-8")
    (tmp_path / name.replace(".md", "_origin.md")).write_text(ENGLISH, "utf-8")
    return tmp_path


@pytest.fixture
def notes(folder: Path) -> Notes:
    return read_notes(folder, count_tokens)


def questions(path: Path, **changes: object) -> Path:
    item = {
        "file": trained_name(),
        "quote": "绿茶用八十度的水",
        "questions": ["泡绿茶水温多少", "green tea temperature"],
    }
    path.write_text(json.dumps(item | changes, ensure_ascii=False) + "\n", "utf-8")
    return path


def text_of(examples: ExampleSet, passage_id: str) -> str:
    return examples.passages[passage_id].text


def test_a_written_question_asks_for_the_chunk_of_its_quote_and_for_its_translation(
    notes: Notes, tmp_path: Path
) -> None:
    examples = written(notes, [questions(tmp_path / "q.jsonl")], held_back=False)
    found = {(e.source, e.question): text_of(examples, e.positives[0]) for e in examples.examples}
    assert "八十度" in found["written", "泡绿茶水温多少"]
    assert "80 degrees" in found["parallel", "泡绿茶水温多少"]
    assert len(found) == 4


def test_questions_of_a_held_back_document_are_left_out(notes: Notes, tmp_path: Path) -> None:
    assert written(notes, [questions(tmp_path / "q.jsonl")], held_back=True).examples == ()


def test_a_trap_is_the_chunk_that_holds_it(notes: Notes, tmp_path: Path) -> None:
    path = questions(tmp_path / "q.jsonl", trap={"file": trained_name(), "quote": "茶叶要避光"})
    examples = written(notes, [path], held_back=False)
    assert "冰箱" in text_of(examples, examples.examples[0].traps[0])


def test_a_line_that_is_no_question_names_its_place(notes: Notes, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"file": "a.md"}\n', "utf-8")
    with pytest.raises(BadInput, match=r"q\.jsonl:1"):
        written(notes, [tmp_path / "q.jsonl"], held_back=False)


def test_a_heading_asks_for_what_stands_below_it(notes: Notes) -> None:
    examples = headings(notes)
    found = {e.question: text_of(examples, e.positives[0]) for e in examples.examples if e.source == "heading"}
    assert "八十度" in found["怎么泡绿茶？"]


def test_the_plain_form_of_a_passage_lacks_its_last_heading(notes: Notes) -> None:
    passage = next(p for p in headings(notes).passages.values() if "避光" in p.text)
    assert passage.text.startswith("茶 > 怎么存茶叶？\n")
    assert passage.plain.startswith("茶\n")


def test_about_half_of_what_is_held_back_calibrates() -> None:
    assert 35 <= sum(calibrates(f"tea{n}.md") for n in range(100)) <= 65


def test_twins_are_held_back_together() -> None:
    names = [f"note{n}.md" for n in range(50)]
    assert [is_held_back(n) for n in names] == [is_held_back(n.replace(".md", "_origin.md")) for n in names]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("tea.md", "tea_origin.md"), ("ch1.2/tea.md", "ch1.2/tea_origin.md"), ("a.b.md", "a.b_origin.md")],
)
def test_each_twin_names_the_other(ours: str, theirs: str) -> None:
    assert (twin_of(ours), twin_of(theirs)) == (theirs, ours)


def test_a_reading_set_gives_its_paragraphs_with_their_questions(tmp_path: Path) -> None:
    paragraph = {"context": "绿茶产自杭州。", "qas": [{"question": "绿茶产自哪里？"}, {"question": "杭州产什么？"}]}
    (tmp_path / "set.json").write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}), "utf-8")
    examples = reading([tmp_path / "set.json"])
    assert sorted(e.question for e in examples.examples) == ["杭州产什么？", "绿茶产自哪里？"]
    assert text_of(examples, examples.examples[0].positives[0]) == "绿茶产自杭州。"


def test_parallel_reading_sets_ask_for_the_other_language(tmp_path: Path) -> None:
    for name, context, question in (("zh", "绿茶产自杭州。", "哪里？"), ("en", "Tea is from Hangzhou.", "Where from?")):
        paragraph = {"context": context, "qas": [{"question": question}]}
        (tmp_path / f"{name}.json").write_text(json.dumps([{"paragraphs": [paragraph]}]), "utf-8")
    examples = parallel_reading(tmp_path / "zh.json", tmp_path / "en.json")
    found = {e.question: text_of(examples, e.positives[0]) for e in examples.examples}
    assert found == {"哪里？": "Tea is from Hangzhou.", "Where from?": "绿茶产自杭州。"}


def test_mined_negatives_are_neither_the_answer_nor_its_translation(notes: Notes, tmp_path: Path) -> None:
    examples = written(notes, [questions(tmp_path / "q.jsonl")], held_back=False)
    mined = Miner(examples, [lexical_search(examples.passages, 10)]).mined()
    negatives = {text_of(mined, id_) for e in mined.examples if e.source == "written" for id_ in e.negatives}
    assert [text.splitlines()[-1] for text in negatives] == ["茶叶要避光、密封、放在冰箱。"]


def test_bm25_ranks_the_text_with_the_rarer_word_first() -> None:
    scores = Bm25(["green tea water", "green tea oolong", "black coffee"]).scores("oolong tea")
    assert scores.argsort()[::-1].tolist() == [1, 0, 2]
    assert scores[2] == 0


@pytest.mark.parametrize(
    ("quote", "text", "expected"),
    [("泡两分钟就好", "绿茶泡两分钟就好了", True), ("泡两分钟就好", "泡十分钟也行", False), ("", "x", False)],
)
def test_a_text_repeats_a_quote_when_it_holds_most_of_its_triples(quote: str, text: str, expected: bool) -> None:
    assert repeats(quote, text) is expected


def test_a_question_with_some_chinese_is_chinese() -> None:
    assert [language_of(t) for t in ("Docker 镜像怎么变小", "shrink a docker image")] == ["zh", "en"]
