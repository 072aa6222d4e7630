"""Probabilities, log-odds, and the logistic layers that lead from one to the other."""

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingest.protocols import Floats

_LEAST = 1e-3
_FARTHEST = 30
Real = TypeVar("Real", np.float32, np.float64)


def log_odds(probability: ArrayLike) -> Floats:
    """Of probabilities clipped to [0.001, 0.999], in the same shape."""
    bounded = np.clip(np.asarray(probability, np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float32)


def sigmoid(logits: NDArray[Real]) -> NDArray[Real]:
    """The probabilities whose log-odds these are, in the same shape and precision."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -_FARTHEST, _FARTHEST))), logits.dtype)


def logistic(features: NDArray[Real], weights: NDArray[Real]) -> NDArray[Real]:
    """The probabilities that a logistic layer gives: ``features`` of shape (…, n), ``weights`` of shape (n + 1,), the
    intercept last."""
    return sigmoid(features @ weights[:-1] + weights[-1])
