"""Every scorer of a run: retrieval by stage, answers, relevance, and each judge's. Here one's own are added."""

from collections.abc import Callable, Sequence

from eval.answers import ANSWER_SCORERS
from eval.judge import LexicalOverlap, open_judge
from eval.judged import judged_scorers
from eval.relevance import relevance_scorer
from eval.retrieval import retrieval_scorers
from eval.types import EvalRecord, Scorer
from ingest.protocols import Embedder

DEFAULT_JUDGES = (LexicalOverlap.name,)


def all_scorers(
    records: Sequence[EvalRecord], open_embedder: Callable[[], Embedder], judges: Sequence[str] = DEFAULT_JUDGES
) -> tuple[Scorer, ...]:
    """``judges`` are names for ``open_judge``; word overlap is always among them, for comparison."""
    stages = dict.fromkeys(stage for record in records if record.trial for stage in record.trial.rankings)
    named = dict.fromkeys((*judges, LexicalOverlap.name))
    return (
        *ANSWER_SCORERS,
        relevance_scorer(records, open_embedder),
        *(scorer for name in named for scorer in judged_scorers(open_judge(name), records)),
        *retrieval_scorers(tuple(stages)),
    )
