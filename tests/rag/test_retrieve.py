import pytest

from ingest.types import Chunk
from rag.retrieve import fuse
from rag.types import Hit


def hit(name: str, text: str = "一句话。") -> Hit:
    return Hit(Chunk(name, "a.md", "a", (), 0, len(text), text, len(text)), 1.0, "dense")


def test_fused_score_sums_weight_over_60_plus_rank() -> None:
    fused = fuse([([hit("a"), hit("b")], 1.0), ([hit("b")], 0.5)])
    assert [h.chunk.id for h in fused] == ["b", "a"]
    assert [h.score for h in fused] == pytest.approx([1 / 62 + 0.5 / 61, 1 / 61])
    assert {h.stage for h in fused} == {"fused"}


def test_ties_go_by_chunk_id() -> None:
    fused = fuse([([hit("b")], 1.0), ([hit("a")], 1.0)])
    assert [h.chunk.id for h in fused] == ["a", "b"]


def test_a_list_of_bare_questions_falls_behind() -> None:
    questions = hit("q", "1. 什么是 LoRA？\n2. 什么是 RoPE？\n3. 什么是 DPO？")
    fused = fuse([([questions, hit("a")], 1.0)])
    assert [h.chunk.id for h in fused] == ["a", "q"]
    assert fused[1].score == pytest.approx(0.5 / 61)
