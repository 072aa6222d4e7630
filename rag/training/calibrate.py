"""Scores -> probabilities: a logistic fit on data that was not trained on."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.late import LateInteraction, late_scores
from rag.training.examples import ExampleSet
from rag.training.mining import lexical_search

_CANDIDATES = 20
_MOST_QUESTIONS = 300
_ROUNDS = 100
_RIDGE = 1e-3


def fit_logistic(features: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of shape (features + 1,), the intercept last, by Newton's method with a small ridge.

    ``features``: shape (n, features); ``labels``: 0 or 1, shape (n,).
    """
    columns = np.column_stack([features, np.ones(len(features))])
    ridge = np.diag([_RIDGE] * features.shape[1] + [0.0])
    weights = np.zeros(columns.shape[1])
    for _ in range(_ROUNDS):
        chances = probability(columns @ weights)
        slope = columns.T @ (labels - chances) - ridge @ weights
        curve = (columns * (chances * (1 - chances))[:, None]).T @ columns + ridge
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(weights)), slope)
        weights = weights + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    return weights


def probability(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -40, 40))))


def calibration_error(chances: Sequence[float], labels: Sequence[float], bins: int = 10) -> float:
    """Expected calibration error over equally filled bins (Naeini, Cooper and Hauskrecht, AAAI 2015)."""
    order = np.argsort(np.asarray(chances), kind="stable")
    parts = np.array_split(order, bins)
    gaps = [len(p) * abs(np.mean(np.take(chances, p)) - np.mean(np.take(labels, p))) for p in parts if len(p)]
    return float(sum(gaps) / max(1, len(order)))


def calibrate_ranking(late: LateInteraction, held_back: ExampleSet, seed: int = 0) -> tuple[float, float]:
    """Slope and intercept from a late-interaction score to the logit of "this passage answers the question".

    Fitted on what a lexical search finds for questions that were not trained on; (1, 0) without such questions.
    """
    examples = [example for example in held_back.examples if example.source == "written"]
    random.Random(seed).shuffle(examples)  # noqa: S311
    search = lexical_search(held_back.passages, _CANDIDATES)
    found = [
        (example, list(dict.fromkeys((*example.positives[:1], *search(example.question)))))
        for example in examples[:_MOST_QUESTIONS]
    ]
    wanted = sorted({passage_id for _, candidates in found for passage_id in candidates})
    _, tokens = late.encode_passages([held_back.passages[passage_id].text for passage_id in wanted])
    vectors = dict(zip(wanted, tokens, strict=True))
    scores: list[float] = []
    labels: list[float] = []
    for example, candidates in found:
        question = late.encode_question(example.question)
        scores += late_scores(question, [vectors[passage_id] for passage_id in candidates]).tolist()
        labels += [float(passage_id in example.positives) for passage_id in candidates]
    if not scores:
        return 1.0, 0.0
    slope, intercept = fit_logistic(np.array(scores)[:, None], np.array(labels))
    return float(slope), float(intercept)
