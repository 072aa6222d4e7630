"""Drafts -> sentences with numbered citations, and the answer's Markdown."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.phrases import Phrase
from rag.terms import is_function_word
from rag.types import Citation, Draft, Notice, Restart, Sentence, Source, TextPiece

VERBATIM = r"`[^`\n]*`|\$(?!\s)[^$\n]*(?<!\s)\$(?!\d)"
"""Code and formulas within a line. Nothing inside them is a mark; two prices are not a formula."""

NUMBERS = r"(?:\d{1,3}|[1-9]\d?(?:\s*+[,，、;；和&~–-]\s*+[1-9]\d?)+)"
"""The inside of a mark: a number, or a list or range of small ones. ``0, 1`` and ``1, 512`` are data."""
BRACKETED = rf"[\[【［〔]\s*+(?:\^|(?i:来源|资料|sources?|citations?))?\s*+[:：#]?\s*+({NUMBERS})\s*+[\]】］〕]"
"""One mark. Its group is the inside. White space is never given back, so that reading takes linear time."""

_BRACKETED = re.compile(BRACKETED)
_LIKE_A_MARK = re.compile(rf"(?P<kept>{VERBATIM})|(?:{BRACKETED})+(?!\()")

_LONGEST_NAME = 80
_NAME = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_.]*)(?P<used>(?:\([^()\n]*\)|\[[^\[\]\n]*\])*)$")
_INDEX = re.compile(r"\[\d+(?:,\s*\d+)*\]")
_NAME_OF_CODE = re.compile(
    r"\w*[^\W_]_+[^\W_]\w*|[a-z]\w*(?:\.[A-Za-z_]\w*)+|[A-Za-z]|[a-z](?:[a-z]|\d+)|args|argv|arr|array"
    r"|cols|data|ids|inputs|items|keys|labels|list|logits|nums|outputs|probs|rows|scores|shape|tokens|values|weights",
    re.ASCII,
)
_MORE_CODE = re.compile(r"\s*[-+*/]?=|\.[a-z_]|\[[a-z:]")


def name_before(text: str, end: int) -> str:
    """The name in Latin letters that ends at ``end``, with the calls and indices that follow it, as in ``x.shape`` or
    ``f(x)[i]``; empty if there is none."""
    found = _NAME.search(text[max(0, end - _LONGEST_NAME) : end])
    return found[0] if found else ""


def is_index(marks: re.Match[str]) -> bool:
    """Whether what looks like marks is an index into data, as in ``x[0]`` or ``hidden_states[1]``, and no reference to
    the literature, as in ``Vaswani[2]`` or ``attention[1, 3]``.

    An index stands in plain square brackets directly behind a name that was called or indexed, has ``_`` or a dot
    inside, is one letter, two small letters that are no word or a small letter and digits, or is a usual name of a
    list; or behind a name in small letters if the index is 0 or more code follows it. Any other word is prose.
    """
    found = _NAME.search(marks.string[max(0, marks.start() - _LONGEST_NAME) : marks.start()])
    if found is None or not _INDEX.match(marks[0]):
        return False
    if found["used"] or (_NAME_OF_CODE.fullmatch(found["name"]) and not _is_prose(found["name"])):
        return True
    followed = marks[0].startswith("[0]") or _MORE_CODE.match(marks.string, marks.end())
    return bool(followed) and found["name"].islower() and not found["name"].endswith(".")


def _is_prose(name: str) -> bool:
    return len(name) > 1 and (is_function_word(name) or name == "al")


def in_parentheses(marks: str) -> str:
    """``[7]``, or several of these, as ``(7)``."""
    return _BRACKETED.sub(r"(\1)", marks)


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
        """The next item of a generator as an event. A restart discards everything taken before it, a notice too."""
        if isinstance(item, Notice):
            self.notice = item.phrase
            return item
        if isinstance(item, Restart):
            self.text, self.dropped_citations, self.notice = "", 0, None
            self.citations.clear()
            self.sentences.clear()
            return item
        piece = self.cite(item)
        self.text += piece
        self.dropped_citations += item.dropped_citations
        return TextPiece(piece)

    def add(self, text: str) -> TextPiece:
        """Adds Markdown of the program's own, which cites nothing."""
        self.text += text
        return TextPiece(text)

    def cite(self, draft: Draft) -> str:
        """The draft as a piece of the answer's Markdown, its numbers at the end. A ``[7]`` from the note itself becomes
        ``(7)`` so that it is not taken for a citation, unless it is an index (``is_index``)."""
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
    return _LIKE_A_MARK.sub(
        lambda found: found[0] if found["kept"] or is_index(found) else in_parentheses(found[0]), text
    )


def _before_marks(text: str) -> str:
    """The white space that keeps the marks out of the block that ends ``text``."""
    last = text.rsplit("\n", 1)[-1].strip()
    if last.startswith("|"):
        return "\n\n"
    return "\n" if last.endswith(("```", "~~~", "$$")) else " "
