"""Chances and their log-odds."""

import math

import numpy as np

from ingest.protocols import Vectors


def log_odds(chance: float) -> float:
    """Of a score in [0, 1]; others count as the nearest of the two."""
    bounded = min(max(chance, 1e-3), 1 - 1e-3)
    return math.log(bounded / (1 - bounded))


def chances_of(logits: Vectors) -> Vectors:
    """The chances whose log-odds these are, in the same shape."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float32)
