"""Drafts -> sentences with numbered citations, and the answer's Markdown."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rag.types import Citation, Draft, Sentence, Source


@dataclass(slots=True)
class Citer:
    """Numbers the sources of one answer in the order in which they are first cited.

    ``page_at(document_id, offset)`` gives the page of an offset, None for documents without pages.
    """

    page_at: Callable[[str, int], int | None]
    citations: list[Citation] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)

    def cite(self, draft: Draft) -> str:
        """The draft as a piece of the answer's Markdown, its numbers at the end."""
        numbers = tuple(dict.fromkeys(self._number(source) for source in draft.sources))
        self.sentences.append(Sentence(draft.text.strip(), numbers))
        marks = "".join(f"[{number}]" for number in numbers)
        # A mark on the closing line of a code block or formula would keep it open.
        separator = "\n" if draft.text.endswith(("```", "~~~", "$$")) else " "
        return f"{draft.before}{draft.text}{separator}{marks}"

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
