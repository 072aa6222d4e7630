"""Judges: does this text support that claim?"""

from collections.abc import Sequence
from pathlib import Path

from eval.verdict import Judge, Pair, Verdict
from ingest.errors import BadInput
from ingest.phrases import Phrase
from ingest.tokens import query_tokens, search_tokens
from rag.build import JUDGE_WEIGHTS
from rag.judge import BundledJudge, CrossEncoderJudge
from rag.protocols import SupportJudge
from rag.settings import Settings, load_settings
from rag.support import support_by_parts

BUNDLED_JUDGE = "bundled"
"""The judge that ships with the product; ``rag/weights/judge.md`` says how well it does."""


class LexicalOverlap:
    """The share of the claim's words that stand in the premise. Not a real judge, but what real judges must beat."""

    name = "lexical-overlap"

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        return [self._overlap(premise, claim) for premise, claim in pairs]

    @staticmethod
    def _overlap(premise: str, claim: str) -> Verdict | None:
        words = set(query_tokens(claim))
        if not words:
            return None
        return Verdict(len(words & set(search_tokens(premise))) / len(words))


class ModelJudge:
    """Any model that recognises support and contradiction; ``name`` is the one that its scores bear."""

    def __init__(self, name: str, model: SupportJudge) -> None:
        self.name = name
        self._model = model

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        rows = support_by_parts(self._model, pairs)
        return [Verdict(float(support), float(against)) for support, against, *_ in rows]


def open_judge(name: str, settings: Settings | None = None) -> Judge:
    """``name`` is ``bundled``, ``lexical``, the id or path of a sentence-transformers cross-encoder, ``chat`` (the
    settings' chat model) or ``chat:MODEL`` (another one on its server).

    A cross-encoder must have the labels entailment, contradiction and neutral, or a single score in [0, 1]. Raises
    BadInput for any other name.
    """
    if name in (LexicalOverlap.name, "lexical"):
        return LexicalOverlap()
    if name == BUNDLED_JUDGE:
        return ModelJudge(BUNDLED_JUDGE, BundledJudge(JUDGE_WEIGHTS))
    kind, _, model = name.partition(":")
    if kind == "chat":
        from eval.chat_judge import open_chat_judge

        return open_chat_judge(model, settings or load_settings())
    if "/" in name or Path(name).exists():
        return ModelJudge(Path(name).name if Path(name).exists() else name, CrossEncoderJudge(name))
    raise BadInput(
        Phrase("no such judge", "没有这个评判者"),
        name,
        Phrase(
            "use bundled, lexical, chat, chat:MODEL, or the id or path of a cross-encoder",
            "可用：bundled、lexical、chat、chat:模型名，或交叉编码器的名称、路径",
        ),
    )
