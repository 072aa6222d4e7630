"""Stored answers -> a scored run in its folder, for the command line and the page alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Imported in the function: the command line imports this module for its help alone, too.
if TYPE_CHECKING:
    from eval.run import Run
    from eval.types import EvalRecord
    from rag.settings import Settings


def scored(
    folder: Path,
    records: "Sequence[EvalRecord]",
    settings: "Settings",
    judges: Sequence[str] | None = None,
    checks: Sequence[Path] | None = None,
    scorer_files: Sequence[Path] | None = None,
) -> "Run":
    """The run with its scores, which are also written into ``folder``.

    ``judges`` are names that ``eval.judge.open_judge`` knows, None for ``DEFAULT_JUDGES``; ``checks`` are files of
    judge checks, ``scorer_files`` Python files with a user's own scorers. Raises NotFound without a run in ``folder``,
    BadInput for a judge or a file that cannot be used.
    """
    from eval.judge import open_judge
    from eval.judge_check import checks_of, load_check
    from eval.run import load_spec, save_scores, score_run
    from eval.scorers import DEFAULT_JUDGES, all_scorers, load_scorers, with_word_overlap
    from rag.build import open_embedder
    from rag.settings import load_settings

    own = [scorer for file in scorer_files or () for scorer in load_scorers(file)]
    opened = with_word_overlap([open_judge(name, settings) for name in judges or DEFAULT_JUDGES])
    spec = load_spec(folder)
    scorers = all_scorers(
        records,
        lambda: open_embedder(load_settings(embedder=spec.settings["embedder"])),
        opened,
    )
    run = score_run(
        folder, spec, records, (*own, *scorers), checks_of(opened, list(map(load_check, checks or ())), folder)
    )
    save_scores(run)
    return run
