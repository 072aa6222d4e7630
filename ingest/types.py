"""The values that flow from a file to the library. All frozen; offsets count Unicode characters."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.phrases import Phrase


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader makes of a file's bytes.

    ``text`` uses ``\\n`` line ends and is written as Markdown where the format has structure (headings,
    lists, tables, fenced code), whatever the file's own format. ``page_starts`` holds the offset at which
    each page begins (PDF only, else empty). ``problems`` are what could not be read, such as a scanned page.
    """

    text: str
    title: str = ""
    page_starts: tuple[int, ...] = ()
    problems: tuple[Phrase, ...] = ()


def page_at(page_starts: Sequence[int], offset: int) -> int | None:
    """The 1-based page that holds ``offset``; None without pages."""
    return max(1, sum(start <= offset for start in page_starts)) if page_starts else None


@dataclass(frozen=True, slots=True)
class Document:
    """A note as the library knows it.

    ``id`` is the path relative to the notes folder, with ``/`` on every system. ``text`` is what all offsets
    count in. ``content_hash`` is the SHA-256 of the file's bytes in hexadecimal.
    """

    id: str
    title: str
    text: str
    content_hash: str
    page_starts: tuple[int, ...] = ()
    problems: tuple[Phrase, ...] = ()

    def page_at(self, offset: int) -> int | None:
        """The 1-based page that holds ``offset``; None for a document without pages."""
        return page_at(self.page_starts, offset)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands: a document and the slice ``[start, end)`` of its text."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of a document: ``document.text[start:end] == text``, always.

    ``headings`` is the heading path, outermost first, without the document's ``title``. ``page`` is the
    1-based page of ``start`` (PDF only). ``tokens`` counts ``text`` in the embedder's tokens. ``id`` does not
    depend on ``start``, so an edit above a chunk changes neither its id nor its vector.
    """

    id: str
    document_id: str
    title: str
    headings: tuple[str, ...]
    start: int
    end: int
    text: str
    tokens: int
    page: int | None = None

    @property
    def context(self) -> str:
        """Where the chunk stands: the title and heading path on one line."""
        path = (self.title, *self.headings)
        return " > ".join(part for i, part in enumerate(path) if part and part not in path[:i])

    @property
    def embedded_text(self) -> str:
        """What the embedder and the lexical index see: where the chunk stands, then the slice."""
        return f"{self.context}\n{self.text}" if self.context else self.text

    @property
    def place(self) -> Place:
        return Place(self.document_id, self.start, self.end)
