"""A body small enough to train in a test, and a tokenizer to go with it."""

from zlib import crc32

import torch
from transformers import BertConfig, BertModel

from rag.training.model import Body

VOCABULARY = 64


def tokenize(text: str) -> list[int]:
    return [3 + crc32(character.encode()) % (VOCABULARY - 3) for character in text if not character.isspace()]


def tiny_body() -> Body:
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return Body(BertModel(config, add_pooling_layer=False), first=1)
