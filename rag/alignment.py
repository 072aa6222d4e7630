"""Judging by alignment: does each token of a claim find its like in the premise, and close together?

Needs no model beyond the one that reranks: the token vectors of late interaction and signs in the words themselves,
weighed by a small logistic layer. It sees what is missing or changed better than what is turned around.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.late import LateInteraction, QuestionVectors
from ingest.protocols import TokenVectors
from rag.support import SIGNS, relevant_part, signs

Floats = NDArray[np.float32]
Pair = tuple[str, str]
"""(premise, claim)."""

FEATURES = ("weighted", "mean", "lowest quarter", "lowest", "together", "spread", "dense", *SIGNS)
_WINDOW = 48
_STRIDE = 24
_LONGEST_PREMISE = 1200
"""Characters; of a longer premise only the sentences that share most words with the claim are read."""
_SCALE = np.float32(127)


@dataclass(frozen=True, slots=True)
class AlignmentWeights:
    """Standardised features -> logits. ``support`` and ``contradiction`` have shape (features + 1,), the intercept
    last; the second is the chance of contradiction among claims that are not supported."""

    mean: Floats
    deviation: Floats
    support: Floats
    contradiction: Floats

    def write(self, path: Path) -> None:
        from safetensors.numpy import save_file

        path.parent.mkdir(parents=True, exist_ok=True)
        names = ("mean", "deviation", "support", "contradiction")
        save_file({name: np.asarray(getattr(self, name), np.float32) for name in names}, path)

    @classmethod
    def read(cls, path: Path) -> "AlignmentWeights":
        from safetensors.numpy import load_file

        return cls(**load_file(path))

    def chances(self, features: Floats) -> Floats:
        """Shape (n, features) -> (n, 2): the chances of support and of contradiction; they sum to at most 1."""
        rows = np.column_stack([(features - self.mean) / self.deviation, np.ones(len(features))])
        support, against = _logistic(rows @ self.support), _logistic(rows @ self.contradiction)
        return np.column_stack([support, (1 - support) * against]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class AlignmentJudge:
    late: LateInteraction
    weights: AlignmentWeights

    def chances(self, pairs: Sequence[Pair]) -> Floats:
        """Shape (pairs, 2): the chances that the premise supports and that it contradicts the claim."""
        return self.weights.chances(alignment_features(self.late, pairs)) if pairs else np.zeros((0, 2), np.float32)


def alignment_features(late: LateInteraction, pairs: Sequence[Pair]) -> Floats:
    """Shape (pairs, features), as ``FEATURES`` names them. Each premise is encoded once."""
    parts = [(relevant_part(premise, claim, _LONGEST_PREMISE), claim) for premise, claim in pairs]
    premises = list(dict.fromkeys(premise for premise, _ in parts))
    dense, tokens = late.encode_passages(premises)
    at = {premise: number for number, premise in enumerate(premises)}
    questions = {claim: late.encode_question(claim) for _, claim in parts}
    rows = [
        (*_aligned(questions[claim], tokens[at[premise]], dense[at[premise]]), *signs(premise, claim))
        for premise, claim in parts
    ]
    return np.array(rows, np.float32)


def _aligned(claim: QuestionVectors, premise: TokenVectors, dense: Floats) -> Iterator[float]:
    similar = claim.tokens @ (premise.T.astype(np.float32) / _SCALE)
    best = similar.max(axis=1)
    lowest = np.sort(best)
    yield float(best @ claim.weights)
    yield float(best.mean())
    yield float(lowest[: max(1, len(lowest) // 4)].mean())
    yield float(lowest[0])
    windows = range(0, max(1, similar.shape[1] - _WINDOW + _STRIDE), _STRIDE)
    near = [float(similar[:, start : start + _WINDOW].max(axis=1) @ claim.weights) for start in windows]
    yield max(near)
    yield float(best @ claim.weights) - max(near)
    yield float(claim.dense @ dense)


def _logistic(logits: NDArray[np.floating]) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float32)
