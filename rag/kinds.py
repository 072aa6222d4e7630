"""What a question asks for of a kind of which the notes have others: 网关服务 beside 订单服务 and 支付服务."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from ingest.lines import MARKER
from ingest.tokens import tagged
from rag.names import text_of
from rag.negation import alike
from rag.terms import HAN
from rag.types import Hit

_HITS_SEARCHED = 10
_HEAD = re.compile(rf"{HAN}{{2,}}$")
_QUALIFIER = re.compile(rf"{HAN}{{2,}}")
_NAMING = "nvijls"
"""What the tags of words that can name one of a kind begin with: nouns, verbs (搜索服务), places and set phrases."""
_ASKING = "rdvp"
"""After these a verb is what is done: 怎么重启服务 asks for no service called 重启."""


def unmentioned_kinds(question: str, hits: Sequence[Hit]) -> tuple[str, ...]:
    """The compounds in the question whose head the first of these hits and another have in a title or heading with a
    qualifier each, and whose own qualifier is in none of them. ``hits`` are fused hits, best first."""
    heads = set(_heads(hits[:_HITS_SEARCHED]))
    if not heads:
        return ()
    text = text_of(hits)
    found = (one for head in heads for one in _qualified(question, head) if one.removesuffix(head) not in text)
    return tuple(sorted(found, key=question.find))


def _heads(hits: Sequence[Hit]) -> Iterator[str]:
    """The words in which a label of the first hit and another label end alike, both with a qualifier before them."""
    labels = [{MARKER.sub("", label, count=1) for label in (hit.chunk.title, *hit.chunk.headings)} for hit in hits]
    best = labels[0] if labels else set()
    for one, other in combinations(sorted(set().union(*labels)), 2):
        end = one[len(one) - alike(one[::-1], other[::-1]) :]
        head = _HEAD.search(end)
        if head and end not in (one, other) and not best.isdisjoint((one, other)):
            yield head[0]


def _qualified(question: str, head: str) -> Iterator[str]:
    """Where the question has ``head`` right behind a word that can name one of its kind, both."""
    words = tagged(question)
    starts = [0]
    for word, _ in words:
        starts.append(starts[-1] + len(word))
    for at, (word, tag) in enumerate(words):
        whole = word.endswith(head) and word != head
        qualifier = word.removesuffix(head) if whole else word
        if not whole and not question.startswith(head, starts[at + 1]):
            continue
        is_done = tag[0] == "v" and at > 0 and words[at - 1][1][0] in _ASKING
        if _QUALIFIER.fullmatch(qualifier) and tag[0] in _NAMING and not is_done:
            yield qualifier + head
