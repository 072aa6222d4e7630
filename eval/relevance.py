"""Whether an answer is about its question."""

from collections.abc import Callable, Sequence

import numpy as np

from eval.answers import was_answered, without_marks
from eval.types import EvalRecord, Score, Scorer, Trial
from ingest.phrases import Phrase
from ingest.protocols import Embedder


def relevance_scorer(records: Sequence[EvalRecord], open_embedder: Callable[[], Embedder]) -> Scorer:
    """Answer relevance: 1 / rank of the answer's own question among all questions, the nearest to the answer first.

    Nearness is the cosine of the embedder's vectors. The rank is used, not the cosine, since the cosines of e5 models
    lie close together. Refusals have no relevance; equal cosines take the worse rank. The embedder is opened only if
    something was answered.
    """
    answered = [record for record in records if record.trial and not record.trial.answer.abstained]
    ranks = _ranks(answered, open_embedder()) if answered else {}

    def score(record: EvalRecord, trial: Trial) -> Score:
        return Score.graded(1 / ranks[record.case.id])

    return Scorer("relevance", Phrase("Answer relevance", "回答切题度"), score, was_answered)


def _ranks(records: Sequence[EvalRecord], embedder: Embedder) -> dict[str, int]:
    """Case id -> the rank of its question, from 1."""
    questions = [record.trial.answer.standalone_question or record.case.question for record in records if record.trial]
    answers = [without_marks(record.trial.answer.text) or " " for record in records if record.trial]
    cosines = embedder.embed_passages(answers) @ embedder.embed_queries(questions).T
    own = np.diag(cosines)
    ranks = (cosines >= own[:, None]).sum(axis=1)
    return {record.case.id: int(rank) for record, rank in zip(records, ranks, strict=True)}
