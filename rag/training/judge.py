"""Trains the judge: claims and lists of statements in one step, one pass for both heads."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from ingest.bundled import PASSAGE_PROMPT, QUERY_PROMPT
from rag.judge import framed
from rag.training.batches import Tokenize
from rag.training.claims import Claim
from rag.training.cross_encoder import CrossEncoder, Pair
from rag.training.loop import Report, Schedule, Training
from rag.training.pairs import AnswerList
from rag.training.recipes import JudgeRecipe

OUTPUTS: Mapping[str, tuple[int, ...]] = {
    "supported": (0,),
    "contradicted": (1,),
    "missing": (2,),
    "unsupported": (1, 2),
    "uncontradicted": (0, 2),
}
"""The outputs of the support head that a label allows."""

WRITTEN = "written"
"""The source whose share of a step grows during the run; the other sources share the rest."""


_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class JudgeExamples:
    """Claims and questions by source, such as ``written``."""

    claims: Mapping[str, Sequence[Claim]]
    lists: Mapping[str, Sequence[AnswerList]]


@dataclass(frozen=True, slots=True)
class JudgeBatch:
    """``labels``: one for each of the first pairs. ``lists``: for each question the indices of its statements in
    ``pairs``, and whether each one answers."""

    pairs: list[Pair]
    labels: list[str]
    lists: list[list[tuple[int, bool]]]


@dataclass
class JudgeBatches:
    """Draws batches without end; the same seed gives the same ones. Each source is gone through before it repeats."""

    examples: JudgeExamples
    recipe: JudgeRecipe
    tokenize: Tokenize
    drawn: int = field(default=0, init=False)
    _queues: dict[tuple[str, str], list[int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.recipe.seed)  # noqa: S311

    def draw(self) -> JudgeBatch:
        done = min(1.0, self.drawn / max(1, self.recipe.steps))
        self.drawn += 1
        claims = self._take("claims", self.examples.claims, self.recipe.claims, self.recipe.claim_mixture, done)
        lists = self._take("lists", self.examples.lists, self.recipe.lists, self.recipe.list_mixture, done)
        batch = JudgeBatch([], [], [])
        for claim in claims:
            batch.pairs.append(self._pair(claim.claim, claim.premise))
            batch.labels.append(claim.label)
        for made in lists:
            chosen = self._some(made)
            start = len(batch.pairs)
            batch.lists.append([(start + n, at in made.answers) for n, at in enumerate(chosen)])
            batch.pairs.extend(self._pair(made.question, made.statements[at]) for at in chosen)
        return batch

    def _take(
        self,
        name: str,
        sources: Mapping[str, Sequence[_Item]],
        count: int,
        mixture: Sequence[tuple[str, float]],
        done: float,
    ) -> list[_Item]:
        first, last = self.recipe.written_share
        written = round(count * (first + (last - first) * done)) if sources.get(WRITTEN) else 0
        others = [(source, share) for source, share in mixture if sources.get(source)]
        if not others:
            written = count if sources.get(WRITTEN) else 0
        taken = [self._next(name, WRITTEN, sources) for _ in range(written)]
        if others:
            names, shares = zip(*others, strict=True)
            rest = self.random.choices(names, shares, k=count - written)
            taken += [self._next(name, source, sources) for source in rest]
        return taken

    def _next(self, name: str, source: str, sources: Mapping[str, Sequence[_Item]]) -> _Item:
        queue = self._queues.setdefault((name, source), [])
        if not queue:
            queue.extend(range(len(sources[source])))
            self.random.shuffle(queue)
        return sources[source][queue.pop()]

    def _some(self, made: AnswerList) -> list[int]:
        """One or two statements that answer, and others up to the recipe's number."""
        right = sorted(made.answers)
        wrong = [at for at in range(len(made.statements)) if at not in made.answers]
        chosen = self.random.sample(right, min(len(right), self.random.choice((1, 1, 2))))
        return chosen + self.random.sample(wrong, min(len(wrong), self.recipe.statements - len(chosen)))

    def _pair(self, first: str, second: str) -> Pair:
        ids, begin = framed(
            self.tokenize(QUERY_PROMPT + first), self.tokenize(PASSAGE_PROMPT + second), self.recipe.tokens
        )
        return tuple(ids), begin


def train_judge(
    examples: JudgeExamples,
    recipe: JudgeRecipe,
    tokenize: Tokenize,
    model: CrossEncoder,
    checkpoint: Path,
    report: Report,
) -> None:
    """Runs the recipe to its end; resumes from ``checkpoint`` if a run of the same recipe left one there."""
    batches = JudgeBatches(examples, recipe, tokenize)
    schedule = Schedule(recipe.steps, recipe.warm_up, recipe.learning_rate, recipe.head_learning_rate)
    training = Training(model, schedule, asdict(recipe), checkpoint, report)
    # The same draws as in the interrupted run, so that both see the same batches.
    for _ in range(training.done):
        batches.draw()

    def step() -> tuple[str, Tensor, Sequence[float]]:
        batch = batches.draw()
        support, answers = read(model, batch.pairs)
        one, two = support_loss(support, batch.labels), answer_loss(answers, batch.lists)
        if batches.drawn % recipe.forget_every == 0:
            model.body.forget()
        return "support, answers", one + two, (one.item(), two.item())

    training.run(step)


def read(model: CrossEncoder, pairs: Sequence[Pair], at_once: int = 20) -> tuple[Tensor, Tensor]:
    """The logits of both heads in the order of the pairs, which are read in batches of similar length."""
    order = sorted(range(len(pairs)), key=lambda at: len(pairs[at][0]))
    with torch.autocast("cpu", torch.bfloat16):
        parts = [(part, *model([pairs[at] for at in part])) for part in _parts(order, at_once)]
    places = torch.tensor([at for part, _, _ in parts for at in part])
    support = torch.cat([one for _, one, _ in parts]).float()
    answers = torch.cat([two for _, _, two in parts]).float()
    back = torch.argsort(places)
    return support[back], answers[back]


def _parts(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (order[start : start + size] for start in range(0, len(order), size))


def support_loss(logits: Tensor, labels: Sequence[str]) -> Tensor:
    """The mean negative log probability of the outputs that the labels allow. The first logits are those of the
    labels."""
    logs = functional.log_softmax(logits[: len(labels)], dim=-1)
    losses = [-torch.logsumexp(logs[row, list(OUTPUTS[label])], dim=0) for row, label in enumerate(labels)]
    return torch.stack(losses).mean() if losses else logits.sum() * 0


def answer_loss(logits: Tensor, lists: Sequence[Sequence[tuple[int, bool]]]) -> Tensor:
    """Binary cross-entropy, so that the score is a probability whatever stands beside a statement; and half as much
    listwise loss, so that what answers ranks first among the statements of its list."""
    places = [place for made in lists for place, _ in made]
    if not places:
        return logits.sum() * 0
    right = torch.tensor([float(answers) for made in lists for _, answers in made])
    loss = functional.binary_cross_entropy_with_logits(logits[places], right)
    ranked = []
    for made in lists:
        best = [place for place, answers in made if answers][:1]
        others = [place for place, answers in made if not answers]
        if best and others:
            ranked.append(-functional.log_softmax(logits[best + others], dim=0)[0])
    return loss + 0.5 * torch.stack(ranked).mean() if ranked else loss
