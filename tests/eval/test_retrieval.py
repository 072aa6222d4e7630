"""Retrieval measures, by hand and against ir-measures."""

import random

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, R, Success, nDCG

from eval.retrieval import RETRIEVAL_MEASURES, evidence_gains, ranking_of, score_ranking
from eval.types import Gold, Ranking
from ingest.types import Chunk, Place
from rag.types import Hit

LOG = {2: 1 / 1.584962500721156, 3: 1 / 2.0, 4: 1 / 2.321928094887362}
"""1 / log2(rank + 1)."""


def hit(start: int, end: int) -> tuple[Place, ...]:
    return (Place("a.md", start, end),)


def quote(start: int, end: int) -> tuple[Place, ...]:
    return (Place("a.md", start, end),)


def test_two_quotes_at_ranks_two_and_four() -> None:
    scores = score_ranking((hit(100, 110), hit(0, 10), hit(110, 120), hit(10, 20)), Gold((quote(2, 5), quote(12, 15))))
    assert scores == {
        "hit@1": 0.0,
        "hit@3": 1.0,
        "hit@5": 1.0,
        "hit@10": 1.0,
        "hit@20": 1.0,
        "recall@1": 0.0,
        "recall@3": 0.5,
        "recall@5": 1.0,
        "recall@10": 1.0,
        "recall@20": 1.0,
        "MRR@10": 0.5,
        "nDCG@10": pytest.approx((LOG[2] + LOG[4]) / (1 + LOG[2])),
    }


def test_one_chunk_that_holds_both_quotes_is_a_perfect_ranking() -> None:
    scores = score_ranking((hit(0, 20),), Gold((quote(2, 5), quote(12, 15))))
    assert set(scores.values()) == {1.0}


def test_a_second_chunk_on_the_same_quote_gains_nothing() -> None:
    assert evidence_gains((hit(0, 4), hit(3, 10), hit(12, 14)), Gold((quote(2, 5), quote(12, 15)))) == [1, 0, 1]


def test_an_alternative_stands_in_for_one_missing_quote() -> None:
    gold = Gold(evidence=(quote(2, 5), quote(12, 15)), alternatives=(quote(30, 35), quote(40, 45)))
    assert evidence_gains((hit(30, 31), hit(0, 20), hit(40, 45)), gold) == [1, 1, 0]
    assert evidence_gains((hit(30, 45), hit(0, 1), hit(2, 3)), gold) == [1, 0, 1]


def test_another_place_of_the_same_text_counts() -> None:
    chunk = Chunk("c", "b.md", "", (), 500, 510, "x" * 10, 1)
    ranking = ranking_of([Hit(chunk, 1.0, "dense", also_at=(Place("a.md", 0, 10),))])
    assert ranking == ((Place("b.md", 500, 510), Place("a.md", 0, 10)),)
    assert evidence_gains(ranking, Gold((quote(2, 5),))) == [1]


def test_an_empty_ranking_scores_nothing() -> None:
    assert set(score_ranking((), Gold((quote(0, 1),))).values()) == {0.0}


def test_agrees_with_ir_measures_on_200_random_rankings() -> None:
    """Each quote stands in one chunk of its own, so evidence and chunk relevance are the same thing."""
    draw = np.random.default_rng(7)
    named = {"recall@3": R @ 3, "recall@20": R @ 20, "MRR@10": RR @ 10, "nDCG@10": nDCG @ 10}
    named |= {f"hit@{k}": Success @ k for k in (1, 3, 5, 10, 20)}
    for _ in range(200):
        relevant = draw.choice(60, draw.integers(1, 15), replace=False).tolist()
        ranking = draw.choice(60, draw.integers(1, 41), replace=False).tolist()
        ours = score_ranking(
            tuple(hit(10 * i, 10 * i + 10) for i in ranking),
            Gold(tuple(quote(10 * i + 2, 10 * i + 4) for i in relevant)),
        )
        qrels = {"q": {str(i): 1 for i in relevant}}
        run = {"q": {str(i): float(-rank) for rank, i in enumerate(ranking)}}
        theirs = ir_measures.calc_aggregate(list(named.values()), qrels, run)
        for name, measure in named.items():
            assert ours[name] == pytest.approx(theirs[measure], abs=1e-9), name


def test_agrees_with_ir_measures_when_chunks_share_and_repeat_quotes() -> None:
    """Chunks that gain nothing are not relevant, and a quote nobody found is one relevant chunk nobody found."""
    draw = np.random.default_rng(11)
    for _ in range(200):
        starts = draw.choice(20, draw.integers(1, 7), replace=False) * 10
        gold = Gold(tuple(quote(start, start + 8) for start in starts.tolist()))
        chunks = zip(draw.choice(200, 10, replace=False).tolist(), draw.integers(1, 31, 10).tolist(), strict=True)
        ranking = tuple(hit(start, start + length) for start, length in chunks)
        gains = evidence_gains(ranking, gold)
        qrels = {"q": {str(rank): 1 for rank, gain in enumerate(gains) if gain}}
        qrels["q"] |= {f"missed {i}": 1 for i in range(len(gold.evidence) - sum(gains))}
        run = {"q": {str(rank): float(-rank) for rank in range(len(gains))}}
        theirs = ir_measures.calc_aggregate([nDCG @ 10, RR @ 10], qrels, run)
        ours = score_ranking(ranking, gold)
        assert ours["nDCG@10"] == pytest.approx(theirs[nDCG @ 10], abs=1e-9)
        assert ours["MRR@10"] == pytest.approx(theirs[RR @ 10], abs=1e-9)


spans = st.tuples(st.integers(0, 80), st.integers(1, 30)).map(lambda pair: (pair[0], pair[0] + pair[1]))
rankings = st.lists(spans.map(lambda span: hit(*span)), max_size=25).map(tuple)
quotes = st.lists(spans.map(lambda span: quote(*span)), max_size=4)
golds = st.builds(
    lambda first, more, alternatives: Gold((quote(*first), *more), tuple(alternatives)), spans, quotes, quotes
)
FAR = hit(10_000, 10_001)


@given(rankings, golds)
def test_every_measure_stays_between_zero_and_one(ranking: Ranking, gold: Gold) -> None:
    scores = score_ranking(ranking, gold)
    assert tuple(scores) == RETRIEVAL_MEASURES
    assert all(0 <= value <= 1 for value in scores.values())


@given(rankings, golds)
def test_hit_and_recall_never_fall_with_depth(ranking: Ranking, gold: Gold) -> None:
    scores = score_ranking(ranking, gold)
    for family in ("hit", "recall"):
        values = [value for name, value in scores.items() if name.startswith(family)]
        assert values == sorted(values)


@given(rankings, golds, st.integers(0, 24))
def test_a_useless_hit_put_in_anywhere_never_helps(ranking: Ranking, gold: Gold, position: int) -> None:
    before = score_ranking(ranking, gold)
    after = score_ranking((*ranking[:position], FAR, *ranking[position:]), gold)
    assert all(after[name] <= before[name] + 1e-12 for name in RETRIEVAL_MEASURES)


@given(rankings, golds, st.randoms())
def test_the_order_of_the_quotes_does_not_matter(ranking: Ranking, gold: Gold, draw: random.Random) -> None:
    evidence, alternatives = list(gold.evidence), list(gold.alternatives)
    draw.shuffle(evidence)
    draw.shuffle(alternatives)
    assert score_ranking(ranking, Gold(tuple(evidence), tuple(alternatives))) == score_ranking(ranking, gold)


@given(rankings, golds)
def test_hits_below_the_deepest_rank_do_not_matter(ranking: Ranking, gold: Gold) -> None:
    assert score_ranking((*ranking, *[FAR] * 20)[:20], gold) == score_ranking((*ranking, *[FAR] * 20), gold)
