"""Drafts -> sentences with numbered citations, and the answer's Markdown."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.phrases import Phrase
from rag.types import Citation, Draft, Notice, Restart, Sentence, Source, TextPiece

VERBATIM = r"`[^`\n]*`|\$(?!\s)[^$\n]*(?<!\s)\$(?!\d)"
"""Code and formulas within a line, in which nothing is a mark; two prices are no formula."""

_LIKE_A_MARK = re.compile(rf"(?P<kept>{VERBATIM})|(?<![A-Za-z0-9_)\]])(?:\[\d{{1,3}}\])+(?!\()")


@dataclass(slots=True)
class Citer:
    """Numbers the sources of one answer in the order in which they are first cited.

    ``page_at(document_id, offset)`` gives the page of an offset, None for documents without pages.
    """

    page_at: Callable[[str, int], int | None]
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    dropped_citations: int = 0
    notice: Phrase | None = None

    def take(self, item: Draft | Notice | Restart) -> TextPiece | Notice | Restart:
        """The next item of a generator as an event; a restart empties what was taken before it."""
        if isinstance(item, Notice):
            self.notice = item.phrase
            return item
        if isinstance(item, Restart):
            self.text, self.dropped_citations = "", 0
            self.citations.clear()
            self.sentences.clear()
            return item
        piece = self.cite(item)
        self.text += piece
        self.dropped_citations += item.dropped_citations
        return TextPiece(piece)

    def add(self, text: str) -> TextPiece:
        """Markdown of the program's own, which cites nothing."""
        self.text += text
        return TextPiece(text)

    def cite(self, draft: Draft) -> str:
        """The draft as a piece of the answer's Markdown, its numbers at the end. A ``[7]`` of the note's own becomes
        ``(7)``, lest it pass for a citation."""
        numbers = tuple(dict.fromkeys(self._number(source) for source in draft.sources))
        text, before = _without_likeness(draft.text), _without_likeness(draft.before)
        self.sentences.append(Sentence(text.strip(), numbers))
        if not numbers:
            return f"{before}{text}"
        marks = "".join(f"[{number}]" for number in numbers)
        return f"{before}{text}{_before_marks(text)}{marks}"

    def _number(self, source: Source) -> int:
        chunk = source.hit.chunk
        for citation in self.citations:
            if (citation.document_id, citation.start, citation.end) == (chunk.document_id, source.start, source.end):
                return citation.number
        number = len(self.citations) + 1
        self.citations.append(
            Citation(
                number=number,
                document_id=chunk.document_id,
                headings=chunk.headings,
                page=self.page_at(chunk.document_id, source.start),
                start=source.start,
                end=source.end,
                quote=chunk.text[source.start - chunk.start : source.end - chunk.start],
                also_at=source.hit.also_at,
            )
        )
        return number


def _without_likeness(text: str) -> str:
    if text.startswith(("```", "~~~", "$$")):
        return text
    return _LIKE_A_MARK.sub(lambda marks: marks["kept"] or re.sub(r"\[(\d+)\]", r"(\1)", marks[0]), text)


def _before_marks(text: str) -> str:
    """What keeps the marks out of the block that ends ``text``."""
    last = text.rsplit("\n", 1)[-1].strip()
    if last.startswith("|"):
        return "\n\n"
    return "\n" if last.endswith(("```", "~~~", "$$")) else " "
