"""What a threshold on confidence would do: how wrong the answers are when more and more of them are given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The risk-coverage curve: when the share ``coverage[i]`` of the questions is answered, the most trusted first,
    ``risk[i]`` is the mean loss of the answers. ``area`` is the mean of ``risk`` (AURC); ``excess`` is by how much it
    exceeds the area of the best order of the same losses (E-AURC). For both 0.0 is best.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    area: float
    excess: float


def risk_coverage(losses: Sequence[float], confidences: Sequence[float | None]) -> RiskCoverage:
    """From one loss in [0, 1] and one confidence per question. None ranks lowest; questions of equal confidence
    share their mean loss.

    Geifman and El-Yaniv, Selective classification for deep neural networks, NeurIPS 2017; E-AURC: Geifman, Uziel and
    El-Yaniv, Bias-reduced uncertainty estimation for deep neural classifiers, ICLR 2019.
    """
    keys = np.array([-np.inf if confidence is None else confidence for confidence in confidences])
    values = np.asarray(losses, dtype=np.float64)
    tied = np.array([values[keys == key].mean() for key in keys])
    counts = np.arange(1, len(values) + 1)
    risk = np.cumsum(tied[np.argsort(-keys, kind="stable")]) / counts
    best = np.cumsum(np.sort(values)) / counts
    return RiskCoverage(
        coverage=tuple((counts / len(values)).tolist()),
        risk=tuple(risk.tolist()),
        area=float(risk.mean()),
        excess=float(risk.mean() - best.mean()),
    )
