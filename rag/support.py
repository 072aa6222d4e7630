"""What judging looks at besides the model: the premise's part that matters, and signs that need no model."""

import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.lexical import query_tokens, search_tokens

_PIECE = re.compile(r"(?<=[。！？；!?;\n])|(?<=\.)\s+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATION = re.compile(r"不|没|无|非|未|\b(?:not|no|never|cannot|without|none)\b|n't", re.IGNORECASE)

SIGNS = (
    "overlap",
    "missing numbers",
    "missing terms",
    "negations",
    "length",
    "all words",
    "missing words",
    "missing pairs",
    "verbatim",
)


def relevant_part(premise: str, claim: str, characters: int) -> str:
    """The sentences of a long premise that share most words with the claim, in their order, up to a length."""
    if len(premise) <= characters:
        return premise
    pieces = [piece for piece in _PIECE.split(premise) if piece and piece.strip()]
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
    """Shape (9,), as ``SIGNS`` names them, each in [0, 1]."""
    order, row = search_tokens(premise), query_tokens(claim)
    said, pairs, wanted = set(order), set(pairwise(order)), list(dict.fromkeys(row))
    absent = sum(token not in said for token in wanted)
    numbers, known = _NUMBER.findall(claim), set(_NUMBER.findall(premise))
    terms = [token for token in wanted if token.isascii() and len(token) > 1]
    near = relevant_part(premise, claim, len(claim) * 2)
    negations = abs(len(_NEGATION.findall(claim)) - len(_NEGATION.findall(near)))
    values = (
        1 - absent / max(1, len(wanted)),
        _share(number not in known for number in numbers),
        _share(term not in said for term in terms),
        min(negations, 3) / 3,
        min(len(claim), 300) / 300,
        float(not absent),
        min(absent, 6) / 6,
        _share(pair not in pairs for pair in pairwise(row)),
        float("".join(claim.split()) in "".join(premise.split())),
    )
    return np.array(values, np.float32)


def _share(found: Iterable[bool]) -> float:
    """The share of what is true; 0 of nothing."""
    flags = list(found)
    return sum(flags) / max(1, len(flags))
