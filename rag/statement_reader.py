"""Reads the best hits statement by statement: the probability that each answers the question."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ingest.odds import log_odds, sigmoid
from ingest.protocols import Floats
from ingest.tokens import query_tokens, search_tokens
from rag.judge import in_context
from rag.protocols import AnswerScorer, Similarity
from rag.statements import SectionOf, read_sections, statements
from rag.types import Hit, Query, Statement

_HITS_READ = 6
_SCORED_CLOSELY = 24
_UNREAD = 0.002
"""The probability assumed for a statement that the scorer was not shown."""
# The weights of ``statement_features`` alone, chosen on the development questions; values nearby rank as well.
_ROUGHLY = np.array([0.25, 2.0, 1.0, 0.2, -0.2, -0.5, -0.2], np.float32)
PROPORTIONS = np.array([0.35, 0.25, 2.0, 1.0, 0.25, -0.1, -0.5, -0.2], np.float32)
"""Relative weights of the features, the scorer's log-odds first: those that order statements best on the shipped, the
development and the held-back questions together (mean average precision 0.695). Nearby ones are as good (0.685 to
0.697), those without the hit's score are not (0.68 at best). Weights fitted to any one of these sets do worse on the
others."""


@dataclass(frozen=True, slots=True)
class StatementReader:
    """Reads the best hits and their sections, statement by statement.

    With a ``scorer``, the likeliest statements are read together with the question; ``weights``, of shape (9,), the
    intercept last, turn its log-odds and ``statement_features`` into the score. Without one, scores are rough.
    """

    similarity: Similarity
    section_of: SectionOf
    scorer: AnswerScorer | None = None
    weights: Floats | None = None

    def __call__(self, query: Query, hits: Sequence[Hit]) -> list[Statement]:
        """The statements in the order of the hits, within a hit in that of the note, with score and probability."""
        found, features = self.features(query, hits)
        if self.weights is None or self.scorer is None:
            return [replace(s, score=float(score)) for s, score in zip(found, features[:, 1:] @ _ROUGHLY, strict=True)]
        return with_probabilities(found, features, self.weights)

    def features(self, query: Query, hits: Sequence[Hit]) -> tuple[list[Statement], Floats]:
        """The statements, and shape (statements, 8): the scorer's log-odds, then ``statement_features``."""
        sections = read_sections(hits[:_HITS_READ], self.section_of)
        found = [statement for rank, hit in sections for statement in statements(hit, rank)]
        if not found:
            return [], np.empty((0, 8), np.float32)
        features = statement_features(query, found, self.similarity(query, found))
        close = np.argsort(-(features @ _ROUGHLY), kind="stable")[:_SCORED_CLOSELY]
        said = np.full(len(found), _UNREAD, np.float32)
        if self.scorer is not None:
            said[close] = self.scorer.answers(query.in_words, [_in_context(found[i]) for i in close])
        return found, np.column_stack([log_odds(said), features]).astype(np.float32)


_NEAREST_OF_A_HIT = 3


def best_log_odds(query: Query, hits: Sequence[Hit], similarity: Similarity, scorer: AnswerScorer) -> Floats:
    """Shape (hits,): by the scorer, the log-odds of the likeliest of the three nearest statements of each hit."""
    found = [statement for rank, hit in enumerate(hits) for statement in statements(hit, rank)]
    best = np.full(len(hits), log_odds(_UNREAD), np.float32)
    if not found:
        return best
    near = statement_features(query, found, similarity(query, found)) @ _ROUGHLY
    of_hit: defaultdict[int, list[int]] = defaultdict(list)
    for at in np.argsort(-near, kind="stable"):
        of_hit[found[at].rank].append(at)
    close = [found[at] for nearest in of_hit.values() for at in nearest[:_NEAREST_OF_A_HIT]]
    said = log_odds(scorer.answers(query.in_words, [_in_context(statement) for statement in close]))
    for statement, odds in zip(close, said, strict=True):
        best[statement.rank] = max(best[statement.rank], odds)
    return best


def with_probabilities(found: Sequence[Statement], features: Floats, weights: Floats) -> list[Statement]:
    """The statements with their log-odds as score, from ``features`` of shape (statements, n), and probability."""
    scores = features @ weights[:-1] + weights[-1]
    return [
        replace(s, score=float(score), probability=float(probability))
        for s, score, probability in zip(found, scores, sigmoid(scores), strict=True)
    ]


def _in_context(statement: Statement) -> str:
    return in_context(statement.headings[-2:], f"{statement.header}\n{statement.text}".strip())


def statement_features(query: Query, found: Sequence[Statement], near: Floats) -> Floats:
    """Shape (statements, 7), from their similarity ``near`` of shape (statements,): the similarity in standard
    deviations; the share of the question's words in the statement with its headings, and in the statement alone,
    weighted by how rare they are among these statements; the hit's score as log-odds; the logarithm of its rank;
    whether the statement only leads in to something else; and the logarithm of the number of statements in its section,
    since they share what the section is worth."""
    with_headings = _coverage(query.question, [f"{' '.join(s.headings)} {s.text}" for s in found])
    in_section = Counter((s.rank, s.headings) for s in found)
    return np.column_stack(
        [
            (near - np.mean(near)) / (float(np.std(near)) or 1.0),
            with_headings,
            _coverage(query.question, [s.text for s in found]),
            log_odds([s.hit.score for s in found]),
            [math.log2(1 + s.rank) for s in found],
            [s.leads_in for s in found],
            [math.log(in_section[s.rank, s.headings]) for s in found],
        ]
    ).astype(np.float32)


def _coverage(question: str, texts: Sequence[str]) -> list[float]:
    """For each text, the share of the question's tokens that it holds, weighted by inverse document frequency."""
    asked = set(query_tokens(question))
    held = [asked & set(search_tokens(text)) for text in texts]
    frequency = Counter(token for tokens in held for token in tokens)
    weight = {token: math.log(1 + len(texts) / (1 + frequency[token])) for token in asked}
    total = sum(weight.values()) or 1.0
    return [sum(weight[token] for token in tokens) / total for tokens in held]
