"""The pipeline's stages: what reports and the page call them."""

from collections.abc import Mapping

from ingest.phrases import Phrase

FINAL = "reranked"
"""The ranking that an answer is made from, by its name in stored runs. It is not called ``rerank``, since that is the
stage of a hit which the reranker scored: the last ranking also holds hits that it left alone, and is there without a
reranker, too."""

STAGE_NAMES: Mapping[str, Phrase] = {
    "condense": Phrase("understanding", "理解问题"),
    "retrieve": Phrase("searching", "检索"),
    "dense": Phrase("by meaning", "语义"),
    "lexical": Phrase("by words", "字词"),
    "fused": Phrase("fused", "融合"),
    "rerank": Phrase("reranking", "重排"),
    FINAL: Phrase("reranked", "重排"),
    "read": Phrase("reading", "阅读"),
    "generate": Phrase("writing", "撰写"),
    "verify": Phrase("checking", "核对"),
    "reflect": Phrase("trying again", "再次作答"),
}


def stage_name(stage: str) -> Phrase:
    """The name of a stage; one that has none is called by its id."""
    return STAGE_NAMES.get(stage, Phrase(stage, stage))
