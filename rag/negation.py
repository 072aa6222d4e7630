"""Clauses that say the opposite, or another thing, of each other in the same words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from ingest.tokens import query_tokens
from rag.support import NEGATION
from rag.terms import HAN, TOKEN, is_chinese, is_function_word

_CLAUSE_END = re.compile(
    r"[，；：。！？;:!?\n]+|,(?!\d)|\.\s+|\s+(?:and|but)\s+|(?=[也又而但][不没无非未])", re.IGNORECASE
)
_NO_NEGATION = re.compile(
    r"不(?:仅|但|过|同|断|管|论|妨|止|只|光|单|少|错|久|禁|等式)|差不多|了不起|无(?:论|损|关|数|穷|限|线|监督|偏)"
    rf"|非(?:常|线性|凸|结构化)|除非|莫非|未(?:来|免)|没(?:错|事|准|落)|[淹沉埋]没|(?P<asked>{HAN})[不没](?P=asked)"
    r"|\bnot (?:only|just|merely)\b|\bno\. ?(?=\d)|\bno doubt\b",
    re.IGNORECASE,
)
_OTHER_DENIAL = re.compile(
    r"缺乏|缺少|难以|很难|避免|防止|停止|关闭|禁用|跳过|低于|冻结"
    r"|\b(?:lack|fail|unable|avoid|prevent|stop|skip|unless|neither|nor|disabl|freez|froz|un(?!der|i)\w{3,}|non-?\w)",
    re.IGNORECASE,
)
"""Words that deny without a negation: what is disabled is not used. Beside them, counting negations tells nothing."""
_ALLOWED = re.compile(r"允许|准许")
_NEGATED = re.compile(rf"(?:可以|需要|应该|建议|推荐|[能会必要])?(?:\s*(?:{HAN}|(?:(?!{HAN})\S)+)){{0,3}}")
_SAME_CLAUSE = 0.6
"""The least share of a clause's words in another that says the same or denies it."""
_LEAST_WORDS = 2
_TOKEN = re.compile(rf"{TOKEN}|=")
_PREDICATE = re.compile(
    rf"(?:是|为|用|取|设|选|叫|存|放|默认|支持|基于|采用|=|\b(?:is|are|be|uses?|means|by|default)) ?{HAN}?$",
    re.IGNORECASE,
)
_LEAST_ALIKE = 4
"""Characters of Chinese and words of other languages that two clauses share around what they exchange."""
_MOST_EXCHANGED = 4
"""Characters and words, counted alike, of what they exchange."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What tells whether a clause denies another one."""

    words: frozenset[str]
    """Without negations, stop words and single letters, which are variables."""
    negations: int
    negated: frozenset[str]
    """The words right after a negation."""
    denies_otherwise: bool
    """Whether it has a word that denies without being a negation."""


def clauses(text: str) -> list[str]:
    """The parts of a text between punctuation and conjunctions."""
    return [piece for piece in _CLAUSE_END.split(text) if piece and piece.strip()]


def denies(claim: str, cited: str) -> bool:
    """Whether a clause of the claim says the same as its most similar clause of the cited words, but with a negation
    more or less."""
    held = [read_clause(piece) for piece in clauses(cited)]
    return any(_is_denied(read_clause(piece), held) for piece in clauses(claim))


def exchanges(one: str, other: str) -> bool:
    """Whether a clause of each says the same but for what it predicates: 签名用 RS256, 签名用 HS256."""
    theirs = [_TOKEN.findall(piece) for piece in clauses(other)]
    return any(_is_exchanged(_TOKEN.findall(piece), tokens) for piece in clauses(one) for tokens in theirs)


def _is_exchanged(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    before = alike(ours, theirs)
    after = alike(ours[before:][::-1], theirs[before:][::-1])
    own = [tokens[before : len(tokens) - after] for tokens in (ours, theirs)]
    exchanged = all(0 < len(tokens) <= _MOST_EXCHANGED and not is_function_word(tokens[0]) for tokens in own)
    return exchanged and before + after >= _LEAST_ALIKE and bool(_PREDICATE.search(_joined(ours[:before])))


def alike(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many tokens at the beginning are the same."""
    pairs = zip(ours, theirs, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].lower() == pair[1].lower(), pairs))


def _joined(tokens: Sequence[str]) -> str:
    return "".join(token if is_chinese(token) else f"{token} " for token in tokens)


def _is_denied(clause: Clause, held: Iterable[Clause]) -> bool:
    if len(clause.words) < _LEAST_WORDS:
        return False

    def likeness(other: Clause) -> tuple[int, bool, int]:
        """Of two clauses with the same words, the one that negates alike is more similar, then the shorter one."""
        alike = other.negations % 2 == clause.negations % 2
        return len(clause.words & other.words), alike, -len(other.words)

    nearest = max(held, key=likeness, default=None)
    if nearest is None or len(clause.words & nearest.words) < _SAME_CLAUSE * len(clause.words):
        return False
    if clause.denies_otherwise or nearest.denies_otherwise:
        return False
    fewer, more = sorted((clause, nearest), key=lambda each: each.negations)
    # What one of them denies, the other must speak of: 不合并会增加延迟 does not deny 会增加延迟.
    return (more.negations - fewer.negations) % 2 == 1 and not more.negated.isdisjoint(fewer.words)


def read_clause(text: str) -> Clause:
    """The clause with words for the same permission alike."""
    text = _ALLOWED.sub("可以", text)
    text = _NO_NEGATION.sub(lambda found: found["asked"] or " ", text)
    negations = list(NEGATION.finditer(text))
    after = (_NEGATED.match(text, found.end()) for found in negations)
    return Clause(
        words=frozenset(_words(text)),
        negations=len(negations),
        negated=frozenset(word for words in after if words for word in _words(words[0])),
        denies_otherwise=bool(_OTHER_DENIAL.search(text)),
    )


def _words(text: str) -> list[str]:
    # Without a negation, the Chinese characters around it are joined.
    plain = NEGATION.sub(lambda found: "" if is_chinese(found[0]) else " ", text)
    return [word for word in query_tokens(plain) if len(word) > 1 or not word.isascii()]
