"""``notecite eval``: questions with known answers -> measures with intervals.

``gate`` exits with 1 when a measure does not pass; the other exit codes are those of ``notecite``.
"""

import shlex
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated

import typer

from eval.scoring import scored
from ingest.errors import BadInput
from ingest.phrases import Phrase
from ui.language import configured, say, spoken

if TYPE_CHECKING:
    from eval.review import ReviewedQuestions
    from eval.run import Run
    from eval.types import EvalCase

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=say("Measure retrieval and answers on your own questions.", "用自己的问题评测检索与回答。"),
)

Questions = Annotated[Path, typer.Option(help=say("File of questions, JSON lines.", "问题文件，JSON 行。"))]
Library = Annotated[Path | None, typer.Option(help=say("Folder of the library.", "笔记库所在的文件夹。"))]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help=say("A setting; repeat for more.", "一项设置；可重复。")),
]
Judges = Annotated[
    list[str] | None,
    typer.Option(
        "--judge",
        help=say(
            "Who judges support: bundled, lexical, chat, chat:MODEL, or a cross-encoder's id or path; repeat for more.",
            "由谁评判依据：bundled、lexical、chat、chat:模型名，或交叉编码器的名称、路径；可重复。",
        ),
    ),
]
Checks = Annotated[
    list[Path] | None,
    typer.Option(
        "--judge-check",
        help=say(
            "A result of judge-check, to correct for the judge's errors.", "judge-check 的结果，用于校正评判误差。"
        ),
    ),
]
Scorers = Annotated[
    list[Path] | None,
    typer.Option(
        "--scorers",
        help=say("A Python file that defines SCORERS.", "定义了 SCORERS 的 Python 文件；可重复。"),
    ),
]
Language = Annotated[
    str | None, typer.Option("--language", help=say("en, zh or auto (the locale).", "en、zh 或 auto（随系统区域）。"))
]
RunFolder = Annotated[Path, typer.Argument(help=say("Folder of a run.", "一次评测的文件夹。"))]
Margin = Annotated[float, typer.Option(min=0.0, max=1.0, help=say("The loss that is allowed.", "可接受的下降幅度。"))]


@app.command(help=say("Ask every question of a file and score the answers.", "逐题提问并给回答打分。"))
def run(
    questions: Questions,
    library: Library = None,
    assignments: Assignments = None,
    only: Annotated[
        Path | None, typer.Option(help=say("A file of ids: ask only these.", "编号文件：只问其中的题。"))
    ] = None,
    out: Annotated[Path, typer.Option(help=say("Where run folders go.", "评测文件夹的存放位置。"))] = Path("runs"),
    name: Annotated[
        str | None,
        typer.Option(
            help=say("Name of the run's folder; default: made from its settings.", "评测文件夹名；默认由设置得出。")
        ),
    ] = None,
    judges: Judges = None,
    checks: Checks = None,
    scorers: Scorers = None,
    language: Language = None,
) -> None:
    from eval.answerer import answer_with, finder_in
    from eval.cases import load_cases
    from eval.cases import only as only_these
    from eval.run import answer_cases
    from eval.spec import describe
    from rag.build import Application

    settings = configured(assignments, library=library, language=language)
    _check_folder(out)
    with Application(settings) as application:
        finder = finder_in(application.library)
        cases = load_cases(questions, finder)
        if only:
            cases = only_these(cases, only)
        spec = describe(questions, only, application.library, application.embedder.fingerprint, settings)
        folder = out / (name or spec.run_name)
        typer.echo(Phrase(f"run folder: {folder}", f"评测文件夹：{folder}").to(spoken()), err=True)
        with typer.progressbar(length=len(cases), file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
            records = answer_cases(cases, answer_with(application), finder, spec, folder, lambda _: bar.update(1))
    _print(scored(folder, records, settings, judges, checks, scorers))


@app.command(help=say("Score stored answers again, without asking again.", "对已存的回答重新打分，不再提问。"))
def score(
    run_folder: RunFolder,
    assignments: Assignments = None,
    judges: Judges = None,
    checks: Checks = None,
    scorers: Scorers = None,
    language: Language = None,
) -> None:
    from eval.run import load_records

    settings = configured(assignments, language=language)
    _check_folder(run_folder)
    _print(scored(run_folder, load_records(run_folder), settings, judges, checks, scorers))


@app.command(help=say("Compare two runs over the same questions.", "对比同一批问题上的两次评测。"))
def compare(old: RunFolder, new: RunFolder, language: Language = None) -> None:
    configured(language=language)
    from eval import tables
    from eval.compare import compare as differences
    from eval.run import load_run

    typer.echo(tables.markdown(tables.comparison(differences(load_run(old), load_run(new))), spoken()))


@app.command(help=say("Write a report of one run, or of several compared.", "为一次或多次评测生成报告。"))
def report(
    run_folders: Annotated[
        list[Path], typer.Argument(help=say("Run folders, oldest first.", "评测文件夹，旧的在前。"))
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help=say(
                "An .html or .md file; default: report.html in the last run's folder.",
                ".html 或 .md 文件；默认为最后一个评测文件夹中的 report.html。",
            )
        ),
    ] = None,
    language: Language = None,
) -> None:
    configured(language=language)
    _check_out(out)
    from eval.report import html_report, markdown_report
    from eval.run import load_run

    runs = [load_run(folder) for folder in run_folders]
    path = out or run_folders[-1] / "report.html"
    _check_out(path)
    write = markdown_report if path.suffix == ".md" else html_report
    path.write_text(write(runs, spoken()), encoding="utf-8")
    typer.echo(path)


@app.command(help=say("Fail (exit 1) when a run may be worse than a baseline.", "若可能比基线差，则以退出码 1 失败。"))
def gate(
    run_folder: RunFolder,
    baseline: Annotated[Path, typer.Option(help=say("Folder of the baseline run.", "基线评测的文件夹。"))],
    margin: Margin = 0.05,
    spare: Annotated[
        int,
        typer.Option(min=0, help=say("Number of cases that may get worse regardless.", "无论如何都允许变差的题数。")),
    ] = 0,
    language: Language = None,
) -> None:
    configured(language=language)
    from eval import tables
    from eval.compare import gate as gate_lines
    from eval.run import load_run

    lines = gate_lines(load_run(baseline), load_run(run_folder), margin, spare)
    typer.echo(tables.markdown(tables.gate_table(lines, margin, spare), spoken()))
    if not all(line.passed for line in lines):
        raise typer.Exit(1)


@app.command(help=say("Save the part of a run that the gate needs.", "保存评测中门槛所需的部分。"))
def baseline(
    run_folder: RunFolder,
    folder: Annotated[Path, typer.Argument(help=say("Folder of the baseline.", "基线所在的文件夹。"))],
) -> None:
    configured()
    _check_folder(folder)
    from eval.baseline import baseline_of
    from eval.run import load_run, save_run

    save_run(baseline_of(load_run(run_folder), folder))
    typer.echo(folder)


@app.command("judge-check", help=say("Check a judge against labelled pairs.", "用带标注的句对检验评判者。"))
def judge_check(
    pairs: Annotated[list[Path], typer.Argument(help=say("Files of labelled pairs.", "带标注的句对文件。"))],
    most: Annotated[
        int | None, typer.Option(min=1, help=say("Most pairs to take from each file.", "每个文件最多取多少对。"))
    ] = None,
    judge: Annotated[
        str, typer.Option(help=say("The judge to check, as for run.", "要检验的评判者，写法同 run。"))
    ] = "bundled",
    assignments: Assignments = None,
    out: Annotated[
        Path | None, typer.Option(help=say("Save the result for --judge-check.", "保存结果供 --judge-check 使用。"))
    ] = None,
    language: Language = None,
) -> None:
    from eval import tables
    from eval.judge import open_judge
    from eval.judge_check import check_judge, save_check
    from eval.pairs import load_pairs

    settings = configured(assignments, language=language)
    _check_out(out)
    check = check_judge(open_judge(judge, settings), [pair for file in pairs for pair in load_pairs(file, most)])
    if out:
        save_check(out, check)
    typer.echo(tables.markdown(tables.judge_table(check), spoken()))


@app.command(help=say("Propose questions from your notes and review them.", "从笔记中拟出问题，并逐条审核。"))
def make(
    out: Annotated[Path, typer.Option(help=say("The question file to add to.", "要追加的问题文件。"))],
    library: Library = None,
    count: Annotated[int, typer.Option(min=1, help=say("How many to propose.", "拟出多少题。"))] = 30,
    unreviewed: Annotated[
        bool, typer.Option("--unreviewed", help=say("Keep all without asking.", "不审核，全部保留。"))
    ] = False,
    assignments: Assignments = None,
    language: Language = None,
) -> None:
    from eval.propose import proposals
    from eval.review import ReviewedQuestions
    from rag.build import Application

    settings = configured(assignments, library=library, language=language)
    _check_out(out)
    reviewed = ReviewedQuestions(out)
    kept = 0
    with Application(settings) as application:
        for number, proposal in enumerate(islice(proposals(application, reviewed.is_new), count), start=1):
            choice = "a" if unreviewed else _review(proposal, f"{number}/{count}")
            if choice == "q":
                break
            if choice == "r":
                reviewed.reject(proposal.id)
                continue
            if choice == "e":
                _keep_edited(reviewed, proposal)
            else:
                reviewed.keep(proposal)
            kept += 1
    questions = "question" if kept == 1 else "questions"
    typer.echo(Phrase(f"{kept} {questions} kept in {out}", f"已保留 {kept} 个问题：{out}").to(spoken()), err=True)


def _check_out(file: Path | None) -> None:
    """Raises BadInput where ``file`` could not be written, before any work is done for it."""
    if file is None:
        return
    try:
        if file.exists():
            file.open("ab").close()
        else:
            _try_writing_in(file.parent)
    except OSError as error:
        raise BadInput(
            Phrase("no file can be written here", "无法在此写入文件"),
            file,
            Phrase(
                f"give --out a file in a folder that exists and may be written to ({error.strerror})",
                f"请让 --out 指向已有且可写的文件夹中的文件（{error.strerror}）",
            ),
        ) from None


def _check_folder(folder: Path) -> None:
    """Raises BadInput where files in ``folder``, which need not exist yet, could not be written."""
    try:
        _try_writing_in(next(each for each in (folder, *folder.parents) if each.exists()))
    except OSError as error:
        raise BadInput(
            Phrase("no files can be written in this folder", "无法在此文件夹中写入文件"),
            folder,
            Phrase(
                f"give a folder that may be written to ({error.strerror})", f"请指定可写的文件夹（{error.strerror}）"
            ),
        ) from None


def _try_writing_in(folder: Path) -> None:
    """Raises OSError where no file can be made. Only an attempt tells this for every user and file system."""
    with TemporaryFile(dir=folder):
        pass


def _keep_edited(reviewed: "ReviewedQuestions", proposal: "EvalCase") -> None:
    """Asks for another question until one can be kept."""
    while True:
        asked = str(typer.prompt(Phrase("question", "问题").to(spoken()), default=proposal.question))
        try:
            reviewed.keep(replace(proposal, question=asked.strip()))
            return
        except BadInput as error:
            typer.echo(f"notecite: {error.to(spoken())}", err=True)


def _review(proposal: "EvalCase", position: str) -> str:
    """One of "a" (accept), "e" (edit), "r" (reject) and "q" (quit)."""
    from ui.text import printable

    quotes = "".join(f"\n  {each.document_id}: {each.quote}" for each in proposal.evidence)
    answer = f"\n  → {proposal.answer}" if proposal.answer else ""
    typer.echo(printable(f"\n[{position}] ({proposal.type}) {proposal.question}{answer}{quotes}"))
    ask = Phrase("(a)ccept, (e)dit, (r)eject, (q)uit", "(a) 接受，(e) 修改，(r) 拒绝，(q) 结束").to(spoken())
    choice = ""
    while choice not in ("a", "e", "r", "q"):
        try:
            choice = str(typer.prompt(ask, default="r")).strip().lower()[:1]
        except typer.Abort:
            # The input has ended, or Ctrl-C was pressed: what was kept so far is in the file.
            return "q"
    return choice


def _print(run: "Run") -> None:
    """The run's tables but those of its judges, which the report has; then how to make the report."""
    from eval.report import markdown_report

    typer.echo(markdown_report([run], spoken(), judges=False))
    command = f"`notecite eval report {shlex.quote(str(run.folder))}`"
    typer.echo(Phrase(f"report: {command}", f"生成报告：{command}").to(spoken()), err=True)
