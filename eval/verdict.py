"""What a judge says, and the protocol of judges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Pair = tuple[str, str]
"""(premise, claim)."""

SUPPORTED_FROM = 0.5
"""The least probability of support at which a claim counts as supported."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The probabilities that the premise supports the claim and that it contradicts it; they sum to at most 1."""

    support: float
    contradiction: float = 0.0

    @property
    def supported(self) -> bool:
        return self.support >= SUPPORTED_FROM


class Judge(Protocol):
    @property
    def name(self) -> str: ...

    def judge(self, pairs: Sequence[Pair]) -> Sequence[Verdict | None]:
        """A verdict for each pair, in order; None if there is none, which counts as unscored."""
        ...
