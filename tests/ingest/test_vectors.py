import shutil
from pathlib import Path

import numpy as np
import pytest

from ingest.protocols import Vectors
from ingest.vectors import VectorIndex, VectorIndexError


def unit_vectors(count: int, dimensions: int = 16, seed: int = 0) -> Vectors:
    rows: Vectors = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def test_nearest_keys_come_first(tmp_path: Path) -> None:
    vectors = unit_vectors(20)
    index = VectorIndex(tmp_path, "library", write=True)
    index.change((), [f"k{number:02}" for number in range(20)], vectors)
    ranked = np.argsort(-(vectors @ vectors[7]))
    assert index.nearest(vectors[7], 5) == [f"k{number:02}" for number in ranked[:5]]
    index.close()


def test_more_than_there_is_may_be_asked_for(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path, "library", write=True)
    assert index.nearest(unit_vectors(1)[0], 5) == []
    index.change((), ["a"], unit_vectors(1))
    assert index.nearest(unit_vectors(1)[0], 5) == ["a"]
    index.close()


def test_more_vectors_than_chroma_takes_at_once(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path, "library", write=True)
    keys = [f"k{number}" for number in range(5_500)]
    index.change((), keys, unit_vectors(5_500, 4))
    assert index.readable_keys() == set(keys)
    index.close()


def test_removed_vectors_are_gone_when_it_is_opened_again(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path, "library", write=True)
    index.change((), ["a", "b", "c"], unit_vectors(3))
    index.change(["b"], ["d"], unit_vectors(1, seed=1))
    index.close()
    again = VectorIndex(tmp_path, "library")
    assert again.readable_keys() == {"a", "c", "d"}
    again.close()


def test_the_index_of_another_library_is_refused(tmp_path: Path) -> None:
    VectorIndex(tmp_path, "library", write=True).close()
    with pytest.raises(VectorIndexError, match="another library"):
        VectorIndex(tmp_path, "other")


def test_a_new_index_is_empty_while_the_deleted_one_is_open(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path / "vectors", "library", write=True)
    index.change((), ["a"], unit_vectors(1))
    shutil.rmtree(tmp_path / "vectors")
    other = VectorIndex(tmp_path / "vectors", "other", write=True)
    assert other.readable_keys() == set()
    other.close()
    index.close()


def test_reading_makes_no_index(tmp_path: Path) -> None:
    with pytest.raises(VectorIndexError):
        VectorIndex(tmp_path / "none", "library")
    assert not (tmp_path / "none").exists()


def test_damage_is_an_error_of_ours(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path, "library", write=True)
    index.change((), ["a"], unit_vectors(1))
    index.close()
    next(tmp_path.glob("*/chroma.sqlite3")).write_bytes(b"no database" * 1000)
    with pytest.raises(VectorIndexError):
        VectorIndex(tmp_path, "library")
    shutil.rmtree(tmp_path)
