import random

import numpy as np
import pytest

from ingest.odds import sigmoid
from rag.support import relevant_part, signs
from rag.training import corrupt
from rag.training.calibrate import fit_logistic
from rag.training.claims import from_passages, sentences_of

PASSAGE = (
    "茶 > 泡茶\n## 泡茶\n绿茶用八十度的水泡两分钟。因为水太热会烫坏叶子，所以要先放凉。它比红茶淡。\n`code = 1`\n"
    "红茶可以泡 5 分钟，用刚开的水。通常一壶放 3 克茶叶。"
)


def test_sentences_are_prose_without_headings_and_code() -> None:
    assert sentences_of(PASSAGE) == [
        "绿茶用八十度的水泡两分钟。",
        "因为水太热会烫坏叶子，所以要先放凉。",
        "红茶可以泡 5 分钟，用刚开的水。",
        "通常一壶放 3 克茶叶。",
    ]


@pytest.mark.parametrize(
    ("kind", "sentence", "expected"),
    [
        ("subject", "绿茶比红茶淡。", "红茶淡比绿茶。"),
        ("cause", "因为水太热会烫坏，所以要先放凉。", "因为要先放凉，所以水太热会烫坏。"),
        ("opposite", "温度升得更高。", "温度升得更低。"),
        ("negation", "红茶无法久放。", "红茶可以久放。"),
        ("scope", "通常放三克。", "总是放三克。"),
        ("unit", "泡 5 分钟。", "泡 5小时。"),
        ("negation", "It is warm.", "It is not warm."),
        ("opposite", "It comes before lunch.", "It comes after lunch."),
    ],
)
def test_a_corruption_changes_one_thing(kind: str, sentence: str, expected: str) -> None:
    assert corrupt.CORRUPTIONS[kind](sentence, [], random.Random(0)) == expected


def test_a_number_becomes_another_one() -> None:
    changed = corrupt.number("泡 5 分钟。", [], random.Random(0))
    assert changed is not None
    assert changed.startswith("泡 ")
    assert changed != "泡 5 分钟。"


def test_a_name_becomes_another_of_the_same_note() -> None:
    assert corrupt.name("默认用 Redis 缓存。", ["Redis", "MySQL"], random.Random(0)) == "默认用 MySQL 缓存。"


def test_a_sentence_without_anything_to_change_is_left_alone() -> None:
    assert corrupt.corrupted("茶香。", [], random.Random(0)) is None


def test_claims_from_passages_are_true_false_and_foreign() -> None:
    passages = [("a", PASSAGE), ("a", "咖啡豆要现磨现冲才香。浓缩咖啡用高压的热水萃取。")] * 3
    claims = from_passages(passages, seed=1)
    assert {claim.label for claim in claims} == {"supported", "contradicted", "missing"}
    assert all(claim.claim in claim.premise for claim in claims if claim.kind == "verbatim")
    assert not any(claim.claim in claim.premise for claim in claims if claim.label == "contradicted")


def test_the_relevant_part_of_a_long_premise_is_what_shares_words_with_the_claim() -> None:
    premise = "咖啡豆要现磨。" * 20 + "绿茶用八十度的水泡。" + "咖啡要热喝。" * 20
    part = relevant_part(premise, "绿茶的水温是八十度", 20)
    assert "绿茶用八十度的水泡。" in part
    assert len(part) <= 24


def test_signs_tell_missing_numbers_terms_and_negations() -> None:
    premise = "红茶泡 5 分钟。"
    assert signs(premise, "红茶泡 5 分钟").tolist() == [0.0, 0.0, 0.0, 1.0]
    assert signs(premise, "Oolong 茶泡 7 分钟").tolist() == [1.0, 1.0, 0.0, 0.0]
    assert signs(premise, "红茶不泡 5 分钟")[2] == pytest.approx(1 / 3)
    assert signs(premise, "Black tea takes 5 minutes").tolist() == [0.0, 0.0, 0.0, 0.0]


def test_a_logistic_fit_finds_the_weights_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 2))
    labels = (rng.random(4000) < sigmoid(features @ [2.0, -1.0] + 0.5)).astype(float)
    np.testing.assert_allclose(fit_logistic(features, labels), [2.0, -1.0, 0.5], atol=0.2)


def test_a_logistic_fit_ends_at_the_bottom_where_a_feature_hardly_varies() -> None:
    draws = np.random.default_rng(0)
    labels = (draws.random(59) < 0.24).astype(np.float64)
    cosines = 0.8 + 0.02 * draws.normal(size=59) + 0.04 * labels
    weights = fit_logistic(cosines[:, None], labels)
    columns = np.column_stack([cosines, np.ones(59)])
    slope = columns.T @ (labels - sigmoid(columns @ weights)) - 1e-3 * np.array([weights[0], 0.0])
    np.testing.assert_allclose(slope, 0, atol=1e-6)
