"""What the gate needs of a run, small enough to be committed."""

from dataclasses import replace
from pathlib import Path

from eval.compare import is_gated
from eval.run import Run
from eval.types import EvalRecord


def baseline_of(run: Run, folder: Path) -> Run:
    """The run as a baseline in ``folder``: the gated scores of every case, and the text of each answer for readers.

    Sentences, citations, rankings and times are left out, so that a new baseline differs only where answers do.
    """
    return Run(
        folder=folder,
        spec=run.spec,
        records=tuple(_text_alone(record) for record in run.records),
        scores={
            case_id: {name: score for name, score in found.items() if is_gated(name)}
            for case_id, found in run.scores.items()
        },
        summary=replace(
            run.summary,
            rows=tuple(row for row in run.summary.rows if is_gated(row.name)),
            by_type={},
            by_language={},
            seconds={},
            risk_coverage={},
            judge_checks=(),
        ),
    )


def _text_alone(record: EvalRecord) -> EvalRecord:
    if record.trial is None:
        return record
    answer = replace(record.trial.answer, sentences=(), citations=(), hits=(), conflicts=(), seconds={})
    return replace(record, trial=replace(record.trial, answer=answer, rankings={}))
