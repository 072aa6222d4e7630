"""The library, the stages of a search, evaluation runs and the settings -> HTML, pure."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ingest.errors import LibraryMismatch
from ingest.phrases import Language, Phrase
from rag.types import Citation, Hit
from ui.elements import button, date, lines, message, progress_bar, quiet, say, stage_name, table
from ui.markup import Highlight, rendered
from ui.text import counted, sync_counts

if TYPE_CHECKING:
    from eval.run import Run
    from eval.types import EvalRecord, QuestionType
    from ingest.catalog import Counts, DocumentSummary
    from ingest.sync import SyncProgress, SyncReport
    from ui.measuring import RunJob
    from ui.questions import Waiting

_MARKS = re.compile(r"#{1,6} |\*\*|`|(?<=\s)[-*+>|] |\|(?:\s*:?-+:?\s*\|)*")
"""Markdown syntax, left out of a chunk's first words."""
MEASURES = ("reranked/nDCG@10", "citation_recall", "bundled/faithfulness", "false_refusal")
"""The scorers shown in the list of runs."""
QUESTION_TYPES: Mapping["QuestionType", Phrase] = {
    "fact": Phrase("a fact", "事实"),
    "list": Phrase("a list", "列举"),
    "compare": Phrase("a comparison", "比较"),
    "howto/why": Phrase("how or why", "怎么做、为什么"),
    "number": Phrase("a number", "数值"),
    "followup": Phrase("a follow-up", "追问"),
    "unanswerable": Phrase("not in the notes", "笔记里没有"),
    "false_premise": Phrase("a false premise", "前提有误"),
    "conflict": Phrase("notes disagree", "说法不一"),
}


def library(
    counts: "Counts",
    documents: "Sequence[DocumentSummary]",
    copies: Mapping[str, Sequence[str]],
    language: Language,
) -> str:
    """The notes of a library with their chunks and problems; ``copies`` lists the notes that share text with one."""
    repeated = counts.chunks - counts.searchable
    said = say(
        f"{counted(counts.documents, 'note')}, {counted(counts.chunks, 'chunk')}"
        + (f", {repeated} repeated" if repeated else ""),
        f"{counts.documents} 篇笔记，{counts.chunks} 个片段" + (f"，其中 {repeated} 个重复" if repeated else ""),
        language,
    )
    rows = [_row(document, copies.get(document.id, ()), language) for document in documents]
    heads = (
        say("Note", "笔记", language),
        say("Chunks", "片段", language),
        say("Synced", "同步于", language),
        f'<span class="hidden">{say("Actions", "操作", language)}</span>',
    )
    return f'<p class="counts">{said}</p>{table(said, heads, rows, "documents") if rows else ""}'


def _row(document: "DocumentSummary", copies: Sequence[str], language: Language) -> str:
    remarks = [escape(problem.to(language)) for problem in document.problems]
    if copies:
        shown = "、".join(copies[:3]) if language == "zh" else ", ".join(copies[:3])
        remarks.append(say(f"shares text with {shown}", f"与 {shown} 有相同内容", language))
    told = "".join(f'<small class="remarks">{remark}</small>' for remark in remarks)
    actions = button("note", say("Open", "打开", language), "quiet", id=document.id) + button(
        "forget", say("Remove", "移除", language), "quiet", id=document.id
    )
    return (
        f'<tr><th scope="row">{escape(document.id)}<small>{escape(document.title)}</small>{told}</th>'
        f"<td>{document.chunks}</td><td>{date(document.synced_at)}</td><td>{actions}</td></tr>"
    )


def sync_progress(progress: "SyncProgress | None", seconds: float, language: Language) -> str:
    """The bar of a running sync."""
    if progress is None or not progress.chunks_expected:
        said = say("Looking for notes…", "正在查找笔记…", language)
        return progress_bar(said)
    speed = progress.chunks_done / seconds if seconds > 0 else 0.0
    left = (progress.chunks_expected - progress.chunks_done) / speed if speed else 0.0
    said = say(
        f"{progress.files_done} of {progress.files} files · "
        f"{progress.chunks_done} of {progress.chunks_expected} chunks · {speed:.0f} chunks/s · {left:.0f} s left",
        f"文件 {progress.files_done}/{progress.files} · 片段 {progress.chunks_done}/{progress.chunks_expected} · "
        f"{speed:.0f} 片段/秒 · 剩余 {left:.0f} 秒",
        language,
    )
    return progress_bar(said, progress.chunks_done, progress.chunks_expected)


def sync_report(report: "SyncReport", language: Language) -> str:
    """What a sync did, and why notes were skipped."""
    seconds = Phrase(f"{report.seconds:.1f} s", f"{report.seconds:.1f} 秒").to(language)
    said = escape(f"{sync_counts(report).to(language)} · {seconds}")
    problems = [escape(told.to(language)) for told in report.messages]
    for skipped in (*report.missing, *report.skipped):
        todo = f" {skipped.todo.to(language)}" if skipped.todo else ""
        problems.append(f"<strong>{escape(skipped.path)}</strong> {escape(skipped.what.to(language) + todo)}")
    problems += [f"<strong>{escape(id_)}</strong> {escape(problem.to(language))}" for id_, problem in report.problems]
    listed = f"<ul>{''.join(f'<li>{problem}</li>' for problem in problems)}</ul>" if problems else ""
    return f'<div class="sync" role="status"><p>✓ {said}</p>{listed}</div>'


# Look inside


def stages(
    columns: Mapping[str, Sequence[Hit]],
    chosen: Mapping[str, Sequence[Citation]],
    terms: Mapping[str, Sequence[str]],
    language: Language,
    shown: int,
) -> str:
    """The best hits of each stage side by side, and how their ranks moved.

    ``chosen`` holds the citations by chunk id; ``terms`` the question's terms found in a chunk, by its id.
    """
    ranks = {name: {hit.chunk.id: rank for rank, hit in enumerate(hits, 1)} for name, hits in columns.items()}
    html = []
    before: str | None = None
    for name, hits in columns.items():
        came_from = before if name == "rerank" else None
        cards = "".join(
            _card(rank, hit, _moves(name, hit, rank, ranks, came_from, language), chosen, terms)
            for rank, hit in enumerate(hits[:shown], 1)
        )
        label = escape(stage_name(name, language))
        html.append(
            f'<section class="stage" aria-label="{label}"><h3>{label} <small>{len(hits)}</small></h3>'
            f"<ol>{cards}</ol></section>"
        )
        before = name
    return f'<div class="inside" tabindex="0">{"".join(html)}</div>'


def _moves(
    name: str,
    hit: Hit,
    rank: int,
    ranks: Mapping[str, Mapping[str, int]],
    came_from: str | None,
    language: Language,
) -> str:
    if name == "fused":
        parts = [
            f"{escape(stage_name(source, language))} {ranks[source].get(hit.chunk.id, '–')}"
            for source in ("dense", "lexical")
            if source in ranks
        ]
        return " + ".join(parts)
    if came_from and (was := ranks[came_from].get(hit.chunk.id)):
        if was == rank:
            return "="
        arrow, css = ("▲", "up") if was > rank else ("▼", "down")
        return f'<span class="{css}">{arrow} {abs(was - rank)}</span>'
    return ""


def _card(
    rank: int,
    hit: Hit,
    moves: str,
    chosen: Mapping[str, Sequence[Citation]],
    terms: Mapping[str, Sequence[str]],
) -> str:
    chunk = hit.chunk
    quotes = chosen.get(chunk.id, ())
    highlights = [Highlight(c.start - chunk.start, c.end - chunk.start, "cited") for c in quotes]
    used = "".join(f'<span class="used">[{c.number}]</span>' for c in quotes)
    matched = "".join(f'<span class="term">{escape(term)}</span>' for term in terms.get(chunk.id, ()))
    return (
        f'<li class="{"chosen" if quotes else ""}">'
        f'<p class="score"><b>{rank}</b> <code>{hit.score:.4f}</code> {moves} {used}</p>'
        f'<p class="where">{escape(" › ".join((chunk.document_id, *chunk.headings)))}</p>'
        f'<p class="terms">{matched}</p>'
        f"<details><summary>{escape(_MARKS.sub('', ' '.join(chunk.text.split()))[:90])}</summary>"
        f'<div class="written">{rendered(chunk.text, highlights)}</div></details></li>'
    )


# Measure


def runs(found: "Sequence[Run]", language: Language) -> str:
    """The runs with some of their measures, each with a button to open it."""
    titles = {row.name: row.title for run in reversed(found) for row in run.summary.rows if row.name in MEASURES}
    shown = [name for name in MEASURES if name in titles]
    heads = (
        say("Run", "评测", language),
        say("Questions", "题数", language),
        *(escape(titles[name].to(language)) for name in shown),
        f'<span class="hidden">{say("Actions", "操作", language)}</span>',
    )
    rows = [_run_row(run, shown, language) for run in found]
    return table(say("Evaluation runs", "历次评测", language), heads, rows, "runs")


def _run_row(run: "Run", shown: Sequence[str], language: Language) -> str:
    cells = [
        f"<td>{row.estimate.value:.3f} <small>{row.estimate.low:.2f}–{row.estimate.high:.2f}</small></td>"
        if (row := run.summary.row(name)) and row.estimate
        else "<td>–</td>"
        for name in shown
    ]
    when = date((run.folder / "summary.json").stat().st_mtime)
    actions = button("open", say("Report", "报告", language), "quiet", id=run.name)
    return (
        f'<tr><th scope="row">{escape(run.name)}<small>{escape(run.spec.questions)} · {when}</small></th>'
        f"<td>{run.summary.cases}</td>{''.join(cells)}<td>{actions}</td></tr>"
    )


def run_progress(job: "RunJob", language: Language) -> str:
    """The bar of an unfinished run."""
    if not job.asked:
        said = say("Loading the questions and the models…", "正在载入问题与模型…", language)
        return progress_bar(said)
    left = job.seconds / job.asked * (job.questions - job.asked)
    said = (
        say("All answered; scoring…", "已全部作答，正在打分…", language)
        if job.asked == job.questions
        else say(
            f"{job.asked} of {job.questions} questions · {left:.0f} s left",
            f"已答 {job.asked}/{job.questions} 题 · 剩余 {left:.0f} 秒",
            language,
        )
    )
    return progress_bar(said, job.asked, job.questions)


def report(name: str, old: str, language: Language) -> str:
    """A run's report, compared with ``old`` if that is not empty, in a frame that can reach nothing."""
    address = escape(f"/report?{urlencode({'run': name, 'old': old, 'language': language})}")
    title = say("Report of the run", "评测报告", language)
    return (
        f'<p class="report-head"><a class="quiet" href="{address}" target="_blank" rel="noopener">'
        f"{say('Open the report by itself', '单独打开报告', language)}</a></p>"
        f'<iframe class="report" src="{address}" title="{title}" sandbox="allow-scripts" loading="lazy"></iframe>'
    )


def worst_cases(run: "Run", records: "Sequence[EvalRecord]", language: Language) -> str:
    """The worst cases of a run, as buttons that open them as conversations."""
    if not records:
        return ""
    items = []
    for record in records:
        label = f"<span>{escape(record.case.question)}</span><small>{escape(record.case.id)}</small>"
        failed = f'<span class="notice">{escape(record.error)}</span>' if record.trial is None else ""
        items.append(f"<li>{failed or button('case', label, 'entry', run=run.name, case=record.case.id)}</li>")
    title = say("The worst cases, to open as conversations", "最差的题（点开即为对话）", language)
    head = f"<summary>{title} ({len(items)})</summary>"
    return f'<details>{head}<ol class="conversations">{"".join(items)}</ol></details>'


def review(waiting: "Waiting | None", left: int, language: Language) -> str:
    """What is shown above the form for a case that waits for review."""
    if waiting is None:
        said = Phrase(
            "Nothing waits for review. Rate answers with the thumbs below them, or have questions proposed.",
            "没有待审核的问题。可用回答下方的拇指评价，或从笔记中拟题。",
        ).to(language)
        return quiet(said)
    origin = {
        None: say("proposed from your notes", "由笔记拟出", language),
        True: say("from an answer rated good", "来自被评为好的回答", language),
        False: say("from an answer rated bad", "来自被评为不好的回答", language),
    }[waiting.liked]
    reason = f"<blockquote>{lines(waiting.reason)}</blockquote>" if waiting.reason else ""
    waits = "waits" if left == 1 else "wait"
    earlier = "".join(f'<p class="understood">{escape(question)}</p>' for question in waiting.case.history)
    return (
        f'<p class="counts">{say(f"{left} {waits} for review", f"{left} 个待审核", language)}</p>'
        f'<p class="quiet-text">{origin}</p>{reason}{earlier}'
    )


# Settings


def mismatch(error: LibraryMismatch, language: Language) -> str:
    """That the library cannot be searched as it is, with a button to where it can be rebuilt."""
    label = say("Open the library to rebuild it", "打开笔记库以重新建库", language)
    return f"{message(error.what.to(language))}<p>{button('tab', label, 'primary', tab='library')}</p>"


def settings(values: Mapping[str, object], origins: Mapping[str, str], language: Language) -> str:
    """Every setting, its value and where it came from; secrets are masked already."""
    heads = (say("Setting", "设置项", language), say("Value", "值", language), say("From", "来源", language))
    rows = [
        f'<tr><th scope="row"><code>{escape(name)}</code></th><td>{escape(str(value)) or "–"}</td>'
        f"<td>{_origin(origins.get(name, ''), language)}</td></tr>"
        for name, value in values.items()
    ]
    title = say("Every setting, and where it comes from", "全部设置及其来源", language)
    return f"<details><summary>{title}</summary>{table(title, heads, rows)}</details>"


def _origin(origin: str, language: Language) -> str:
    if origin == "default":
        return say("default", "默认", language)
    return say("command line", "命令行", language) if origin == "option" else escape(origin)
