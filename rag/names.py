"""The technical names in a question, which of them the notes know, and how the notes spell them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ingest.structure import parse
from ingest.tokens import SMALL_WORDS, acronyms, long_names, search_tokens
from ingest.types import Chunk
from rag.terms import TERM, is_chinese, is_function_word, key_terms
from rag.types import Hit, Query

_HITS_SEARCHED = 10
"""How many fused hits are searched for a name; one found in none of them counts as unknown to the notes."""
_SHORTEST_MISSPELT = 5
_SHORTEST_WITH_ANOTHER_LETTER = 9
"""In a shorter name, another letter makes another name: Mixtral, Mistral."""
_ACRONYM = re.compile("[A-Za-z]{3,6}")
_RUN = re.compile("[A-Za-z]+(?:[ -][A-Za-z]+)+")
_WORD_END = re.compile("[ -]")
_MOST_WORDS = 8
"""Of a name that may be an acronym in the notes."""
_AMBIGUOUS = 3
"""Letters. Many three words of an English sentence are some acronym of the notes; within Chinese they are a name."""
_ENDING = re.compile(r"(.*[A-Z]{2}|[A-Za-z].*\d)s|(.*)'s")
_INNER_WORD = re.compile(r"_|(?<=[a-z])(?=[A-Z])")
_SHORT_FORM = re.compile(r"'(?:m|re|ve|ll|d|t)$")
_FIRST_WORD = re.compile(rf"(?:^|(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)[.!?:;])\W{{0,20}}+({TERM.pattern})")


def names(question: str) -> list[str]:
    """The technical names in a question, without a plural or possessive ending. In Chinese text they are the Latin
    terms; in other text, terms with a capital inside, a digit or a hyphen, and those capitalised within a sentence."""
    terms = [_without_ending(term) for term in key_terms(question) if TERM.fullmatch(term)]
    terms = [term for term in terms if not is_function_word(term)]
    if not is_chinese(question):
        first = {_without_ending(word) for word in _FIRST_WORD.findall(question)}
        terms = [t for t in terms if re.search(r"[^'][A-Z]|\d|\w-\w", t) or (t[0].isupper() and t not in first)]
    return [term for term in dict.fromkeys(terms) if len(term) > 1 and not _SHORT_FORM.search(term)]


def _without_ending(term: str) -> str:
    """LLMs, GPT's and A100s as LLM, GPT and A100, but not 10s."""
    ended = _ENDING.fullmatch(term)
    return ended[1] or ended[2] if ended else term


def respelt(query: Query, hits: Sequence[Hit]) -> Query:
    """The query with each name that the first of these hits spell otherwise spelt as there: a misspelt one, an acronym
    that they only write out, or a long form of which they only have the acronym."""
    asked = names(query.question)
    text = text_of(hits) if asked or _RUN.search(query.question) else ""
    for name, spelling in (*_shortened(query.question, text), *_long_forms(asked, text), *_corrections(asked, text)):
        own = re.compile(rf"(?<![\w-]){_WORD_END.pattern.join(map(re.escape, name.split()))}(?![\w-])", re.ASCII)
        query = replace(query, question=own.sub(spelling, query.question), asked=own.sub(spelling, query.asked))
    return query


def _shortened(question: str, text: str) -> Iterator[tuple[str, str]]:
    """(long form, its acronym) of each name of several words in the question that ``text`` has only as an acronym."""
    chinese = is_chinese(question)
    written = {word.lower(): word for word in TERM.findall(text) if sum(map(str.isupper, word)) > 1}
    for run in _RUN.findall(question):
        words = _WORD_END.split(run)
        lengths = range(_MOST_WORDS, 1, -1)
        for name in (words[at : at + length] for length in lengths for at in range(len(words) - length + 1)):
            short = next((written[acronym] for acronym in acronyms(name) if acronym in written), "")
            clear = chinese or len(short) > _AMBIGUOUS or all(word[0].isupper() for word in name)
            if short and clear and _may_be_name(name) and not _stand_in(name, text):
                yield " ".join(name), short


def _may_be_name(words: Sequence[str]) -> bool:
    """Whether there are no function words among them but those that stand within names, or end them as in Least
    Recently Used."""
    inner = (word for word in words[1:-1] if word not in SMALL_WORDS)
    last = words[-1] if words[-1].lower() != "used" else ""
    return not any(map(is_function_word, (words[0], *inner, last)))


def _long_forms(asked: Sequence[str], text: str) -> Iterator[tuple[str, str]]:
    """(acronym, its most frequent long form) of those of ``asked`` that ``text`` only writes out."""
    written_out = Counter(long_names(text)).most_common()
    for name in filter(_ACRONYM.fullmatch, asked):
        long_form = next((form for (acronym, form), _ in written_out if acronym == name.lower()), None)
        if long_form and not re.search(rf"(?i)(?<![a-z]){name}s?(?![a-z])", text):
            yield name, long_form


def _corrections(asked: Sequence[str], text: str) -> Iterator[tuple[str, str]]:
    """(misspelling, spelling) of those of ``asked`` that ``text`` spells otherwise."""
    suspects = [name for name in asked if _may_be_misspelt(name)]
    tokens = set(search_tokens(text)) if suspects else set()
    misspelt = [name for name in suspects if not _is_known(name, tokens)]
    if not misspelt:
        return
    written = Counter(word for word in TERM.findall(text) if word not in asked)
    spellings = {word.lower(): word for word, _ in reversed(written.most_common())} | {
        word: word for word in written if word.islower()
    }
    for name in misspelt:
        if near := _nearest_spelling(name.lower(), spellings):
            yield name, spellings[near]


def unknown_names(asked: Sequence[str], hits: Sequence[Hit]) -> list[str]:
    """Those of ``asked`` that are in none of the first hits, not even misspelt. A note that only lists questions says
    nothing about the names in them."""
    return unknown_terms(asked, text_of(hits))


def text_of(hits: Sequence[Hit]) -> str:
    """The titles, headings and text of the first hits, without lists of bare questions."""
    return "\n".join(text for hit in hits[:_HITS_SEARCHED] for text in _texts_of(hit.chunk))


def _texts_of(chunk: Chunk) -> Iterator[str]:
    """The title and headings of the chunk, then the pieces of its text between lists of bare questions."""
    yield chunk.context
    end = 0
    for block in parse(chunk.text):
        if block.kind == "questions":
            yield chunk.text[end : block.start]
            end = block.end
    yield chunk.text[end:]


def unknown_terms(asked: Sequence[str], text: str, *, misspelt: bool = True) -> list[str]:
    """Those of ``asked`` that are not in ``text``; with ``misspelt``, not even in another spelling."""
    tokens = set(search_tokens(text))
    spellings = {word.lower() for word in TERM.findall(text)}

    def known(name: str) -> bool:
        lower = name.lower()
        near = misspelt and bool(_nearest_spelling(lower, spellings))
        return _is_known(name, tokens) or near or _is_size(lower, spellings) or _is_written_apart(name, text)

    return [name for name in asked if not known(name)]


def _is_written_apart(name: str, text: str) -> bool:
    """Whether a name of several words, such as FlashAttention or batch_size, stands in the text with spaces or hyphens
    between them."""
    words = _INNER_WORD.split(name)
    return len(words) > 1 and _stand_in(words, text)


def _stand_in(words: Sequence[str], text: str) -> bool:
    """Whether the words follow each other in the text, in capitals or not."""
    return bool(re.search(rf"(?i)(?<![A-Za-z]){'[ _-]'.join(map(re.escape, words))}s?(?![a-z])", text))


def _is_known(name: str, tokens: set[str]) -> bool:
    whole, *parts = search_tokens(name) or [""]
    if not whole or not tokens.isdisjoint((whole, f"{whole}s")):
        return True
    # Words joined by a hyphen may be written apart; a version number makes another name.
    return "-" in name and not re.search(r"\d", name) and bool(parts) and tokens.issuperset(parts)


def _may_be_misspelt(name: str) -> bool:
    """Short names are too similar to others, and a version number makes another name."""
    return len(name) >= _SHORTEST_MISSPELT and not re.search(r"\d", name)


def _nearest_spelling(name: str, spellings: Iterable[str]) -> str | None:
    """The spelling of which ``name`` is probably a misspelling; all in lower case."""
    if not _may_be_misspelt(name):
        return None
    near = [word for word in spellings if word[0] == name[0] and _is_slip(name, word)]
    return min(near, key=lambda word: (sorted(word) != sorted(name), word), default=None)


def _is_slip(name: str, word: str) -> bool:
    """Whether the two differ only in the order of their letters, in one extra or missing letter inside, or, if they are
    long, in one letter."""
    if sorted(name) == sorted(word):
        return True
    longer, shorter = sorted((name, word), key=len, reverse=True)
    if len(longer) == len(shorter):
        return len(name) >= _SHORTEST_WITH_ANOTHER_LETTER and sum(a != b for a, b in zip(name, word, strict=True)) == 1
    return len(longer) == len(shorter) + 1 and any(
        longer[:at] + longer[at + 1 :] == shorter for at in range(1, len(shorter))
    )


def _is_size(name: str, spellings: set[str]) -> bool:
    """Whether the name is a number with a unit that ends a longer name, as 65B in Llama65B."""
    return bool(re.fullmatch(r"\d+[a-z]+", name)) and any(re.search(rf"[^\d.]{name}$", word) for word in spellings)
