from pathlib import Path

import numpy as np
import pytest

from ingest.late import LateInteraction
from rag.alignment import FEATURES, AlignmentJudge, AlignmentWeights, alignment_features
from rag.training.alignment import balanced_sample, fit_alignment
from rag.training.claims import Claim
from tests.tiny_late import tiny_late, use_tiny_weights

PAIRS = [("的模型 a b", "的模型 a b"), ("的模型 a b", "b 7"), ("a b", "不 a b")]


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LateInteraction:
    use_tiny_weights(tmp_path, monkeypatch)
    return tiny_late(tmp_path)


def weights() -> AlignmentWeights:
    random = np.random.default_rng(0)
    count = len(FEATURES)
    rows = [np.zeros(count), np.ones(count), random.normal(size=count + 1), random.normal(size=count + 1)]
    return AlignmentWeights(*(row.astype(np.float32) for row in rows))


def test_features_are_in_the_order_of_their_names(late: LateInteraction) -> None:
    features = alignment_features(late, PAIRS)
    assert features.shape == (3, len(FEATURES))
    named = [dict(zip(FEATURES, row, strict=True)) for row in features.tolist()]
    assert named[1]["missing numbers"] == 1
    assert named[2]["negations"] == pytest.approx(1 / 3)
    assert all(row["lowest"] <= row["mean"] + 1e-6 for row in named)
    assert all(row["spread"] >= -1e-6 for row in named)


def test_chances_of_support_and_contradiction_leave_room_for_silence(late: LateInteraction) -> None:
    chances = AlignmentJudge(late, weights()).chances(PAIRS)
    assert chances.shape == (3, 2)
    assert (chances.sum(axis=1) <= 1 + 1e-6).all()
    assert AlignmentJudge(late, weights()).chances([]).shape == (0, 2)


def test_written_weights_read_back(tmp_path: Path) -> None:
    weights().write(tmp_path / "judge.safetensors")
    read = AlignmentWeights.read(tmp_path / "judge.safetensors")
    np.testing.assert_array_equal(read.support, weights().support)


def test_a_fit_tells_apart_what_its_features_tell_apart() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(300, len(FEATURES))).astype(np.float32)
    labels = np.where(features[:, 0] > 0, "supported", np.where(features[:, 1] > 0, "contradicted", "missing"))
    claims = [Claim("", "", label, "made", "") for label in labels.tolist()]
    chances = fit_alignment(features, claims).chances(features)
    assert ((chances[:, 0] > 0.5) == (labels == "supported")).mean() > 0.97
    unsupported = labels != "supported"
    assert ((chances[:, 1] > 0.4) == (labels == "contradicted"))[unsupported].mean() > 0.9


def test_a_balanced_sample_has_as_many_supported_claims_as_others() -> None:
    claims = [Claim("", str(n), "supported", "verbatim", "") for n in range(90)]
    claims += [Claim("", str(n), "missing", f"kind {n % 2}", "") for n in range(20)]
    sample = balanced_sample(claims, 20, seed=0)
    assert sorted(claim.label for claim in sample) == ["missing"] * 10 + ["supported"] * 10
