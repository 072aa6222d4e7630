"""Which cases of a run went worst."""

from eval.compare import is_gated
from eval.run import Run
from eval.types import EvalRecord

WORST_SHOWN = 20


def worst_records(run: Run) -> list[EvalRecord]:
    """The cases with the lowest mean of the gated measures, the worst first; perfect ones are left out."""
    means = {record.case.id: _mean(run, record) for record in run.records}
    worst = sorted((record for record in run.records if means[record.case.id] < 1), key=lambda r: means[r.case.id])
    return worst[:WORST_SHOWN]


def _mean(run: Run, record: EvalRecord) -> float:
    values = [score.value or 0.0 for name, score in run.scores[record.case.id].items() if is_gated(name)]
    return sum(values) / len(values) if values else 1.0
