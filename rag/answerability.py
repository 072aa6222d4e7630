"""Whether the hits can answer at all, and what is said when they cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.lexical import proper_names
from ingest.odds import logistic
from ingest.protocols import Floats
from rag.names import HITS_READ, names, said, unknown_names
from rag.terms import is_chinese
from rag.types import Hit, Query, Stage, Statement

_NO_STATEMENT = -6.0
"""Log-odds that count where nothing could be read."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to answer, and with what ``confidence`` in [0, 1] the notes hold the answer; None if that is not
    calibrated."""

    answered: bool
    confidence: float | None


@dataclass(frozen=True, slots=True)
class UnknownNames:
    """For any embedder: refuses when more than half of the names in the question stand in none of the best hits."""

    def __call__(
        self,
        query: Query,
        stages: Mapping[Stage, Sequence[Hit]],
        hits: Sequence[Hit],
        read: Sequence[Statement] = (),
    ) -> Decision:
        return Decision(bool(hits) and unknown_share(query, stages) <= 0.5, None)


@dataclass(frozen=True, slots=True)
class CalibratedAnswerability:
    """For the bundled models: refuses below the confidence ``least``.

    ``weights`` are those of a logistic layer over ``answer_features``, the intercept last, fitted on questions whose
    notes do and do not answer them (``python -m eval.fit_layers``).
    """

    weights: Floats
    least: float

    def __call__(
        self,
        query: Query,
        stages: Mapping[Stage, Sequence[Hit]],
        hits: Sequence[Hit],
        read: Sequence[Statement] = (),
    ) -> Decision:
        if not hits:
            return Decision(False, 0.0)
        confidence = float(logistic(answer_features(query, stages, hits, read), self.weights))
        return Decision(confidence >= self.least, confidence)


def answer_features(
    query: Query, stages: Mapping[Stage, Sequence[Hit]], hits: Sequence[Hit], read: Sequence[Statement]
) -> Floats:
    """Shape (4,): the best hit's probability, the best cosine, the share of the question's names that no hit knows, the
    best statement's log-odds."""
    cosine = max((hit.score for hit in stages["dense"]), default=0.0)
    statement = max((s.score for s in read), default=_NO_STATEMENT)
    return np.array([hits[0].score, cosine, unknown_share(query, stages), statement], np.float32)


def unknown_share(query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> float:
    """The share of the technical names in the question, or where it has none of its Chinese proper names, that stand
    in none of the best fused hits. Beside technical names Chinese ones are often another spelling of them."""
    asked = names(query.question)
    if asked:
        return len(unmentioned_names(query, stages)) / len(asked)
    proper = proper_names(query.question)
    text = said(stages["fused"][:HITS_READ]) if proper else ""
    return sum(name not in text for name in proper) / len(proper) if proper else 0.0


def unmentioned_names(query: Query, stages: Mapping[Stage, Sequence[Hit]]) -> tuple[str, ...]:
    """The technical names in the question that stand in none of the best fused hits. Chinese proper names are not
    among them: too many of those that are tagged so are none."""
    return tuple(unknown_names(names(query.question), stages["fused"][:HITS_READ]))


def nearest_headings(hits: Sequence[Hit], count: int = 3) -> tuple[tuple[str, ...], ...]:
    """The first ``count`` different heading paths of the hits, document title first."""
    paths = dict.fromkeys((hit.chunk.title, *hit.chunk.headings) for hit in hits)
    return tuple(paths)[:count]


def refusal(question: str, nearest: Sequence[tuple[str, ...]]) -> str:
    """The refusal in the question's language, with the nearest headings as a list."""
    headings = "".join(f"\n- {' > '.join(dict.fromkeys(path))}" for path in nearest)
    if is_chinese(question):
        return "笔记里没有说到这个问题。" + (f"最接近的标题：\n{headings}" if headings else "")
    return "Your notes don't say." + (f" The nearest headings:\n{headings}" if headings else "")


def unmentioned_line(question: str, unmentioned: Sequence[str]) -> str:
    """Says in the question's language which half of it goes unanswered."""
    if is_chinese(question):
        return f"找到的笔记里没有提到：{'、'.join(unmentioned)}。"
    return f"The notes found do not mention {', '.join(unmentioned)}."
