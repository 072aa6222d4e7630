"""Changed layers for the bundled body: a small file of 8-bit differences, added when the body is loaded."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.bundled import Maker, made_once
from ingest.errors import ModelUnavailable
from ingest.onnx_body import onnx_body
from ingest.phrases import Phrase
from ingest.protocols import Floats
from ingest.weights import WeightsFile

_HEAD = "head."
_SCALE = ".scale"


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What training changed.

    ``differences`` are added to the body's tensors of the same name (``l11.q.w`` is layer 11's query matrix);
    ``head`` holds tensors that the body does not have. ``hash`` is the SHA-256 of the file.
    """

    differences: Mapping[str, Floats]
    head: Mapping[str, Floats]
    hash: str

    def fingerprint(self, base: str) -> str:
        """Names a body with these layers, whose vectors cannot be compared with those of the bare body."""
        return f"{base} + {self.hash[:12]}"


def write_adaptation(
    path: Path, differences: Mapping[str, Floats], head: Mapping[str, Floats], levels: int = 127
) -> None:
    """Matrices of ``differences`` are kept in 8 bits with one scale for each row, everything else in 16.
    ``levels`` is the number of steps on either side of zero; with fewer of them the file compresses better."""
    from safetensors.numpy import save_file

    tensors: dict[str, NDArray[np.generic]] = {}
    for name, values in differences.items():
        if values.ndim == 1:
            tensors[name] = values.astype(np.float16)
            continue
        scale = np.maximum(np.abs(values).max(axis=1, keepdims=True) / levels, 1e-12).astype(np.float32)
        tensors[name] = np.round(values / scale).astype(np.int8)
        tensors[name + _SCALE] = scale
    tensors |= {_HEAD + name: values.astype(np.float16) for name, values in head.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


def read_adaptation(path: Path) -> Adaptation:
    """Raises ModelUnavailable when the file is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = path.read_bytes()
        tensors = load(data)
    except (OSError, SafetensorError) as error:
        raise ModelUnavailable(
            Phrase("the trained layers cannot be read", "无法读取训练过的层"),
            path,
            Phrase("reinstall notecite", "请重新安装 notecite"),
        ) from error
    floats = {name: values.astype(np.float32) for name, values in tensors.items()}
    head = {name.removeprefix(_HEAD): values for name, values in floats.items() if name.startswith(_HEAD)}
    differences = {
        name: values * floats.get(name + _SCALE, np.float32(1))
        for name, values in floats.items()
        if not name.startswith(_HEAD) and not name.endswith(_SCALE)
    }
    return Adaptation(differences, head, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class AdaptedWeights:
    """The bundled weights with the differences added; it is read like a ``WeightsFile``."""

    base: WeightsFile
    adaptation: Adaptation

    @property
    def hidden(self) -> int:
        return self.base.hidden

    @property
    def layers(self) -> int:
        return self.base.layers

    @property
    def heads(self) -> int:
        return self.base.heads

    @property
    def feed_forward(self) -> int:
        return self.base.feed_forward

    @property
    def epsilon(self) -> float:
        return self.base.epsilon

    def floats(self, name: str, *shape: int) -> Floats:
        values = self.base.floats(name, *shape)
        difference = self.adaptation.differences.get(name)
        return values if difference is None else values + difference.reshape(values.shape)


def adapted_body(adaptation: Adaptation, cache_folder: Path | None = None) -> Path:
    """The body with these layers as an ONNX file, made at the first call (a second or two) and kept in the cache.

    Raises DiskFull or ModelUnavailable.
    """
    files: dict[str, Maker] = {"body.onnx": lambda weights: onnx_body(AdaptedWeights(weights, adaptation))}
    what = Phrase("the trained layers", "训练过的层")
    return made_once(f"adapted-{adaptation.hash[:16]}", files, cache_folder, what, "100 MB") / "body.onnx"
