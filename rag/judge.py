"""Judges pairs of texts, reading both together: does this premise support that claim, and does this statement answer
that question?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.adaptation import Adaptation, read_adaptation
from ingest.bundled import PASSAGE_PROMPT, QUERY_PROMPT
from ingest.embed import END, START, BundledEmbedder
from ingest.odds import sigmoid
from ingest.protocols import Floats
from rag.cross_encoders import open_cross_encoder, unusable
from rag.support import SIGNS, relevant_part, signs

if TYPE_CHECKING:
    from rag.cross_encoders import CrossEncoder

Pair = tuple[str, str]

LONGEST_FIRST, LONGEST_PAIR = 96, 256
"""Tokens of the claim or question, and of the whole pair with its special tokens."""

_WIDE, _NARROW = 420, 120
_NARROWED_FROM = 200
"""Characters of a premise. At most ``_WIDE`` are judged, those of the sentences nearest to the claim. A premise longer
than ``_NARROWED_FROM`` is judged twice, also on the very nearest ``_NARROW`` alone, because support is easily
overlooked in longer text."""
_REMEMBERED = 256
"""Pairs of question and statement, because reranking and reading ask for many of the same."""


def in_context(headings: Sequence[str], text: str) -> str:
    """The text below its heading path, which stands on a line of its own."""
    path = " > ".join(heading for heading in headings if heading)
    return f"{path}\n{text}" if path else text


def framed(first: Sequence[int], second: Sequence[int], longest: int = LONGEST_PAIR) -> tuple[list[int], int]:
    """The token ids of a pair, and where its second text begins. Each text is cut at its end to fit ``longest``."""
    opening = [START, *first[: min(LONGEST_FIRST, longest // 2)], END, END]
    return [*opening, *second[: longest - len(opening) - 1], END], len(opening)


@dataclass(eq=False)
class BundledJudge:
    """The bundled body with the layers trained for judging, opened when first used. Both texts of a pair are read in
    one pass."""

    weights: Path
    cache_folder: Path | None = None
    _remembered: dict[Pair, float] = field(default_factory=dict, init=False, repr=False)

    def support(self, pairs: Sequence[Pair]) -> Floats:
        """Shape (pairs, 3), for pairs of (premise, claim): the probabilities that the premise supports the claim, that
        it contradicts it, and that it does neither. Of a long premise the reading that supports the claim better
        counts."""
        readings = [(at, reading) for at, pair in enumerate(pairs) for reading in _readings(*pair)]
        rows = self.features([reading for _, reading in readings])
        best = np.zeros((len(pairs), 3), np.float32)
        for (at, _), row in zip(readings, _softmax(rows @ self._head["support_blend"].T), strict=True):
            if row[0] > best[at, 0]:
                best[at] = row
        return best

    def answers(self, question: str, statements: Sequence[str]) -> Floats:
        """Shape (statements,): the probability that each answers the question or a part of it. See ``in_context``."""
        logits = self.answer_logits([(question, statement) for statement in statements])
        slope, intercept = self._head["answer_calibration"]
        return sigmoid(slope * logits + intercept)

    def features(self, pairs: Sequence[Pair]) -> Floats:
        """The features of the probabilities of support, for short pairs of (premise, claim): shape (pairs, 3 + signs
        + 1), the model's logits, the signs in the words alone, and 1."""
        logits, _ = self._read([(claim, premise) for premise, claim in pairs])
        seen = np.array([signs(premise, claim) for premise, claim in pairs], np.float32).reshape(len(pairs), len(SIGNS))
        return np.column_stack([logits, seen, np.ones(len(pairs), np.float32)])

    def answer_logits(self, pairs: Sequence[Pair]) -> Floats:
        """Shape (pairs,), for pairs of (question, statement). Higher is likelier; not calibrated."""
        known = self._remembered
        fresh = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        known = known | dict(zip(fresh, self._read(fresh)[1].tolist(), strict=True))
        self._remembered = dict(list(known.items())[-_REMEMBERED:])
        return np.array([known[pair] for pair in pairs], np.float32)

    def _read(self, pairs: Sequence[Pair]) -> tuple[Floats, Floats]:
        """The logits of both heads, shapes (pairs, 3) and (pairs,), for pairs of (claim or question, other text)."""
        firsts = self._body.token_ids(QUERY_PROMPT + first for first, _ in pairs)
        seconds = self._body.token_ids(PASSAGE_PROMPT + second for _, second in pairs)
        longest = min(LONGEST_PAIR, self._body.longest)
        frames = [framed(*ids, longest) for ids in zip(firsts, seconds, strict=True)]
        pooled = np.empty((len(pairs), self._head["inner.w"].shape[1]), np.float32)
        for batch, tokens in self._body.encode([ids for ids, _ in frames]):
            for at, vectors in zip(batch, tokens, strict=True):
                first, second = (part.mean(axis=0) for part in np.split(vectors, [frames[at][1]]))
                pooled[at] = np.concatenate([vectors[0], first, second, np.abs(first - second)])
        support, answer = np.split(_gelu(self._linear("inner", pooled)), 2, axis=1)
        return self._linear("support", support), self._linear("answer", answer)[:, 0]

    def _linear(self, name: str, values: Floats) -> Floats:
        return np.asarray(values @ self._head[f"{name}.w"].T + self._head[f"{name}.b"], np.float32)

    @property
    def _head(self) -> dict[str, Floats]:
        return dict(self._adaptation.head)

    @cached_property
    def _adaptation(self) -> Adaptation:
        return read_adaptation(self.weights)

    @cached_property
    def _body(self) -> BundledEmbedder:
        return BundledEmbedder(self.cache_folder, self._adaptation)


def _readings(premise: str, claim: str) -> Iterator[Pair]:
    """The claim over the part of the premise that matters to it, and over the nearest part of a long one."""
    yield relevant_part(premise, claim, _WIDE), claim
    if len(premise) > _NARROWED_FROM:
        yield relevant_part(premise, claim, _NARROW), claim


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(logits) else logits
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _gelu(x: Floats) -> Floats:
    """The approximation by tanh (Hendrycks and Gimpel, 2016)."""
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), np.float32)


@dataclass(frozen=True)
class CrossEncoderJudge:
    """Support by any sentence-transformers cross-encoder, by id or path: one for natural language inference with its
    three labels, or one with a single score, which is taken as the probability of support."""

    model: str

    def support(self, pairs: Sequence[Pair]) -> Floats:
        """As ``BundledJudge.support``. With a single score, the probability of contradiction is 0."""
        if not pairs:
            return np.zeros((0, 3), np.float32)
        labels = getattr(self._model.config, "id2label", None) or {}
        names = {int(number): str(name).lower() for number, name in labels.items()}
        if len(names) == 1:
            # The activation that a model was saved with may be none, which leaves log-odds.
            from torch.nn import Sigmoid

            read = self._model.predict(list(pairs), activation_fn=Sigmoid(), show_progress_bar=False)
            scores = np.asarray(read, np.float32)
            return np.column_stack([scores, np.zeros_like(scores), 1 - scores])
        scores = np.asarray(self._model.predict(list(pairs), apply_softmax=True, show_progress_bar=False), np.float32)
        order = [self._label(names, start) for start in ("entail", "contra", "neutral")]
        return scores[:, order]

    def _label(self, names: dict[int, str], start: str) -> int:
        found = [number for number, name in names.items() if name.startswith(start)]
        if len(found) != 1:
            raise unusable(self.model, "judge")
        return found[0]

    @cached_property
    def _model(self) -> "CrossEncoder":
        return open_cross_encoder(self.model, "judge")
