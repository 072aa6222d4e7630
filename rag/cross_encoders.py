"""Any sentence-transformers cross-encoder, by id or path."""

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from ingest.errors import ModelUnavailable
from ingest.phrases import Phrase

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder as CrossEncoder

Role = Literal["reranker", "judge"]
"""The setting that names the cross-encoder."""

_KEPT = 2
"""One may rerank while another judges."""
_FAILED: dict[Role, Phrase] = {
    "reranker": Phrase("the reranker cannot be loaded", "无法加载重排模型"),
    "judge": Phrase("the judge cannot be loaded", "无法加载评判模型"),
}
_NEXT_STEP: dict[Role, Phrase] = {
    "reranker": Phrase(
        "give the path or id of a sentence-transformers cross-encoder, or set reranker to none",
        "请给出 sentence-transformers 交叉编码器的路径或名称，或把 reranker 设为 none",
    ),
    "judge": Phrase(
        "give the path or id of a sentence-transformers cross-encoder with one score or the labels entailment, "
        "contradiction and neutral, or set judge to bundled or none",
        "请给出 sentence-transformers 交叉编码器的路径或名称（单一分数，或标签为 entailment、contradiction、"
        "neutral），或把 judge 设为 bundled 或 none",
    ),
}


def open_cross_encoder(model: str, role: Role) -> "CrossEncoder":
    """Opened once, even if several settings name it. Raises ModelUnavailable."""
    try:
        return _opened(model)
    except Exception as error:
        # A damaged file has its parser say so, in an error of its own.
        raise unusable(model, role) from error


def unusable(model: str, role: Role) -> ModelUnavailable:
    """The error for a model that cannot be loaded, or not be used in this role."""
    return ModelUnavailable(_FAILED[role], model, _NEXT_STEP[role])


@lru_cache(maxsize=_KEPT)
def _opened(model: str) -> "CrossEncoder":
    from sentence_transformers import CrossEncoder

    opened: CrossEncoder = CrossEncoder(model)
    return opened
