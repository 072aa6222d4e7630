"""Where gold quotes stand in the notes, and which hits or citations touch them. White space is ignored."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from eval.types import EvalCase, Evidence, Gold
from ingest.types import Place

_INK = re.compile("[^\\s\u200b\u200c\u200d\u2060\ufeff]+")


class InkedText:
    """A text without its white space and zero-width characters, whose offsets can be mapped back to the text's."""

    def __init__(self, text: str) -> None:
        runs = list(_INK.finditer(text))
        self.ink = "".join(run.group() for run in runs)
        self._starts = [run.start() for run in runs]
        self._ink_starts: list[int] = []
        position = 0
        for run in runs:
            self._ink_starts.append(position)
            position += run.end() - run.start()

    def find_all(self, quote: str) -> list[tuple[int, int]]:
        """Every ``[start, end)`` of ``quote`` in the text, both ends on a visible character."""
        needle = ink(quote)
        found: list[tuple[int, int]] = []
        at = self.ink.find(needle) if needle else -1
        while at >= 0:
            found.append((self._offset(at), self._offset(at + len(needle) - 1) + 1))
            at = self.ink.find(needle, at + 1)
        return found

    def _offset(self, ink_offset: int) -> int:
        run = bisect_right(self._ink_starts, ink_offset) - 1
        return self._starts[run] + ink_offset - self._ink_starts[run]


class EvidenceFinder:
    """Finds the places of gold quotes. Each document is read once.

    ``text_of`` returns a document's text by its id, None for a document that does not exist.
    """

    def __init__(self, text_of: Callable[[str], str | None]) -> None:
        self._text_of = text_of
        self._inked: dict[str, InkedText | None] = {}

    def knows(self, document_id: str) -> bool:
        return self._document(document_id) is not None

    def places(self, evidence: Evidence) -> tuple[Place, ...]:
        """Every place where the quote stands in its document; empty when it does not."""
        document = self._document(evidence.document_id)
        spans = document.find_all(evidence.quote) if document else []
        return tuple(Place(evidence.document_id, start, end) for start, end in spans)

    def gold(self, case: EvalCase) -> Gold:
        return Gold(
            evidence=tuple(self.places(evidence) for evidence in case.evidence),
            alternatives=tuple(self.places(evidence) for evidence in case.alternatives),
        )

    def _document(self, document_id: str) -> InkedText | None:
        if document_id not in self._inked:
            text = self._text_of(document_id)
            self._inked[document_id] = None if text is None else InkedText(text)
        return self._inked[document_id]


def ink(text: str) -> str:
    """``text`` without white space and zero-width characters."""
    return "".join(_INK.findall(text))


def overlap(one: Place, other: Place) -> bool:
    """Whether two places share at least one character."""
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def touched(quotes: Sequence[tuple[Place, ...]], places: Iterable[Place]) -> set[int]:
    """The indices of the quotes that any of ``places`` overlaps."""
    listed = tuple(places)
    return {
        index
        for index, quote_places in enumerate(quotes)
        if any(overlap(place, quote) for place in listed for quote in quote_places)
    }
