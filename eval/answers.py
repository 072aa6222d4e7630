"""How good the answers are, as far as gold quotes and refusals tell. What needs a judge is in ``judged.py``.

A refusal that is right is scored by ``false_answer`` alone: it has no citations, no key points and no faithfulness.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.evidence import touched
from eval.retrieval import evidence_gains, has_evidence
from eval.types import EvalRecord, Score, Scorer, Trial
from ingest.phrases import Phrase
from ingest.types import Place
from rag.types import Citation

_MARK = re.compile(r"\[\d+\]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def citation_precision(record: EvalRecord, trial: Trial) -> Score:
    """Citations that touch a gold quote / citations. An answerable question without any citation scores 0.

    A lower bound, since notes may say the same elsewhere than in the gold quotes.
    """
    gold = (*record.gold.evidence, *record.gold.alternatives)
    return Score.share(bool(touched(gold, places_of(citation))) for citation in trial.answer.citations)


def citation_recall(record: EvalRecord, trial: Trial) -> Score:
    """Evidence quotes that a citation touches / evidence quotes; an alternative stands in for one quote."""
    ranking = tuple(places_of(citation) for citation in trial.answer.citations)
    found = sum(evidence_gains(ranking, record.gold))
    return Score.share(index < found for index in range(len(record.gold.evidence)))


def numbers_cited(record: EvalRecord, trial: Trial) -> Score:
    """Numbers in the answer's sentences that stand in the words these cite / numbers in its sentences."""
    quotes = {citation.number: citation.quote for citation in trial.answer.citations}
    found: list[bool] = []
    for sentence in trial.answer.sentences:
        cited = {number for cited in sentence.citations for number in _numbers(quotes.get(cited, ""))}
        found += [number in cited for number in _numbers(sentence.text)]
    return Score.share(found)


def both_sides(record: EvalRecord, trial: Trial) -> Score:
    """Whether the citations touch evidence in at least two documents, where notes contradict each other."""
    cited = [place for citation in trial.answer.citations for place in places_of(citation)]
    hit = touched(record.gold.evidence, cited)
    return Score.of(len({record.gold.evidence[index][0].document_id for index in hit}) > 1)


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


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(_MARK.sub("", text).replace(",", ""))


def _states_numbers(record: EvalRecord) -> bool:
    """Of a failure it cannot be told, so that it counts."""
    return record.trial is None or any(_numbers(sentence.text) for sentence in record.trial.answer.sentences)


def _is_unanswerable(record: EvalRecord) -> bool:
    return not record.case.answerable


def _has_two_sides(record: EvalRecord) -> bool:
    return record.case.type == "conflict" and len({evidence.document_id for evidence in record.case.evidence}) > 1


ANSWER_SCORERS: tuple[Scorer, ...] = (
    Scorer("citation_precision", Phrase("Citation precision", "引用精确率"), citation_precision, has_evidence),
    Scorer("citation_recall", Phrase("Citation recall", "引用召回率"), citation_recall, has_evidence),
    Scorer("numbers_cited", Phrase("Numbers found in cited words", "数字有出处"), numbers_cited, _states_numbers),
    Scorer("both_sides", Phrase("Conflicts: both sides cited", "矛盾：两方都引用"), both_sides, _has_two_sides),
    Scorer("false_answer", Phrase("False answers", "误答率"), refused_rightly, _is_unanswerable, rate_of_failure=True),
    Scorer("false_refusal", Phrase("False refusals", "误拒率"), answered_rightly, is_answerable, rate_of_failure=True),
)


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The risk-coverage curve: at ``coverage[i]`` of the questions answered, most trusted first, ``risk[i]`` is the
    mean loss of the answers given. ``area`` is the mean of ``risk`` (AURC); ``excess`` is the area above that of the
    best order of the same losses (E-AURC); both are 0.0 at best.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    area: float
    excess: float


def risk_coverage(losses: Sequence[float], confidences: Sequence[float | None]) -> RiskCoverage:
    """From one loss in [0, 1] and one confidence per question. None ranks lowest; equals share their mean loss.

    Geifman and El-Yaniv, Selective classification for deep neural networks, NeurIPS 2017; E-AURC: Geifman, Uziel and
    El-Yaniv, Bias-reduced uncertainty estimation for deep neural classifiers, ICLR 2019.
    """
    keys = np.array([-np.inf if confidence is None else confidence for confidence in confidences])
    values = np.asarray(losses, dtype=np.float64)
    tied = np.array([values[keys == key].mean() for key in keys])
    counts = np.arange(1, len(values) + 1)
    risk = np.cumsum(tied[np.argsort(-keys, kind="stable")]) / counts
    best = np.cumsum(np.sort(values)) / counts
    return RiskCoverage(
        coverage=tuple((counts / len(values)).tolist()),
        risk=tuple(risk.tolist()),
        area=float(risk.mean()),
        excess=float(risk.mean() - best.mean()),
    )
