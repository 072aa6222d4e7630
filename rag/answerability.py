"""Whether the hits can answer at all, and what is said when they cannot."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.odds import logistic
from ingest.phrases import Phrase
from ingest.protocols import Floats
from ingest.tokens import proper_names
from rag.kinds import unmentioned_kinds
from rag.names import names, text_of, unknown_names
from rag.terms import language_of
from rag.types import Hit, Query, Stage, Statement

_NO_STATEMENT = -6.0
"""Log-odds of the best statement where nothing could be read."""
_DISTINCT = re.compile(r"(?=\D)(?=.*[A-Z].*[A-Z\d]|.*\d.*[A-Z])")
"""An acronym or a version: GAE, PiSSA, A100. Other Latin words may stand in the notes in Chinese."""
_HEADINGS_OFFERED = 3
_LONGEST_SEARCHED = 120
"""Characters of the question that a refusal repeats."""

NO_ANSWER = Phrase("Your notes don't say.", "笔记里没有说到这个问题。")
_NEAREST = Phrase(" The nearest headings:\n", "最接近的标题：\n")


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to answer."""

    answered: bool
    confidence: float | None
    """The probability in [0, 1] that the notes hold the answer; None if it is not calibrated."""


@dataclass(frozen=True, slots=True)
class UnknownNames:
    """For any embedder: refuses if more than half of the names in the question are in none of the best hits."""

    def __call__(
        self,
        query: Query,
        stages: Mapping[Stage, Sequence[Hit]],
        hits: Sequence[Hit],
        read: Sequence[Statement],
    ) -> Decision:
        return Decision(bool(hits) and unknown_share(query, stages) <= 0.5, None)


@dataclass(frozen=True, slots=True)
class CalibratedAnswerability:
    """For the bundled models: refuses below a confidence."""

    weights: Floats
    """Shape (6,), the intercept last: a logistic layer over ``answer_features``, fitted on questions that the notes do
    and do not answer (``python -m eval.fit_layers``)."""
    least: float
    """The least confidence at which an answer is given."""

    def __call__(
        self,
        query: Query,
        stages: Mapping[Stage, Sequence[Hit]],
        hits: Sequence[Hit],
        read: Sequence[Statement],
    ) -> Decision:
        if not hits:
            return Decision(False, 0.0)
        confidence = float(logistic(answer_features(query, stages, hits, read), self.weights))
        return Decision(confidence >= self.least, confidence)


def answer_features(
    query: Query, stages: Mapping[Stage, Sequence[Hit]], hits: Sequence[Hit], read: Sequence[Statement]
) -> Floats:
    """Shape (5,): the best hit's probability, the best cosine, the share of the question's names that are in no hit,
    whether one of these cannot be said otherwise, and the best statement's log-odds."""
    cosine = max((hit.score for hit in stages["dense"]), default=0.0)
    statement = max((s.score for s in read), default=_NO_STATEMENT)
    distinct = any(map(_DISTINCT.match, unmentioned_names(query, stages)))
    return np.array([hits[0].score, cosine, unknown_share(query, stages), distinct, statement], np.float32)


def unknown_share(query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> float:
    """The share of the technical names in the question that are in none of the best fused hits; if it has none, of its
    Chinese proper names. Beside technical names, Chinese ones are often another spelling of them."""
    asked = names(query.question)
    if asked:
        return len(unmentioned_names(query, stages)) / len(asked)
    proper = proper_names(query.question)
    if not proper:
        return 0.0
    text = text_of(stages["fused"])
    return sum(name not in text for name in proper) / len(proper)


def unmentioned_names(query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> tuple[str, ...]:
    """The technical names in the question that are in none of the best fused hits. Chinese proper names are left out:
    too many words that are tagged as such are none."""
    return tuple(unknown_names(names(query.question), stages["fused"]))


def unmentioned(query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> tuple[str, ...]:
    """What the question asks for by a name that is in none of the best fused hits, as an answer says."""
    return (*unmentioned_names(query, stages), *unmentioned_kinds(query.question, stages["fused"]))


def nearest_headings(hits: Sequence[Hit]) -> tuple[tuple[str, ...], ...]:
    """The first three different heading paths of the hits, document title first."""
    paths = dict.fromkeys((hit.chunk.title, *hit.chunk.headings) for hit in hits)
    return tuple(paths)[:_HEADINGS_OFFERED]


def refusal(question: str, searched: str, nearest: Sequence[tuple[str, ...]]) -> str:
    """The refusal in the question's language: what was searched for, and the nearest headings as a list."""
    language = language_of(question)
    what = " ".join(searched.split())[:_LONGEST_SEARCHED]
    said = NO_ANSWER.to(language) + Phrase(f" Searched for: “{what}”.", f"搜索的是“{what}”。").to(language)
    if not nearest:
        return said
    headings = "".join(f"\n- {' > '.join(dict.fromkeys(path))}" for path in nearest)
    return f"{said}{_NEAREST.to(language)}{headings}"


def unmentioned_line(question: str, unmentioned: Sequence[str]) -> str:
    """Says in the question's language which names in it no note found mentions."""
    return Phrase(
        f"The notes found do not mention {', '.join(unmentioned)}.", f"找到的笔记里没有提到：{'、'.join(unmentioned)}。"
    ).to(language_of(question))
