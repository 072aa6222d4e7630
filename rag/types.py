"""The values that flow from a question to its answer. All frozen; offsets count Unicode characters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ingest.phrases import Phrase
from ingest.structure import Kind
from ingest.types import Chunk, Place

Stage = Literal["dense", "lexical", "fused", "rerank"]

_LONGEST_EARLIER = 60
"""Characters of the previous question that are put before a follow-up; few, so that the follow-up itself is not
truncated."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for, and what it was made from."""

    question: str
    """The question to search for. It stands alone: a follow-up is completed from ``history``."""
    asked: str
    """The question in the user's own words, except that names are spelt as in the notes."""
    history: tuple[str, ...] = ()
    """The user's earlier questions, oldest first."""

    @property
    def in_words(self) -> str:
        """The question for models that read sentences: a follow-up is preceded by the end of the previous question,
        because ``question`` may then be only a list of terms."""
        if self.question == self.asked or not self.history:
            return self.asked
        return f"{self.history[-1][-_LONGEST_EARLIER:]} {self.asked}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by one stage."""

    chunk: Chunk
    score: float
    """Higher is better. Scores of different stages cannot be compared."""
    stage: Stage
    """The stage that gave ``score``."""
    also_at: tuple[Place, ...] = ()
    """Other places of the same, or nearly the same, text, which is searched only once."""


_ANNOUNCES = re.compile(
    r"(?:[:：]|(?:(?:以下|下面|下列)[几两二三四五六七八九十\d][^，。；！？\n]{0,12}|如下(?:所示)?)[；;。，,]?)[*_ ]*\Z"
)


def leads_in(text: str) -> bool:
    """Whether a text only announces what follows it, whether or not it ends in a colon."""
    return bool(_ANNOUNCES.search(text))


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, list item, table row, code block or formula of a hit."""

    hit: Hit
    rank: int
    """The rank of ``hit``, from 0."""
    block: int
    """The number of its block within the hit, from 0."""
    kind: Kind
    indent: int
    """The indentation of its block, in columns."""
    headings: tuple[str, ...]
    """The path of headings above it, outermost first, without the document's title."""
    start: int
    """Where it starts in its document."""
    end: int
    """Where it ends in its document; ``text`` is the slice ``[start, end)``."""
    text: str
    header: str = ""
    """For a table row, the header row of its table."""
    score: float = 0.0
    """Higher for better answers; comparable only within one question."""
    probability: float | None = None
    """The probability in [0, 1] that it is part of the answer; None without a scorer."""

    @property
    def leads_in(self) -> bool:
        return leads_in(self.text)

    @property
    def labels(self) -> tuple[str, ...]:
        """The title of its document and the headings above it, outermost first, without repeats."""
        return tuple(dict.fromkeys((self.hit.chunk.title, *self.headings)))


StatementPair = tuple[Statement, Statement]


@dataclass(frozen=True, slots=True)
class Source:
    """The slice ``[start, end)`` of a hit's document that is cited for a statement of an answer."""

    hit: Hit
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Draft:
    """One statement of an answer before its sources are numbered."""

    text: str
    """Markdown, without citation marks."""
    sources: tuple[Source, ...]
    """What it cites; empty where nothing in the notes supports it."""
    before: str = "\n\n"
    """The Markdown between the previous statement and this one, headings included."""
    dropped_citations: int = 0
    """How many of its citation numbers name no source."""
    quoted: bool = False
    """Whether it is in the note's own words."""
    denies: bool = False
    """Whether it says that the notes do not say something, and so claims nothing of them."""
    is_side: bool = False
    """Whether it is one of the two sides of a conflict."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage of the notes that an answer cites."""

    number: int
    """What the answer prints as [n], from 1 in order of first use."""
    document_id: str
    headings: tuple[str, ...]
    """The path of headings above the passage, outermost first, without the document's title."""
    page: int | None
    """From 1; None for documents without pages."""
    start: int
    """Where the passage starts in the document's text."""
    end: int
    """Where it ends."""
    quote: str
    """The cited words, exactly ``document.text[start:end]``."""
    also_at: tuple[Place, ...] = ()
    """Other places of the same, or nearly the same, text."""


Verdict = Literal["supported", "contradicted", "not_found"]


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a sentence is supported by what it cites."""

    verdict: Verdict
    probability: float
    """The probability in [0, 1] that the cited words support the sentence."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, or a whole list item, table or code block."""

    text: str
    citations: tuple[int, ...]
    """The numbers that it cites."""
    support: Support | None = None
    """None where nothing was judged: without a judge, or for a label that claims nothing."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two statements of the notes that cannot both be true, each with the numbers that it cites."""

    claim_a: str
    citations_a: tuple[int, ...]
    claim_b: str
    citations_b: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer or a refusal, with everything that is known of how it came about."""

    question: str
    """The question as the user typed it."""
    standalone_question: str
    """The question that was searched for: completed from the earlier ones, names spelt as in the notes."""
    text: str
    """Markdown with [n] marks. It ends with what no passage mentions and with the conflicts, if there are any."""
    abstained: bool
    """Whether this is a refusal: it cites nothing."""
    sentences: tuple[Sentence, ...]
    """The sentences of ``text`` in order, those of the conflicts last; none in a refusal."""
    citations: tuple[Citation, ...]
    """What ``text`` cites; number n is ``citations[n - 1]``."""
    hits: tuple[Hit, ...]
    """All hits of the search, best first."""
    confidence: float | None = None
    """The probability in [0, 1] that the notes hold the answer; None where it is not calibrated."""
    nearest: tuple[tuple[str, ...], ...] = ()
    """In a refusal, the heading paths nearest to the question, document title first."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each stage took, in the order in which they ran."""
    models: Mapping[str, str] = field(default_factory=dict)
    """The names of the models in use, by role."""
    dropped_citations: int = 0
    """How many citation numbers of the chat model named no source."""
    notice: Phrase | None = None
    """What the reader should know of how the answer was made, such as that the chat model could not be reached."""
    unsupported: int = 0
    """How many sentences were not judged "supported", including those that were cut for that reason."""
    conflicts: tuple[Conflict, ...] = ()
    """Where the notes disagree on what was asked."""
    unmentioned: tuple[str, ...] = ()
    """In an answer to the rest of the question, the names in it that no passage found mentions."""


@dataclass(frozen=True, slots=True)
class StageDone:
    """An event of the pipeline: a stage ended."""

    stage: str
    seconds: float
    count: int
    """How many things it dealt with: earlier questions, hits, statements or sentences."""


@dataclass(frozen=True, slots=True)
class TextPiece:
    """An event of the pipeline: the next piece of the answer's Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Restart:
    """An event of the pipeline: the answer so far, with its notice, is withdrawn and begins again."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An event of the pipeline: what the reader should know of how the answer is made."""

    phrase: Phrase
    failed: bool = False
    """Whether a model failed to do its part, so that something else did it or nothing did."""


Event = StageDone | TextPiece | Restart | Notice | Answer
