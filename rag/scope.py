"""Whether two statements speak of two different things: two services, environments, versions or weeks."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from ingest.lines import MARKER
from rag.names import names
from rag.negation import alike, clauses, denies
from rag.numerals import has_other_number
from rag.terms import HAN, TERM, is_function_word
from rag.types import Statement

_TOKEN = re.compile(rf"{TERM.pattern}|\d+(?:\.\d+)*|{HAN}")
_NUMERAL = re.compile(r"\d|^[零一二三四五六七八九十]$")
_KIND_OF_NOTE = re.compile(
    r"笔记|面经|八股|速记|日记|记录|文档|手册|指南|教程|总结|整理|资料|问答|章|节|篇"
    r"|\b(?:notes?|interview|guide|handbook|manual|part|chapter|section|summary|faq|q)\b",
    re.IGNORECASE,
)
"""Two of these are two notes, perhaps about one thing."""
_QUESTION = re.compile(r"[?？]|什么|哪些|怎么|如何|\b(?:what|how|why|which)\b", re.IGNORECASE)
_HEDGE = re.compile(r"一般|通常|建议|推荐|最好|大概|大约|大致|往往|基本|普遍|实际|实测|理论|目前|现在|左右")
_SAME_FRAME = 0.6
"""The least share of the tokens of the shorter clause that both have."""


def are_told_apart(question: str, one: Statement, other: Statement) -> bool:
    """Whether the two speak of different things by the names asked about, by headings that differ in what
    they qualify (订单服务, 支付服务), or by words exchanged beside a number or a negation."""
    return (
        not _are_about_the_same(question, one, other)
        or _are_siblings(one, other)
        or any(_are_parallel(a, b) for a in _labels(one) for b in _labels(other))
        or _exchange_the_subject(one, other)
    )


def _are_about_the_same(question: str, *pair: Statement) -> bool:
    """Whether both sides speak of the same of the names that were asked about."""
    one, other = (_context(statement).lower() for statement in pair)
    return all((name.lower() in one) == (name.lower() in other) for name in names(question))


def _context(statement: Statement) -> str:
    return " ".join((*_labels(statement), statement.text))


def _labels(statement: Statement) -> Sequence[str]:
    return tuple(dict.fromkeys((statement.hit.chunk.title, *statement.headings)))


def _are_siblings(one: Statement, other: Statement) -> bool:
    """Whether they stand in two sections next to each other, which their author told apart."""
    ours, theirs = one.headings, other.headings
    same_document = one.hit.chunk.document_id == other.hit.chunk.document_id
    return same_document and len(ours) == len(theirs) and ours != theirs and ours[:-1] == theirs[:-1]


def _are_parallel(one: str, other: str) -> bool:
    """Whether two headings name two of a kind: the same head qualified differently, or the same words with another
    number."""
    ours, theirs = (_TOKEN.findall(MARKER.sub("", label, count=1).lower()) for label in (one, other))
    if ours == theirs or any(map(_QUESTION.search, (one, other))):
        return False
    after = alike(ours[::-1], theirs[::-1])
    before = alike(ours[: len(ours) - after], theirs[: len(theirs) - after])
    own = [tokens[before : len(tokens) - after] for tokens in (ours, theirs)]
    head = _joined(ours[len(ours) - after :])
    shared = _joined(ours[:before]) + " " + head
    if _KIND_OF_NOTE.search(shared) or not shared.strip():
        return False
    return (all(own) and all(any(map(_NUMERAL.search, tokens)) for tokens in own)) or _is_head(head)


def _is_head(text: str) -> bool:
    return len(re.findall(HAN, text)) > 1 or bool(re.search(r"[a-z]{3}", text))


def _exchange_the_subject(one: Statement, other: Statement) -> bool:
    return any(
        _is_exchanged(ours, theirs, (_context(one), _context(other)))
        for ours in clauses(one.text)
        for theirs in clauses(other.text)
        if denies(ours, theirs) or (has_other_number(ours, theirs, "") and has_other_number(theirs, ours, ""))
    )


def _is_exchanged(one: str, other: str, contexts: tuple[str, str]) -> bool:
    """Whether the clauses are alike but for words, none of them numbers, that the other statement does not have."""
    ours, theirs = (_TOKEN.findall(text.lower()) for text in (one, other))
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    shared = sum(block.size for block in matcher.get_matching_blocks())
    if shared < _SAME_FRAME * min(len(ours), len(theirs)):
        return False
    own = ((_joined(ours[a:b]), _joined(theirs[c:d])) for tag, a, b, c, d in matcher.get_opcodes() if tag == "replace")
    return any(
        _is_subject(a) and _is_subject(b) and a not in contexts[1].lower() and b not in contexts[0].lower()
        for a, b in own
    )


def _is_subject(text: str) -> bool:
    words = _TOKEN.findall(text)
    return (
        not _NUMERAL.search(text)
        and not _HEDGE.search(text)
        and not all(map(is_function_word, words))
        and (len(words) > 1 or bool(re.search(r"[a-z]{3}", text)))
    )


def _joined(tokens: Sequence[str]) -> str:
    return re.sub(rf"(?<={HAN}) (?={HAN})", "", " ".join(tokens))
