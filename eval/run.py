"""A run: every case asked once, kept in a folder that says how it was made, so that it can go on when interrupted.

``spec.json`` says how and is written before the first question; ``records.jsonl`` gets a line as each case ends;
``scores.jsonl`` and ``summary.json`` are written at the end, the summary last. Scoring again rewrites only these two.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from eval.evidence import EvidenceFinder
from eval.judge_check import JudgeCheck
from eval.score import Scores, Summary, score_records, summarise
from eval.spec import RunSpec
from eval.types import EvalCase, EvalRecord, Score, Scorer, Trial
from ingest.errors import BadInput, NotFound
from ingest.files import write_whole
from ingest.phrases import Phrase

Answerer = Callable[[EvalCase], Trial]
"""The thing under test. An exception that it raises is recorded as the case's error."""

SPEC, RECORDS, SCORES, SUMMARY = "spec.json", "records.jsonl", "scores.jsonl", "summary.json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run as its folder holds it."""

    folder: Path
    spec: RunSpec
    records: tuple[EvalRecord, ...]
    scores: Scores
    summary: Summary

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True, slots=True)
class _CaseScores:
    """A line of ``scores.jsonl``."""

    id: str
    scores: Mapping[str, Score]


_SPEC = TypeAdapter(RunSpec)
_RECORD = TypeAdapter(EvalRecord)
_CASE_SCORES = TypeAdapter(_CaseScores)
_SUMMARY = TypeAdapter(Summary)


def answer_cases(
    cases: Sequence[EvalCase],
    answerer: Answerer,
    finder: EvidenceFinder,
    spec: RunSpec,
    folder: Path,
    on_record: Callable[[EvalRecord], None] = lambda record: None,
) -> tuple[EvalRecord, ...]:
    """Asks the cases that ``folder`` does not hold yet; returns the records of all, in the order of ``cases``.

    Raises BadInput when the folder belongs to a run of another spec, or while another process asks its cases.
    """
    _claim(folder, spec)
    with _asking_alone(folder), (folder / RECORDS).open("ab") as file:
        file.truncate(len(_whole_lines(folder)))
        done = {record.case.id: record for record in _kept_records(folder)}
        for case in cases:
            if case.id not in done:
                done[case.id] = _ask(case, answerer, finder)
                file.write(_RECORD.dump_json(done[case.id]) + b"\n")
                file.flush()
            on_record(done[case.id])
    return tuple(done[case.id] for case in cases)


def score_run(
    folder: Path,
    spec: RunSpec,
    records: Sequence[EvalRecord],
    scorers: Sequence[Scorer],
    checks: Sequence[JudgeCheck] = (),
) -> Run:
    """The run with its scores; nothing is written."""
    scores = score_records(records, scorers)
    return Run(folder, spec, tuple(records), scores, summarise(records, scorers, scores, checks))


def save_scores(run: Run) -> None:
    """Writes ``scores.jsonl`` and, last, ``summary.json``."""
    (run.folder / SUMMARY).unlink(missing_ok=True)
    lines = [_CASE_SCORES.dump_json(_CaseScores(case_id, found)) for case_id, found in run.scores.items()]
    write_whole(run.folder / SCORES, b"".join(line + b"\n" for line in lines))
    write_whole(run.folder / SUMMARY, _SUMMARY.dump_json(run.summary, indent=1) + b"\n")


def save_run(run: Run) -> None:
    """Writes the whole run into its folder, in place of what is there."""
    write_whole(run.folder / SPEC, _SPEC.dump_json(run.spec, indent=1) + b"\n")
    write_whole(run.folder / RECORDS, b"".join(_RECORD.dump_json(record) + b"\n" for record in run.records))
    save_scores(run)


def load_spec(folder: Path) -> RunSpec:
    """Raises NotFound when ``folder`` holds no run, BadInput when its spec cannot be read."""
    return _load(folder / SPEC, _SPEC)


def load_records(folder: Path) -> tuple[EvalRecord, ...]:
    """The stored answers of a run, finished or not. Raises NotFound when there are none, BadInput for a broken line."""
    _read(folder / SPEC)
    records = _kept_records(folder)
    if not records:
        raise _no_run(folder)
    return tuple(records)


def load_run(folder: Path) -> Run:
    """Raises NotFound for a folder without a finished run, BadInput for files that cannot be read."""
    scores = [_parse(folder / SCORES, line, _CASE_SCORES) for line in _read(folder / SCORES).splitlines()]
    return Run(
        folder=folder,
        spec=load_spec(folder),
        records=load_records(folder),
        scores={case.id: case.scores for case in scores},
        summary=_load(folder / SUMMARY, _SUMMARY),
    )


def _ask(case: EvalCase, answerer: Answerer, finder: EvidenceFinder) -> EvalRecord:
    gold = finder.gold(case)
    try:
        return EvalRecord(case, gold, answerer(case))
    except Exception as error:
        return EvalRecord(case, gold, None, f"{type(error).__name__}: {error}")


def _claim(folder: Path, spec: RunSpec) -> None:
    if not (folder / SPEC).exists():
        write_whole(folder / SPEC, _SPEC.dump_json(spec, indent=1) + b"\n")
    elif load_spec(folder) != spec:
        raise BadInput(
            Phrase("this folder holds a run made in another way", "该文件夹中的评测是用另一种方式运行的"),
            folder,
            Phrase("give another folder with --out, or remove this one", "请用 --out 换一个文件夹，或删除它"),
        )


@contextmanager
def _asking_alone(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BadInput(
            Phrase("another process is making this run", "另一个进程正在运行这次评测"),
            folder,
            Phrase("wait until it is done, or give another folder with --out", "请等它完成，或用 --out 换一个文件夹"),
        ) from None
    try:
        yield
    finally:
        lock.release()


def _kept_records(folder: Path) -> list[EvalRecord]:
    return [_parse(folder / RECORDS, line, _RECORD) for line in _whole_lines(folder).splitlines()]


def _whole_lines(folder: Path) -> bytes:
    """``records.jsonl`` without a last line that was cut off or is being written."""
    path = folder / RECORDS
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]


def _load(path: Path, form: TypeAdapter[T]) -> T:
    return _parse(path, _read(path), form)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise _no_run(path.parent) from None


def _parse(path: Path, data: bytes, form: TypeAdapter[T]) -> T:
    try:
        return form.validate_json(data)
    except ValidationError as error:
        raise BadInput(
            Phrase(
                f"{path.name} cannot be read ({error.errors()[0]['msg']})",
                f"无法读取 {path.name}（{error.errors()[0]['msg']}）",
            ),
            path,
            Phrase("remove it and make it again", "请删除后重新生成"),
        ) from None


def _no_run(folder: Path) -> NotFound:
    return NotFound(
        Phrase("no finished run here", "这里没有完成的评测"),
        folder,
        Phrase("make one with `notecite eval run`", "请先运行 `notecite eval run`"),
    )
