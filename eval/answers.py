"""How good the answers are, as far as gold quotes and refusals tell. What needs a judge is in ``judged.py``.

Only ``false_answer`` scores a right refusal: it has no citations, key points or faithfulness.
"""

import re

from eval.evidence import touched
from eval.retrieval import evidence_gains, has_evidence
from eval.types import EvalRecord, Score, Scorer, Trial
from ingest.phrases import Phrase
from ingest.types import Place
from rag.types import Citation

_MARK = re.compile(r"[ \t]*\[\d+\]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def citation_precision(record: EvalRecord, trial: Trial) -> Score:
    """Citations that touch a gold quote / citations. An answerable question without any citation scores 0.

    A lower bound, since notes may say the same elsewhere than in the gold quotes.
    """
    return Score.share(_right_citations(record, trial))


def citation_recall(record: EvalRecord, trial: Trial) -> Score:
    """Evidence quotes that a citation touches / evidence quotes; an alternative replaces one quote."""
    ranking = tuple(places_of(citation) for citation in trial.answer.citations)
    found = sum(evidence_gains(ranking, record.gold))
    return Score.share(index < found for index in range(len(record.gold.evidence)))


def numbers_cited(record: EvalRecord, trial: Trial) -> Score:
    """Numbers in the answer's sentences that stand in the words cited there / numbers in its sentences."""
    quotes = {citation.number: citation.quote for citation in trial.answer.citations}
    found: list[bool] = []
    for sentence in trial.answer.sentences:
        cited = {number for cited in sentence.citations for number in numbers_in(quotes.get(cited, ""))}
        found += [number in cited for number in numbers_in(sentence.text)]
    return Score.share(found)


def both_sides(record: EvalRecord, trial: Trial) -> Score:
    """Whether the citations touch evidence in at least two documents, where notes contradict each other."""
    cited = [place for citation in trial.answer.citations for place in places_of(citation)]
    hit = touched(record.gold.evidence, cited)
    return Score.of(len({record.gold.evidence[index][0].document_id for index in hit}) > 1)


def right_citation(record: EvalRecord, trial: Trial) -> Score:
    """Whether an answer that was given has at least one citation that touches a gold quote."""
    return Score.of(any(_right_citations(record, trial)))


def conflict_shown(record: EvalRecord, trial: Trial) -> Score:
    """Whether the answer shows a conflict whose two claims cite two different sides of the gold evidence.

    The sides are the documents of the evidence and its alternatives; within a single document, its quotes.
    """
    sides = [_sides(record, trial, (each.citations_a, each.citations_b)) for each in trial.answer.conflicts]
    return Score.of(any(bool(one and other and len(one | other) > 1) for one, other in sides))


def no_conflict_alarm(record: EvalRecord, trial: Trial) -> Score:
    """Whether no conflict is shown where the notes agree. Its failure rate is the rate of false alarms."""
    return Score.of(not trial.answer.conflicts)


def premise_not_taken(record: EvalRecord, trial: Trial) -> Score:
    """Whether a question with a false premise is refused, or a citation touches a gold quote, which says what is so."""
    return Score.of(trial.answer.abstained or any(_right_citations(record, trial)))


def refused_rightly(record: EvalRecord, trial: Trial) -> Score:
    """Whether a question that the notes do not answer is refused. Its failure rate is the rate of false answers."""
    return Score.of(trial.answer.abstained)


def answered_rightly(record: EvalRecord, trial: Trial) -> Score:
    """Whether a question that the notes answer is answered at all. Its failure rate is the rate of false refusals."""
    return Score.of(not trial.answer.abstained)


def places_of(citation: Citation) -> tuple[Place, ...]:
    """The cited slice and every other place of the same text."""
    return (Place(citation.document_id, citation.start, citation.end), *citation.also_at)


def is_answerable(record: EvalRecord) -> bool:
    return record.case.answerable


def was_answered(record: EvalRecord) -> bool:
    """Whether an answer was given. A failed case counts."""
    return record.trial is None or not record.trial.answer.abstained


def without_marks(text: str) -> str:
    """A text without its [n] marks."""
    return _MARK.sub("", text).strip()


def _right_citations(record: EvalRecord, trial: Trial) -> list[bool]:
    """For each citation, whether it touches a gold quote."""
    gold = (*record.gold.evidence, *record.gold.alternatives)
    return [bool(touched(gold, places_of(citation))) for citation in trial.answer.citations]


def _sides(record: EvalRecord, trial: Trial, claims: tuple[tuple[int, ...], tuple[int, ...]]) -> list[set[object]]:
    """For each of the two claims, the sides of the gold that its citations touch."""
    quotes = (*record.gold.evidence, *record.gold.alternatives)
    one_document = len({places[0].document_id for places in quotes}) == 1
    by_number = {citation.number: places_of(citation) for citation in trial.answer.citations}
    return [
        {
            index if one_document else quotes[index][0].document_id
            for number in numbers
            for index in touched(quotes, by_number.get(number, ()))
        }
        for numbers in claims
    ]


def numbers_in(text: str) -> list[str]:
    """The numbers of a text without its [n] marks; "4,096" is one number, "3,5,7" are three."""
    return _NUMBER.findall(_THOUSANDS.sub("", without_marks(text)))


def _states_numbers(record: EvalRecord) -> bool:
    """Whether the answer has numbers. A failed case counts."""
    return record.trial is None or any(numbers_in(sentence.text) for sentence in record.trial.answer.sentences)


def _is_unanswerable(record: EvalRecord) -> bool:
    return not record.case.answerable


def _has_two_sides(record: EvalRecord) -> bool:
    return record.case.type == "conflict" and len({evidence.document_id for evidence in record.case.evidence}) > 1


def _is_answered_answerable(record: EvalRecord) -> bool:
    return has_evidence(record) and was_answered(record)


def _has_conflict(record: EvalRecord) -> bool:
    return record.case.type == "conflict"


def _has_no_conflict(record: EvalRecord) -> bool:
    return record.case.type != "conflict"


def _has_false_premise(record: EvalRecord) -> bool:
    return record.case.type == "false_premise"


ANSWER_SCORERS: tuple[Scorer, ...] = (
    Scorer("citation_precision", Phrase("Citation precision", "引用精确率"), citation_precision, has_evidence),
    Scorer("citation_recall", Phrase("Citation recall", "引用召回率"), citation_recall, has_evidence),
    Scorer(
        "right_citation",
        Phrase("Answers with a right citation", "至少一处引用正确的回答"),
        right_citation,
        _is_answered_answerable,
    ),
    Scorer("numbers_cited", Phrase("Numbers found in cited words", "数字有出处"), numbers_cited, _states_numbers),
    Scorer("false_answer", Phrase("False answers", "误答率"), refused_rightly, _is_unanswerable, rate_of_failure=True),
    Scorer("false_refusal", Phrase("False refusals", "误拒率"), answered_rightly, is_answerable, rate_of_failure=True),
    Scorer("both_sides", Phrase("Conflicts: both sides cited", "矛盾：两方都引用"), both_sides, _has_two_sides),
    Scorer("conflict_shown", Phrase("Conflicts: shown as such", "矛盾：明确指出"), conflict_shown, _has_conflict),
    Scorer(
        "conflict_alarm",
        Phrase("Conflicts: false alarms", "矛盾：误报率"),
        no_conflict_alarm,
        _has_no_conflict,
        rate_of_failure=True,
    ),
    Scorer(
        "false_premise",
        Phrase("False premises: corrected or refused", "错误前提：纠正或拒答"),
        premise_not_taken,
        _has_false_premise,
    ),
)
