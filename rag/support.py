"""What judging uses besides the model: the parts of a claim, the part of the premise that matters, and what the words
alone show."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.protocols import Floats
from ingest.sentences import sentences
from ingest.tokens import query_tokens, search_tokens
from rag.numerals import spelt_as_in
from rag.protocols import SupportJudge
from rag.terms import is_chinese

SENTENCE_END = re.compile(r"(?<=[。！？；!?;\n])|(?<=\.)\s+")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_BARE = re.compile(r"[\s*`]+")
NEGATION = re.compile(r"不|没|无|非|未|\b(?:not|no|never|cannot|without|none)\b|n['’]t", re.IGNORECASE)

_CLAUSE_END = re.compile(r"[，；]")
_SHORTEST_CLAUSE = 8
"""Characters. Only Chinese clauses are judged by themselves: many English ones say nothing alone."""

SIGNS = ("missing numbers", "missing terms", "negations", "verbatim")


def support_by_parts(judge: SupportJudge, pairs: Sequence[tuple[str, str]]) -> Floats:
    """Shape (pairs, 3), as ``SupportJudge.support``, but no part of a claim hides behind another one: a claim gets the
    probabilities of its least supported sentence, a sentence of several clauses the mean of its own and those of its
    least supported clause.

    The judge reads the claim's numbers as the premise writes them, because a small one does not know that 24 is 二十四.
    Measured in ``eval/README.md``.
    """
    parts = [
        (at, sentence, (premise, part))
        for at, (premise, claim) in enumerate(pairs)
        for sentence, part in _parts(spelt_as_in(premise, claim))
    ]
    read = judge.support([pair for *_, pair in parts]) if parts else ()
    rows_of: defaultdict[tuple[int, int], list[NDArray[np.floating]]] = defaultdict(list)
    for (at, sentence, _), row in zip(parts, read, strict=True):
        rows_of[at, sentence].append(row)
    least: dict[int, NDArray[np.floating]] = {}
    for (at, _), (own, *clauses) in rows_of.items():
        mean = (own + min(clauses, key=_supported, default=own)) / 2
        least[at] = min(least.get(at, mean), mean, key=_supported)
    return np.array([least[at] for at in range(len(pairs))], np.float32).reshape(-1, 3)


def _parts(claim: str) -> Iterator[tuple[int, str]]:
    """The number and the text of each sentence, followed by each of its clauses if it has several."""
    spans = list(sentences(claim, 0, len(claim))) or [(0, len(claim))]
    for number, (start, end) in enumerate(spans):
        sentence = claim[start:end]
        yield number, sentence
        clauses = [clause for clause in _CLAUSE_END.split(sentence) if len(clause.strip()) >= _SHORTEST_CLAUSE]
        yield from ((number, clause) for clause in clauses if len(clauses) > 1)


def _supported(row: NDArray[np.floating]) -> float:
    return float(row[0])


def relevant_part(premise: str, claim: str, characters: int) -> str:
    """The sentences of a long premise that share most words with the claim, in their order, up to about ``characters``
    in all."""
    if len(premise) <= characters:
        return premise
    pieces = [piece for piece in SENTENCE_END.split(premise) if piece and piece.strip()]
    wanted = set(query_tokens(claim))
    shared = [len(wanted & set(search_tokens(piece))) / (len(piece) + 40) ** 0.5 for piece in pieces]
    kept: set[int] = set()
    length = 0
    for at in sorted(range(len(pieces)), key=lambda at: (-shared[at], at)):
        if kept and length + len(pieces[at]) > characters:
            continue
        kept.add(at)
        length += len(pieces[at])
    return "".join(pieces[at] if pieces[at].endswith("\n") else pieces[at] + " " for at in sorted(kept)).strip()


def signs(premise: str, claim: str) -> NDArray[np.float32]:
    """Shape (4,), as ``SIGNS`` names them, each in [0, 1].

    The shares of the claim's numbers and, in a Chinese claim, of its Latin terms that the premise lacks; the difference
    in negations between the claim and the part of the premise nearest to it; whether the claim is in the premise word
    for word, apart from emphasis and white space.
    """
    premise, claim = premise.replace("’", "'"), claim.replace("’", "'")
    numbers, known = NUMBER.findall(claim), set(NUMBER.findall(premise))
    said = set(search_tokens(premise))
    terms = [token for token in set(query_tokens(claim)) if token.isascii() and len(token) > 1]
    near = relevant_part(premise, claim, len(claim) * 2)
    negations = abs(len(NEGATION.findall(claim)) - len(NEGATION.findall(near)))
    values = (
        _share(number not in known for number in numbers),
        _share(term not in said for term in terms if is_chinese(claim)),
        min(negations, 3) / 3,
        float(_BARE.sub("", claim) in _BARE.sub("", premise)),
    )
    return np.array(values, np.float32)


def _share(found: Iterable[bool]) -> float:
    """The share that is true; 0 if there are none."""
    flags = list(found)
    return sum(flags) / max(1, len(flags))
