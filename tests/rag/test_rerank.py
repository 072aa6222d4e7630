import numpy as np
import pytest
from pydantic import SecretStr

from ingest.late import QuestionVectors, late_scores
from ingest.protocols import TokenVectors, Vectors
from ingest.types import Chunk
from rag.chat_model import ServedChatModel
from rag.rerank import ChatReranker, KeepOrder, LateReranker, blend_features, scores_of
from rag.types import Hit, Query, Stage
from tests.scripted_server import ScriptedServer, Step, fails, says

QUERY = Query("问", "问")


def hit(name: str, score: float = 1.0, stage: Stage = "fused", text: str = "一句话。") -> Hit:
    return Hit(Chunk(name, "a.md", "a", (), 0, len(text), text, len(text)), score, stage)


class OneTokenLate:
    """A question of one token; the blend is the late-interaction score itself."""

    token_dimensions = 2

    def encode_question(self, text: str) -> QuestionVectors:
        one = np.ones(1, np.float32)
        return QuestionVectors(one, np.array([[1.0, 0.0]], np.float32), one)

    def blend(self, features: Vectors) -> Vectors:
        return features[:, 0]


class Tokens:
    """A library that knows only the token vectors it was given."""

    def __init__(self, **vectors: tuple[int, int]) -> None:
        self.vectors = vectors

    def token_vectors(self, chunk_ids: list[str], dimensions: int) -> dict[str, TokenVectors]:
        return {id_: np.array([self.vectors[id_]], np.int8) for id_ in chunk_ids if id_ in self.vectors}


def rerank(candidates: int, hits: list[Hit], **vectors: tuple[int, int]) -> list[tuple[str, Stage]]:
    reranker = LateReranker(Tokens(**vectors), OneTokenLate(), candidates)  # type: ignore[arg-type]
    reranked = reranker.rerank(QUERY, {"dense": hits, "lexical": hits, "fused": hits})
    return [(h.chunk.id, h.stage) for h in reranked]


def test_keep_order_gives_the_fused_hits_as_they_are() -> None:
    hits = [hit("b"), hit("a")]
    assert KeepOrder().rerank(QUERY, {"fused": hits}) == hits


def test_the_score_is_the_weighted_mean_of_the_best_cosines() -> None:
    question = QuestionVectors(
        np.ones(1, np.float32),
        np.array([[1.0, 0.0], [0.0, 1.0]], np.float32),
        np.array([0.75, 0.25], np.float32),
    )
    passage = np.array([[127, 0], [0, 0]], np.int8)
    empty = np.empty((0, 2), np.int8)
    assert late_scores(question, [passage, empty]).tolist() == pytest.approx([0.75, 0.0])


def test_hits_are_ordered_by_the_blend_and_unread_ones_stay_behind() -> None:
    hits = [hit("a"), hit("b"), hit("c")]
    assert rerank(2, hits, a=(10, 0), b=(90, 0), c=(120, 0)) == [("b", "rerank"), ("a", "rerank"), ("c", "fused")]


def test_a_hit_without_token_vectors_stays_behind() -> None:
    assert rerank(3, [hit("a"), hit("b")], b=(1, 0)) == [("b", "rerank"), ("a", "fused")]


def test_a_list_of_bare_questions_goes_behind_answers() -> None:
    bare = hit("q", text="1. 什么是 LoRA？\n2. 什么是 RoPE？\n3. 什么是 DPO？")
    assert rerank(2, [bare, hit("a")], q=(127, 0), a=(1, 0)) == [("a", "rerank"), ("q", "rerank")]


def test_blend_features() -> None:
    late, dense, lexical = (np.array(values, np.float32) for values in ([0.6, 0.5], [0.8, 0.9], [5.0, 10.0]))
    assert blend_features(late, dense, lexical).tolist() == [
        pytest.approx([0.6, 0.8, 0.5, 0.0, -0.1]),
        pytest.approx([0.5, 0.9, 1.0, -0.1, 0.0]),
    ]


def test_a_stage_that_missed_a_hit_gives_its_worst_score_or_the_absent_one() -> None:
    stage = [hit("a", 0.9), hit("b", 0.7)]
    assert scores_of([hit("c"), hit("a")], stage).tolist() == pytest.approx([0.7, 0.9])
    assert scores_of([hit("c")], stage, absent=0.0).tolist() == [0.0]


def ranked_by(reply: Step, candidates: int = 50, tokens: int = 2000) -> list[str]:
    hits = [hit(name, text=f"关于{name}的一句话。") for name in "abcd"]
    with ScriptedServer(reply) as server:
        model = ServedChatModel("m", server.base_url, SecretStr(""), 0.0, 100, 5.0)
        reranked = ChatReranker(model, KeepOrder(), candidates, tokens).rerank(QUERY, {"fused": hits})
    read = [h.score for h in reranked if h.stage == "rerank"]
    assert read == sorted(read, reverse=True)
    return [h.chunk.id for h in reranked]


@pytest.mark.parametrize(
    ("reply", "order"),
    [
        ("3, 1", "cabd"),
        ("<think>2 looks good</think>[4] > [4] > 9", "dabc"),
        ("none", "abcd"),
        ("I cannot do that.", "abcd"),
    ],
)
def test_the_chat_model_moves_up_what_it_names_and_leaves_the_rest_in_order(reply: str, order: str) -> None:
    assert "".join(ranked_by(says(reply))) == order


def test_a_chat_model_that_fails_leaves_the_order_as_it_was() -> None:
    assert "".join(ranked_by(fails(400, "no"))) == "abcd"


def test_the_chat_model_ranks_no_more_than_it_is_shown() -> None:
    assert "".join(ranked_by(says("3, 2"), candidates=2)) == "bacd"
    assert "".join(ranked_by(says("4, 2"), tokens=340)) == "bacd"
