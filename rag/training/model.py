"""The bundled body in torch, its upper layers free to change, and the ranking model on top of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel

from ingest.adaptation import Adaptation, write_adaptation
from ingest.bundled import BERT_NAMES, sentence_transformers_folder
from ingest.protocols import Floats

TokenIds = tuple[int, ...]

_HIDDEN_AT_ONCE = 16
_MASKED = -1e4


def bundled_bert(cache_folder: Path | None = None) -> BertModel:
    """The bundled body without dropout, which costs more time than it is worth on a CPU."""
    bert: BertModel = BertModel.from_pretrained(
        sentence_transformers_folder(cache_folder),
        add_pooling_layer=False,
        attn_implementation="sdpa",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return bert


class Body(nn.Module):
    """A BERT body whose layers below ``first`` never change, so that their output is computed once for each text."""

    def __init__(self, bert: BertModel, first: int) -> None:
        super().__init__()
        self.first = first
        self.bert = bert
        self.bert.requires_grad_(False)
        for layer in self.bert.encoder.layer[first:]:
            layer.requires_grad_(True)
        self._lower: dict[TokenIds, Tensor] = {}
        self._bare = {name: values.detach().clone() for name, values in self._upper()}

    def forward(self, texts: Sequence[TokenIds]) -> tuple[Tensor, Tensor]:
        """Token vectors, shape (texts, longest, hidden), and a mask of the real tokens, shape (texts, longest)."""
        self._remember_lower(texts)
        mask = _mask(texts)
        hidden = nn.utils.rnn.pad_sequence([self._lower[text] for text in texts], batch_first=True).float()
        return self._run(hidden, mask, range(self.first, len(self.bert.encoder.layer))), mask

    def _remember_lower(self, texts: Sequence[TokenIds]) -> None:
        unknown = sorted({text for text in texts if text not in self._lower}, key=len)
        for start in range(0, len(unknown), _HIDDEN_AT_ONCE):
            batch = unknown[start : start + _HIDDEN_AT_ONCE]
            with torch.no_grad():
                ids = nn.utils.rnn.pad_sequence([torch.tensor(text) for text in batch], batch_first=True)
                hidden = self._run(self.bert.embeddings(ids), _mask(batch), range(self.first))
            for text, vectors in zip(batch, hidden, strict=True):
                self._lower[text] = vectors[: len(text)].to(torch.bfloat16)

    def _run(self, hidden: Tensor, mask: Tensor, layers: Iterable[int]) -> Tensor:
        bias = (1 - mask)[:, None, None, :] * _MASKED
        for number in layers:
            output = self.bert.encoder.layer[number](hidden, bias)
            hidden = output[0] if isinstance(output, tuple) else output
        return hidden.float()

    def forget(self) -> None:
        """Frees the remembered output of the lower layers."""
        self._lower.clear()

    def differences(self) -> dict[str, Floats]:
        """What training added to the upper layers, under the bundled weights' names."""
        return {name: (values - self._bare[name]).detach().numpy() for name, values in self._upper()}

    def add(self, adaptation: Adaptation) -> None:
        """Sets the upper layers to the bundled weights with these differences."""
        with torch.no_grad():
            for name, values in self._upper():
                if name in adaptation.differences:
                    values.copy_(self._bare[name] + torch.from_numpy(adaptation.differences[name]))

    def _upper(self) -> list[tuple[str, nn.Parameter]]:
        layers = list(self.bert.encoder.layer)
        return [
            (f"l{number}.{ours}.{kind[0]}", layers[number].get_parameter(f"{theirs}.{kind}"))
            for number in range(self.first, len(layers))
            for ours, theirs in BERT_NAMES.items()
            for kind in ("weight", "bias")
        ]


def _mask(texts: Sequence[TokenIds]) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.ones(len(text)) for text in texts], batch_first=True)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Unit vectors of texts: ``dense`` (texts, hidden); ``tokens`` (texts, longest, dimensions), without the first
    and last token; ``weights`` (texts, longest), 0 for padding and summing to 1 for each text."""

    dense: Tensor
    tokens: Tensor
    weights: Tensor


class RankingModel(nn.Module):
    """One pass gives the pooled vector and the token vectors for late interaction (ColBERT's MaxSim).

    Khattab and Zaharia, SIGIR 2020; here the mean over query tokens, weighted by a learned gate.
    """

    def __init__(self, body: Body, dimensions: int) -> None:
        super().__init__()
        hidden = body.bert.config.hidden_size
        self.body = body
        self.projection = nn.Linear(hidden, dimensions, bias=False)
        self.centre = nn.Parameter(torch.zeros(hidden), requires_grad=False)
        self.gate = nn.Linear(hidden, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def start_from(self, texts: Sequence[TokenIds]) -> None:
        """Sets the projection to the principal directions of these texts' token vectors."""
        with torch.no_grad():
            vectors = []
            for start in range(0, len(texts), _HIDDEN_AT_ONCE):
                hidden, mask = self.body(texts[start : start + _HIDDEN_AT_ONCE])
                vectors.append(hidden[mask.bool()])
            tokens = torch.cat(vectors)
            self.centre.copy_(tokens.mean(0))
            centred = tokens - self.centre
            _, directions = torch.linalg.eigh(centred.T @ centred)
            self.projection.weight.copy_(directions.flip(1)[:, : self.projection.out_features].T)

    def forward(self, texts: Sequence[TokenIds]) -> Encoded:
        hidden, mask = self.body(texts)
        dense = functional.normalize((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=-1)
        tokens = functional.normalize(self.projection(hidden - self.centre).float(), dim=-1)
        inner = mask.clone()
        inner[:, 0] = 0
        inner[torch.arange(len(texts)), mask.sum(1).long() - 1] = 0
        weights = functional.softplus(self.gate(hidden)[..., 0].float()) * inner
        return Encoded(dense, tokens * inner[..., None], weights / weights.sum(1, keepdim=True).clamp(min=1e-6))

    def head(self) -> dict[str, Floats]:
        return {
            "projection": self.projection.weight.detach().numpy(),
            "centre": self.centre.detach().numpy(),
            "gate": self.gate.weight.detach().numpy()[0],
            "gate_bias": self.gate.bias.detach().numpy(),
        }

    def write(self, path: Path, blend: Floats) -> None:
        """``blend``: what ``rag.training.calibrate.calibrate_ranking`` returns."""
        write_adaptation(path, self.body.differences(), self.head() | {"blend": blend})


def late_scores(query: Encoded, passage: Encoded) -> Tensor:
    """The weighted mean over query tokens of the best cosine to any passage token, shape (queries, passages)."""
    queries, length, size = query.tokens.shape
    passages = passage.tokens.shape[0]
    absent = (passage.weights == 0).float() * -9
    similar = query.tokens.reshape(-1, size) @ passage.tokens.reshape(-1, size).T + absent.reshape(-1)
    best = similar.reshape(queries, length, passages, -1).amax(-1)
    return (best * query.weights[..., None]).sum(1)
