"""Hits -> their statements, each scored by how well it answers the question."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ingest.lexical import query_tokens, search_tokens
from ingest.protocols import Vectors
from ingest.sentences import sentences
from ingest.structure import Block, parse
from ingest.types import Chunk
from rag.judge import in_context
from rag.odds import chances_of, log_odds
from rag.protocols import AnswerScorer
from rag.types import Hit, Query, Statement

_LONGEST_HEADER_CELL = 20


class Similarity(Protocol):
    def __call__(self, query: Query, statements: Sequence[Statement]) -> Vectors:
        """Shape (statements,); higher is nearer, comparable within one question."""
        ...


def statements(hit: Hit, rank: int) -> Iterator[Statement]:
    """The statements of one hit in order. Headings count only where nothing else stands below them."""
    text, offset = hit.chunk.text, hit.chunk.start
    blocks = [block for block in parse(text) if block.kind not in ("noise", "questions")]
    for number, block in enumerate(blocks):
        if block.kind == "heading" and not _is_bare(blocks, number):
            continue
        own = block.headings[:-1] if block.kind == "heading" else block.headings
        path = (*hit.chunk.headings, *(title for title in own if title not in hit.chunk.headings))
        header = _header(text, block)
        for start, end in _spans(text, block):
            if header and end <= header[1]:
                continue
            yield Statement(
                hit=hit,
                rank=rank,
                block=number,
                kind=block.kind,
                indent=block.indent,
                headings=path,
                start=offset + start,
                end=offset + end,
                text=text[start:end],
                header=text[header[0] : header[1]] if header else "",
            )


def _is_bare(blocks: Sequence[Block], number: int) -> bool:
    following = blocks[number + 1] if number + 1 < len(blocks) else None
    alone = following is None or (following.kind == "heading" and following.rank <= blocks[number].rank)
    return alone and len(blocks) > 1


def _header(text: str, block: Block) -> tuple[int, int] | None:
    """The header row of a table; None where the row in its place is data, as long cells tell."""
    if block.kind != "table" or len(block.lines) < 3:
        return None
    (start, end), rule = block.lines[0], block.lines[1]
    cells = text[start:end].strip("|").split("|")
    ruled = not text[rule[0] : rule[1]].strip("|-: \t")
    return (start, end) if ruled and max(len(cell.strip()) for cell in cells) <= _LONGEST_HEADER_CELL else None


def _spans(text: str, block: Block) -> Iterable[tuple[int, int]]:
    if block.kind in ("code", "formula", "heading", "item"):
        return [(block.start, block.end)]
    if block.kind == "table":
        return [line for line in block.lines if text[line[0] : line[1]].strip("|-: \t")]
    return (span for line in block.lines for span in sentences(text, *line))


SectionOf = Callable[[Chunk], Sequence[Chunk]]
"""A chunk -> all chunks of its section in order, itself among them."""

_HITS_READ = 6
_SECTIONS_READ = 3


def read_sections(hits: Sequence[Hit], section_of: SectionOf) -> Iterator[tuple[int, Hit]]:
    """(rank, hit) of every hit; around each of the first three also the rest of its section, which may be longer than
    one chunk, at the same rank. Each chunk comes once, within a rank in the order of the note."""
    known = {hit.chunk.id: hit for hit in hits}
    done: set[str] = set()
    for rank, hit in enumerate(hits):
        section = section_of(hit.chunk) if rank < _SECTIONS_READ else (hit.chunk,)
        for chunk in section:
            if chunk.id not in done and (chunk.id == hit.chunk.id or hit.chunk.id not in done):
                yield rank, known.get(chunk.id) or replace(hit, chunk=chunk, also_at=())
        done.update(chunk.id for chunk in section)


_SCORED_CLOSELY = 24
_UNREAD = 0.002
"""What counts as the chance of a statement that the scorer was not shown."""
# By likeness and words alone; chosen on the development questions, and the ranking is flat around them.
_ROUGHLY = np.array([0.25, 2.0, 1.0, 0.2, -0.2, -0.5, -0.2], np.float32)
PROPORTIONS = np.array([0.35, 0.25, 2.0, 1.0, 0.25, -0.1, -0.5, -0.2], np.float32)
"""What the features count for beside each other, the scorer's word first: those under which statements come in the best
order on the shipped, the development and held-back questions together (mean average precision 0.695). Nearby ones are
as good (0.685 to 0.697), one without the hit's score is not (0.68 at best). Proportions fitted to any of these sets do
worse on the others."""


@dataclass(frozen=True, slots=True)
class StatementReader:
    """Reads the best hits and their sections, statement by statement.

    With a ``scorer`` the likeliest statements are read together with the question; ``weights``, of shape (9,), turn
    what it says and ``statement_features`` into log-odds, the intercept last. Without one, scores are rough.
    """

    similarity: Similarity
    section_of: SectionOf
    scorer: AnswerScorer | None = None
    weights: Vectors | None = None

    def __call__(self, query: Query, hits: Sequence[Hit]) -> list[Statement]:
        """In the order of the hits, within a hit in the order of the note, each with its score and chance."""
        found, features = self.features(query, hits)
        if self.weights is None or self.scorer is None:
            return [replace(s, score=float(score)) for s, score in zip(found, features[:, 1:] @ _ROUGHLY, strict=True)]
        return with_chances(found, features, self.weights)

    def features(self, query: Query, hits: Sequence[Hit]) -> tuple[list[Statement], Vectors]:
        """The statements, and shape (statements, 8): the scorer's log-odds, then ``statement_features``."""
        sections = read_sections(hits[:_HITS_READ], self.section_of)
        found = [statement for rank, hit in sections for statement in statements(hit, rank)]
        if not found:
            return [], np.empty((0, 8), np.float32)
        features = statement_features(query, found, self.similarity(query, found))
        close = np.argsort(-(features @ _ROUGHLY), kind="stable")[:_SCORED_CLOSELY]
        chances = np.full(len(found), _UNREAD, np.float32)
        if self.scorer is not None:
            chances[close] = self.scorer.answers(query.in_words, [_in_context(found[i]) for i in close])
        return found, np.column_stack([[log_odds(float(chance)) for chance in chances], features]).astype(np.float32)


_NEAREST_OF_A_HIT = 3


def best_log_odds(query: Query, hits: Sequence[Hit], similarity: Similarity, scorer: AnswerScorer) -> Vectors:
    """Shape (hits,): what the scorer says of each hit's likeliest statement, of the nearest three, as log-odds."""
    found = [statement for rank, hit in enumerate(hits) for statement in statements(hit, rank)]
    best = np.full(len(hits), log_odds(_UNREAD), np.float32)
    if not found:
        return best
    near = statement_features(query, found, similarity(query, found)) @ _ROUGHLY
    of_hit: defaultdict[int, list[int]] = defaultdict(list)
    for at in np.argsort(-near, kind="stable"):
        of_hit[found[at].rank].append(at)
    close = [found[at] for nearest in of_hit.values() for at in nearest[:_NEAREST_OF_A_HIT]]
    chances = scorer.answers(query.in_words, [_in_context(statement) for statement in close])
    for statement, chance in zip(close, chances, strict=True):
        best[statement.rank] = max(best[statement.rank], log_odds(float(chance)))
    return best


def with_chances(found: Sequence[Statement], features: Vectors, weights: Vectors) -> list[Statement]:
    """The statements with their log-odds as score, from ``features`` of shape (statements, n), and their chance."""
    scores = features @ weights[:-1] + weights[-1]
    return [
        replace(s, score=float(score), chance=float(chance))
        for s, score, chance in zip(found, scores, chances_of(scores), strict=True)
    ]


def _in_context(statement: Statement) -> str:
    return in_context(statement.headings[-2:], f"{statement.header}\n{statement.text}".strip())


def statement_features(query: Query, found: Sequence[Statement], near: Vectors) -> Vectors:
    """Shape (statements, 7), from their similarity ``near`` of shape (statements,): that in standard deviations, the
    share of the question's words in the statement with its headings and in the statement alone (weighted by how rare
    they are among these statements), the hit's score as log-odds, the logarithm of its rank, whether the statement
    only leads in to something else, and the logarithm of how many statements its section has, since what a section is
    worth they share."""
    with_headings = _coverage(query.question, [f"{' '.join(s.headings)} {s.text}" for s in found])
    in_section = Counter((s.rank, s.headings) for s in found)
    return np.column_stack(
        [
            (near - np.mean(near)) / (float(np.std(near)) or 1.0),
            with_headings,
            _coverage(query.question, [s.text for s in found]),
            [log_odds(s.hit.score) for s in found],
            [math.log2(1 + s.rank) for s in found],
            [s.leads_in for s in found],
            [math.log(in_section[s.rank, s.headings]) for s in found],
        ]
    ).astype(np.float32)


def _coverage(question: str, texts: Sequence[str]) -> list[float]:
    """For each text the share of the question's tokens it holds, weighted by inverse document frequency."""
    asked = set(query_tokens(question))
    held = [asked & set(search_tokens(text)) for text in texts]
    frequency = Counter(token for tokens in held for token in tokens)
    weight = {token: math.log(1 + len(texts) / (1 + frequency[token])) for token in asked}
    total = sum(weight.values()) or 1.0
    return [sum(weight[token] for token in tokens) / total for tokens in held]
