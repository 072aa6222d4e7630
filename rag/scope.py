"""Whether two statements speak of two different things: two services, environments, versions or weeks."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import product
from pathlib import PurePosixPath

from ingest.lines import MARKER
from rag.negation import alike, clauses, denies
from rag.numerals import has_other_number
from rag.terms import HAN, TOKEN, is_function_word
from rag.types import Statement

_TOKEN = re.compile(TOKEN)
_NUMERAL = re.compile(r"\d|^[零一二三四五六七八九十]$")
_KIND_OF_NOTE = re.compile(
    r"笔记|面经|八股|速记|日记|记录|文档|手册|指南|教程|总结|整理|资料|问答|章|节|篇"
    r"|\b(?:notes?|interview|guide|handbook|manual|part|chapter|section|summary|faq|q)\b",
    re.IGNORECASE,
)
"""Two of these are two notes, perhaps about one thing."""
_QUESTION = re.compile(r"[?？]|什么|哪些|怎么|如何|\b(?:what|how|why|which)\b", re.IGNORECASE)
_HEDGE = re.compile(r"一般|通常|建议|推荐|最好|大概|大约|大致|往往|基本|普遍|实际|实测|理论|目前|现在|左右")
_QUALIFIER = re.compile(r"(?!每|各|所有|任何|我|你|它|他|这|那|该|其|上述|以上).+的")
"""Before what a clause speaks of: which of several it is."""
_SAME_FRAME = 0.6
"""The least share of the tokens of the shorter clause that both have."""


def are_told_apart(asked: Sequence[str], one: Statement, other: Statement) -> bool:
    """Whether the two speak of different things: only one of them of a name in ``asked``, in files of one name in two
    folders, below sections side by side or headings that differ in what they qualify (订单服务, 支付服务), or with
    words exchanged or added beside a number or a negation."""
    ours, theirs = (" ".join((*statement.labels, statement.text)).lower() for statement in (one, other))
    return (
        any((name.lower() in ours) != (name.lower() in theirs) for name in asked)
        or _are_siblings(one, other)
        or _are_namesakes(one, other)
        or any(_are_parallel((a, b), (ours, theirs)) for a, b in product(one.labels, other.labels))
        or any(
            (not a or a.removesuffix("的") not in theirs) and (not b or b.removesuffix("的") not in ours)
            for a, b in _exchanged_subjects(clauses(one.text), clauses(other.text))
        )
    )


def _are_siblings(one: Statement, other: Statement) -> bool:
    """Whether they stand in two sections next to each other, which their author told apart."""
    ours, theirs = one.headings, other.headings
    same_document = one.hit.chunk.document_id == other.hit.chunk.document_id
    return same_document and len(ours) == len(theirs) and ours != theirs and ours[:-1] == theirs[:-1]


def _are_namesakes(one: Statement, other: Statement) -> bool:
    """Whether they are from files of one name in two folders: staging/config.md, production/config.md."""
    ours, theirs = (PurePosixPath(statement.hit.chunk.document_id) for statement in (one, other))
    return ours.name == theirs.name and ours != theirs and bool(ours.parent.name and theirs.parent.name)


def _are_parallel(labels: tuple[str, str], contexts: tuple[str, str]) -> bool:
    """Whether the headings of two statements name two of a kind: the same words with another number, or the same head
    with a qualifier, unless the other statement speaks of it in its context: one below 预热 may speak of 学习率预热."""
    ours, theirs = (_TOKEN.findall(MARKER.sub("", label, count=1).lower()) for label in labels)
    if ours == theirs or any(map(_QUESTION.search, labels)):
        return False
    after = alike(ours[::-1], theirs[::-1])
    before = alike(ours[: len(ours) - after], theirs[: len(theirs) - after])
    own = [tokens[before : len(tokens) - after] for tokens in (ours, theirs)]
    head = ours[len(ours) - after :]
    shared = _joined(ours[:before]) + " " + _joined(head)
    if _KIND_OF_NOTE.search(shared) or not shared.strip():
        return False
    if all(any(map(_NUMERAL.search, tokens)) for tokens in own):
        return True
    return _is_head(_joined(head)) and all(
        not tokens or _joined([*tokens, *head]) not in context
        for tokens, context in zip(own, contexts[::-1], strict=True)
    )


def _is_head(text: str) -> bool:
    return len(re.findall(HAN, text)) > 1 or bool(re.search(r"[a-z]{3}", text))


def _exchanged_subjects(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The words, neither numbers nor hedges, in place of each other in two like clauses that differ in a number or a
    negation as well; that and nothing where one begins with what the other does not say: 生产环境的端口, 端口."""
    for one, other in product(ours, theirs):
        if denies(one, other) or (has_other_number(one, other, "") and has_other_number(other, one, "")):
            yield from (pair for pair in _exchanged(one, other) if all(_is_subject(text) for text in pair if text))


def _exchanged(one: str, other: str) -> Iterator[tuple[str, str]]:
    """The words in lower case that stand in each other's place in two clauses that are alike, and what one of them
    begins with before the rest is as in the other."""
    ours, theirs = (_TOKEN.findall(text.lower()) for text in (one, other))
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    shared = sum(block.size for block in matcher.get_matching_blocks())
    if shared >= _SAME_FRAME * min(len(ours), len(theirs)):
        for tag, a, b, c, d in matcher.get_opcodes():
            pair = _joined(ours[a:b]), _joined(theirs[c:d])
            if tag == "replace" or (a == c == 0 and any(map(_QUALIFIER.fullmatch, pair))):
                yield pair


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
