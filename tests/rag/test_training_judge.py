from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ingest.adaptation import read_adaptation
from rag.training.calibrate import fit_blend
from rag.training.claims import Claim
from rag.training.cross_encoder import CrossEncoder
from rag.training.judge import JudgeBatches, JudgeExamples, answer_loss, read, support_loss, train_judge
from rag.training.pairs import AnswerList
from rag.training.recipes import JudgeRecipe
from tests.tiny_body import tiny_body, tokenize

RECIPE = JudgeRecipe(steps=10, claims=4, lists=2, first_layer=1, tokens=24, warm_up=2)


def examples() -> JudgeExamples:
    written = [
        Claim("绿茶放在上层。", "绿茶在上面一层。", "supported", "written", "a"),
        Claim("绿茶放在上层。", "绿茶放在下层。", "contradicted", "written", "a"),
        Claim("绿茶放在上层。", "绿茶是去年买的。", "missing", "written", "a"),
    ]
    made = [Claim("红茶五克。", "红茶六克。", "unsupported", "made", "b")]
    lists = [AnswerList("绿茶放哪", ("绿茶放在上层。", "红茶五克。", "咖啡没有了。"), frozenset({0}), "written", "a")]
    return JudgeExamples({"written": written, "made": made}, {"written": lists})


def trained(folder: Path, lines: list[str] | None = None) -> CrossEncoder:
    report = [] if lines is None else lines
    torch.manual_seed(RECIPE.seed)
    model = CrossEncoder(tiny_body())
    train_judge(examples(), RECIPE, tokenize, model, folder / "checkpoint", report.append)
    return model


def state(model: CrossEncoder) -> Sequence[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return [values.detach().numpy() for values in model.parameters()]


def test_ten_steps_change_the_upper_layer_and_both_heads_alone(tmp_path: Path) -> None:
    lines: list[str] = []
    model = trained(tmp_path, lines)
    torch.manual_seed(RECIPE.seed)
    before = CrossEncoder(tiny_body())
    assert lines[-1].startswith("10/10")
    assert {name[:2] for name in model.body.differences()} == {"l1"}
    for name, values in before.head().items():
        assert np.abs(model.head()[name] - values).max() > 0, name


def test_the_same_seed_trains_the_same_judge(tmp_path: Path) -> None:
    for one, other in zip(state(trained(tmp_path / "a")), state(trained(tmp_path / "b")), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_finished_run_is_taken_up_from_its_checkpoint(tmp_path: Path) -> None:
    first, lines = trained(tmp_path), list[str]()
    again = trained(tmp_path, lines)
    assert lines == []
    for one, other in zip(state(first), state(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_goes_on_from_the_weights_of_another(tmp_path: Path) -> None:
    first = trained(tmp_path)
    first.write(tmp_path / "judge.safetensors", {})
    torch.manual_seed(RECIPE.seed + 1)
    second = CrossEncoder(tiny_body())
    second.start_from(read_adaptation(tmp_path / "judge.safetensors"))
    largest = max(np.abs(values).max() for values in first.body.differences().values())
    for name, values in first.body.differences().items():
        np.testing.assert_allclose(second.body.differences()[name], values, atol=largest / 14)
    for name, values in first.head().items():
        np.testing.assert_allclose(second.head()[name], values, atol=1e-3)


def test_the_written_share_grows_with_the_steps() -> None:
    batches = JudgeBatches(examples(), replace(RECIPE, claims=10, written_share=(0.2, 0.8)), tokenize)
    unsupported = [batches.draw().labels.count("unsupported") for _ in range(10)]
    assert (unsupported[0], unsupported[-1]) == (8, 3)


def test_a_list_brings_an_answer_and_others() -> None:
    batch = JudgeBatches(examples(), RECIPE, tokenize).draw()
    assert [[answers for _, answers in made] for made in batch.lists] == [[True, False, False]] * 2
    assert [place for made in batch.lists for place, _ in made] == [4, 5, 6, 7, 8, 9]
    assert len(batch.pairs) == 10


def test_pairs_keep_their_order_when_read_in_parts() -> None:
    torch.manual_seed(1)
    model = CrossEncoder(tiny_body())
    pairs = [((0, *range(3, 3 + size), 2, 2, 9, 2), size + 3) for size in (5, 2, 8, 3)]
    with torch.no_grad():
        support, answers = read(model, pairs, at_once=2)
        for at, pair in enumerate(pairs):
            one, two = read(model, [pair])
            torch.testing.assert_close(support[at], one[0], atol=0.02, rtol=0.02)
            torch.testing.assert_close(answers[at], two[0], atol=0.02, rtol=0.02)


def test_a_label_that_allows_two_outputs_counts_both() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]))
    assert support_loss(logits[:1], ["uncontradicted"]).item() == pytest.approx(-np.log(0.7))
    assert support_loss(logits[:1], ["unsupported"]).item() == pytest.approx(-np.log(0.5))
    assert support_loss(logits, ["supported", "missing"]).item() == pytest.approx(-(np.log(0.5) + np.log(0.2)) / 2)


def test_answer_loss_is_binary_and_half_listwise() -> None:
    logits = torch.tensor([9.0, 0.0, 1.0])
    binary = -(np.log(1 / (1 + np.exp(-0.0))) + np.log(1 - 1 / (1 + np.exp(-1.0)))) / 2
    listwise = -np.log(1 / (1 + np.exp(1.0)))
    assert answer_loss(logits, [[(1, True), (2, False)]]).item() == pytest.approx(binary + listwise / 2, abs=1e-6)
    assert answer_loss(logits, []).item() == 0


def test_a_blend_learns_what_the_first_features_miss() -> None:
    random = np.random.default_rng(2)
    rows = np.column_stack([random.normal(size=(600, 4)), np.ones(600)])
    labels = np.where(rows[:, 3] > 0, rows[:, :3].argmax(axis=1), 2)
    kept = (rows[:, :3].argmax(axis=1) == labels).mean()
    weights = fit_blend(rows, labels)
    assert weights.shape == (3, 5)
    assert ((rows @ weights.T).argmax(axis=1) == labels).mean() > kept + 0.1
