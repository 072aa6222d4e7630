"""Does what a sentence cites carry it? Verdicts for the sentences of an answer, whoever wrote it."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.judge import in_context
from rag.names import names, unknown_terms
from rag.protocols import SupportJudge
from rag.support import NEGATION, NUMBER, SENTENCE_END
from rag.types import Draft, Source, Support, Verdict

_LONGEST_CONTEXT = 120
"""Characters of the note before the cited words that the judge reads along."""
_CHINESE_DIGITS = {digit: str(value) for value, digit in enumerate("零一二三四五六七八九十")} | {"两": "2", "百": "100"}
_RAISED = re.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹])")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
_ITEM_NUMBER = re.compile(r"^\s*\d{1,3}[.)、．](?!\d)\s*")
_SUPPORTED_FROM = 0.5
_AT_MOST_WITH_NEWS = 0.4
"""The chance of support of a sentence with a number or a name that does not stand in what it cites."""
_NEGATION_FACTOR = 0.7
"""Of the chance of support where one of the two texts denies and the other does not."""


@dataclass(frozen=True, slots=True)
class Verifier:
    judge: SupportJudge

    def __call__(self, drafts: Sequence[Draft]) -> list[Support | None]:
        """For each draft whether its sources carry it; None for one that claims nothing, such as a label. The note's
        own words carry themselves."""
        judged = [draft for draft in drafts if draft.sources and not draft.quoted]
        premises = [_premise(draft.sources) for draft in judged]
        chances = self.judge.support([(p, d.text) for p, d in zip(premises, judged, strict=True)]) if judged else ()
        verdicts = {
            id(draft): _weighed(draft.text, premise, *(float(chance) for chance in row))
            for draft, premise, row in zip(judged, premises, chances, strict=True)
        }
        return [verdicts.get(id(draft)) or _unjudged(draft) for draft in drafts]


def _unjudged(draft: Draft) -> Support | None:
    if draft.quoted:
        return Support("supported", 1.0)
    says_something = len(draft.text.strip("*_# ")) > 0 and not draft.text.rstrip("*_ ").endswith((":", "："))
    return Support("not_found", 0.0) if says_something else None


def _premise(sources: Sequence[Source]) -> str:
    """What the judge reads: for each source its heading path, the sentence before it and the cited words."""
    return "\n".join(_with_context(source) for source in sources)


def _with_context(source: Source) -> str:
    chunk = source.hit.chunk
    start, end = source.start - chunk.start, source.end - chunk.start
    first = max(0, start - _LONGEST_CONTEXT)
    before = [piece for piece in SENTENCE_END.split(chunk.text[first:start]) if piece]
    # The first piece may be the end of a sentence that begins further up.
    context = before[-1] if len(before) > (first > 0) else ""
    where = tuple(dict.fromkeys((chunk.title, *chunk.headings[-2:])))
    return in_context(where, f"{context}{chunk.text[start:end]}")


def _weighed(sentence: str, premise: str, support: float, contradiction: float, neither: float) -> Support:
    """The judge's word, less what speaks against it in the words themselves."""
    numbers = set(_numbers(_ITEM_NUMBER.sub("", sentence))) - {*_numbers(premise), *_numbers_in_words(premise)}
    # A model copies a name from its sources; spelt otherwise it is another one.
    if numbers or unknown_terms(names(sentence), premise, misspelt=False):
        support = min(support, _AT_MOST_WITH_NEWS)
    if bool(NEGATION.search(sentence)) != bool(NEGATION.search(premise)):
        support *= _NEGATION_FACTOR
    verdict: Verdict = "contradicted" if contradiction > neither else "not_found"
    return Support("supported" if support >= _SUPPORTED_FROM else verdict, support)


def _numbers(text: str) -> Iterator[str]:
    """The numbers of a text in one notation: 1,000 and 1000.0 are 1000, 10⁶ is 10 and 6."""
    for number in NUMBER.findall(unicodedata.normalize("NFKC", _RAISED.sub("^", text))):
        plain = _THOUSANDS.sub("", number)
        yield plain.rstrip("0").rstrip(".") if plain.count(".") == 1 else plain


def _numbers_in_words(text: str) -> set[str]:
    """The numbers that single Chinese characters of a text may stand for."""
    return {_CHINESE_DIGITS[character] for character in text if character in _CHINESE_DIGITS}
