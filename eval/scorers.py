"""Every scorer of a run: retrieval by stage, answers, relevance, and each judge's.

A scorer of one's own is a function, a name and the cases that it applies to, in a Python file given as ``--scorers``:

>>> from eval.types import EvalRecord, Score, Scorer, Trial
>>> from ingest.phrases import Phrase
>>> def is_short(record: EvalRecord, trial: Trial) -> Score:
...     return Score.of(len(trial.answer.text) <= 300)
>>> SCORERS = [Scorer("short", Phrase("Short", "简短"), is_short, applies=lambda record: record.case.answerable)]
"""

import runpy
from collections.abc import Callable, Sequence
from pathlib import Path

from eval.answers import ANSWER_SCORERS
from eval.judge import BUNDLED_JUDGE, LexicalOverlap
from eval.judged import judged_scorers
from eval.keypoints import KEYPOINT_TERMS
from eval.relevance import relevance_scorer
from eval.retrieval import retrieval_scorers
from eval.types import EvalRecord, Scorer
from eval.verdict import Judge
from ingest.errors import BadInput
from ingest.phrases import Phrase
from ingest.protocols import Embedder

DEFAULT_JUDGES = (BUNDLED_JUDGE,)
"""By the names that ``eval.judge.open_judge`` knows."""


def with_word_overlap(judges: Sequence[Judge]) -> tuple[Judge, ...]:
    """The judges and word overlap, which is always shown beside real judges so that nobody takes it for support."""
    return tuple({judge.name: judge for judge in (*judges, LexicalOverlap())}.values())


def all_scorers(
    records: Sequence[EvalRecord], open_embedder: Callable[[], Embedder], judges: Sequence[Judge]
) -> tuple[Scorer, ...]:
    """``judges`` are those of ``with_word_overlap``."""
    stages = dict.fromkeys(stage for record in records if record.trial for stage in record.trial.rankings)
    return (
        *ANSWER_SCORERS,
        KEYPOINT_TERMS,
        relevance_scorer(records, open_embedder),
        *(scorer for judge in judges for scorer in judged_scorers(judge, records)),
        *retrieval_scorers(tuple(stages)),
    )


def load_scorers(path: Path) -> tuple[Scorer, ...]:
    """The ``SCORERS`` of a Python file, which is run. Raises BadInput when it fails or has none."""
    try:
        found = tuple(runpy.run_path(str(path)).get("SCORERS", ()))
        problem = "" if found and all(isinstance(scorer, Scorer) for scorer in found) else "no SCORERS"
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise BadInput(
            Phrase(f"not a file of scorers ({problem})", f"不是评分器文件（{problem}）"),
            path,
            Phrase("define SCORERS, a list of eval.types.Scorer", "请定义 SCORERS，即 eval.types.Scorer 的列表"),
        )
    return found
