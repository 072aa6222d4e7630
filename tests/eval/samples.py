"""A little world for the tests of scores: two notes, and answers about them built in one line."""

from collections.abc import Mapping, Sequence

from eval.evidence import EvidenceFinder
from eval.types import EvalCase, EvalRecord, Evidence, QuestionType, Ranking, Trial
from rag.types import Answer, Citation, Sentence

NOTES = {
    "cache.md": "KV cache keeps keys and values. It needs 2 GB. Quantise it to save half.",
    "other.md": "The cache needs 4 GB.",
}
FINDER = EvidenceFinder(NOTES.get)


def case(
    id_: str = "1",
    type_: QuestionType = "fact",
    quotes: Sequence[tuple[str, str]] = (("cache.md", "It needs 2 GB."),),
    keypoints: Sequence[str] = (),
    question: str = "how much?",
) -> EvalCase:
    """``quotes`` are (document, words), none for an unanswerable case."""
    evidence = tuple(Evidence(*quote) for quote in quotes) if type_ != "unanswerable" else ()
    return EvalCase(id_, question, type_, keypoints=tuple(keypoints), evidence=evidence)


def cite(number: int, document_id: str, words: str) -> Citation:
    start = NOTES[document_id].index(words)
    return Citation(number, document_id, (), None, start, start + len(words), words)


def answered(
    sentences: Sequence[tuple[str, Sequence[int]]] = (),
    citations: Sequence[Citation] = (),
    seconds: Mapping[str, float] | None = None,
) -> Answer:
    text = " ".join(sentence + "".join(f" [{n}]" for n in numbers) for sentence, numbers in sentences)
    return Answer(
        question="",
        standalone_question="",
        text=text,
        abstained=False,
        sentences=tuple(Sentence(sentence, tuple(numbers)) for sentence, numbers in sentences),
        citations=tuple(citations),
        hits=(),
        seconds=seconds or {},
    )


REFUSAL = Answer("", "", "The notes don't say.", True, (), (), ())


def record(
    of: EvalCase,
    answer: Answer | None,
    rankings: Mapping[str, Ranking] | None = None,
    confidence: float | None = None,
) -> EvalRecord:
    """Without an answer, a record of a failure."""
    trial = None if answer is None else Trial(answer, rankings or {}, confidence)
    return EvalRecord(of, FINDER.gold(of), trial, "" if answer else "ValueError: broken")
