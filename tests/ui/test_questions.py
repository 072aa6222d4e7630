import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from eval.cases import load_cases
from eval.evidence import EvidenceFinder
from eval.types import Evidence
from ingest.errors import BadInput, NotFound
from ingest.types import Document
from rag.build import Application
from rag.types import Answer, Citation, Sentence
from ui.questions import Questions, holding

NOTES = {
    "cache.md": "# Cache\n\n## Why does it grow?\n\nIt keeps the keys and values of every token.\n",
    "other.md": "Nothing here.",
}
FINDER = EvidenceFinder(NOTES.get)
QUOTE = "It keeps the keys and values of every token."
ANSWER = Answer(
    question="Why does the cache grow?",
    standalone_question="Why does the cache grow?",
    text=f"{QUOTE} [1]",
    abstained=False,
    sentences=(Sentence(QUOTE, (1,)),),
    citations=(Citation(1, "cache.md", ("Why does it grow?",), None, 32, 76, QUOTE),),
    hits=(),
)
REFUSAL = Answer("What is it?", "What is it?", "Your notes don't say.", True, (), (), ())


@pytest.fixture
def questions(tmp_path: Path) -> Questions:
    return Questions(tmp_path)


def test_a_liked_answer_waits_as_a_case_with_its_quotes_as_evidence(questions: Questions) -> None:
    questions.rate("c 0", ANSWER, (), liked=True, reason="")
    (waiting,) = questions.waiting()
    assert waiting.liked is True
    assert waiting.case.type == "howto/why"
    assert waiting.case.evidence == (Evidence("cache.md", QUOTE),)
    assert waiting.case.keypoints == (QUOTE,)


def test_each_key_point_of_a_liked_answer_is_one_line(questions: Questions) -> None:
    code = replace(ANSWER, sentences=(Sentence("- ```python\nx = 1\n```", (1,)), Sentence("$$\nx\n$$", (1,))))
    assert questions.rate("c 0", code, (), liked=True, reason="").keypoints == ("```python x = 1 ```", "$$ x $$")


def test_a_disliked_answer_waits_with_the_reason_and_says_nothing_of_what_is_right(questions: Questions) -> None:
    questions.rate("c 1", ANSWER, ["What is a cache?"], liked=False, reason=" too\nshort ")
    (waiting,) = questions.waiting()
    assert (waiting.liked, waiting.reason) == (False, "too short")
    assert (waiting.case.type, waiting.case.history) == ("followup", ("What is a cache?",))
    assert (waiting.case.answer, waiting.case.keypoints) == ("", ())


def test_a_refusal_waits_as_a_question_that_the_notes_do_not_answer(questions: Questions) -> None:
    assert questions.rate("c 0", REFUSAL, (), liked=True, reason="").type == "unanswerable"


def test_the_file_of_what_waits_is_one_that_eval_reads(questions: Questions, tmp_path: Path) -> None:
    questions.rate("c 0", ANSWER, (), liked=False, reason="why")
    path = tmp_path / "questions" / "waiting.jsonl"
    assert load_cases(path, FINDER) == tuple(waiting.case for waiting in questions.waiting())
    assert json.loads(path.read_text(encoding="utf-8"))["reason"] == "why"


def test_the_last_word_on_an_answer_counts(questions: Questions) -> None:
    questions.rate("c 0", ANSWER, (), liked=True, reason="")
    questions.rate("c 0", ANSWER, (), liked=False, reason="no")
    assert [waiting.liked for waiting in questions.waiting()] == [False]


def test_an_answer_rated_again_after_it_was_accepted_is_accepted_anew(questions: Questions) -> None:
    for text in ("first", "second"):
        case = questions.rate("c 0", ANSWER, (), liked=True, reason="")
        questions.accept(replace(case, answer=text), FINDER)
    assert [case.answer for case in load_cases(questions.accepted, FINDER)] == ["second"]


def test_questions_are_proposed_from_notes_once(questions: Questions) -> None:
    documents = {name: Document(name, "Cache", text, "hash") for name, text in NOTES.items()}
    summaries = [SimpleNamespace(id=name) for name in NOTES]
    library = SimpleNamespace(documents=lambda: summaries, document=documents.__getitem__)
    application = cast(Application, SimpleNamespace(library=library, chat_model=None))
    assert questions.propose(application, 5) == 1
    assert questions.propose(application, 5) == 0
    (waiting,) = questions.waiting()
    assert (waiting.case.question, waiting.liked) == ("Why does it grow?", None)
    questions.reject(waiting.case.id)
    assert questions.waiting() == ()
    assert questions.propose(application, 5) == 0


def test_what_is_accepted_is_added_as_it_was_edited(questions: Questions) -> None:
    case = questions.rate("c 0", ANSWER, (), liked=True, reason="")
    questions.accept(replace(case, question="Why does the KV cache grow?"), FINDER)
    assert questions.waiting() == ()
    assert questions.accepted_count() == 1
    assert load_cases(questions.accepted, FINDER)[0].question == "Why does the KV cache grow?"
    with pytest.raises(NotFound):
        questions.accept(case, FINDER)


def test_a_case_that_cannot_be_used_keeps_waiting(questions: Questions) -> None:
    case = questions.rate("c 0", ANSWER, (), liked=True, reason="")
    for broken in (
        replace(case, question=" "),
        replace(case, evidence=()),
        replace(case, evidence=(Evidence("other.md", QUOTE),)),
    ):
        with pytest.raises(BadInput):
            questions.accept(broken, FINDER)
    assert len(questions.waiting()) == 1


def test_a_question_found_unanswerable_loses_its_evidence(questions: Questions) -> None:
    case = questions.rate("c 0", ANSWER, (), liked=False, reason="")
    questions.accept(replace(case, type="unanswerable"), FINDER)
    assert load_cases(questions.accepted)[0].evidence == ()


def test_words_of_a_note_are_found_in_it() -> None:
    assert holding(" keys and\nvalues ", NOTES, FINDER) == Evidence("cache.md", "keys and\nvalues")
    with pytest.raises(BadInput):
        holding("keys or values", NOTES, FINDER)


def test_a_broken_line_is_passed_over(questions: Questions, tmp_path: Path) -> None:
    questions.rate("c 0", ANSWER, (), liked=True, reason="")
    with (tmp_path / "questions" / "waiting.jsonl").open("a", encoding="utf-8") as file:
        file.write("{broken\n")
    assert len(questions.waiting()) == 1
