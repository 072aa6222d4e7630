"""Sentences that put the same two things in the opposite order: first A then B, A is faster than B, from A to B."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.tokens import query_tokens

_SIDE = r"[^，。；：！？,;:!?\n]{1,40}"
_DEGREE = "[大小高低快慢好差多少强弱省贵稳准长短早晚重轻深浅难易]"
_ORDERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"先(?P<a>{_SIDE}?)[，,、]?\s*(?:再|然后|之?后)(?P<b>{_SIDE})",
        rf"\bfirst (?P<a>{_SIDE}?),? (?:and )?then (?P<b>{_SIDE})",
        rf"(?P<a>{_SIDE}?)\sbefore\s(?P<b>{_SIDE})",
        rf"(?P<b>{_SIDE}?)\safter\s(?P<a>{_SIDE})",
        rf"(?P<a>{_SIDE}?)比(?P<b>{_SIDE}?)(?:更|还|要|稍|略)?(?P<how>{_DEGREE})",
        rf"(?P<a>{_SIDE}?)(?P<how>{_DEGREE})于(?P<b>{_SIDE})",
        rf"(?P<a>{_SIDE}?)\s(?:is|are|was|were|has|have|uses?|needs?)\s(?P<how>\w+er|more \w+|less \w+)\sthan\s"
        rf"(?P<b>{_SIDE})",
        rf"从(?P<a>{_SIDE}?)(?:改为|改成|换成|变成|转成|升到|降到|到)(?P<b>{_SIDE})",
        rf"\bfrom\s(?P<a>{_SIDE}?)\sto\s(?P<b>{_SIDE})",
    )
)
_SAME_WORDS = 0.5
"""The least share of the words of both sides that stand on the opposite sides of the other sentence."""


@dataclass(frozen=True, slots=True)
class _Order:
    first: frozenset[str]
    second: frozenset[str]
    how: str
    """The word by which the two are compared; empty where one comes before the other."""


def reverses(claim: str, cited: str) -> bool:
    """Whether the claim puts two things in one order and the cited words only in the opposite one."""
    held = list(_orders(cited))
    return any(_is_reversed(order, [other for other in held if other.how == order.how]) for order in _orders(claim))


def _is_reversed(order: _Order, held: list[_Order]) -> bool:
    if any(_shared(order.first, other.first) + _shared(order.second, other.second) >= _SAME_WORDS for other in held):
        return False
    return any(
        min(_shared(order.first, other.second), _shared(order.second, other.first)) >= _SAME_WORDS for other in held
    )


def _shared(ours: frozenset[str], theirs: frozenset[str]) -> float:
    """The share of the smaller side's words that are in the other one; 0 without words."""
    return len(ours & theirs) / max(1, min(len(ours), len(theirs)))


def _orders(text: str) -> Iterator[_Order]:
    for pattern in _ORDERS:
        for found in pattern.finditer(text):
            first, second = (frozenset(query_tokens(found[side])) for side in ("a", "b"))
            yield _Order(first, second, (found.groupdict().get("how") or "").lower())
