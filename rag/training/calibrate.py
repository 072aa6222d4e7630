"""Scores -> probabilities: a logistic fit on data that was not trained on."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.late import LateInteraction, late_scores
from ingest.odds import sigmoid
from ingest.protocols import Floats
from rag.judge import BundledJudge
from rag.rerank import blend_features
from rag.retrieve import RRF_CONSTANT
from rag.training.claims import Claim
from rag.training.examples import ExampleSet
from rag.training.mining import Bm25
from rag.training.pairs import PRESUPPOSITION, AnswerList

_CANDIDATES = 30
_DEPTH = 50
_MOST_QUESTIONS = 1000
_ROUNDS = 100
_LEAST_STEP = 1e-8
_RIDGE = 1e-3
_BLEND_RIDGE = 3.0
_BLEND_ROUNDS = 3000
_LABELS = ("supported", "contradicted", "missing")


def fit_logistic(features: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of shape (features + 1,), the intercept last, by Newton's method with a small ridge; a step that would
    not lower the loss is halved until it does.

    ``features``: shape (n, features); ``labels``: 0 or 1, shape (n,).
    """
    columns = np.column_stack([features, np.ones(len(features))])
    ridge = np.diag([_RIDGE] * features.shape[1] + [0.0])
    weights = np.zeros(columns.shape[1])

    def loss(weights: NDArray[np.float64]) -> float:
        logits = columns @ weights
        return float(np.logaddexp(0, logits).sum() - labels @ logits + weights @ ridge @ weights / 2)

    for _ in range(_ROUNDS):
        probabilities = sigmoid(columns @ weights)
        slope = columns.T @ (labels - probabilities) - ridge @ weights
        curve = (columns * (probabilities * (1 - probabilities))[:, None]).T @ columns + ridge
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(weights)), slope)
        while loss(weights + step) > loss(weights) and np.abs(step).max() > _LEAST_STEP:
            step = step / 2
        weights = weights + step
        if np.abs(step).max() <= _LEAST_STEP:
            break
    return weights


NOT_CALIBRATED: Floats = np.array([1, 0, 0, 0, 0, 0], np.float32)
"""The blend that is the late-interaction score alone."""


def calibrate_ranking(late: LateInteraction, held_back: ExampleSet, seed: int = 0) -> Floats:
    """The blend: weights of shape (6,), the intercept last, from the features of ``rag.rerank.blend_features`` to the
    log-odds of "this passage answers".

    Fitted on the first hits of a fused search for questions that were not trained on; ``NOT_CALIBRATED`` if there are
    none.
    """
    examples = [example for example in held_back.examples if example.source == "written"]
    random.Random(seed).shuffle(examples)  # noqa: S311
    ids = list(held_back.passages)
    texts = [held_back.passages[passage_id].text for passage_id in ids]
    dense, tokens = late.encode_passages(texts)
    lexical = Bm25(texts)
    features, labels = [], []
    for example in examples[:_MOST_QUESTIONS]:
        question = late.encode_question(example.question)
        cosines, words = dense @ question.dense, lexical.scores(example.question)
        first = _fused(cosines, words)
        scores = late_scores(question, [tokens[at] for at in first])
        features.append(blend_features(scores, cosines[first], words[first]))
        labels.append([float(ids[at] in example.positives) for at in first])
    if not labels:
        return NOT_CALIBRATED
    return fit_logistic(np.concatenate(features).astype(np.float64), np.concatenate(labels)).astype(np.float32)


def _fused(*rankings: Floats) -> NDArray[np.int64]:
    """The indices of the best texts by reciprocal rank fusion of the score lists."""
    fused = np.zeros(len(rankings[0]))
    for scores in rankings:
        order = np.argsort(-scores, kind="stable")[:_DEPTH]
        fused[order] += 1 / (RRF_CONSTANT + 1 + np.arange(len(order)))
    return np.argsort(-fused, kind="stable")[:_CANDIDATES]


def judge_not_calibrated(signs: int) -> dict[str, Floats]:
    """A calibration that leaves the model's logits as they are; ``signs`` is the number of signs beside them."""
    blend = np.hstack([np.eye(3), np.zeros((3, signs + 1))])
    return {"support_blend": blend.astype(np.float32), "answer_calibration": np.array([1, 0], np.float32)}


def calibrate_judge(judge: BundledJudge, claims: Sequence[Claim], lists: Sequence[AnswerList]) -> dict[str, Floats]:
    """The support blend and the answer calibration, fitted on claims and questions that were not trained on. Left out
    are claims whose label allows two outputs, and questions as claims, which never count as supported."""
    known = [claim for claim in claims if claim.label in _LABELS and claim.kind != PRESUPPOSITION]
    labels = np.array([_LABELS.index(claim.label) for claim in known])
    rows = judge.features([(claim.premise, claim.claim) for claim in known])
    asked = [(made.question, text, at in made.answers) for made in lists for at, text in enumerate(made.statements)]
    logits = judge.answer_logits([(question, text) for question, text, _ in asked])
    right = np.array([float(answers) for _, _, answers in asked])
    return {
        "support_blend": fit_blend(rows.astype(np.float64), labels).astype(np.float32),
        "answer_calibration": fit_logistic(logits[:, None].astype(np.float64), right).astype(np.float32),
    }


def fit_blend(rows: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of shape (labels, features) of a multinomial logistic layer, drawn towards one that keeps the first
    features as they are, by gradient descent with a step size for each feature.

    ``rows``: shape (n, features); ``labels``: shape (n,).
    """
    kinds = int(labels.max()) + 1
    start = np.eye(kinds, rows.shape[1])
    weights, wanted = start.copy(), np.eye(kinds)[labels]
    # Below the inverse of the largest curvature, so that every round lowers the loss.
    rate = 1 / (rows.shape[1] * (rows**2).sum(axis=0) + _BLEND_RIDGE)
    for _ in range(_BLEND_ROUNDS):
        logits = rows @ weights.T
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        weights -= rate * ((probabilities - wanted).T @ rows + _BLEND_RIDGE * (weights - start))
    return weights
