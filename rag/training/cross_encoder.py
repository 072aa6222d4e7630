"""The judge's model: one pass over a pair of texts, one head for support and one for answers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ingest.adaptation import Adaptation, write_adaptation
from ingest.protocols import Floats
from rag.training.model import Body, TokenIds

Pair = tuple[TokenIds, int]
"""The token ids of a framed pair, and the index at which its second text begins."""

_HIDDEN = 128
PARTS = 4
_LEVELS = 7
"""Seven steps on either side of zero are enough for what training adds to a row of a matrix: with 127 no figure of the
held-back claims and questions is better, and the file compresses to twice the size."""


class CrossEncoder(nn.Module):
    """Whether a claim is supported, contradicted or not found, and whether a statement holds the answer."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        hidden = body.bert.config.hidden_size
        self.body = body
        self.inner = nn.Linear(PARTS * hidden, 2 * _HIDDEN)
        self.support = nn.Linear(_HIDDEN, 3)
        self.answer = nn.Linear(_HIDDEN, 1)

    def forward(self, pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
        """Logits of shape (pairs, 3) and (pairs,)."""
        tokens, mask = self.body([ids for ids, _ in pairs])
        places = torch.arange(tokens.shape[1])[None]
        begin = torch.tensor([second for _, second in pairs])[:, None]
        first, second = mask * (places < begin), mask * (places >= begin)
        one, two = _mean(tokens, first), _mean(tokens, second)
        pooled = torch.cat([tokens[:, 0], one, two, (one - two).abs()], dim=-1)
        inner = functional.gelu(self.inner(pooled), approximate="tanh")
        support, answer = inner.chunk(2, dim=-1)
        return self.support(support).float(), self.answer(answer).float()[:, 0]

    def start_from(self, weights: Adaptation) -> None:
        """Starts from the weights of an earlier run, which trained as many layers as this one or fewer."""
        self.body.add(weights)
        with torch.no_grad():
            for name, values in self._heads():
                values.copy_(torch.from_numpy(weights.head[name]))

    def head(self) -> dict[str, Floats]:
        return {name: values.detach().numpy() for name, values in self._heads()}

    def _heads(self) -> Iterator[tuple[str, Tensor]]:
        for name, layer in (("inner", self.inner), ("support", self.support), ("answer", self.answer)):
            yield f"{name}.w", layer.weight
            yield f"{name}.b", layer.bias

    def write(self, path: Path, calibration: dict[str, Floats]) -> None:
        write_adaptation(path, self.body.differences(), self.head() | calibration, _LEVELS)


def _mean(tokens: Tensor, mask: Tensor) -> Tensor:
    return (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
