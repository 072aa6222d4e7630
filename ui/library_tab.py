"""The tab Library: the notes, adding and removing them, and syncing."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.errors import LibraryMismatch, NoteciteError
from ingest.phrases import Language
from ingest.readers import SUFFIXES
from ui import panels, view
from ui.desk import MOST_UPLOADS, UPLOADS, Desk, SyncJob
from ui.elements import message, quiet
from ui.text import counted
from ui.widgets import QUIET, SENDS, Update, data_of, gr, text


def library_tab(tab: gr.Tab, desk: Desk, language: Language) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            files = gr.File(
                label=text("Drop notes here", "把笔记拖到这里", language),
                file_count="multiple",
                file_types=list(SUFFIXES),
                elem_id="upload",
                height=150,
            )
        with gr.Column(scale=1, min_width=320):
            folder = gr.Textbox(
                "",
                label=text("Folder of notes on this machine", "本机上的笔记文件夹", language),
                placeholder="~/notes",
                elem_id="folder",
                visible=desk.at_home,
            )
            with gr.Row():
                add = gr.Button(text("Add folder", "添加文件夹", language), elem_id="add", visible=desk.at_home)
                start = gr.Button(text("Sync", "同步", language), variant="primary", elem_id="sync")
                again = gr.Button(
                    text("Rebuild", "重新建库", language), variant="primary", elem_id="rebuild", visible=False
                )
                cancel = gr.Button(text("Cancel", "取消", language), variant="stop", elem_id="cancel", visible=False)
    changed = gr.HTML(elem_id="changed", js_on_load=None, apply_default_css=False)
    progress = gr.HTML(elem_id="progress", js_on_load=None, apply_default_css=False)
    with gr.Row(elem_id="library-row"):
        with gr.Column(scale=3, min_width=320):
            listed = gr.HTML(elem_id="documents", js_on_load=SENDS, apply_default_css=False)
        with gr.Column(scale=2, min_width=320):
            note = gr.HTML(elem_id="note", js_on_load=None, apply_default_css=False)
    everything = [listed, changed, progress, start, again, cancel, files]

    def show() -> Update:
        shown: Update = {changed: "", start: gr.update(visible=True), again: gr.update(visible=False)}
        try:
            if desk.is_empty():
                said = text(
                    "No notes yet: drop files or add a folder.", "还没有笔记：请拖入文件或添加文件夹。", language
                )
                return shown | {listed: quiet(said)}
            library = desk.application.library
            waiting = desk.changes_on_disk()
            html = panels.library(library.counts(), library.documents(), desk.copies(), language)
        except LibraryMismatch as error:
            said = text("“Rebuild” reads its folders again.", "点击“重新建库”，会重新读取这些文件夹。", language)
            told = message(f"{error.what.to(language)} {said}")
            return shown | {listed: told, start: gr.update(visible=False), again: gr.update(visible=True)}
        except NoteciteError as error:
            return shown | {listed: message(error.to(language))}
        said = text(
            f"{counted(waiting, 'note')} {'has' if waiting == 1 else 'have'} changed on disk since the last sync.",
            f"上次同步之后，磁盘上有 {waiting} 篇笔记有变动。",
            language,
        )
        return shown | {listed: html, changed: message(said) if waiting else ""}

    def follow(job: SyncJob) -> Iterator[Update]:
        while not job.ended.wait(0.25):
            html = panels.sync_progress(job.progress, job.seconds, language)
            hidden = gr.update(visible=False)
            yield {progress: html, start: hidden, again: hidden, cancel: gr.update(visible=True)}
        if job.report is not None:
            html = panels.sync_report(job.report, language)
        elif job.error is not None:
            html = message(job.error.to(language))
        else:
            html = message(text("Cancelled; what was finished is kept.", "已取消；完成的部分已保存。", language))
        yield show() | {progress: html, cancel: gr.update(visible=False), files: None}

    def synced(folders: Sequence[Path], rebuild: bool = False) -> Iterator[Update]:
        try:
            yield from follow(desk.start_sync(folders, rebuild=rebuild))
        except NoteciteError as error:
            yield {progress: message(error.to(language))}

    def sync() -> Iterator[Update]:
        yield from synced(())

    def rebuild() -> Iterator[Update]:
        yield from synced((), rebuild=True)

    def add_folder(path: str) -> Iterator[Update]:
        try:
            named = desk.folder(path)
        except NoteciteError as error:
            yield {progress: message(error.to(language))}
            return
        yield from synced([named])

    def upload(paths: list[str] | None) -> Iterator[Update]:
        dropped = paths or []
        problems = []
        kept = False
        for path in dropped[:MOST_UPLOADS]:
            try:
                desk.keep_upload(Path(path))
                kept = True
            except NoteciteError as error:
                problems.append(error.to(language))
        if len(dropped) > MOST_UPLOADS:
            said = text(
                f"Only the first {MOST_UPLOADS} of {len(dropped)} files were taken. Drop the others next.",
                f"共 {len(dropped)} 个文件，只收了前 {MOST_UPLOADS} 个；其余的请再拖入一次。",
                language,
            )
            problems.insert(0, said)
        if problems:
            gr.Warning("\n".join(problems))
        if kept:
            yield from synced([desk.settings.library / UPLOADS])

    def stop() -> None:
        if desk.job is not None:
            desk.job.cancelled.set()

    def forget(event: gr.EventData) -> Update:
        document_id = data_of(event).get("id", "")
        try:
            was_dropped = desk.forget(document_id)
        except NoteciteError as error:
            return show() | {progress: message(error.to(language))}
        said = text(f"Removed {document_id}.", f"已移除 {document_id}。", language)
        if not was_dropped:
            said += text(
                " Its file is still in your folder: the next sync adds it again unless you move it away.",
                "它的文件仍在你的文件夹里：如不移走，下次同步会再次加入。",
                language,
            )
        return show() | {progress: message(said)}

    def open_note(event: gr.EventData) -> str:
        document_id = data_of(event).get("id", "")
        try:
            return view.note_panel(
                desk.document(document_id), desk.application.library.chunks_of(document_id), language
            )
        except NoteciteError as error:
            return message(error.to(language))

    def resume() -> Iterator[Update]:
        yield show()
        if desk.job is not None and not desk.job.ended.is_set():
            yield from follow(desk.job)

    start.click(sync, None, everything, **QUIET)
    again.click(rebuild, None, everything, **QUIET)
    gr.on([add.click, folder.submit], add_folder, folder, everything, **QUIET)
    files.upload(upload, files, everything, **QUIET)
    cancel.click(stop, **QUIET)
    listed.forget(forget, None, everything, **QUIET)
    listed.source(open_note, None, note, **QUIET)
    tab.select(resume, None, everything, **QUIET)
