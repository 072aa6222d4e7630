"""The tab Measure: evaluation runs, their reports, and questions that wait for review."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.answerer import finder_in
from eval.cases import load_cases
from eval.types import QUESTION_TYPES
from eval.worst import worst_records
from ingest.errors import BadInput, NoteciteError, NotFound
from ingest.phrases import Language, Phrase
from ui import panels
from ui.desk import Desk
from ui.elements import message, quiet
from ui.measuring import SAMPLE, RunJob
from ui.person import person_of
from ui.questions import holding
from ui.widgets import QUIET, SENDS, Update, data_of, gr, text

PROPOSED_AT_ONCE = 10
_LONGEST_LABEL = 300
_OPEN_CONVERSATION = """(id) => {
  if (id) { window.notecite.remember(id); document.querySelector('#ask-button').click(); }
}"""


def measure_tab(tab: gr.Tab, desk: Desk, language: Language) -> None:
    with gr.Tabs(elem_id="measure-tabs"):
        with gr.Tab(text("Runs", "各次评测", language), elem_id="runs"):
            _runs(tab, desk, language)
        with gr.Tab(text("Review of questions", "审核问题", language), elem_id="review") as review:
            _review(tab, review, desk, language)


def _runs(tab: gr.Tab, desk: Desk, language: Language) -> None:
    with gr.Row(elem_id="start-run"):
        questions = gr.Dropdown(
            [],
            label=text("Questions", "问题集", language),
            info=text(
                "Those you accepted, or a JSON Lines file of your own.",
                "你审核通过的问题，或自己的 JSON Lines 文件。",
                language,
            ),
            allow_custom_value=desk.at_home,
            elem_id="questions",
            scale=3,
        )
        start = gr.Button(text("Start a run", "开始评测", language), variant="primary", elem_id="run", scale=0)
        cancel = gr.Button(
            text("Cancel", "取消", language), variant="stop", elem_id="cancel-run", visible=False, scale=0
        )
    progress = gr.HTML(elem_id="run-progress", js_on_load=None, apply_default_css=False)
    listed = gr.HTML(elem_id="run-list", js_on_load=SENDS, apply_default_css=False)
    with gr.Row(elem_id="choose-run", visible=False) as choice:
        run = gr.Dropdown([], label=text("Report of", "报告", language), elem_id="shown-run")
        old = gr.Dropdown([], label=text("Compared with", "对比基准", language), elem_id="old-run")
    worst = gr.HTML(elem_id="worst", js_on_load=SENDS, apply_default_css=False)
    report = gr.HTML(elem_id="report", js_on_load=None, apply_default_css=False)
    opened = gr.Textbox("", visible=False)

    def choices() -> list[tuple[str, str]]:
        """Labels and files; the sample questions only if most of the sample notes are in the library."""
        offered = []
        try:
            own = desk.questions.accepted_count()
        except NoteciteError as error:
            own = 0
            gr.Warning(error.to(language))
        if own:
            mine = text(f"My accepted questions ({own})", f"我审核通过的问题（{own}）", language)
            offered.append((mine, str(desk.questions.accepted)))
        if _has_sample_notes(desk):
            offered.append((text("Questions about the sample notes", "示例笔记的问题", language), str(SAMPLE)))
        return offered

    def show(chosen: str | None) -> Update:
        """Offers the questions anew; a file that the person named stays."""
        offered = choices()
        files = [file for _, file in offered]
        value = chosen if chosen and chosen not in files else next(iter(files), None)
        return show_runs() | {questions: gr.update(choices=offered, value=value)}

    def show_runs() -> Update:
        runs = desk.measuring.runs()
        none = text(
            "No runs yet: start one, or run “notecite eval run” in this folder.",
            "还没有评测：可在上方开始，或在此目录运行“notecite eval run”。",
            language,
        )
        names = [each.name for each in runs]
        return {
            listed: panels.runs(runs, language) if runs else quiet(none),
            choice: gr.update(visible=bool(runs)),
            run: gr.update(choices=names),
            old: gr.update(
                value="", choices=[(text("nothing", "不对比", language), ""), *((name, name) for name in names)]
            ),
        }

    def follow(job: RunJob) -> Iterator[Update]:
        while not job.ended.wait(0.5):
            yield {
                progress: panels.run_progress(job, language),
                start: gr.update(visible=False),
                cancel: gr.update(visible=True),
            }
        if job.error is not None:
            said = message(job.error.to(language))
        elif job.finished:
            said = ""
        else:
            said = message(
                text(
                    "Cancelled. Start it again to continue.",
                    "已取消；再次开始会从中断处继续。",
                    language,
                )
            )
        yield show_runs() | {progress: said, start: gr.update(visible=True), cancel: gr.update(visible=False)}
        yield {run: gr.update(value=job.name) if job.finished else gr.skip()}

    def begin(path: str | None) -> Iterator[Update]:
        known = {value for _, value in choices()}
        try:
            if not path or (path not in known and not desk.at_home):
                raise BadInput(
                    Phrase("no questions were chosen", "没有选择问题集"),
                    path or "",
                    Phrase("accept some under “Review of questions” first", "请先在“审核问题”中通过一些"),
                )
            yield from follow(desk.measuring.start(Path(path).expanduser(), desk.application))
        except NoteciteError as error:
            yield {progress: message(error.to(language))}

    def stop() -> None:
        if desk.measuring.job is not None:
            desk.measuring.job.cancelled.set()

    def open_report(name: str | None, compared: str | None) -> Update:
        if not name:
            return {report: "", worst: ""}
        try:
            shown = desk.measuring.run(name)
        except NoteciteError as error:
            return {report: message(error.to(language)), worst: ""}
        other = "" if compared in (None, name) else str(compared)
        return {
            report: panels.report(name, other, language),
            worst: panels.worst_cases(shown, worst_records(shown), language),
        }

    def choose(event: gr.EventData) -> str:
        return data_of(event).get("id", "")

    def open_case(event: gr.EventData, request: gr.Request) -> str:
        """Opens the case's answer as a conversation of this person."""
        data = data_of(event)
        case_id = data.get("case", "")
        try:
            records = desk.measuring.run(data.get("run", "")).records
            trial = next((record.trial for record in records if record.case.id == case_id), None)
            if trial is None:
                raise NotFound(
                    Phrase("this run has no such answer", "这次评测没有这个回答"),
                    case_id,
                    Phrase("choose another in the list", "请在列表中另选"),
                )
        except NoteciteError as error:
            gr.Warning(error.to(language))
            return ""
        return desk.conversations(person_of(request.cookies)).keep([trial.answer]).id

    def resume() -> Iterator[Update]:
        yield {progress: gr.skip()}
        if desk.measuring.job is not None and not desk.measuring.job.ended.is_set():
            yield from follow(desk.measuring.job)

    everything = [questions, listed, choice, run, old, progress, start, cancel]
    start.click(begin, questions, everything, **QUIET)
    cancel.click(stop, **QUIET)
    listed.open(choose, None, run, **QUIET)
    gr.on([run.change, old.change], open_report, [run, old], [report, worst], **QUIET)
    worst.case(open_case, None, opened, **QUIET).then(None, opened, None, js=_OPEN_CONVERSATION)
    # An event of its own, because gradio sends the last output of a generator again when it ends: questions chosen
    # meanwhile would be reset.
    tab.select(show, questions, everything, **QUIET).then(resume, None, everything, **QUIET)


def _has_sample_notes(desk: Desk) -> bool:
    try:
        present = {document.id for document in desk.application.library.documents()}
    except NoteciteError:
        return False
    cited = {evidence.document_id for case in load_cases(SAMPLE) for evidence in case.evidence}
    return len(cited & present) > len(cited) / 2


def _review(tab: gr.Tab, review: gr.Tab, desk: Desk, language: Language) -> None:
    said = gr.HTML(elem_id="waiting", js_on_load=None, apply_default_css=False)
    with gr.Column(elem_id="case", visible=False) as form:
        question = gr.Textbox("", label=text("Question", "问题", language), elem_id="case-question", lines=1)
        kind = gr.Dropdown(
            [(panels.QUESTION_TYPES[name].to(language), name) for name in QUESTION_TYPES],
            label=text("Type", "类型", language),
            elem_id="case-type",
        )
        points = gr.Textbox(
            "",
            label=text("Key points of a full answer, one per line", "完整回答应包含的要点，每行一个", language),
            elem_id="case-points",
            lines=3,
        )
        quotes = gr.CheckboxGroup([], label=text("Supporting quotes", "依据的原文", language), elem_id="case-quotes")
        more = gr.Textbox(
            "",
            label=text("Another supporting quote", "补充一处依据的原文", language),
            placeholder=text("Copied from a note word for word", "从笔记中原样复制", language),
            elem_id="case-more",
        )
        with gr.Row():
            accept = gr.Button(text("Accept", "通过", language), variant="primary", elem_id="accept")
            reject = gr.Button(text("Reject", "拒绝", language), elem_id="reject")
            skip = gr.Button(text("Later", "稍后", language), elem_id="skip")
    propose = gr.Button(text("Propose questions from my notes", "从笔记中拟题", language), elem_id="propose", size="sm")
    current = gr.Textbox("", visible=False)
    everything: list[Any] = [said, form, question, kind, points, quotes, more, current]

    def show(after: str = "") -> Update:
        """The first waiting case, or the one after ``after``."""
        waiting = desk.questions.waiting()
        at = next((i + 1 for i, each in enumerate(waiting) if each.case.id == after), 0)
        shown = waiting[at % len(waiting)] if waiting else None
        if shown is None:
            return {said: panels.review(None, 0, language), form: gr.update(visible=False), current: ""}
        case = shown.case
        labels = [
            (f"{each.document_id}: {' '.join(each.quote.split())}"[:_LONGEST_LABEL], index)
            for index, each in enumerate(case.evidence)
        ]
        return {
            said: panels.review(shown, len(waiting), language),
            form: gr.update(visible=True),
            question: case.question,
            kind: case.type,
            points: "\n".join(case.keypoints),
            quotes: gr.update(choices=labels, value=[index for _, index in labels]),
            more: "",
            current: case.id,
        }

    def accepted(case_id: str, asked: str, type_: Any, keypoints: str, kept: list[int], extra: str) -> Update:
        try:
            case = desk.questions.get(case_id).case
            library = desk.application.library
            finder = finder_in(library)
            evidence = [case.evidence[index] for index in kept]
            if extra.strip():
                evidence.append(holding(extra, [summary.id for summary in library.documents()], finder))
            lines = tuple(line.strip() for line in keypoints.splitlines() if line.strip())
            changed = replace(case, question=asked.strip(), type=type_, keypoints=lines, evidence=tuple(evidence))
            desk.questions.accept(changed, finder)
        except NoteciteError as error:
            return {said: message(error.to(language))}
        return show()

    def rejected(case_id: str) -> Update:
        try:
            desk.questions.reject(case_id)
        except NoteciteError as error:
            return show() | {said: message(error.to(language))}
        return show()

    def proposed() -> Update:
        try:
            found = desk.questions.propose(desk.application, PROPOSED_AT_ONCE)
        except NoteciteError as error:
            return {said: message(error.to(language))}
        if not found:
            gr.Info(text("No further questions can be made from the notes.", "笔记里没有更多可拟的问题。", language))
        return show()

    accept.click(accepted, [current, question, kind, points, quotes, more], everything, **QUIET)
    reject.click(rejected, current, everything, **QUIET)
    skip.click(show, current, everything, **QUIET)
    # Shows progress: a chat model takes its time to propose.
    propose.click(proposed, None, everything, api_visibility="private")
    for shows in (tab.select, review.select):
        shows(lambda: show(), None, everything, **QUIET)
