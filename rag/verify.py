"""Is a sentence supported by what it cites? Verdicts for the sentences of an answer, whoever wrote it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.lines import MARKER
from ingest.tokens import proper_names, query_tokens
from rag.generate import display
from rag.judge import in_context
from rag.names import names, unknown_terms
from rag.negation import clauses, denies
from rag.numerals import AMOUNT, has_other_number
from rag.order import reverses
from rag.protocols import SupportJudge
from rag.statements import statements
from rag.support import SENTENCE_END, support_by_parts
from rag.terms import HAN, TERM
from rag.types import Draft, Source, Support, Verdict, leads_in

_LONGEST_CONTEXT = 120
"""Characters of the note before the cited words that the judge reads too."""
_PARTED = re.compile(
    r"(?<![A-Za-z\d.])(\d+(?:\.\d+)?)[ \u00a0]([KMGT]i?B|[kcmn]?m|[kKMG]?Hz|kg|mg|g|W|V)(?![A-Za-z\d])"
)
"""A number and its unit with a space between them: 16 GB is 16GB."""
_NO_NAME = re.compile(
    rf"{AMOUNT.pattern}|(?<![A-Za-z\d.])\d+(?:\.\d+)?[ \u00a0]?(?:[munµμ]?s|h)(?![A-Za-z\d])"
    r"|\\(?:times|cdot)(?![A-Za-z])",
    re.IGNORECASE,
)
"""Numbers with units that are compared as numbers, and signs of multiplication."""
_ITEM_NUMBER = re.compile(rf"^\s*[*_]*(?:{MARKER.pattern}|(?:步骤|第|step)\s*\d{{1,2}}\s*[步点:：.、])", re.IGNORECASE)
_ABOUT_THE_NOTES = re.compile(
    r"^[^，,；;]{0,30}[，,]?[^，,；;]{0,12}(?:"
    r"(?:说法|观点|定义|解释|答案)(?:并?不一致|不一|不同|相反|互?相矛盾|有出入)|(?:两|几)种(?:不同的?)?(?:说法|观点|定义|解释|答案)"
    r"|\b(?:notes|sources)\b(?: \w+){0,3} (?:disagree|differ|conflict|contradict each other|(?:two|different) answers)"
    r"(?: (?:on|about|for) [^,;]{1,40})?)\W*$",
    re.IGNORECASE,
)
"""A sentence that says only that the notes disagree."""
_UNSPACED = re.compile(rf"(?<={HAN})(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?={HAN})")
_ALIKE = 0.6
"""The least share of a clause's words in another that says the same of another name."""
_SUPPORTED_FROM = 0.3
"""The least probability of support at which a sentence counts as supported. The judge's are those of claims of which
half are wrong, but most sentences of an answer are right: of 100 that a capable model wrote over the development notes,
nearly all of them right, the judge at 0.5 doubts 56 and here 23. On the shipped pairs this is as good as 0.5 (balanced
accuracy 0.90 and 0.89). What it costs: of 105 true claims turned into their opposite by one word, 0.49 are doubted, at
0.5 it is 0.65."""
_AT_MOST_WITH_NEWS = 0.2
"""The highest probability of support for a sentence with a number or a name that is not in what it cites, or that
denies what it cites or puts it in the opposite order."""


@dataclass(frozen=True, slots=True)
class _Premise:
    """What a sentence cites: the heading paths, the cited words, and all that the judge reads."""

    headings: str
    cited: str
    read: str


@dataclass(frozen=True, slots=True)
class Verifier:
    judge: SupportJudge

    def __call__(self, drafts: Sequence[Draft]) -> list[Support | None]:
        """For each draft, whether its sources support it; None if it claims nothing of the notes, such as a label. The
        note's own words support themselves."""
        cited = {at: _premise(d.sources, d.text) for at, d in enumerate(drafts) if d.sources and _is_judged(d)}
        pairs = [(_spaced(premise.read), _spaced(_said(drafts[at].text))) for at, premise in cited.items()]
        rows = support_by_parts(self.judge, pairs)
        verdicts = {
            at: _weighed(drafts[at].text, premise, *map(float, row))
            for (at, premise), row in zip(cited.items(), rows, strict=True)
        }
        return [verdicts.get(at) or _unjudged(draft) for at, draft in enumerate(drafts)]


def _said(sentence: str) -> str:
    """Without the number or bullet of a list, which the judge takes for a part of the claim."""
    return _ITEM_NUMBER.sub("", sentence)


def _spaced(text: str) -> str:
    """With a space between Chinese and Latin letters or digits, as models write and notes often do not: to the judge,
    both are the same only then."""
    return _UNSPACED.sub(" ", text)


def _is_judged(draft: Draft) -> bool:
    return not (draft.quoted or _ABOUT_THE_NOTES.match(draft.text))


def _unjudged(draft: Draft) -> Support | None:
    if draft.quoted:
        return Support("supported", 1.0)
    about_the_notes = draft.denies or leads_in(draft.text) or _ABOUT_THE_NOTES.match(draft.text)
    return None if about_the_notes or not draft.text.strip("*_# ") else Support("not_found", 0.0)


def _premise(sources: Sequence[Source], sentence: str) -> _Premise:
    """The judge reads, for each source, its heading path, the sentence before the cited words, and these."""
    as_table = sentence.lstrip().startswith("|")
    headings: list[str] = []
    cited: list[str] = []
    read: list[str] = []
    for source in sources:
        where = tuple(dict.fromkeys((source.hit.chunk.title, *source.hit.chunk.headings[-2:])))
        rows = _rows(source, as_table)
        words = rows or _slice(source)
        headings += where
        cited.append(words)
        # What comes before a table's row is another row.
        read.append(in_context(where, words if rows else f"{_before(source)}{words}"))
    return _Premise("\n".join(headings), "\n".join(cited), "\n".join(read))


def _slice(source: Source) -> str:
    return source.hit.chunk.text[source.start - source.hit.chunk.start : source.end - source.hit.chunk.start]


def _rows(source: Source, as_table: bool) -> str:
    """The cited rows of a table with the names of its columns: in Markdown below their header, or each on its own.
    Empty where no table with a header is cited."""
    if "|" not in _slice(source):
        return ""
    rows = [s for s in statements(source.hit, 0) if s.header and source.start <= s.start and s.end <= source.end]
    if as_table:
        return "\n".join((*dict.fromkeys(row.header for row in rows), *(row.text for row in rows)))
    return "\n".join(map(display, rows))


def _before(source: Source) -> str:
    """The sentence before the cited words, and the space between."""
    chunk = source.hit.chunk
    start = source.start - chunk.start
    first = max(0, start - _LONGEST_CONTEXT)
    before = [piece for piece in SENTENCE_END.split(chunk.text[first:start]) if piece]
    # The first piece may be the end of a sentence that begins further up.
    context = before[-1] if len(before) > (first > 0) else ""
    return f"{context} " if context.endswith(".") else context


def _weighed(sentence: str, premise: _Premise, support: float, contradiction: float, neither: float) -> Support:
    """The judge's verdict, lowered by what speaks against it in the words themselves."""
    contradicted = contradiction > max(support, neither)
    said = _said(sentence)
    if (
        has_other_number(said, premise.cited, premise.headings)
        or _has_other_name(said, premise)
        or denies(said, premise.cited)
        or reverses(said, premise.cited)
    ):
        support = min(support, _AT_MOST_WITH_NEWS)
    verdict: Verdict = "contradicted" if contradicted else "not_found"
    return Support("supported" if support >= _SUPPORTED_FROM else verdict, support)


def _has_other_name(sentence: str, premise: _Premise) -> bool:
    # A model copies names from its sources, so another spelling is another name. What is copied with the words around
    # it, as the 1x of 1x1, is known.
    said, read = (_PARTED.sub(r"\1\2", text) for text in (sentence, premise.read))
    copied = set(TERM.findall(read))
    named = [name for name in names(_NO_NAME.sub(" ", said)) if name not in copied]
    if unknown_terms(named, read, misspelt=False):
        return True
    return any(_exchanges_a_name(clause, premise, sentence) for clause in clauses(sentence))


def _exchanges_a_name(clause: str, premise: _Premise, sentence: str) -> bool:
    """Whether a Chinese name of the clause stands where what it cites has another. The tagger also calls common words
    names, so the words around the two must be alike."""
    ours = [name for name in proper_names(clause) if name not in premise.read]
    if not ours:
        return False
    words = _words_beside(ours, clause)
    for piece in clauses(premise.cited):
        theirs = [name for name in proper_names(piece) if name not in sentence]
        if theirs and len(words & _words_beside(theirs, piece)) >= max(1.0, _ALIKE * len(words)):
            return True
    return False


def _words_beside(taken: Sequence[str], text: str) -> set[str]:
    for name in taken:
        text = text.replace(name, " ")
    return set(query_tokens(text))
