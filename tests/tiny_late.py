"""Late interaction over the tiny weights, with a changed second layer and eight dimensions a token."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest import bundled, embed
from ingest.adaptation import write_adaptation
from ingest.late import LateInteraction
from ingest.weights import WeightsFile
from tests.tiny_weights import HIDDEN, write_tiny_weights


def use_tiny_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> WeightsFile:
    """Puts a small weights file in the place of the installed package's."""
    write_tiny_weights(folder / "tiny.bin")
    weights = WeightsFile.open(folder / "tiny.bin")
    for module in (bundled, embed):
        monkeypatch.setattr(module, "weights_file", lambda: weights)
    return weights


def write_tiny_ranking(path: Path, size: float = 0.05) -> Path:
    random = np.random.default_rng(3)
    head: dict[str, NDArray[Any]] = {
        "projection": random.normal(0, 1, (8, HIDDEN)),
        "centre": np.zeros(HIDDEN),
        "gate": random.normal(0, 0.1, HIDDEN),
        "gate_bias": np.zeros(1),
    }
    differences = {
        "l1.q.w": random.normal(0, size, (HIDDEN, HIDDEN)).astype(np.float32),
        "l1.q.b": np.full(HIDDEN, size, np.float32),
    }
    write_adaptation(path, differences, head)
    return path


def tiny_late(folder: Path, size: float = 0.05) -> LateInteraction:
    """After ``use_tiny_weights``."""
    return LateInteraction(write_tiny_ranking(folder / f"{size}.safetensors", size), folder / "cache")
