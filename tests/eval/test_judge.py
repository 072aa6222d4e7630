"""Which judge a name opens, and any model as a judge."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.chat_judge import ChatJudge
from eval.judge import BUNDLED_JUDGE, LexicalOverlap, ModelJudge, open_judge
from eval.verdict import Pair, Verdict
from ingest.errors import BadInput, ModelUnavailable
from ingest.protocols import Vectors
from rag.settings import Settings


class ThreeChances:
    def support(self, pairs: Sequence[Pair]) -> Vectors:
        return np.array([[0.7, 0.1, 0.2], [0.25, 0.5, 0.25]], np.float32)[: len(pairs)]


def test_a_model_tells_support_and_contradiction() -> None:
    first, second = ModelJudge("mine", ThreeChances()).judge([("p", "c"), ("p", "d")])
    assert first is not None
    assert (round(first.support, 6), round(first.contradiction, 6), first.supported) == (0.7, 0.1, True)
    assert second == Verdict(0.25, 0.5)


@pytest.mark.parametrize("name", ["lexical", "lexical-overlap"])
def test_word_overlap_has_two_names(name: str) -> None:
    assert isinstance(open_judge(name), LexicalOverlap)


def test_a_chat_model_judges_by_its_own_name_or_as_the_one_that_answers() -> None:
    settings = Settings(chat_model="writer", chat_base_url="http://127.0.0.1:1/v1", chat_temperature=0.9)
    own, shared = open_judge("chat:referee:7b", settings), open_judge("chat", settings)
    assert isinstance(own, ChatJudge)
    assert isinstance(shared, ChatJudge)
    assert (own.name, shared.name) == ("chat:referee:7b", "chat:writer")
    assert (own.model.base_url, own.model.temperature) == ("http://127.0.0.1:1/v1", 0.0)


def test_a_folder_is_a_cross_encoder_known_by_its_last_name(tmp_path: Path) -> None:
    judge = open_judge(str(tmp_path))
    assert (type(judge), judge.name) == (ModelJudge, tmp_path.name)
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        judge.judge([("p", "c")])


def test_an_unknown_name_and_a_chat_model_without_a_name_say_what_to_do() -> None:
    with pytest.raises(BadInput, match="use bundled, lexical, chat"):
        open_judge("oracle")
    with pytest.raises(BadInput, match="chat:MODEL"):
        open_judge("chat", Settings(chat_model=""))


@pytest.mark.slow
def test_the_bundled_judge_tells_a_statement_from_another() -> None:
    premise = "LoRA 只训练两个低秩矩阵，底座的权重是冻结的。"
    right, wrong = open_judge(BUNDLED_JUDGE).judge(
        [(premise, "LoRA 训练时底座权重冻结。"), (premise, "KV cache 要占 2 GB 显存。")]
    )
    assert right is not None
    assert wrong is not None
    assert right.support > wrong.support


def tiny_cross_encoder(folder: Path, labels: Sequence[str], first: float = 0.0) -> Path:
    """One layer over a dozen words, whose head tells label number n by its bias: ``first`` + n for the n-th."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "cache", "needs")
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special: dict[str, Any] = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)  # type: ignore[no-untyped-call]
    shape: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    names = dict(enumerate(labels))
    config = BertConfig(vocab_size=len(words), id2label=names, label2id={name: n for n, name in names.items()}, **shape)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(first + torch.arange(len(labels), dtype=torch.float32))
    model.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_the_labels_of_a_cross_encoder_are_read_from_its_configuration(tmp_path: Path) -> None:
    path = tiny_cross_encoder(tmp_path / "nli", ["contradiction", "ENTAILMENT", "neutral"])
    (verdict,) = open_judge(str(path)).judge([("cache", "needs")])
    total = sum(np.exp([0, 1, 2]))
    assert verdict is not None
    assert [verdict.support, verdict.contradiction] == pytest.approx([np.e / total, 1 / total])


@pytest.mark.slow
def test_a_cross_encoder_with_one_score_gives_the_chance_of_support(tmp_path: Path) -> None:
    path = tiny_cross_encoder(tmp_path / "one", ["LABEL_0"])
    assert open_judge(str(path)).judge([("cache", "needs")]) == [Verdict(0.5)]


@pytest.mark.slow
def test_a_cross_encoder_that_was_saved_to_give_log_odds_gives_the_chance_of_support(tmp_path: Path) -> None:
    path = tiny_cross_encoder(tmp_path / "odds", ["LABEL_0"], 2.0)
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (verdict,) = open_judge(str(path)).judge([("cache", "needs")])
    assert verdict is not None
    assert verdict.support == pytest.approx(1 / (1 + np.exp(-2)))


@pytest.mark.slow
def test_a_damaged_cross_encoder_is_named(tmp_path: Path) -> None:
    path = tiny_cross_encoder(tmp_path / "damaged", ["LABEL_0"])
    (path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        open_judge(str(path)).judge([("cache", "needs")])


@pytest.mark.slow
def test_a_cross_encoder_with_other_labels_is_no_judge(tmp_path: Path) -> None:
    path = tiny_cross_encoder(tmp_path / "other", ["joy", "anger"])
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        open_judge(str(path)).judge([("cache", "needs")])
