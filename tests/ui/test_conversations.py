import threading
from pathlib import Path

import pytest

from ingest.errors import BadInput, NotFound
from ingest.phrases import Phrase
from ingest.types import Chunk
from rag.types import Answer, Citation, Hit, Sentence
from ui.conversations import Conversations, as_markdown


def answer(question: str, text: str = "答案 [1]") -> Answer:
    chunk = Chunk("c", "a.md", "t", (), 0, 2, "答案", 2)
    return Answer(
        question,
        question,
        text,
        False,
        (Sentence("答案", (1,)),),
        (Citation(1, "a.md", ("标题",), 3, 0, 2, "答案"),),
        (Hit(chunk, 1.0, "fused"),),
        seconds={"retrieve": 0.5},
        notice=Phrase("note", "提示"),
    )


@pytest.fixture
def mine(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path, "me")


def test_a_conversation_is_kept_whole_but_for_the_hits(mine: Conversations, tmp_path: Path) -> None:
    first = mine.add(None, answer("问一"))
    mine.add(first.id, answer("问二"))
    again = Conversations(tmp_path, "me").get(first.id)
    assert again.history == ("问一", "问二")
    assert again.title == "问一"
    assert again.answers[0].citations == answer("问一").citations
    assert again.answers[0].notice == Phrase("note", "提示")
    assert again.answers[0].hits == ()


def test_asking_again_replaces_the_turns_from_there_on(mine: Conversations) -> None:
    kept = mine.add(None, answer("一"))
    mine.add(kept.id, answer("二"))
    mine.add(kept.id, answer("三"))
    assert mine.add(kept.id, answer("二'"), after=1).history == ("一", "二'")


def test_answers_from_elsewhere_are_kept_once_and_what_followed_stays(mine: Conversations) -> None:
    kept = mine.keep([answer("一")])
    mine.add(kept.id, answer("二"))
    mine.rate(kept.id, 0, liked=True)
    changed = mine.rename(kept.id, "mine")
    assert mine.keep([answer("一")]) == changed == mine.get(kept.id)
    assert mine.keep([answer("一", "别的答案 [1]")]).history == ("一",)
    assert len(mine.all()) == 2


def test_what_a_person_says_of_an_answer_is_kept_until_it_is_replaced(mine: Conversations) -> None:
    kept = mine.add(None, answer("一"))
    mine.add(kept.id, answer("二"))
    mine.rate(kept.id, 1, liked=True)
    mine.rate(kept.id, 0, liked=False)
    assert mine.rate(kept.id, 0, liked=True).liked == {0: True, 1: True}
    assert mine.get(kept.id).liked == {0: True, 1: True}
    assert mine.add(kept.id, answer("二'"), after=1).liked == {0: True}


def test_conversations_are_listed_last_used_first_and_found_by_any_words(mine: Conversations) -> None:
    a, b = mine.add(None, answer("about LoRA")), mine.add(None, answer("about RoPE", "Rotary positions"))
    mine.add(a.id, answer("more"))
    assert [c.id for c in mine.all()] == [a.id, b.id]
    assert [c.id for c in mine.all("rotary ABOUT")] == [b.id]
    assert mine.all("nothing") == ()


def test_a_conversation_is_renamed_and_deleted(mine: Conversations) -> None:
    kept = mine.add(None, answer("q"))
    assert mine.rename(kept.id, "  new \n title ").title == "new title"
    with pytest.raises(BadInput):
        mine.rename(kept.id, " ")
    mine.delete(kept.id)
    mine.delete(kept.id)
    with pytest.raises(NotFound):
        mine.get(kept.id)


def test_another_person_sees_nothing(mine: Conversations, tmp_path: Path) -> None:
    kept = mine.add(None, answer("q"))
    other = Conversations(tmp_path, "you")
    assert other.all() == ()
    with pytest.raises(NotFound):
        other.get(kept.id)


@pytest.mark.parametrize("id_", ["", "../../etc/passwd", "0" * 15, "0" * 16 + "\n", "a/b"])
def test_an_id_that_is_no_id_opens_nothing(mine: Conversations, id_: str) -> None:
    for act in (mine.get, mine.delete):
        with pytest.raises(NotFound):
            act(id_)


def test_a_broken_file_is_passed_over_in_the_list_and_named_when_opened(mine: Conversations, tmp_path: Path) -> None:
    kept = mine.add(None, answer("q"))
    (file,) = tmp_path.rglob(f"{kept.id}.json")
    file.write_text("{", encoding="utf-8")
    assert mine.all() == ()
    with pytest.raises(BadInput, match=kept.id):
        mine.get(kept.id)


def test_the_export_counts_footnotes_through_all_turns(mine: Conversations) -> None:
    kept = mine.add(None, answer("一"))
    kept = mine.add(kept.id, answer("二"))
    assert as_markdown(kept, "en") == (
        "# 一\n\n## 一\n\n答案 [^1-1]\n\n[^1-1]: a.md > 标题, page 3: “答案”\n\n"
        "## 二\n\n答案 [^2-1]\n\n[^2-1]: a.md > 标题, page 3: “答案”\n"
    )


def test_the_export_leaves_a_pattern_in_an_answer_alone(mine: Conversations) -> None:
    kept = mine.add(None, answer("一", "答案 [1]\n\n`[^0]`"))
    assert "答案 [^1-1]\n\n`[^0]`" in as_markdown(mine.add(kept.id, answer("二")), "en")


def test_answers_that_come_at_once_are_all_kept(mine: Conversations) -> None:
    kept = mine.add(None, answer("0"))

    def ask(person: str) -> None:
        for number in range(20):
            mine.add(kept.id, answer(f"{person}{number}"))

    asking = [threading.Thread(target=ask, args=(person,)) for person in "ab"]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert len(mine.get(kept.id).answers) == 41


def test_a_conversation_that_cannot_be_saved_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="this cannot be saved"):
        Conversations(tmp_path / "file", "me").add(None, answer("问一"))
