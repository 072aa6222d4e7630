"""The technical names in a question, which of them the notes know, and how the notes spell them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from ingest.lexical import search_tokens
from ingest.structure import parse
from ingest.types import Chunk
from rag.terms import TERM, is_chinese, key_terms
from rag.types import Hit, Query

HITS_READ = 10
"""The best fused hits; a name that stands in none of them the notes do not know."""
_SPELLING = 0.85
"""How like a word of the notes a misspelt name must be (Ratcliff–Obershelp ratio)."""
_SHORTEST_MISSPELT = 5


def names(question: str) -> list[str]:
    """The technical names in a question: Latin terms in Chinese text; in other text those with a capital inside, a
    digit or a hyphen."""
    terms = [term for term in key_terms(question) if TERM.fullmatch(term) and len(term) > 1]
    if is_chinese(question):
        return terms
    first = question.strip().split(" ", 1)[0]
    return [term for term in terms if re.search(r".[A-Z]|\d|\w-\w", term) or (term[0].isupper() and term != first)]


def respelt(query: Query, hits: Sequence[Hit]) -> Query:
    """The query with each misspelt name as the hits spell it."""
    asked = names(query.question)
    suspects = [name for name in asked if _may_be_misspelt(name)]
    if not suspects:
        return query
    text = said(hits)
    tokens = set(search_tokens(text))
    misspelt = [name for name in suspects if not _is_known(name, tokens)]
    if not misspelt:
        return query
    written = Counter(word for word in TERM.findall(text) if word not in asked)
    spellings = {word.lower(): word for word, _ in reversed(written.most_common())} | {
        word: word for word in written if word.islower()
    }
    for name in misspelt:
        if near := _nearest_spelling(name.lower(), spellings):
            own = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.ASCII)
            spelt = own.sub(spellings[near], query.question), own.sub(spellings[near], query.asked)
            query = replace(query, question=spelt[0], asked=spelt[1])
    return query


def unknown_names(asked: Sequence[str], hits: Sequence[Hit]) -> list[str]:
    """Those of ``asked`` that stand in none of the hits, not even misspelt. Where a note only lists questions it says
    nothing about their names."""
    return unknown_terms(asked, said(hits))


def said(hits: Sequence[Hit]) -> str:
    """What the hits say: where they stand and their text, without lists of bare questions."""
    return "\n".join(text for hit in hits for text in _said_in(hit.chunk))


def _said_in(chunk: Chunk) -> Iterator[str]:
    """Where the chunk stands, and its text without lists of bare questions."""
    yield chunk.context
    end = 0
    for block in parse(chunk.text):
        if block.kind == "questions":
            yield chunk.text[end : block.start]
            end = block.end
    yield chunk.text[end:]


def unknown_terms(asked: Sequence[str], text: str) -> list[str]:
    """Those of ``asked`` that do not stand in ``text``, not even misspelt."""
    tokens = set(search_tokens(text))
    spellings = {word.lower() for word in TERM.findall(text)}

    def known(name: str) -> bool:
        lower = name.lower()
        return _is_known(name, tokens) or bool(_nearest_spelling(lower, spellings)) or _is_size(lower, spellings)

    return [name for name in asked if not known(name)]


def _is_known(name: str, tokens: set[str]) -> bool:
    whole, *parts = search_tokens(name) or [""]
    if not whole or whole in tokens:
        return True
    # Words that a hyphen joins may stand apart; a version number makes another name.
    return "-" in name and not re.search(r"\d", name) and bool(parts) and tokens.issuperset(parts)


def _may_be_misspelt(name: str) -> bool:
    """Short names are too near to others, and a version number makes another name."""
    return len(name) >= _SHORTEST_MISSPELT and not re.search(r"\d", name)


def _nearest_spelling(name: str, spellings: Iterable[str]) -> str | None:
    """The spelling of which ``name`` is likely a misspelling; all in lower case."""
    if not _may_be_misspelt(name):
        return None

    def likeness(word: str) -> float:
        return 1.0 if sorted(word) == sorted(name) else SequenceMatcher(None, name, word).ratio()

    near = (word for word in spellings if abs(len(word) - len(name)) <= 2 and word[0] == name[0])
    best, word = max(((likeness(word), word) for word in near), default=(0.0, ""))
    return word if best >= _SPELLING else None


def _is_size(name: str, spellings: set[str]) -> bool:
    """Whether the name is a number with a unit that stands at the end of a longer one, as 65B in Llama65B."""
    return bool(re.fullmatch(r"\d+[a-z]+", name)) and any(re.search(rf"[^\d.]{name}$", word) for word in spellings)
