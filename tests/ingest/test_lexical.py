from pathlib import Path

import pytest

from ingest.lexical import LexicalEntry, LexicalIndex

ENTRIES = (
    LexicalEntry("a", "采样 > top-p", "核采样只在累积概率达到 p 的最小集合里抽取下一个词。"),
    LexicalEntry("b", "采样 > 温度", "温度越高，输出越随机；它常与 top-p 一起使用。"),
    LexicalEntry("c", "量化", "LLM.int8() 把离群的特征留在 16 位。"),
)


@pytest.fixture(params=["in memory", "in a folder"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> LexicalIndex:
    index = LexicalIndex(None if request.param == "in memory" else tmp_path / "lexical", write=True)
    index.change((), ENTRIES)
    return index


def _found(index: LexicalIndex, question: str, context_weight: float = 1.0) -> list[str]:
    return [key for key, _ in index.search(question, 10, context_weight)]


def test_entries_are_found_by_their_words(index: LexicalIndex) -> None:
    assert _found(index, "离群特征") == ["c"]
    assert _found(index, "int8") == ["c"]


def test_matches_in_the_context_weigh_as_much_as_they_are_told_to(index: LexicalIndex) -> None:
    assert _found(index, "top-p", 2.0)[0] == "a"
    assert _found(index, "top-p", 0.0)[0] == "b"


def test_scores_fall(index: LexicalIndex) -> None:
    scores = [score for _, score in index.search("top-p 采样 温度", 10, 1.0)]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)


def test_ties_are_broken_by_key() -> None:
    index = LexicalIndex()
    index.change((), [LexicalEntry(key, "", "同样的话") for key in ("z", "m", "a")])
    assert _found(index, "同样") == ["a", "m", "z"]


def test_hits_that_tie_with_the_last_are_all_found() -> None:
    index = LexicalIndex()
    entries = {"d": "同样的话", "a": "同样的话和别的话", "c": "同样的话", "b": "同样的话"}
    index.change((), [LexicalEntry(key, "", text) for key, text in entries.items()])
    assert [key for key, _ in index.search("同样", 2, 1.0)] == ["b", "c", "d"]


@pytest.mark.parametrize("question", ["AND OR NOT", '"top-p', "key:a", "top-p^9 (", "*", "/.*/", "[a TO z]", ""])
def test_operators_in_a_question_mean_nothing(index: LexicalIndex, question: str) -> None:
    assert set(_found(index, question)) <= {"a", "b"}


def test_a_question_of_any_length_is_answered(index: LexicalIndex) -> None:
    assert "c" in _found(index, "离群特征" + "随便写点什么凑字数 filler words " * 5000)


def test_removed_entries_are_gone(index: LexicalIndex) -> None:
    index.change(["c"], ())
    assert _found(index, "离群特征") == []
    assert index.keys() == {"a", "b"}
    assert len(index) == 2


def test_compacting_makes_scores_those_of_a_fresh_index(index: LexicalIndex) -> None:
    fresh = LexicalIndex()
    fresh.change((), ENTRIES[:2])
    index.change(["c"], ())
    index.compact()
    assert index.search("温度 top-p", 10, 0.5) == fresh.search("温度 top-p", 10, 0.5)


def test_what_is_written_to_a_folder_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    LexicalIndex(tmp_path / "lexical", write=True).change((), ENTRIES)
    assert _found(LexicalIndex(tmp_path / "lexical"), "离群特征") == ["c"]


def test_reading_makes_no_index(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ValueError, match="NotExist"):
            LexicalIndex(folder)
    assert list(tmp_path.iterdir()) == []
