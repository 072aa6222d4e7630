"""Judges texts in pairs, word by word against word: is this claim carried by that premise, and does this statement
answer that question?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.adaptation import Adaptation, read_adaptation
from ingest.bundled import PASSAGE_PROMPT, QUERY_PROMPT
from ingest.embed import END, START, BundledEmbedder
from ingest.errors import ModelUnavailable
from ingest.odds import sigmoid
from ingest.phrases import Phrase
from ingest.protocols import Floats
from ingest.sentences import sentences
from rag.cross_encoders import open_cross_encoder
from rag.support import SIGNS, relevant_part, signs

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Pair = tuple[str, str]

LONGEST_FIRST, LONGEST_PAIR = 96, 256
"""Tokens of the claim or question, and of both texts with their frame."""

_WIDE, _NARROW = 420, 120
"""Characters; of a longer premise only the sentences that share most words with the claim are read, and once more the
nearest alone, since support is easily overlooked among other things."""
_NARROWED_FROM = 200
_LONGEST_CLAIM = 160
"""Characters; a longer claim is judged sentence by sentence."""
_REMEMBERED = 256
"""Pairs of question and statement: reranking and reading ask for many of the same."""


def in_context(headings: Sequence[str], text: str) -> str:
    """The text below its heading path, as the judge reads statements and premises."""
    path = " > ".join(heading for heading in headings if heading)
    return f"{path}\n{text}" if path else text


def framed(first: Sequence[int], second: Sequence[int], longest: int = LONGEST_PAIR) -> tuple[list[int], int]:
    """The token ids of a pair, and where its second text begins; the second is cut where both are too long."""
    opening = [START, *first[: min(LONGEST_FIRST, longest // 2)], END, END]
    return [*opening, *second[: longest - len(opening) - 1], END], len(opening)


@dataclass(eq=False)
class BundledJudge:
    """The bundled body with the layers trained for judging, opened at the first question. One pass reads a pair."""

    weights: Path
    cache_folder: Path | None = None
    _remembered: dict[Pair, float] = field(default_factory=dict, init=False, repr=False)

    def support(self, pairs: Sequence[Pair]) -> Floats:
        """Shape (pairs, 3), for pairs of (premise, claim): the chances that the premise supports the claim, that it
        contradicts it, and that it says neither. A long claim is worth what its worst sentence is worth."""
        parts = [(at, number, part) for at, pair in enumerate(pairs) for number, part in _parts(*pair)]
        rows = self.features([part for _, _, part in parts])
        best: dict[tuple[int, int], Floats] = {}
        for (at, number, _), row in zip(parts, _softmax(rows @ self._head["support_blend"].T), strict=True):
            if (at, number) not in best or row[0] > best[at, number][0]:
                best[at, number] = row
        chances = np.ones((len(pairs), 3), np.float32)
        for (at, _), row in best.items():
            if row[0] < chances[at, 0]:
                chances[at] = row
        return chances

    def answers(self, question: str, statements: Sequence[str]) -> Floats:
        """Shape (statements,): how likely each carries the answer or a part of it. See ``in_context``."""
        logits = self.answer_logits([(question, statement) for statement in statements])
        slope, intercept = self._head["answer_calibration"]
        return sigmoid(slope * logits + intercept)

    def features(self, pairs: Sequence[Pair]) -> Floats:
        """What the chances of support are weighed from, for short pairs of (premise, claim): shape (pairs, 3 + signs
        + 1), the model's logits, what the words alone show, and 1."""
        logits, _ = self._read([(claim, premise) for premise, claim in pairs])
        seen = np.array([signs(premise, claim) for premise, claim in pairs], np.float32).reshape(len(pairs), len(SIGNS))
        return np.column_stack([logits, seen, np.ones(len(pairs), np.float32)])

    def answer_logits(self, pairs: Sequence[Pair]) -> Floats:
        """Shape (pairs,), for pairs of (question, statement); higher is likelier, not calibrated."""
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


def _parts(premise: str, claim: str) -> Iterator[tuple[int, Pair]]:
    """What is read of a pair: for the claim, or for each sentence of a long one by its number, the part of the premise
    that matters to it."""
    claims = [claim]
    if len(claim) > _LONGEST_CLAIM:
        claims = [claim[start:end] for start, end in sentences(claim, 0, len(claim))] or claims
    for number, part in enumerate(claims):
        yield number, (relevant_part(premise, part, _WIDE), part)
        if len(premise) > _NARROWED_FROM:
            yield number, (relevant_part(premise, part, _NARROW), part)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(logits) else logits
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _gelu(x: Floats) -> Floats:
    """In its approximation by tanh (Hendrycks and Gimpel, 2016)."""
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), np.float32)


@dataclass(frozen=True)
class CrossEncoderJudge:
    """Support by any sentence-transformers cross-encoder, by id or path: one of inference with its three labels, or one
    that gives a single score, which counts as the chance of support."""

    model: str

    def support(self, pairs: Sequence[Pair]) -> Floats:
        """As ``BundledJudge.support``; a single score leaves 0 for contradiction."""
        if not pairs:
            return np.zeros((0, 3), np.float32)
        labels = getattr(self._model.config, "id2label", None) or {}
        names = {int(number): str(name).lower() for number, name in labels.items()}
        if len(names) == 1:
            scores = np.asarray(self._model.predict(list(pairs), show_progress_bar=False), np.float32)
            return np.column_stack([scores, np.zeros_like(scores), 1 - scores])
        scores = np.asarray(self._model.predict(list(pairs), apply_softmax=True, show_progress_bar=False), np.float32)
        order = [self._label(names, start) for start in ("entail", "contra", "neutral")]
        return scores[:, order]

    def _label(self, names: dict[int, str], start: str) -> int:
        found = [number for number, name in names.items() if name.startswith(start)]
        if len(found) != 1:
            raise self._unusable()
        return found[0]

    def _unusable(self) -> ModelUnavailable:
        return ModelUnavailable(
            Phrase("the judge cannot be loaded", "无法加载评判模型"),
            self.model,
            Phrase(
                "give the path or id of a sentence-transformers cross-encoder with one score or the labels entailment, "
                "contradiction and neutral, or set judge to bundled or none",
                "请给出 sentence-transformers 交叉编码器的路径或名称（单一分数，或标签为 entailment、contradiction、"
                "neutral），或把 judge 设为 bundled 或 none",
            ),
        )

    @cached_property
    def _model(self) -> "CrossEncoder":
        try:
            return open_cross_encoder(self.model)
        except (OSError, ValueError) as error:
            raise self._unusable() from error
