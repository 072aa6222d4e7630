"""Questions proposed from one's own notes without any model: from headings that ask something, and from definitions.

They use the notes' own words, so that they are easier than what people ask; a person reviews them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise, zip_longest

from eval.evidence import ink
from eval.types import EvalCase, Evidence, QuestionType
from ingest.lines import clean_title
from ingest.questions import is_question
from ingest.sentences import sentences
from ingest.structure import Block, Span, parse
from ingest.types import Document
from rag.terms import language_of

_MOST_QUOTES = 6
SHORTEST_QUOTE = 8
"""Characters that are not white space."""

_BULLET = re.compile(r"^(?:[-*+•·]|\d+[.)、])\s*")
_NUMBERING = re.compile(
    r"^(?:[-*+•·]\s*)?(?:第[一二三四五六七八九十\d]+[章节问题][、.．:：\s]*|[一二三四五六七八九十]+[、.．:：]\s*"
    r"|[（(]?\d+(?:\.\d+)*[)）.、:：]?\s*|[Qq问]\d*[.、:：]\s*)?"
)
_ASKS = re.compile(
    r"^(?:什么是|为什么|为何|如何|怎么|怎样|有?哪些|有什么|请|介绍|解释)|^(?:what|why|how|which|when|where)\b",
    re.IGNORECASE,
)
_TYPES: tuple[tuple[QuestionType, re.Pattern[str]], ...] = (
    ("compare", re.compile(r"区别|不同|对比|比较|优缺点|\bvs\b|difference|compare", re.IGNORECASE)),
    ("number", re.compile(r"多少|多大|几[个种层倍]|how (?:many|much|large|long)", re.IGNORECASE)),
    ("list", re.compile(r"哪些|哪几|有什么|which\b|what are", re.IGNORECASE)),
    ("howto/why", re.compile(r"为什么|为何|为啥|如何|怎么|怎样|\bwhy\b|\bhow\b", re.IGNORECASE)),
)
_DEFINITION_ZH = re.compile(
    r"^(?P<term>[^\s,，。；：、？！（(]{2,24}(?: [A-Za-z][\w-]*){0,3})(?:[（(][^（）()]{1,40}[)）])?\s*"
    r"(?:是一种|是一个|是一类|是指|指的是)"
)
_DEFINITION_EN = re.compile(r"^(?P<term>[A-Z][\w+.-]*(?: [\w+.-]+){0,4}?)(?: \([^()]{1,40}\))? (?:is|are) (?:an?|the) ")
_NO_TERM = re.compile(
    r"^(?:它|这|那|其|该|此|我|你|而|但|本|上述|以上|因此|所以|(?:This|That|It|These|Those|There|Here)\b)"
    r"|通常|本质|其实|一般|主要|往往|也$|就$|都$",
)
_ADDRESS = re.compile(r"https?://")


def propose(documents: Iterable[Document]) -> Iterator[EvalCase]:
    """Proposals from each document in turn, so that the first few come from many notes.

    Ids depend on the document and the evidence alone, so that a question that was reviewed is recognised.
    """
    queues = [_from_document(document) for document in documents]
    for turn in zip_longest(*queues):
        yield from (case for case in turn if case is not None)


def _from_document(document: Document) -> list[EvalCase]:
    blocks = parse(document.text)
    cases: dict[str, EvalCase] = {}
    for case in (*_from_headings(document, blocks), *_from_definitions(document, blocks)):
        cases.setdefault(case.question, case)
    return list(cases.values())


def _from_headings(document: Document, blocks: Sequence[Block]) -> Iterator[EvalCase]:
    """A heading that asks, and the first paragraph or list below it."""
    for heading, body in pairwise(blocks):
        if heading.kind != "heading" or body.headings != heading.headings:
            continue
        question = _NUMBERING.sub("", heading.headings[-1])
        if not (is_question(question) or _ASKS.search(question)):
            continue
        if body.kind == "item":
            yield from _case(document, question, type_of(question), _items(blocks, body))
        elif body.kind == "paragraph":
            yield from _case(document, question, type_of(question), _first_sentences(document.text, body))


def _from_definitions(document: Document, blocks: Sequence[Block]) -> Iterator[EvalCase]:
    for block in blocks:
        if block.kind in ("paragraph", "item"):
            for start, end in sentences(document.text, block.start, block.end):
                plain = _BULLET.sub("", clean_title(document.text[start:end]))
                found = _DEFINITION_ZH.match(plain) or _DEFINITION_EN.match(plain)
                if found and not _NO_TERM.search(found["term"]):
                    term = found["term"]
                    question = f"什么是{term}？" if language_of(plain) == "zh" else f"What is {term}?"
                    yield from _case(document, question, "fact", [(start, end)])


def _case(document: Document, question: str, kind: QuestionType, quotes: Sequence[Span]) -> Iterator[EvalCase]:
    """Nothing when a quote is too short to hold an answer, or holds a link instead."""
    texts = [document.text[start:end] for start, end in quotes]
    if not texts or any(len(ink(text)) < SHORTEST_QUOTE or _ADDRESS.search(text) for text in texts):
        return
    points = tuple(_BULLET.sub("", " ".join(text.split())) for text in texts)
    digest = sha256("\0".join((document.id, *map(ink, texts))).encode()).hexdigest()[:10]
    yield EvalCase(
        id=f"made-{digest}",
        question=question,
        type=kind,
        answer=" ".join(points),
        keypoints=points,
        evidence=tuple(Evidence(document.id, text) for text in texts),
    )


def _items(blocks: Sequence[Block], first: Block) -> list[Span]:
    """The items of the list that begins with ``first``, the first six at most."""
    at = blocks.index(first)
    spans: list[Span] = []
    for block in blocks[at : at + _MOST_QUOTES]:
        if block.kind != "item" or block.headings != first.headings:
            break
        spans.append((block.start, block.end))
    return spans


def _first_sentences(text: str, block: Block) -> list[Span]:
    """The first two sentences as one span."""
    spans = list(sentences(text, block.start, block.end))[:2]
    return [(spans[0][0], spans[-1][1])] if spans else []


def type_of(question: str) -> QuestionType:
    """The type that the question's own words suggest."""
    return next((kind for kind, pattern in _TYPES if pattern.search(question)), "fact")
