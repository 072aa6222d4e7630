from math import erf
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
from numpy.typing import NDArray

from ingest.onnx_body import onnx_body
from ingest.weights import WeightsFile
from tests.tiny_weights import EPSILON, HEADS, HIDDEN, LAYERS, write_tiny_weights

Floats = NDArray[np.float32]


@pytest.fixture
def weights(tmp_path: Path) -> WeightsFile:
    write_tiny_weights(tmp_path / "tiny.bin")
    return WeightsFile.open(tmp_path / "tiny.bin")


def run(weights: WeightsFile, token_ids: NDArray[np.int64]) -> Floats:
    options = onnxruntime.SessionOptions()
    # As in BundledEmbedder: exact sums on processors without an 8-bit dot product, too.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(onnx_body(weights), options, providers=["CPUExecutionProvider"])
    (vectors,) = session.run(["token_vectors"], {"word_vectors": weights.word_vectors(token_ids)})
    return np.asarray(vectors)


def test_the_body_computes_what_bert_does(weights: WeightsFile) -> None:
    token_ids = np.array([[0, 8, 9, 5, 6, 7, 2], [0, 10, 12, 3, 4, 4, 2]])
    expected = np.stack([bert(weights, ids) for ids in token_ids])
    vectors = run(weights, token_ids)
    cosines = (vectors * expected).sum(-1) / np.linalg.norm(vectors, axis=-1) / np.linalg.norm(expected, axis=-1)
    assert cosines.min() > 0.999


def test_a_text_has_the_same_vectors_alone_as_beside_others(weights: WeightsFile) -> None:
    token_ids = np.array([[0, 8, 9, 2], [0, 10, 12, 2], [0, 3, 3, 2]])
    together = run(weights, token_ids)
    alone = np.concatenate([run(weights, row[None]) for row in token_ids])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def bert(weights: WeightsFile, token_ids: NDArray[np.int64]) -> Floats:
    """The textbook encoder, in full precision, for one text."""
    places = weights.floats("emb.pos", -1, HIDDEN)[: len(token_ids)] + weights.floats("emb.type", -1, HIDDEN)[0]
    x = norm(weights, weights.word_vectors(token_ids) + places, "emb.ln")
    for layer in range(LAYERS):
        queries, keys, values = (
            linear(weights, x, f"l{layer}.{name}").reshape(len(x), HEADS, -1).swapaxes(0, 1) for name in "qkv"
        )
        scores = np.exp(queries @ keys.swapaxes(1, 2) / np.sqrt(HIDDEN / HEADS))
        mixed = (scores / scores.sum(axis=-1, keepdims=True) @ values).swapaxes(0, 1).reshape(len(x), HIDDEN)
        x = norm(weights, x + linear(weights, mixed, f"l{layer}.ao"), f"l{layer}.aln")
        widened = linear(weights, x, f"l{layer}.fi")
        activated = widened * (1 + np.vectorize(erf)(widened / np.sqrt(2))) / 2
        x = norm(weights, x + linear(weights, activated.astype(np.float32), f"l{layer}.fo"), f"l{layer}.oln")
    return x


def linear(weights: WeightsFile, x: Floats, name: str) -> Floats:
    return np.asarray(x @ weights.floats(f"{name}.w", -1, x.shape[-1]).T) + weights.floats(f"{name}.b", -1)


def norm(weights: WeightsFile, x: Floats, name: str) -> Floats:
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt(centred.var(axis=-1, keepdims=True) + EPSILON)
    return np.asarray(scaled) * weights.floats(f"{name}.w", -1) + weights.floats(f"{name}.b", -1)
