"""How well each retrieval stage finds the gold quotes.

A hit touches a quote when any of its places shares a visible character with it. Going down a ranking, a hit *gains* the
evidence quotes that no higher hit touched; a hit that touches only an alternative quote that no higher hit touched
gains one evidence quote while one is missing, since an alternative replaces it.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from eval.evidence import touched
from eval.stages import stage_name
from eval.types import EvalCase, EvalRecord, Gold, Ranking, Score, Scorer, Trial
from ingest.phrases import Phrase
from rag.types import Hit

Search = Callable[[EvalCase], Mapping[str, Sequence[Hit]]]
"""The thing under test: a case -> the hits of every stage by the stage's name, best first."""

HIT_RANKS = (1, 3, 5, 10, 20)
DEPTH = 10
RETRIEVAL_MEASURES = (
    *(f"hit@{k}" for k in HIT_RANKS),
    *(f"recall@{k}" for k in HIT_RANKS),
    f"MRR@{DEPTH}",
    f"nDCG@{DEPTH}",
)


def ranking_of(hits: Sequence[Hit]) -> Ranking:
    """The places of as many hits as any measure needs."""
    return tuple((hit.chunk.place, *hit.also_at) for hit in hits[: max(HIT_RANKS)])


def score_ranking(ranking: Ranking, gold: Gold) -> dict[str, float]:
    """All of ``RETRIEVAL_MEASURES`` for one ranking, each in [0, 1]. ``gold`` holds at least one evidence quote."""
    gains = evidence_gains(ranking, gold)
    needed = len(gold.evidence)
    scores = {f"hit@{k}": hit_at(gains, k) for k in HIT_RANKS}
    scores |= {f"recall@{k}": recall_at(gains, needed, k) for k in HIT_RANKS}
    scores[f"MRR@{DEPTH}"] = reciprocal_rank(gains, DEPTH)
    scores[f"nDCG@{DEPTH}"] = ndcg(gains, needed, DEPTH)
    return scores


def evidence_gains(ranking: Ranking, gold: Gold) -> list[int]:
    """How many evidence quotes each hit newly finds, in rank order. The sum is at most ``len(gold.evidence)``.

    Question files do not say which quote an alternative replaces. A quote and its own alternative therefore count as
    two while another quote is missing, which makes recall and nDCG too high for such a ranking.
    """
    found_evidence: set[int] = set()
    found_alternatives: set[int] = set()
    missing = len(gold.evidence)
    gains = []
    for places in ranking:
        evidence = touched(gold.evidence, places) - found_evidence
        alternatives = touched(gold.alternatives, places) - found_alternatives
        gain = min(missing, len(evidence) or int(bool(alternatives)))
        found_evidence |= evidence
        found_alternatives |= alternatives
        missing -= gain
        gains.append(gain)
    return gains


def hit_at(gains: Sequence[int], k: int) -> float:
    """Evidence hit@k: 1.0 if any of the first k hits touches a gold quote, else 0.0. Also called success@k."""
    return float(any(gains[:k]))


def recall_at(gains: Sequence[int], needed: int, k: int) -> float:
    """Recall@k over all evidence: the share of the ``needed`` quotes found in the first k hits."""
    return sum(gains[:k]) / needed


def reciprocal_rank(gains: Sequence[int], k: int) -> float:
    """1 / rank of the first hit that touches a gold quote, 0.0 if none of the first k does (MRR@k is its mean).

    Voorhees, The TREC-8 Question Answering Track Report, 1999.
    """
    return next((1 / rank for rank, gain in enumerate(gains[:k], start=1) if gain), 0.0)


def ndcg(gains: Sequence[int], needed: int, k: int) -> float:
    """nDCG@k with binary gain: sum over the gaining hits of 1 / log2(rank + 1), over its best possible value.

    The best ranking has at its top the gaining hits of the first k and one more for each quote they miss, so that a
    chunk which holds two quotes costs nothing. Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR
    techniques, ACM TOIS 20(4), 2002.
    """
    ranks = [rank for rank, gain in enumerate(gains[:k], start=1) if gain]
    relevant = len(ranks) + needed - sum(gains[:k])
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(relevant, k) + 1))
    return sum(1 / math.log2(rank + 1) for rank in ranks) / best


def retrieval_scorers(stages: Sequence[str]) -> tuple[Scorer, ...]:
    """Every measure for every stage, named ``stage/measure``. They apply to cases with evidence."""
    return tuple(_scorer(stage, measure) for stage in stages for measure in RETRIEVAL_MEASURES)


def _scorer(stage: str, measure: str) -> Scorer:
    def score(record: EvalRecord, trial: Trial) -> Score:
        return Score.graded(score_ranking(trial.rankings.get(stage, ()), record.gold)[measure])

    named = stage_name(stage)
    title = Phrase(f"{measure}, {named.en}", f"{measure}（{named.zh}）")
    return Scorer(f"{stage}/{measure}", title, score, has_evidence)


def has_evidence(record: EvalRecord) -> bool:
    return bool(record.case.evidence)
