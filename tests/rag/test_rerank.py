from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from pydantic import SecretStr

from ingest.late import QuestionVectors, late_scores
from ingest.protocols import TokenVectors, Vectors
from ingest.types import Chunk
from rag.chat_model import ServedChatModel
from rag.generate import ExtractiveGenerator
from rag.protocols import RerankFailed
from rag.rerank import ChatReranker, KeepOrder, LateReranker, ReadingReranker, blend_features, scores_of
from rag.types import Hit, Query, Stage, Statement
from tests.rag.sample_hits import COFFEE, TEA, pipeline_over
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


class WordScorer:
    """A statement with the word 答 answers with probability 0.9, any other with 0.1."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def answers(self, question: str, statements: Sequence[str]) -> Vectors:
        self.read += statements
        return np.array([0.9 if "答" in statement else 0.1 for statement in statements], np.float32)


def length_of(query: Query, statements: Sequence[Statement]) -> Vectors:
    return np.array([len(s.text) for s in statements], np.float32)


def by_reading(hits: list[Hit], *weights: float, scorer: WordScorer | None = None) -> list[Hit]:
    reranker = ReadingReranker(KeepOrder(), length_of, scorer or WordScorer(), np.array(weights, np.float32))
    return list(reranker.rerank(QUERY, {"fused": hits}))


def test_a_hit_whose_statement_answers_comes_first_with_its_probability() -> None:
    reordered = by_reading([hit("a", 0.8), hit("b", 0.6, text="答在这里。")], 1.0, 1.0, 0.0, 0.0)
    assert [(h.chunk.id, h.stage) for h in reordered] == [("b", "rerank"), ("a", "rerank")]
    odds = [0.6 / 0.4 * 0.9 / 0.1, 0.8 / 0.2 * 0.1 / 0.9]
    assert [h.score for h in reordered] == pytest.approx([x / (1 + x) for x in odds], abs=1e-4)


def test_what_is_read_of_a_hit_counts_against_the_best_of_the_question() -> None:
    reordered = by_reading([hit("a", 0.5), hit("b", 0.5, text="答在这里。")], 0.0, 0.0, 1.0, 0.0)
    odds = (0.1 / 0.9) / (0.9 / 0.1)
    assert [h.score for h in reordered] == pytest.approx([0.5, odds / (1 + odds)], abs=1e-4)


def test_the_three_nearest_statements_of_each_of_the_first_ten_hits_are_read() -> None:
    scorer = WordScorer()
    hits = [hit(name, 0.5, text=f"{name}一二三。{name}一二。{name}答。{name}一二三四。") for name in "abcdefghijklm"]
    reordered = by_reading(hits, 1.0, 1.0, 0.0, 0.0, scorer=scorer)
    assert [h.stage for h in reordered] == ["rerank"] * 10 + ["fused"] * 3
    assert len(scorer.read) == 3 * 10
    assert not any("答" in statement for statement in scorer.read)
    assert [h.chunk.id for h in reordered] == list("abcdefghijklm")


def test_a_hit_that_is_much_less_likely_than_the_first_is_not_read() -> None:
    scorer = WordScorer()
    hits = [hit("a", 0.9), hit("b", 0.2), hit("c", 0.1, text="答在这里。"), hit("d", 0.8)]
    reordered = by_reading(hits, 1.0, 1.0, 0.0, 0.0, scorer=scorer)
    assert [(h.chunk.id, h.stage) for h in reordered] == [
        ("a", "rerank"),
        ("b", "rerank"),
        ("c", "fused"),
        ("d", "fused"),
    ]
    assert len(scorer.read) == 2


def test_a_list_of_bare_questions_stays_behind_what_was_read() -> None:
    bare = hit("q", 0.9, text="1. 什么是 LoRA？\n2. 什么是 RoPE？\n3. 什么是 DPO？")
    assert [h.chunk.id for h in by_reading([bare, hit("a", 0.4)], 1.0, 1.0, 0.0, 0.0)] == ["a", "q"]


def test_no_hits_stay_no_hits() -> None:
    assert by_reading([], 1.0, 1.0, 0.0, 0.0) == []


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
        ("perhaps 1, 2\n</think>4, 1", "dabc"),
        ("The 2 most helpful passages are: 4, 3.", "dcab"),
        ("3\n2", "cbad"),
        ("1, 2, 3\n最终编号：**4、3**", "dcab"),
        ("BM25 is in passage 3, and 4 says little.", "abcd"),
    ],
)
def test_the_chat_model_moves_up_what_it_names_and_leaves_the_rest_in_order(reply: str, order: str) -> None:
    assert "".join(ranked_by(says(reply))) == order


@pytest.mark.parametrize("reply", [fails(400, "no"), says("1" * 5000)])
def test_a_chat_model_that_fails_leaves_the_order_as_it_was(reply: Step) -> None:
    with pytest.raises(RerankFailed) as failed:
        ranked_by(reply)
    assert [h.chunk.id for h in failed.value.hits] == list("abcd")


def test_a_reranker_that_fails_is_told_of_and_the_answer_goes_on() -> None:
    with ScriptedServer(fails(401, "no"), fails(401, "no")) as server:
        model = ServedChatModel("m", server.base_url, SecretStr(""), 0.0, 100, 5.0)
        reranker = ChatReranker(model, KeepOrder(), 50, 2000)
        pipeline = replace(pipeline_over((TEA, COFFEE), ExtractiveGenerator(200)), reranker=reranker)
        found = pipeline.search("绿茶用多少度的水？")
        answer = pipeline.answer("绿茶用多少度的水？")
    assert found.notice is not None
    assert found.notice.failed
    assert answer.notice == found.notice.phrase
    assert answer.notice.en.startswith("The chat model did not order the passages (")
    assert [sentence.text for sentence in answer.sentences] == ["绿茶用 80 度左右的水冲泡。"]


def test_the_chat_model_ranks_no_more_than_it_is_shown() -> None:
    assert "".join(ranked_by(says("3, 2"), candidates=2)) == "bacd"
    assert "".join(ranked_by(says("4, 2"), tokens=340)) == "bacd"
