"""Key points: what a full answer says, one idea each."""

import re

from eval.answers import conflict_shown, numbers_in, without_marks
from eval.types import EvalRecord, Score, Scorer, Trial
from ingest.phrases import Phrase
from ingest.tokens import query_tokens, search_tokens

_ATTRIBUTION = re.compile(r"^(?:[^\s:：]+\.(?:md|txt|pdf|html|docx|ipynb)|\S{1,20} (?:说|says))\s*[:：]\s*")
_DISAGREEMENT = re.compile(r"矛盾|不一致|相反|conflict|disagree|contradict", re.IGNORECASE)
_LATIN = re.compile(r"[A-Za-z][A-Za-z+#-]+")
_LEAST_TERMS = 0.6


def claim_of(point: str) -> str:
    """The key point without a leading "x.md: " or "x says: ", which an answer expresses by its citation."""
    return _ATTRIBUTION.sub("", point)


def is_disagreement(record: EvalRecord, point: str) -> bool:
    """Whether the key point is that the notes disagree. An answer makes this point by showing the conflict."""
    return record.case.type == "conflict" and claim_of(point) == point and bool(_DISAGREEMENT.search(point))


def keypoint_terms(record: EvalRecord, trial: Trial) -> Score:
    """Key points whose terms stand in the answer's text / key points of the case. No judge is asked.

    All numbers and Latin words of the key point must stand there, and at least 60 % of its search tokens (dictionary
    words and character pairs); a key point without any of these, such as "```", is unscored. A refusal makes none of
    them. An answer makes the point that the notes disagree by showing the conflict.
    """
    if trial.answer.abstained:
        return Score.share([False] * len(record.case.keypoints))
    said = without_marks(trial.answer.text)
    shown = record.case.type == "conflict" and conflict_shown(record, trial).value == 1
    return Score.share(
        shown if is_disagreement(record, point) else _terms_stand_in(claim_of(point), said)
        for point in record.case.keypoints
    )


def has_keypoints(record: EvalRecord) -> bool:
    return bool(record.case.keypoints)


def _terms_stand_in(point: str, text: str) -> bool | None:
    """None for a point without terms."""
    wanted, said = set(query_tokens(point)), set(search_tokens(text))
    if not wanted:
        return None
    return _exact_terms(point) <= _exact_terms(text) and len(wanted & said) >= _LEAST_TERMS * len(wanted)


def _exact_terms(text: str) -> set[str]:
    return {*numbers_in(text), *(word.lower() for word in _LATIN.findall(text))}


KEYPOINT_TERMS = Scorer(
    "keypoint_terms", Phrase("Key-point recall (terms)", "要点召回率（用词）"), keypoint_terms, has_keypoints
)
