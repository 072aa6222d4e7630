"""Text -> search tokens, in Chinese, English and code alike; and Chinese words and names by the dictionary.

A run of Chinese becomes its bigrams and the longer words of the dictionary. A Latin, number or code term becomes the
whole term without its joints (``top-p``, ``top_p`` and ``TopP`` are one word) and its parts, English words stemmed. A
name of several capitalised words is its acronym, too (``Byte Pair Encoding`` is ``bpe``).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.radicals import EVERYDAY

if TYPE_CHECKING:
    import tantivy

_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af々〇"
_STRAY_SPACE = re.compile(rf"(?<=[{_CJK}])(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)(?=[{_CJK}])")
_ESCAPE = re.compile(r"\\(?=[-_.](?:\w|\\?-))|[\u200b\u200c\ufeff]")
"""What some editors write before the joints of a word when they export Markdown, and characters of no width."""
_TERM = re.compile(
    rf"(?P<cjk>[{_CJK}]+)"
    r"|(?P<number>\d+(?:\.\d+)?[eE][+-]?\d+(?![^\W_]))"
    rf"|(?P<term>(?:(?![{_CJK}_])\w)+(?:[-_.'’/·&](?:(?![{_CJK}_])\w)+)*(?:\+\+|\#(?!\w))?)"
)
# A dot between two digits is a decimal point.
_JOINT = re.compile(r"[-_'’/·&]|(?<!\d)\.|\.(?!\d)")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
SMALL_WORDS = frozenset("of to the and for in from by with".split())
"""What may stand within a name of several words."""
_SMALL_WORD = "|".join(sorted(SMALL_WORDS))
_LONG_NAME = re.compile(
    rf"(?<![A-Za-z0-9_./-])[A-Z][A-Za-z]*(?:[ -](?:(?:{_SMALL_WORD})[ -]){{0,2}}[A-Z][A-Za-z]*|-[a-z]{{2,}})++"
    r"(?![A-Za-z0-9_])"
)
_WORD_END = re.compile("[ -]")
_SHORTEST_ACRONYM, _LONGEST_ACRONYM = 3, 6
"""Letters. Two letters stand for too many things."""
_LONGEST_TOKEN = 64
"""Characters. Longer tokens are encoded data, which nobody searches for."""

_STOP_WORDS = frozenset(
    "的 了 是 吗 呢 什么 怎么 怎样 么样 如何 为什 为什么 怎么样 哪些 哪个 哪种 有什 有哪 请问 一下 一个 "
    "这个 那个 它们 我们 你们 对于 关于 以及 "
    "the be is are was were do doe did a an of to in on for and or with what which how whi when where it this that "
    "can i you we they about from by as at".split()
)
_NAME_TAGS = frozenset(("nr", "nrt", "nrfg", "ns", "nt"))
_CHINESE_WORD = re.compile(rf"[{_CJK}]{{2,}}")


def search_tokens(text: str) -> list[str]:
    """The tokens of a text in order of appearance; the same word gives the same token in a note and in a question."""
    text = unicodedata.normalize("NFKC", text.translate(EVERYDAY))
    text = _STRAY_SPACE.sub("", _ESCAPE.sub("", text))
    tokens: list[str] = []
    for match in _TERM.finditer(text):
        if match["cjk"]:
            tokens += _chinese_tokens(match["cjk"])
        elif match["number"]:
            tokens.append(match["number"].lower())
        else:
            tokens += _term_tokens(match["term"])
    tokens += (_stem(acronym) for acronym, _ in long_names(text))
    return [token for token in tokens if len(token) <= _LONGEST_TOKEN]


def long_names(text: str) -> Iterator[tuple[str, str]]:
    """(acronym, name) of each name of several capitalised words, the acronym in lower case: "gqa" for Grouped-query
    Attention; for Reinforcement Learning from Human Feedback, both "rlhf" and "rlfhf"."""
    for name in _LONG_NAME.findall(text):
        yield from ((acronym, name) for acronym in acronyms(_WORD_END.split(name)))


def acronyms(name: Sequence[str]) -> Iterator[str]:
    """The acronyms of a name of several words, in lower case: without its small words ("of"), and with them."""
    telling = [word for word in name if word not in SMALL_WORDS]
    for kept in (telling, name) if len(telling) < len(name) else (name,):
        if _SHORTEST_ACRONYM <= len(kept) <= _LONGEST_ACRONYM:
            yield "".join(word[0] for word in kept).lower()


def query_tokens(question: str) -> list[str]:
    """The tokens of a question without its stop words, or with them if nothing else is left."""
    tokens = search_tokens(question)
    return [token for token in tokens if token not in _STOP_WORDS] or tokens


def _chinese_tokens(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
        return
    import rjieba

    for first, second in pairwise(run):
        yield first + second
    for word in rjieba.cut_for_search(run):
        # A word of two characters is a bigram already; counting it twice makes retrieval worse.
        if len(word) > 2:
            yield word


@lru_cache(maxsize=1 << 16)
def _term_tokens(term: str) -> tuple[str, ...]:
    parts = [part for part in _JOINT.split(term) if part]
    found = [_stem("".join(parts).lower())] if len(parts) > 1 else []
    for part in parts:
        found.append(_stem(part.lower()))
        pieces = _CAMEL.findall(part)
        if len(pieces) > 1:
            found += [_stem(piece.lower()) for piece in pieces if len(piece) >= 3]
        elif not part.isalpha():
            found += [_stem(letters.lower()) for letters in _LETTERS.findall(part)]
    return tuple(dict.fromkeys(found))


@cache
def _stemmer() -> "tantivy.TextAnalyzer":
    import tantivy

    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.stemmer("english")).build()


def _stem(word: str) -> str:
    if len(word) < 3 or not (word.isascii() and word.isalpha()):
        return word
    return _stemmer().analyze(word)[0]


def words(run: str) -> list[str]:
    """Chinese text -> dictionary words in order, nothing left out."""
    import rjieba

    return list(rjieba.cut(run))


def proper_names(text: str) -> list[str]:
    """The Chinese words of two or more characters that are tagged as names of persons, places or organisations, in
    order of appearance. Some are not names: the tagger guesses at words that it does not know."""
    named = dict.fromkeys(word for word, tag in tagged(text) if tag in _NAME_TAGS)
    return [word for word in named if _CHINESE_WORD.fullmatch(word)]


def tagged(text: str) -> list[tuple[str, str]]:
    """The dictionary words of a text in order, nothing left out, each with the tag of its part of speech."""
    import rjieba

    return list(rjieba.tag(text))
