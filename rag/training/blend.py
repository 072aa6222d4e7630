"""The judge's last layer: the model's logits and the signs that need no model, blended on unseen claims."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.weights import Floats
from rag.support import signs
from rag.training.batches import Tokenize
from rag.training.calibrate import fit_logistic
from rag.training.claims import Claim
from rag.training.judge import JudgeModel, judge_logits, pair_tokens
from rag.training.settings import JudgeRecipe

_MOST_CLAIMS = 1500


def fit_blend(model: JudgeModel, claims: Sequence[Claim], recipe: JudgeRecipe, tokenize: Tokenize, seed: int) -> Floats:
    """Logistic weights, shape (2, features + 1): of support, and of contradiction given no support."""
    chosen = random.Random(seed).sample(claims, min(_MOST_CLAIMS, len(claims)))  # noqa: S311
    limits = recipe.premise_tokens, recipe.claim_tokens
    logits = judge_logits(model, [pair_tokens(c.premise, c.claim, tokenize, *limits) for c in chosen])
    return fit_blend_on(blend_features(logits, chosen), chosen)


def blend_features(logits: Floats, claims: Sequence[Claim]) -> NDArray[np.float64]:
    """Shape (claims, 3 logits centred on their mean + signs)."""
    centred = logits - logits.mean(axis=1, keepdims=True)
    return np.column_stack([centred, [signs(claim.premise, claim.claim) for claim in claims]]).astype(np.float64)


def fit_blend_on(features: NDArray[np.float64], claims: Sequence[Claim]) -> Floats:
    supported = np.array([claim.label == "supported" for claim in claims], float)
    told = np.array([claim.label in ("contradicted", "missing") for claim in claims])
    contradicted = np.array([claim.label == "contradicted" for claim in claims], float)
    rows = [fit_logistic(features, supported)]
    rows.append(fit_logistic(features[told], contradicted[told]) if told.any() else np.zeros_like(rows[0]))
    return np.array(rows, np.float32)
