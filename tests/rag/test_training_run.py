from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ingest.adaptation import read_adaptation
from rag.training.batches import Batches, framed, passage_window
from rag.training.calibrate import NOT_CALIBRATED
from rag.training.examples import Example, ExampleSet, Passage
from rag.training.model import RankingModel, late_scores
from rag.training.ranking import train_ranking
from rag.training.recipes import RankingRecipe
from tests.tiny_body import tiny_body, tokenize

RECIPE = RankingRecipe(steps=10, questions=4, dimensions=8, first_layer=1, passage_tokens=24, query_tokens=12)


def examples() -> ExampleSet:
    things = ("绿茶", "红茶", "咖啡", "牛奶", "果汁", "啤酒")
    passages = {
        f"p{n}": Passage(f"p{n}", f"饮料\n{t}放在第{n}层。", f"{t}放着。", f"a/{n}") for n, t in enumerate(things)
    }
    asked = tuple(
        Example(f"{thing}放在哪一层", (f"p{n}",), "written", negatives=(f"p{(n + 1) % 6}",))
        for n, thing in enumerate(things)
    )
    return ExampleSet(passages, asked)


def trained(folder: Path, recipe: RankingRecipe = RECIPE, lines: list[str] | None = None) -> RankingModel:
    report = [] if lines is None else lines
    return train_ranking(examples(), recipe, tokenize, tiny_body(), folder / "checkpoint", report.append)


def state(model: RankingModel) -> Sequence[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return [values.detach().numpy() for values in model.parameters()]


def test_ten_steps_of_ranking_change_the_upper_layer_alone(tmp_path: Path) -> None:
    lines: list[str] = []
    model = trained(tmp_path, lines=lines)
    assert lines[-1].startswith("10/10")
    differences = model.body.differences()
    assert {name[:2] for name in differences} == {"l1"}
    assert all(np.abs(values).max() > 0 for name, values in differences.items() if name.endswith("q.w"))


def test_the_same_seed_trains_the_same_model(tmp_path: Path) -> None:
    for one, other in zip(state(trained(tmp_path / "a")), state(trained(tmp_path / "b")), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_finished_run_is_taken_up_from_its_checkpoint(tmp_path: Path) -> None:
    first = trained(tmp_path)
    lines: list[str] = []
    again = trained(tmp_path, lines=lines)
    assert lines == []
    for one, other in zip(state(first), state(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_of_another_recipe_is_not_taken_up(tmp_path: Path) -> None:
    trained(tmp_path)
    lines: list[str] = []
    trained(tmp_path, replace(RECIPE, seed=1), lines)
    assert len(lines) == 1


def test_written_weights_read_back_within_their_rounding(tmp_path: Path) -> None:
    model = trained(tmp_path)
    model.write(tmp_path / "ranking.safetensors", NOT_CALIBRATED)
    read = read_adaptation(tmp_path / "ranking.safetensors")
    for name, values in model.body.differences().items():
        np.testing.assert_allclose(read.differences[name], values, atol=np.abs(values).max() / 120)
    assert read.head["blend"].tolist() == NOT_CALIBRATED.tolist()
    assert read.head["projection"].shape == (8, 16)


def test_late_score_is_the_weighted_mean_of_best_cosines() -> None:
    model = RankingModel(tiny_body(), 4)
    with torch.no_grad():
        question, passages = model([framed([4, 5], 8)]), model([framed([4, 5], 8), framed([9, 9, 9], 8)])
        scores = late_scores(question, passages)
        similar = question.tokens[0, 1:3] @ passages.tokens[1, 1:4].T
    assert scores.shape == (1, 2)
    expected = float((similar.amax(1) * question.weights[0, 1:3]).sum())
    assert float(scores[0, 1]) == pytest.approx(expected, abs=1e-5)


def test_a_window_keeps_the_first_line_and_the_quote() -> None:
    text = "标题\n" + "甲" * 50 + "要找的话" + "乙" * 50
    tokens = passage_window(text, "要找的话", 60, tokenize)
    quote = tokenize("要找的话")
    assert len(tokens) == 60
    assert tokens[1 : 1 + len(tokenize("passage: 标题"))] == tuple(tokenize("passage: 标题"))
    assert any(list(tokens[at : at + 4]) == quote for at in range(len(tokens)))


def test_a_passage_of_the_same_group_is_no_negative_for_an_unquoted_example() -> None:
    passages = {name: Passage(name, f"题\n{name}", name, "same.md") for name in ("ab", "cd")}
    both = tuple(Example(name, (name,), "heading") for name in ("ab", "cd"))
    batches = Batches(ExampleSet(passages, both), replace(RECIPE, questions=2), tokenize)
    _, batch = batches.draw()
    assert batch.excluded.tolist() == [[False, True], [True, False]]
