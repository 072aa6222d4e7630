"""Fits the alignment judge: a small logistic layer over what late interaction and the words show."""

import random
from collections.abc import Sequence

import numpy as np

from ingest.late import LateInteraction
from rag.alignment import AlignmentWeights, Floats, alignment_features
from rag.training.calibrate import fit_logistic
from rag.training.claims import Claim


def balanced_sample(claims: Sequence[Claim], count: int, seed: int) -> list[Claim]:
    """Half supported claims, half not; on each side every kind of claim by the root of its number."""
    rng = random.Random(seed)  # noqa: S311
    sample: list[Claim] = []
    for supported in (True, False):
        side = [claim for claim in claims if (claim.label == "supported") == supported]
        kinds = sorted({claim.kind for claim in side})
        by_kind = {kind: [claim for claim in side if claim.kind == kind] for kind in kinds}
        total = sum(len(by_kind[kind]) ** 0.5 for kind in kinds)
        for kind in kinds:
            wanted = round(count / 2 * len(by_kind[kind]) ** 0.5 / total)
            sample += rng.sample(by_kind[kind], min(wanted, len(by_kind[kind])))
    return sample


def fit_alignment(features: Floats, claims: Sequence[Claim]) -> AlignmentWeights:
    """``features``: shape (claims, features), as ``alignment_features`` gives them."""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    rows = ((features - mean) / deviation).astype(np.float64)
    supported = np.array([claim.label == "supported" for claim in claims], float)
    told = np.array([claim.label in ("contradicted", "missing") for claim in claims])
    contradicted = np.array([claim.label == "contradicted" for claim in claims], float)
    support = fit_logistic(rows, supported)
    contradiction = fit_logistic(rows[told], contradicted[told]) if told.any() else np.zeros_like(support)
    return AlignmentWeights(mean, deviation, support.astype(np.float32), contradiction.astype(np.float32))


def train_alignment(
    late: LateInteraction, claims: Sequence[Claim], count: int, seed: int
) -> tuple[AlignmentWeights, list[Claim]]:
    """The weights and the claims that they were fitted on."""
    sample = balanced_sample(claims, count, seed)
    return fit_alignment(alignment_features(late, [(claim.premise, claim.claim) for claim in sample]), sample), sample
