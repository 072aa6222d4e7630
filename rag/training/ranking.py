"""Trains the ranking weights: dense and late-interaction contrast in one pass."""

import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from rag.training.batches import Batch, Batches, Tokenize, passage_window
from rag.training.examples import ExampleSet
from rag.training.loop import Report, Schedule, Training
from rag.training.model import Body, RankingModel, TokenIds, late_scores
from rag.training.recipes import RankingRecipe

_PROJECTION_SAMPLE = 400
_EXCLUDED = -1e4


def train_ranking(
    examples: ExampleSet,
    recipe: RankingRecipe,
    tokenize: Tokenize,
    body: Body,
    checkpoint: Path,
    report: Report,
) -> RankingModel:
    """Runs the recipe to its end; resumes from ``checkpoint`` if a run of the same recipe left one there."""
    torch.manual_seed(recipe.seed)
    batches = Batches(examples, recipe, tokenize)
    model = RankingModel(body, recipe.dimensions)
    schedule = Schedule(recipe.steps, recipe.warm_up, recipe.learning_rate, recipe.head_learning_rate)
    training = Training(model, schedule, asdict(recipe), checkpoint, report)
    if not training.done:
        model.start_from(_sample(examples, recipe, tokenize))
    # The same draws as in the interrupted run, so that both see the same batches.
    for _ in range(training.done):
        batches.draw()

    def step() -> tuple[str, Tensor, Sequence[float]]:
        source, batch = batches.draw()
        return source, *contrast(model, batch, recipe)

    training.run(step)
    return model


def contrast(model: RankingModel, batch: Batch, recipe: RankingRecipe) -> tuple[Tensor, tuple[float, float]]:
    """The joint loss, and how often the right passage ranks first by dense and by late-interaction score."""
    with torch.autocast("cpu", torch.bfloat16):
        questions, passages = model(batch.questions), model(batch.passages)
        late = late_scores(questions, passages)
    dense = questions.dense @ passages.dense.T
    gold = torch.arange(len(batch.questions))
    dense, late = (scores.float().masked_fill(batch.excluded, _EXCLUDED) for scores in (dense, late))
    loss = recipe.dense_weight * functional.cross_entropy(dense * recipe.dense_scale, gold)
    loss = loss + functional.cross_entropy(late * recipe.late_scale, gold)
    first = [(scores.argmax(1) == gold).float().mean().item() for scores in (dense, late)]
    return loss, (first[0], first[1])


def _sample(examples: ExampleSet, recipe: RankingRecipe, tokenize: Tokenize) -> list[TokenIds]:
    passages = list(examples.passages.values())
    chosen = random.Random(recipe.seed).sample(passages, min(_PROJECTION_SAMPLE, len(passages)))  # noqa: S311
    return [passage_window(passage.text, "", recipe.passage_tokens, tokenize) for passage in chosen]
