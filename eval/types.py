"""The values that flow from a question with a known answer to a number. All frozen."""

from dataclasses import dataclass
from typing import Literal, get_args

QuestionType = Literal[
    "fact", "list", "compare", "howto/why", "number", "followup", "unanswerable", "false_premise", "conflict"
]
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The very words of a note that hold the answer, or a part of it. They outlive any re-chunking.

    ``quote`` stands in the document's text when white space is ignored.
    """

    document_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class EvalCase:
    """A question whose answer is known.

    ``history`` holds the earlier user questions, oldest first. ``keypoints`` are what a full answer says, one
    idea each. ``evidence`` lists every quote that a full answer rests on; each of ``alternatives`` can stand in
    for one of them. Both are empty when the notes do not answer the question.
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
        """The document that the case was written from; cases of one document err together.

        A case without evidence stands alone.
        """
        return self.evidence[0].document_id if self.evidence else f"case {self.id}"
