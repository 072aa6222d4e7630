"""How long an answer takes on a warm library, stage by stage.

    python -m eval.benchmarks.ask --library FOLDER --questions FILE [--set key=value ...]

Asks every question of the file once to warm up and once to measure. Prints the median and the 95th percentile of each
stage and of the whole, how long the trained weights take to open, and the wall time of a cold ``notecite ask`` and of
``notecite --help``. Run it on an idle machine.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from eval.answerer import settings_from
from eval.cases import load_cases
from eval.stats import p95
from ingest.late import LateInteraction
from rag.build import JUDGE_WEIGHTS, RANKING_WEIGHTS, Application
from rag.judge import BundledJudge


def timed_command(*arguments: str) -> float:
    """Wall seconds of one ``notecite`` process, the best of three."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        command = [sys.executable, "-m", "ui.cli", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def opening_seconds(use: Callable[[], object]) -> float:
    """Seconds to the first result of a model that is not open yet, the bundled body being unpacked already."""
    started = time.perf_counter()
    use()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    settings = settings_from([*given.set, f"library={given.library}"])
    cases = load_cases(given.questions)
    spent: defaultdict[str, list[float]] = defaultdict(list)
    with Application(settings) as application:
        chunks = application.library.counts().searchable
        for measured in (False, True):
            for case in cases:
                started = time.perf_counter()
                answer = application.pipeline.answer(case.question, case.history)
                if measured:
                    spent["whole"].append(time.perf_counter() - started)
                    for stage, seconds in answer.seconds.items():
                        spent[stage].append(seconds)
    lines = [f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: {len(cases)} questions, {chunks} chunks, warm"]
    for stage, times in spent.items():
        lines.append(f"{stage:10} median {median(times) * 1000:6.0f} ms, p95 {p95(times) * 1000:6.0f} ms")
    ranking = opening_seconds(lambda: LateInteraction(RANKING_WEIGHTS).encode_question("?"))
    judge = opening_seconds(lambda: BundledJudge(JUDGE_WEIGHTS).answers("?", ["?"]))
    lines.append(f"opening the ranking weights {ranking:.2f} s, the judge's {judge:.2f} s")
    cold = timed_command("ask", cases[0].question, "--library", str(given.library))
    lines.append(f"cold notecite ask {cold:.2f} s, notecite --help {timed_command('--help'):.2f} s")
    print("\n".join(lines))  # noqa: T201 - a script's result


if __name__ == "__main__":
    main()
