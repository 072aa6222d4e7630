"""The values that flow from a question to its answer. All frozen; offsets count Unicode characters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ingest.phrases import Phrase
from ingest.structure import Kind
from ingest.types import Chunk, Place

Stage = Literal["dense", "lexical", "fused", "rerank"]


_LONGEST_EARLIER = 60
"""Characters of an earlier question, so that the models that read a follow-up behind it see all of this."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched. ``question`` stands alone; ``asked`` is the user's own words; ``history`` the earlier
    user questions, oldest first."""

    question: str
    asked: str
    history: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """What a reader of whole sentences is asked: a follow-up behind the end of the question before it, since
        ``question`` may then be a row of terms."""
        if self.question == self.asked or not self.history:
            return self.asked
        return f"{self.history[-1][-_LONGEST_EARLIER:]} {self.asked}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by one stage. Higher scores are better; scores of two stages do not compare.

    ``also_at`` lists the other places of the same (or nearly the same) text, which is searched once.
    """

    chunk: Chunk
    score: float
    stage: Stage
    also_at: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, list item, table row, code block or formula of a hit, as the slice ``[start, end)`` of its document.

    ``rank`` is that of its hit, from 0. ``block`` numbers its block within the hit; ``indent`` is the block's own.
    ``headings`` is its heading path, without the document's title. ``header`` is the header row of a table row's
    table. ``score`` is higher for better answers and comparable within one question only; ``chance`` the chance in
    [0, 1] that it carries a part of the answer, None where nothing tells.
    """

    hit: Hit
    rank: int
    block: int
    kind: Kind
    indent: int
    headings: tuple[str, ...]
    start: int
    end: int
    text: str
    header: str = ""
    score: float = 0.0
    probability: float | None = None

    @property
    def leads_in(self) -> bool:
        """Whether it only announces what follows."""
        return self.text.rstrip("*_ ").endswith((":", "："))


StatementPair = tuple[Statement, Statement]


@dataclass(frozen=True, slots=True)
class Source:
    """The slice ``[start, end)`` of a hit's document that carries a statement."""

    hit: Hit
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Draft:
    """One statement of an answer before it is cited. ``before`` is the Markdown between it and the one before it;
    ``dropped_citations`` counts the numbers in it that are no source, ``quoted`` says that it is the note's words."""

    text: str
    sources: tuple[Source, ...]
    before: str = "\n\n"
    dropped_citations: int = 0
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Citation:
    """``quote`` is exactly ``document.text[start:end]``; ``number`` is what the answer prints as [n]."""

    number: int
    document_id: str
    headings: tuple[str, ...]
    page: int | None
    start: int
    end: int
    quote: str
    also_at: tuple[Place, ...] = ()


Verdict = Literal["supported", "contradicted", "not_found"]


@dataclass(frozen=True, slots=True)
class Support:
    """Whether the cited words carry a sentence. ``probability``: the chance in [0, 1] that they support it."""

    verdict: Verdict
    probability: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer (or a whole list item, table or code block) with the numbers it cites. ``support`` is
    None where nothing judged it."""

    text: str
    citations: tuple[int, ...]
    support: Support | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two statements of the notes that cannot both hold, each with the numbers it cites."""

    claim_a: str
    citations_a: tuple[int, ...]
    claim_b: str
    citations_b: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is Markdown with [n] marks; ``confidence`` the chance in [0, 1] that the notes hold the answer, None
    where that is not calibrated; ``nearest`` the headings offered when the answer is a refusal;
    ``seconds`` per stage, in the order in which the stages ran; ``models`` the names in use by role;
    ``dropped_citations`` how many numbers of the chat model's were no source; ``notice`` what the reader should know
    of how the answer was made, such as that the chat model could not be reached; ``unsupported`` counts the sentences
    whose verdict is not "supported", and those that were cut for it; ``conflicts`` is where notes disagree on what was
    asked, which ``text`` shows at its end; ``unmentioned`` the names in the question that no passage found speaks of,
    in an answer to the rest."""

    question: str
    standalone_question: str
    text: str
    abstained: bool
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    confidence: float | None = None
    nearest: tuple[tuple[str, ...], ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    dropped_citations: int = 0
    notice: Phrase | None = None
    unsupported: int = 0
    conflicts: tuple[Conflict, ...] = ()
    unmentioned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageDone:
    """An event of the pipeline: a stage ended after ``seconds``, having found ``count`` things."""

    stage: str
    seconds: float
    count: int


@dataclass(frozen=True, slots=True)
class TextPiece:
    """An event of the pipeline: the next piece of the answer's Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Restart:
    """An event of the pipeline: the text so far is withdrawn and the answer begins again."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An event of the pipeline: what the reader should know of how the answer is made."""

    phrase: Phrase


Event = StageDone | TextPiece | Restart | Notice | Answer
