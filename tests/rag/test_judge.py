from pathlib import Path

import numpy as np
import pytest
import torch

from ingest.embed import open_tokenizer
from ingest.errors import ModelUnavailable
from rag.build import JUDGE_WEIGHTS
from rag.judge import BundledJudge, CrossEncoderJudge, framed, in_context
from rag.support import SIGNS, support_by_parts
from rag.training.calibrate import judge_not_calibrated
from rag.training.cross_encoder import CrossEncoder
from rag.training.judge import read
from rag.training.model import Body, bundled_bert
from tests.tiny_late import use_tiny_weights

PAIRS = [("模型 a b", "的模型 a b"), ("b b", "的 a"), ("a", "b")]


def tiny_model(cache_folder: Path) -> CrossEncoder:
    torch.manual_seed(5)
    model = CrossEncoder(Body(bundled_bert(cache_folder), first=1))
    with torch.no_grad():
        for values in model.parameters():
            if values.requires_grad:
                values.add_(torch.randn_like(values) * 0.05)
    return model


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BundledJudge:
    use_tiny_weights(tmp_path, monkeypatch)
    tiny_model(tmp_path / "cache").write(tmp_path / "judge.safetensors", judge_not_calibrated(len(SIGNS)))
    return BundledJudge(tmp_path / "judge.safetensors", tmp_path / "cache")


def test_the_judge_reads_pairs_as_training_did(judge: BundledJudge, tmp_path: Path) -> None:
    tokenize = open_tokenizer(tmp_path / "cache")
    frames = [framed(tokenize(f"query: {claim}"), tokenize(f"passage: {premise}"), 16) for premise, claim in PAIRS]
    with torch.no_grad():
        support, answers = read(tiny_model(tmp_path / "cache"), [(tuple(ids), begin) for ids, begin in frames])
    features = judge.features(PAIRS)
    np.testing.assert_allclose(features[:, :3], support.numpy(), atol=0.08)
    np.testing.assert_allclose(judge.answer_logits([(c, p) for p, c in PAIRS]), answers.numpy(), atol=0.08)


def test_probabilities_of_support_sum_to_one(judge: BundledJudge) -> None:
    probabilities = judge.support(PAIRS)
    assert probabilities.shape == (3, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_a_pair_is_judged_alike_alone_and_among_others(judge: BundledJudge) -> None:
    together = judge.support(PAIRS)
    np.testing.assert_allclose(together, [judge.support([pair])[0] for pair in PAIRS], atol=1e-4)


def test_nothing_to_judge_is_no_row(judge: BundledJudge) -> None:
    assert judge.support([]).shape == (0, 3)
    assert judge.answers("a", []).shape == (0,)


def test_answers_are_probabilities_in_the_order_of_the_statements(judge: BundledJudge) -> None:
    probabilities = judge.answers("a 模型", ["b", "模型 a"])
    assert ((probabilities > 0) & (probabilities < 1)).all()
    np.testing.assert_allclose(probabilities[::-1], judge.answers("a 模型", ["模型 a", "b"]), atol=1e-4)


def test_what_is_too_long_is_cut_at_its_end() -> None:
    ids, begin = framed(range(10, 300), range(300, 900))
    assert (len(ids), begin) == (256, 99)
    assert ids[:2] == [0, 10]
    assert ids[97:100] == [2, 2, 300]
    assert ids[-1] == 2


def test_a_statement_stands_below_its_heading_path() -> None:
    assert in_context(["茶", "泡茶"], "水要凉一些。") == "茶 > 泡茶\n水要凉一些。"
    assert in_context([], "水要凉一些。") == "水要凉一些。"


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="nowhere"):
        BundledJudge(tmp_path / "nowhere.safetensors").support([("a", "b")])


def test_a_model_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="nothing-here"):
        CrossEncoderJudge(str(tmp_path / "nothing-here")).support([("a", "b")])


@pytest.mark.slow
def test_the_shipped_judge_tells_what_is_supported_from_what_is_changed() -> None:
    judge = BundledJudge(JUDGE_WEIGHTS)
    premise = "茶 > 泡茶\n绿茶用八十度的水泡两分钟，水太热会烫坏叶子。"
    claims = ["水温过高会损伤茶叶。", "绿茶要用刚烧开的水泡。", "绿茶产自浙江。"]
    assert judge.support([(premise, claim) for claim in claims]).argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.slow
def test_the_shipped_judge_knows_a_number_in_another_notation() -> None:
    judge = BundledJudge(JUDGE_WEIGHTS)
    pairs = [("Encoder 一共二十四层", "编码器有 24 层"), ("Encoder 一共二十四层", "编码器有 12 层")]
    assert (support_by_parts(judge, pairs)[:, 0] > 0.5).tolist() == [True, False]


@pytest.mark.slow
def test_the_shipped_judge_finds_the_statement_that_answers() -> None:
    judge = BundledJudge(JUDGE_WEIGHTS)
    statements = ["泡茶\n绿茶产自浙江和安徽。", "泡茶\n绿茶用八十度的水泡两分钟。", "泡茶\n茶叶要密封保存。"]
    assert judge.answers("绿茶要泡多久？", statements).argmax() == 1
    assert judge.answers("how hot should the water for green tea be", statements).argmax() == 1
