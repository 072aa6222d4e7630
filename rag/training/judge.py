"""Trains the judge: premise and claim through the body together, token by token."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ingest.adaptation import write_adaptation
from ingest.weights import Floats
from rag.support import relevant_part
from rag.training.batches import FIRST, LAST, Tokenize
from rag.training.claims import Claim
from rag.training.loop import Report, Schedule, Training
from rag.training.model import Body, TokenIds
from rag.training.settings import JudgeRecipe

LABELS = ("supported", "contradicted", "missing")
_UNSUPPORTED = "unsupported"
_CHARACTERS_PER_TOKEN = 2
_HEAD_SIZE = 128


class JudgeModel(nn.Module):
    """The mean and the largest of each feature over the claim's tokens, then a small layer, then three logits.

    A single wrong token of the claim shows in the largest, not in the mean.
    """

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body
        self.hidden = nn.Linear(2 * body.bert.config.hidden_size, _HEAD_SIZE)
        self.logits = nn.Linear(_HEAD_SIZE, len(LABELS))

    def forward(self, pairs: Sequence[tuple[TokenIds, int]]) -> Tensor:
        """Pairs of token ids and the index at which the claim begins; logits of shape (pairs, 3)."""
        vectors, mask = self.body([ids for ids, _ in pairs])
        places = torch.arange(vectors.shape[1])
        begins = torch.tensor([begin for _, begin in pairs])
        claim = mask * (places[None] >= begins[:, None])
        mean = (vectors * claim[..., None]).sum(1) / claim.sum(1, keepdim=True)
        largest = vectors.masked_fill(claim[..., None] == 0, -1e4).amax(1)
        logits: Tensor = self.logits(functional.gelu(self.hidden(torch.cat([mean, largest], -1))))
        return logits.float()

    def write(self, path: Path, blend: Floats) -> None:
        """``blend``: logistic weights, shape (2, features + 1), of support and contradiction."""
        head = {
            "hidden": self.hidden.weight.detach().numpy(),
            "hidden_bias": self.hidden.bias.detach().numpy(),
            "logits": self.logits.weight.detach().numpy(),
            "logits_bias": self.logits.bias.detach().numpy(),
            "blend": blend,
        }
        write_adaptation(path, self.body.differences(), head)


def pair_tokens(
    premise: str, claim: str, tokenize: Tokenize, premise_tokens: int, claim_tokens: int
) -> tuple[TokenIds, int]:
    """``<s> premise </s> </s> claim </s>`` and the index at which the claim begins."""
    part = relevant_part(premise, claim, premise_tokens * _CHARACTERS_PER_TOKEN)
    left = tokenize(part)[:premise_tokens]
    right = tokenize(claim)[:claim_tokens]
    return (FIRST, *left, LAST, LAST, *right, LAST), len(left) + 3


def judge_loss(logits: Tensor, labels: Sequence[str]) -> Tensor:
    """Cross-entropy; for a claim known only to lack support, that of not being supported."""
    chances = functional.log_softmax(logits, -1)
    unsupported = torch.logsumexp(chances[:, 1:], -1)
    losses = [
        -(unsupported[row] if label == _UNSUPPORTED else chances[row, LABELS.index(label)])
        for row, label in enumerate(labels)
    ]
    return torch.stack(losses).mean()


def train_judge(
    claims: Sequence[Claim],
    recipe: JudgeRecipe,
    tokenize: Tokenize,
    body: Body,
    checkpoint: Path,
    report: Report,
) -> JudgeModel:
    """Runs the recipe; half of each batch is supported claims, and each kind of claim gets its turn."""
    torch.manual_seed(recipe.seed)
    draws = _Draws(claims, recipe.seed)
    model = JudgeModel(body)
    schedule = Schedule(recipe.steps, recipe.warm_up, recipe.learning_rate, recipe.head_learning_rate)
    training = Training(model, schedule, asdict(recipe), checkpoint, report)
    for _ in range(training.done):
        draws.take(recipe.pairs)

    def step() -> tuple[str, Tensor, Sequence[float]]:
        batch = draws.take(recipe.pairs)
        limits = recipe.premise_tokens, recipe.claim_tokens
        pairs = [pair_tokens(claim.premise, claim.claim, tokenize, *limits) for claim in batch]
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(pairs)
        model.body.forget()
        said = logits.argmax(-1) == 0
        true = torch.tensor([claim.label == "supported" for claim in batch])
        rates = [(said[true]).float().mean().item(), (~said[~true]).float().mean().item()]
        return "supported, not", judge_loss(logits, [claim.label for claim in batch]), rates

    training.run(step)
    return model


class _Draws:
    """Claims without end: supported and not in turn, and within each side every kind by the root of its number."""

    def __init__(self, claims: Sequence[Claim], seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self._sides: list[dict[str, list[Claim]]] = [defaultdict(list), defaultdict(list)]
        for claim in claims:
            self._sides[claim.label == "supported"][claim.kind].append(claim)

    def take(self, count: int) -> list[Claim]:
        taken = []
        for at in range(count):
            side = self._sides[at % 2]
            kinds = sorted(side)
            kind = self._random.choices(kinds, [len(side[kind]) ** 0.5 for kind in kinds])[0]
            taken.append(self._random.choice(side[kind]))
        return taken


def judge_logits(
    model: JudgeModel, pairs: Sequence[tuple[TokenIds, int]], at_once: int = 16
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Logits of shape (pairs, 3) without training."""
    order = sorted(range(len(pairs)), key=lambda at: len(pairs[at][0]))
    logits = np.zeros((len(pairs), len(LABELS)), np.float32)
    for start in range(0, len(order), at_once):
        rows = order[start : start + at_once]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            logits[rows] = model([pairs[at] for at in rows]).numpy()
        model.body.forget()
    return logits
