import errno
import os
from pathlib import Path

import numpy as np
import pytest

from ingest import bundled, embed
from ingest.adaptation import AdaptedWeights, adapted_body, read_adaptation
from ingest.errors import DiskFull, ModelUnavailable
from ingest.late import LateInteraction, QuestionVectors, late_scores
from ingest.weights import WeightsFile
from tests.tiny_late import tiny_late, use_tiny_weights, write_tiny_ranking
from tests.tiny_weights import HIDDEN

PASSAGES = ["的模型 a", "b 的", "ab 模型的 a b"]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WeightsFile:
    return use_tiny_weights(tmp_path, monkeypatch)


@pytest.fixture
def late(tiny: WeightsFile, tmp_path: Path) -> LateInteraction:
    return tiny_late(tmp_path)


def test_differences_are_added_to_the_tensors_they_name(tiny: WeightsFile, tmp_path: Path) -> None:
    read = read_adaptation(write_tiny_ranking(tmp_path / "ranking.safetensors"))
    adapted = AdaptedWeights(tiny, read)
    np.testing.assert_allclose(adapted.floats("l1.q.b", -1) - tiny.floats("l1.q.b", -1), 0.05, atol=1e-4)
    np.testing.assert_array_equal(adapted.floats("l0.q.w", -1, HIDDEN), tiny.floats("l0.q.w", -1, HIDDEN))


def test_a_damaged_file_of_layers_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelUnavailable, match=r"bad\.safetensors"):
        read_adaptation(tmp_path / "bad.safetensors")


def test_a_cache_without_room_for_the_adapted_body_is_a_full_disk(
    tiny: WeightsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = read_adaptation(write_tiny_ranking(tmp_path / "ranking.safetensors"))

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(DiskFull, match=r"no space left to unpack the trained layers: .*: free 100 MB there"):
            adapted_body(layers, tmp_path / "cache")
    assert adapted_body(layers, tmp_path / "cache").is_file()


def test_an_adapted_body_that_was_cut_short_is_made_anew(tiny: WeightsFile, tmp_path: Path) -> None:
    layers = read_adaptation(write_tiny_ranking(tmp_path / "ranking.safetensors"))
    body = adapted_body(layers, tmp_path / "cache")
    whole = body.read_bytes()
    body.write_bytes(whole[:-5])
    assert adapted_body(layers, tmp_path / "cache").read_bytes() == whole


def test_another_layout_is_another_body_and_another_embedder(
    tiny: WeightsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tiny_late(tmp_path)
    layers = read_adaptation(write_tiny_ranking(tmp_path / "ranking.safetensors"))
    before = late.fingerprint, adapted_body(layers, tmp_path / "cache")
    monkeypatch.setattr(bundled, "LAYOUT", bundled.LAYOUT + 1)
    after = late.fingerprint, adapted_body(layers, tmp_path / "cache")
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_other_layers_are_another_embedder(tiny: WeightsFile, late: LateInteraction, tmp_path: Path) -> None:
    other = tiny_late(tmp_path, size=0.1)
    bare = embed.BundledEmbedder(tmp_path / "cache")
    assert len({late.fingerprint, other.fingerprint, bare.fingerprint}) == 3
    assert np.abs(late.embed_queries(["模型"]) - bare.embed_queries(["模型"])).max() > 1e-4


def test_one_pass_gives_the_embedders_vectors_and_a_small_vector_for_each_inner_token(late: LateInteraction) -> None:
    dense, tokens = late.encode_passages(PASSAGES)
    np.testing.assert_allclose(dense, late.embed_passages(PASSAGES), atol=1e-6)
    assert [vectors.dtype for vectors in tokens] == [np.int8] * 3
    assert {vectors.shape[1] for vectors in tokens} == {8}
    lengths = np.linalg.norm(np.concatenate(tokens).astype(float), axis=1) / 127
    np.testing.assert_allclose(lengths, 1, atol=0.02)


def test_no_passages_give_no_vectors(late: LateInteraction) -> None:
    dense, tokens = late.encode_passages([])
    assert dense.shape == (0, HIDDEN)
    assert tokens == []


def test_a_questions_weights_sum_to_one(late: LateInteraction) -> None:
    question = late.encode_question("模型 a")
    assert question.weights.sum() == pytest.approx(1, abs=1e-5)
    assert len(question.weights) == len(question.tokens)


def test_late_score_is_the_weighted_mean_of_best_cosines() -> None:
    tokens = np.array([[1, 0], [0, 1]], np.float32)
    question = QuestionVectors(np.ones(2, np.float32), tokens, np.array([0.75, 0.25], np.float32))
    passages = [np.array([[127, 0]], np.int8), np.array([[0, 127], [127, 0]], np.int8), np.empty((0, 2), np.int8)]
    np.testing.assert_allclose(late_scores(question, passages), [0.75, 1.0, 0.0], atol=1e-6)
