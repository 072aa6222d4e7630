"""The values that flow from a question with a known answer to a number. All frozen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ingest.phrases import Phrase
from ingest.types import Place
from rag.chat_model import TokenUsage
from rag.types import Answer

QuestionType = Literal[
    "fact", "list", "compare", "howto/why", "number", "followup", "unanswerable", "false_premise", "conflict"
]
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)

Ranking = tuple[tuple[Place, ...], ...]
"""Best first; per hit, all the places of its text."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The exact words of a note that hold the answer or a part of it, however the note is split into chunks.

    ``quote`` stands in the document's text when white space is ignored.
    """

    document_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class EvalCase:
    """A question whose answer is known.

    ``history`` holds the user's earlier questions, oldest first. ``keypoints`` are what a full answer says, one
    idea each. ``evidence`` lists every quote that a full answer rests on; each of ``alternatives`` can replace
    one of them. Both are empty when the notes do not answer the question.
    """

    id: str
    question: str
    type: QuestionType
    answer: str = ""
    keypoints: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[Evidence, ...] = ()
    history: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the notes hold an answer. A question with a false premise is answerable: they hold the truth."""
        return self.type != "unanswerable"

    @property
    def cluster(self) -> str:
        """The document that the case was written from; errors on cases of one document are not independent.

        A case without evidence is a cluster of its own.
        """
        return self.evidence[0].document_id if self.evidence else f"case {self.id}"


@dataclass(frozen=True, slots=True)
class Gold:
    """A case's gold quotes as places. Each quote has all the places where it stands; any of them will do."""

    evidence: tuple[tuple[Place, ...], ...] = ()
    alternatives: tuple[tuple[Place, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What the thing under test gave for one case.

    ``rankings`` holds the hits of each retrieval stage. ``confidence`` orders answers from least to most trusted, by
    the system's own estimate before it decides whether to answer; None if it makes none. ``tokens`` are the chat
    model's; None where none was asked or its server did not report them.
    """

    answer: Answer
    rankings: Mapping[str, Ranking] = field(default_factory=dict)
    confidence: float | None = None
    tokens: TokenUsage | None = None


@dataclass(frozen=True, slots=True)
class EvalRecord:
    """One case and what came of it. ``trial`` is None when the thing under test failed; ``error`` then says how."""

    case: EvalCase
    gold: Gold
    trial: Trial | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """A case's value on one scorer, in [0, 1]; None when nothing could be scored.

    ``parts`` are what it was computed from, in their order (sentences, citations, key points): True for right, False
    for wrong, None for unscored. ``error`` says that the thing under test failed.
    """

    value: float | None
    parts: tuple[bool | None, ...] = ()
    error: bool = False

    @classmethod
    def graded(cls, value: float) -> "Score":
        """One part, right only at full marks."""
        return cls(value, (value >= 1,))

    @classmethod
    def of(cls, right: bool) -> "Score":
        """A yes-or-no score."""
        return cls(float(right), (right,))

    @classmethod
    def share(cls, parts: Iterable[bool | None]) -> "Score":
        """The share of right parts. Unscored parts count against it; with no parts at all it is 0.0."""
        listed = tuple(parts)
        if listed and not any(part is not None for part in listed):
            return cls(None, listed)
        return cls(listed.count(True) / max(1, len(listed)), listed)


@dataclass(frozen=True, slots=True)
class Scorer:
    """One measure: which records it ``applies`` to, and the ``score`` of a record that has a trial.

    For a record without a trial, ``applies`` must be True if the case could have been scored: a failure counts as the
    worst value, 0.0. With ``rate_of_failure`` the measure is printed as 1 - value, as for false refusals, so that its
    name says what went wrong; a score of 1.0 is still the best.
    """

    name: str
    title: Phrase
    score: Callable[[EvalRecord, Trial], Score]
    applies: Callable[[EvalRecord], bool]
    rate_of_failure: bool = False
