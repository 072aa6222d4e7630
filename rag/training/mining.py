"""Hard negatives: passages that look like an answer and are not one."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ingest.protocols import Floats
from ingest.tokens import query_tokens, search_tokens
from rag.training.examples import Example, ExampleSet, Passage, language_of

_K1, _B = 1.2, 0.75
_MOST_FOUND, _MOST_SIBLINGS = 24, 6
_SAME_TEXT = 0.5
"""Where another passage holds more than this share of a quote's character triples, it may answer too."""


class Bm25:
    """BM25 over passages in memory, with the product's own tokens (Robertson and Zaragoza, 2009)."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(search_tokens(text)) for text in texts]
        lengths = np.array([sum(count.values()) for count in counts], np.float32)
        mean = float(lengths.mean()) if len(lengths) else 1.0
        postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for at, count in enumerate(counts):
            for token, times in count.items():
                postings[token].append((at, times))
        self._size = len(texts)
        self._postings: dict[str, tuple[NDArray[np.int64], Floats]] = {}
        for token, found in postings.items():
            where, times_ = (np.array(column) for column in zip(*found, strict=True))
            inverse = math.log(1 + (len(texts) - len(found) + 0.5) / (len(found) + 0.5))
            weight = times_ * (_K1 + 1) / (times_ + _K1 * (1 - _B + _B * lengths[where] / mean))
            self._postings[token] = where, (inverse * weight).astype(np.float32)

    def scores(self, question: str) -> Floats:
        """One score for each text; 0 where nothing matches."""
        scores = np.zeros(self._size, np.float32)
        for token in set(query_tokens(question)):
            if token in self._postings:
                where, weight = self._postings[token]
                scores[where] += weight
        return scores


Search = Callable[[str], Sequence[str]]
"""A question -> passage ids, best first."""


def lexical_search(passages: Mapping[str, Passage], depth: int) -> Search:
    """The best ``depth`` passages by BM25."""
    ids = list(passages)
    index = Bm25([passages[passage_id].text for passage_id in ids])

    def search(question: str) -> list[str]:
        scores = index.scores(question)
        best = np.argsort(-scores, kind="stable")[:depth]
        return [ids[at] for at in best if scores[at] > 0]

    return search


@dataclass(frozen=True, slots=True)
class Miner:
    """Adds negatives to each example: up to 24 that ``searches`` find for its question, and up to 6 from the same
    document. Left out are the positives, passages of a translated twin, and whatever repeats the quote."""

    examples: ExampleSet
    searches: Sequence[Search]
    seed: int = 0

    def mined(self) -> ExampleSet:
        rng = random.Random(self.seed)  # noqa: S311
        groups: defaultdict[str, list[Passage]] = defaultdict(list)
        for passage in self.examples.passages.values():
            groups[passage.group].append(passage)
        mined = tuple(self._with_negatives(example, groups, rng) for example in self.examples.examples)
        return ExampleSet(self.examples.passages, mined)

    def _with_negatives(self, example: Example, groups: Mapping[str, Sequence[Passage]], rng: random.Random) -> Example:
        passages = self.examples.passages
        found = dict.fromkeys(passage_id for search in self.searches for passage_id in search(example.question))
        near = [passages[id_] for id_ in found if id_ in passages and self._is_negative(example, passages[id_])]
        siblings = [p for p in groups[self.examples.group_of(example)] if self._is_negative(example, p)]
        chosen = near[:_MOST_FOUND] + rng.sample(siblings, min(_MOST_SIBLINGS, len(siblings)))
        return replace(example, negatives=tuple(dict.fromkeys(passage.id for passage in chosen)))

    def _is_negative(self, example: Example, passage: Passage) -> bool:
        positive = self.examples.passages[example.positives[0]]
        if passage.id in example.positives:
            return False
        if passage.group == positive.group:
            other_language = language_of(passage.text) != language_of(positive.text)
            unquoted_same_section = not example.quote and passage.section == positive.section
            if other_language or unquoted_same_section or example.source == "reading":
                return False
        return not repeats(example.quote or example.question, passage.text)


def repeats(quote: str, text: str) -> bool:
    """Whether ``text`` holds more than half of the quote's character triples."""
    triples = {quote[i : i + 3] for i in range(len(quote) - 2)}
    return len([triple for triple in triples if triple in text]) > _SAME_TEXT * len(triples) > 0
