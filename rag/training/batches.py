"""Examples -> the batches of contrastive steps, and the token ids of what stands in them."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import torch
from torch import Tensor

from rag.training.examples import Example, ExampleSet, Passage, language_of
from rag.training.model import TokenIds
from rag.training.recipes import RankingRecipe

Tokenize = Callable[[str], list[int]]
"""Text -> token ids without special tokens."""

FIRST, LAST = 0, 2
_LEAST_BODY = 40
_LONGEST_CONTEXT = 60
_PLAIN_SHARE = 0.15
_HINT_SHARE = 0.35
_DROP_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Batch:
    """``excluded[i, j]``: passage j may also answer question i, so it is not used as a negative; passage i is the
    positive."""

    questions: list[TokenIds]
    passages: list[TokenIds]
    excluded: Tensor


@dataclass
class Batches:
    """Draws batches without end; the same seed gives the same ones."""

    examples: ExampleSet
    recipe: RankingRecipe
    tokenize: Tokenize
    _queues: dict[str, list[Example]] = field(default_factory=dict, init=False)
    _framed: dict[tuple[str, bool, str], TokenIds] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.recipe.seed)  # noqa: S311
        self._by_source: defaultdict[str, list[Example]] = defaultdict(list)
        for example in self.examples.examples:
            self._by_source[example.source].append(example)
        self._sources = [(name, share) for name, share in self.recipe.mixture if self._by_source[name]]

    def draw(self) -> tuple[str, Batch]:
        """The source of the step and its batch."""
        names, shares = zip(*self._sources, strict=True)
        source = self.random.choices(names, shares)[0]
        count = self.recipe.questions
        filler = int(count * self.recipe.heading_filler) if source == "written" and self._by_source["heading"] else 0
        return source, self._batch(self._take(source, count - filler) + self._take("heading", filler))

    def _take(self, source: str, count: int) -> list[Example]:
        taken: list[Example] = []
        while len(taken) < count:
            if not self._queues.get(source):
                self._queues[source] = self._neighbourly(self._by_source[source])
            taken.append(self._queues[source].pop())
        return taken

    def _neighbourly(self, examples: Sequence[Example]) -> list[Example]:
        areas: defaultdict[str, list[Example]] = defaultdict(list)
        for example in examples:
            areas[self.examples.group_of(example).rpartition("/")[0]].append(example)
        runs = []
        for area in areas.values():
            self.random.shuffle(area)
            size = self.recipe.neighbours
            runs += [area[start : start + size] for start in range(0, len(area), size)]
        self.random.shuffle(runs)
        return [example for run in runs for example in run]

    def _batch(self, examples: Sequence[Example]) -> Batch:
        own = [self.random.choice(example.positives) for example in examples]
        extra = [(at, negative) for at, example in enumerate(examples) for negative in self._negative(example)]
        ids = own + [negative for _, negative in extra]
        owners = [*range(len(examples)), *(at for at, _ in extra)]
        passages = [self._positive_tokens(e, id_) for e, id_ in zip(examples, own, strict=True)]
        passages += [self._negative_tokens(examples[at], negative) for at, negative in extra]
        excluded = torch.zeros(len(examples), len(ids), dtype=torch.bool)
        for row, example in enumerate(examples):
            for column, id_ in enumerate(ids):
                if column != row and self._may_answer(example, id_, owners[column] == row):
                    excluded[row, column] = True
        return Batch([self._question_tokens(example) for example in examples], passages, excluded)

    def _negative(self, example: Example) -> list[str]:
        if example.traps and self.random.random() < self.recipe.trap_share:
            return [self.random.choice(example.traps)]
        if example.negatives and self.random.random() < self.recipe.negative_share:
            return [self.random.choice(example.negatives)]
        return []

    def _may_answer(self, example: Example, passage_id: str, brought: bool) -> bool:
        if passage_id in example.positives:
            return True
        passage, positive = self.examples.passages[passage_id], self.examples.passages[example.positives[0]]
        if brought or passage.group != positive.group:
            return False
        return not example.quote or language_of(passage.text) != language_of(positive.text)

    def _question_tokens(self, example: Example) -> TokenIds:
        question = example.question
        if example.hints and self.random.random() < _HINT_SHARE:
            question = f"{self.random.choice(example.hints)} {question}"
        elif example.source == "written" and self.random.random() < _DROP_SHARE:
            length = max(1, len(question) // 8)
            start = self.random.randrange(max(1, len(question) - length))
            question = question[:start] + question[start + length :]
        return framed(self.tokenize(f"query: {question}"), self.recipe.query_tokens)

    def _positive_tokens(self, example: Example, passage_id: str) -> TokenIds:
        plain = example.source in ("heading", "parallel") and self.random.random() < 0.5
        return self._passage_tokens(self.examples.passages[passage_id], plain, example.quote)

    def _negative_tokens(self, example: Example, passage_id: str) -> TokenIds:
        # Decided by the pair and not drawn anew, so that the remembered passage can be used again.
        plain = _fraction(f"{example.question} {passage_id}") < _PLAIN_SHARE
        return self._passage_tokens(self.examples.passages[passage_id], plain, "")

    def _passage_tokens(self, passage: Passage, plain: bool, quote: str) -> TokenIds:
        key = passage.id, plain, quote
        if key not in self._framed:
            text = passage.plain if plain else passage.text
            self._framed[key] = passage_window(text, quote, self.recipe.passage_tokens, self.tokenize)
        return self._framed[key]


def framed(tokens: Sequence[int], most: int) -> TokenIds:
    return (FIRST, *tokens[: most - 2], LAST)


def passage_window(text: str, quote: str, most: int, tokenize: Tokenize) -> TokenIds:
    """At most ``most`` tokens: the first line, which says where the passage stands, then a stretch that holds the
    quote."""
    context, newline, body = text.partition("\n")
    if not newline:
        context, body = "", text
    head = tokenize(f"passage: {context}")[:_LONGEST_CONTEXT]
    tokens = tokenize(body)
    room = max(_LEAST_BODY, most - len(head) - 2)
    at = body.find(quote) if quote else -1
    start = 0
    if len(tokens) > room and at >= 0:
        before, length = len(tokenize(body[:at])), len(tokenize(quote))
        low = max(0, min(before + length, len(tokens)) - room)
        high = max(low, min(before, len(tokens) - room))
        start = low + int(_fraction(quote) * (high - low + 1))
    return framed(head + tokens[start : start + room], most)


def _fraction(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(sha256(text.encode()).digest()[:6]) / 2**48
