"""The Gradio page: it places widgets and passes what they say to the desk and the views."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from ingest.errors import NoteciteError
from ingest.lexical import search_tokens
from ingest.phrases import Language, Phrase
from ingest.readers import SUFFIXES
from rag.terms import key_terms
from rag.types import Answer, Hit, Notice, Restart, StageDone, TextPiece
from ui import panels, view
from ui.conversations import Conversation, Conversations
from ui.desk import LARGEST_UPLOAD, MOST_UPLOADS, UPLOADS, Desk, SyncJob
from ui.elements import button, message
from ui.person import person_of

# Both are read when gradio is imported; without them it asks hosts outside whether there is a newer version.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr

ASSETS = Path(__file__).parent / "page"
MOST_EVENTS_WAITING = 200
_SECONDS_BETWEEN_UPDATES = 0.06

Update = dict[Any, Any]
"""Components and what they show now."""


def mount(app: FastAPI, desk: Desk) -> None:
    """Puts the page at /en/ and /zh/."""
    style, script = ((ASSETS / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    for language in ("en", "zh"):
        gr.mount_gradio_app(
            app,
            page(desk, language),
            path=f"/{language}",
            theme=gr.themes.Soft(
                primary_hue="teal",
                neutral_hue="slate",
                radius_size="md",
                font=["system-ui", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"],
                font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
            ),
            # As css= it would be rewritten: inside @media its rules on <body> would match nothing.
            head=f'<link rel="icon" href="/favicon.ico"><style>{style}</style><script>{script}</script>',
            footer_links=[],
            run_history=False,
            max_file_size=LARGEST_UPLOAD,
            ssr_mode=False,
        )


def page(desk: Desk, language: Language) -> gr.Blocks:
    """The page in one language."""
    with gr.Blocks(title="notecite", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        gr.HTML(_header(language), elem_id="header", js_on_load=None, apply_default_css=False)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(_text("Ask", "提问", language), elem_id="ask") as tab:
                _ask_tab(blocks, tab, desk, language)
            with gr.Tab(_text("Library", "笔记库", language), elem_id="library") as tab:
                _library_tab(blocks, tab, desk, language)
            with gr.Tab(_text("Look inside", "检索过程", language), elem_id="inside"):
                _inside_tab(desk, language)
            with gr.Tab(_text("Settings", "设置", language), elem_id="settings"):
                _settings_tab(desk, language)
        blocks.queue(max_size=MOST_EVENTS_WAITING, default_concurrency_limit=8, api_open=False)
    built: gr.Blocks = blocks
    return built


def _text(en: str, zh: str, language: Language) -> str:
    return Phrase(en, zh).to(language)


def _header(language: Language) -> str:
    other, label = ("/zh/", "中文") if language == "en" else ("/en/", "English")
    theme = f'<span aria-hidden="true">◐</span> {_text("Theme", "明暗", language)}'
    return (
        f'<h1>notecite</h1><div class="switches">{button("language", label, "quiet", path=other)}'
        f"{button('theme', theme, 'quiet')}</div>"
    )


_SENDS = """
element.addEventListener('click', (event) => window.notecite.act(element, event, (name, data) => {
  if (name === 'ask') trigger('ask', data);
  else if (name === 'source') trigger('source', data);
  else if (name === 'open') trigger('open', data);
  else if (name === 'forget') trigger('forget', data);
}));
"""
_SHOW_SOURCE = "() => { setTimeout(window.notecite.showSource, 80); }"


def _ask_tab(blocks: gr.Blocks, tab: gr.Tab, desk: Desk, language: Language) -> None:
    with gr.Row(elem_id="ask-row"):
        with gr.Column(elem_id="menu", scale=0, min_width=240):
            fresh = gr.Button(_text("New conversation", "新对话", language), elem_id="fresh", size="sm")
            search = gr.Textbox(
                value="",
                placeholder=_text("Search conversations", "搜索对话", language),
                label=_text("Search conversations", "搜索对话", language),
                show_label=False,
                container=False,
                elem_id="search-conversations",
            )
            entries = gr.HTML(elem_id="entries", js_on_load=_SENDS, apply_default_css=False)
        with gr.Column(elem_id="chat", scale=3, min_width=320):
            with gr.Row(elem_id="title-row"):
                gr.HTML(
                    button("menu", "☰", "quiet").replace(
                        "<button", f'<button aria-label="{_text("Conversations", "对话列表", language)}"', 1
                    ),
                    elem_id="menu-switch",
                    js_on_load=None,
                    apply_default_css=False,
                )
                title = gr.Textbox(
                    "",
                    label=_text("Title of this conversation", "对话标题", language),
                    show_label=False,
                    container=False,
                    elem_id="title",
                    max_length=80,
                    visible=False,
                    scale=1,
                )
                export = gr.HTML(elem_id="export", js_on_load=None, apply_default_css=False)
                delete = gr.Button(
                    _text("Delete", "删除", language), elem_id="delete", size="sm", visible=False, min_width=60, scale=0
                )
                sure = gr.Button(
                    _text("Really delete?", "确认删除？", language),
                    elem_id="sure",
                    size="sm",
                    variant="stop",
                    visible=False,
                    min_width=60,
                    scale=0,
                )
            turns = gr.HTML(elem_id="turns", js_on_load=_SENDS, apply_default_css=False, autoscroll=True)
            with gr.Row(elem_id="composer"):
                question = gr.Textbox(
                    "",
                    label=_text("Your question", "你的问题", language),
                    show_label=False,
                    container=False,
                    placeholder=_text(
                        "Ask your notes…  (Enter sends, Shift+Enter breaks the line)",
                        "向笔记提问……（回车发送，Shift+回车换行）",
                        language,
                    ),
                    lines=1,
                    max_lines=6,
                    autofocus=True,
                    elem_id="question",
                    scale=1,
                )
                send = gr.Button(
                    _text("Ask", "提问", language), variant="primary", elem_id="send", scale=0, min_width=80
                )
                stop = gr.Button(
                    _text("Stop", "停止", language),
                    variant="stop",
                    elem_id="stop",
                    visible=False,
                    scale=0,
                    min_width=80,
                )
            current = gr.Textbox("", elem_id="current", visible=False)
            replace = gr.Textbox("", elem_id="replace", visible="hidden", label="replace", show_label=False)
        with gr.Column(elem_id="source-column", scale=2, min_width=320):
            source = gr.HTML(elem_id="source", js_on_load=_SENDS, apply_default_css=False)

    def shown(conversation: Conversation | None, conversations: Conversations, words: str = "") -> Update:
        """Everything that depends on which conversation is open."""
        if conversation is None:
            html = _empty(desk, language)
        else:
            html = view.conversation(conversation.answers, None, language)
        return {
            turns: html,
            current: conversation.id if conversation else "",
            entries: _entries(conversations, words, conversation, language),
            title: gr.update(value=conversation.title if conversation else "", visible=conversation is not None),
            export: _export(conversation, language),
            delete: gr.update(visible=conversation is not None),
            sure: gr.update(visible=False),
        }

    def opened(conversations: Conversations, conversation_id: str) -> Conversation | None:
        if not conversation_id:
            return None
        try:
            return conversations.get(conversation_id)
        except NoteciteError:
            return None

    whole = [turns, current, entries, title, export, delete, sure]

    def show(conversation_id: str, words: str, request: gr.Request) -> Update:
        conversations = _conversations(desk, request)
        return shown(opened(conversations, conversation_id), conversations, words)

    def answer(asked: str, conversation_id: str, kept_turns: str, request: gr.Request) -> Iterator[Update]:
        conversations = _conversations(desk, request)
        conversation = opened(conversations, conversation_id)
        after = int(kept_turns) if kept_turns.isdecimal() else None
        answers = conversation.answers[:after] if conversation else ()
        if not asked.strip():
            yield {question: asked}
            return
        yield {
            question: "",
            replace: "",
            turns: view.conversation(answers, view.Writing(asked), language),
            send: gr.update(visible=False),
            stop: gr.update(visible=True),
        }
        try:
            stopped = True
            for item in _answering(desk, asked, answers, person_of(request.cookies)):
                if isinstance(item, Answer):
                    stopped = False
                    conversation = conversations.add(conversation.id if conversation else None, item, after)
                else:
                    yield {turns: view.conversation(answers, item, language)}
            if stopped:
                yield {question: asked}
        except NoteciteError as error:
            gr.Warning(error.to(language))
            yield {question: asked}
        yield shown(conversation, conversations) | {send: gr.update(visible=True), stop: gr.update(visible=False)}

    def ask_clicked(
        conversation_id: str, kept_turns: str, event: gr.EventData, request: gr.Request
    ) -> Iterator[Update]:
        data = _data(event)
        yield from answer(data.get("question", ""), conversation_id, data.get("turn", kept_turns), request)

    def stop_writing(request: gr.Request) -> None:
        desk.stop(person_of(request.cookies))

    def open_source(conversation_id: str, event: gr.EventData, request: gr.Request) -> str:
        data = _data(event)
        try:
            return _source(desk, _conversations(desk, request).get(conversation_id), data, language)
        except NoteciteError as error:
            return message(error.to(language))
        except (KeyError, IndexError, ValueError, StopIteration):
            # Another window has shortened the conversation since.
            return message(_text("This answer is gone; reload the page.", "这个回答已不在，请刷新页面。", language))

    def rename(conversation_id: str, to: str, request: gr.Request) -> str:
        conversations = _conversations(desk, request)
        try:
            return conversations.rename(conversation_id, to).title
        except NoteciteError as error:
            gr.Warning(error.to(language))
            found = opened(conversations, conversation_id)
            return found.title if found else ""

    def remove(conversation_id: str, words: str, request: gr.Request) -> Update:
        conversations = _conversations(desk, request)
        conversations.delete(conversation_id)
        return shown(None, conversations, words)

    def entry_id(event: gr.EventData) -> str:
        return _data(event).get("id", "")

    def find(words: str, conversation_id: str, request: gr.Request) -> str:
        conversations = _conversations(desk, request)
        return _entries(conversations, words, opened(conversations, conversation_id), language)

    def start_afresh(words: str, request: gr.Request) -> Update:
        return show("", words, request)

    asking: dict[str, Any] = {
        "outputs": [*whole, question, replace, send, stop],
        # The desk lets them through and tells whom it cannot.
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    runs = [
        gr.on([question.submit, send.click], answer, [question, current, replace], **asking),
        turns.ask(ask_clicked, [current, replace], **asking),
    ]
    for run in runs:
        run.then(None, current, None, js="(id) => { window.notecite.remember(id); }")
    stop.click(stop_writing, **quiet)
    for panel in (turns, source):
        panel.source(open_source, current, source, **quiet).then(None, js=_SHOW_SOURCE)
    entries.open(entry_id, None, current, **quiet).then(show, [current, search], whole, **quiet).then(
        None, current, None, js="(id) => { window.notecite.remember(id); }"
    )
    search.change(find, [search, current], entries, **quiet)
    fresh.click(start_afresh, search, whole, **quiet).then(None, js="() => { window.notecite.remember(''); }")
    # What is searched may change while the title is saved.
    gr.on([title.submit, title.blur], rename, [current, title], title, **quiet).then(
        find, [search, current], entries, **quiet
    )
    delete.click(lambda: gr.update(visible=True), None, sure, **quiet)
    sure.click(remove, [current, search], whole, **quiet).then(None, js="() => { window.notecite.remember(''); }")
    # A tab is selected while the page still loads; both must show the same.
    for shows in (blocks.load, tab.select):
        shows(show, [current, search], whole, js="(id, words) => [window.notecite.recalled(), words]", **quiet)


def _conversations(desk: Desk, request: gr.Request) -> Conversations:
    return desk.conversations(person_of(request.cookies))


def _data(event: gr.EventData) -> dict[str, str]:
    """What a button carries, as text whatever a browser sends."""
    data = event._data if isinstance(event._data, dict) else {}
    return {str(name): str(value) for name, value in data.items()}


def _answering(desk: Desk, asked: str, answers: Sequence[Answer], person: str) -> Iterator[view.Writing | Answer]:
    """The answer as it grows, not more often than an eye can follow, and last the Answer."""
    writing, shown_at = view.Writing(asked), 0.0
    for event in desk.ask(asked, [answer.question for answer in answers], person):
        if isinstance(event, Answer):
            yield event
            return
        if isinstance(event, StageDone):
            writing = view.Writing(asked, writing.text, (*writing.stages, event))
        elif isinstance(event, TextPiece):
            writing = view.Writing(asked, writing.text + event.text, writing.stages)
        elif isinstance(event, Restart):
            writing = view.Writing(asked, "", writing.stages)
        elif isinstance(event, Notice):
            continue
        if time.monotonic() - shown_at >= _SECONDS_BETWEEN_UPDATES:
            shown_at = time.monotonic()
            yield writing


def _empty(desk: Desk, language: Language) -> str:
    try:
        if desk.is_empty():
            return view.empty_conversation(0, (), language)
        library = desk.application.library
        headings = [path for path, _ in library.headings()]
        return view.empty_conversation(library.counts().documents, view.suggestions(headings), language)
    except NoteciteError as error:
        return message(error.to(language))


def _entries(conversations: Conversations, words: str, current: Conversation | None, language: Language) -> str:
    found = [(c.id, c.title, c.used_at) for c in conversations.all(words)]
    return view.conversation_list(found, current.id if current else None, language)


def _export(conversation: Conversation | None, language: Language) -> str:
    if conversation is None:
        return ""
    label = _text("Export", "导出", language)
    return f'<a class="quiet" href="/export/{conversation.id}.md?speech={language}" download>{label}</a>'


def _source(desk: Desk, conversation: Conversation, data: dict[str, str], language: Language) -> str:
    turn = int(data["turn"])
    answer = conversation.answers[turn]
    if data["act"] == "heading":
        path = answer.nearest[int(data["at"])]
        document, place = desk.section(path)
        return view.section_panel(document, path[1:], place, language)
    number = int(data["citation"])
    cited = next(citation for citation in answer.citations if citation.number == number)
    return view.source_panel(desk.document(cited.document_id), answer, number, turn, language)


def _library_tab(blocks: gr.Blocks, tab: gr.Tab, desk: Desk, language: Language) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            files = gr.File(
                label=_text("Drop notes here", "把笔记拖到这里", language),
                file_count="multiple",
                file_types=list(SUFFIXES),
                elem_id="upload",
                height=150,
            )
        with gr.Column(scale=1, min_width=320):
            folder = gr.Textbox(
                "",
                label=_text("Folder of notes on this machine", "本机上的笔记文件夹", language),
                placeholder="~/notes",
                elem_id="folder",
                visible=desk.folders_allowed,
            )
            with gr.Row():
                add = gr.Button(
                    _text("Add folder", "添加文件夹", language), elem_id="add", visible=desk.folders_allowed
                )
                start = gr.Button(_text("Sync", "同步", language), variant="primary", elem_id="sync")
                cancel = gr.Button(_text("Cancel", "取消", language), variant="stop", elem_id="cancel", visible=False)
    changed = gr.HTML(elem_id="changed", js_on_load=None, apply_default_css=False)
    progress = gr.HTML(elem_id="progress", js_on_load=None, apply_default_css=False)
    with gr.Row(elem_id="library-row"):
        with gr.Column(scale=3, min_width=320):
            listed = gr.HTML(elem_id="documents", js_on_load=_SENDS, apply_default_css=False)
        with gr.Column(scale=2, min_width=320):
            note = gr.HTML(elem_id="note", js_on_load=None, apply_default_css=False)
    everything = [listed, changed, progress, start, cancel, files]

    def show() -> Update:
        try:
            if desk.is_empty():
                said = _text(
                    "No notes yet: drop files or add a folder.", "还没有笔记：请拖入文件或添加文件夹。", language
                )
                return {listed: message(said), changed: ""}
            library = desk.application.library
            waiting = desk.changes_on_disk()
            html = panels.library(library.counts(), library.documents(), desk.copies(), language)
        except NoteciteError as error:
            return {listed: message(error.to(language)), changed: ""}
        said = _text(
            f"{waiting} notes have changed on disk since the last sync.",
            f"上次同步之后，磁盘上有 {waiting} 篇笔记有变动。",
            language,
        )
        return {listed: html, changed: message(said) if waiting else ""}

    def follow(job: SyncJob) -> Iterator[Update]:
        while not job.ended.wait(0.25):
            html = panels.sync_progress(job.progress, job.seconds, language)
            yield {progress: html, start: gr.update(visible=False), cancel: gr.update(visible=True)}
        if job.report is not None:
            html = panels.sync_report(job.report, language)
        elif job.error is not None:
            html = message(job.error.to(language))
        else:
            html = message(_text("Cancelled; what was finished is kept.", "已取消；完成的部分已保存。", language))
        yield show() | {
            progress: html,
            start: gr.update(visible=True),
            cancel: gr.update(visible=False),
            files: None,
        }

    def synced(folders: Sequence[Path]) -> Iterator[Update]:
        try:
            yield from follow(desk.start_sync(folders))
        except NoteciteError as error:
            yield {progress: message(error.to(language))}

    def sync() -> Iterator[Update]:
        yield from synced(())

    def add_folder(path: str) -> Iterator[Update]:
        try:
            named = desk.folder(path)
        except NoteciteError as error:
            yield {progress: message(error.to(language))}
            return
        yield from synced([named])

    def upload(paths: list[str] | None) -> Iterator[Update]:
        problems = []
        for path in (paths or ())[:MOST_UPLOADS]:
            try:
                desk.keep_upload(Path(path))
            except NoteciteError as error:
                problems.append(error.to(language))
        if problems:
            gr.Warning("\n".join(problems))
        if paths and len(problems) < len(paths):
            yield from synced([desk.settings.library / UPLOADS])

    def stop() -> None:
        if desk.job is not None:
            desk.job.cancelled.set()

    def forget(event: gr.EventData) -> Update:
        document_id = _data(event).get("id", "")
        try:
            was_dropped = desk.forget(document_id)
        except NoteciteError as error:
            return show() | {progress: message(error.to(language))}
        said = _text(f"Removed {document_id}.", f"已移除 {document_id}。", language)
        if not was_dropped:
            said += _text(
                " Its file is still in your folder: the next sync brings it back unless you move it away.",
                "它的文件仍在你的文件夹里：如不移走，下次同步会再次加入。",
                language,
            )
        return show() | {progress: message(said)}

    def open_note(event: gr.EventData) -> str:
        document_id = _data(event).get("id", "")
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

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    start.click(sync, None, everything, **quiet)
    gr.on([add.click, folder.submit], add_folder, folder, everything, **quiet)
    files.upload(upload, files, everything, **quiet)
    cancel.click(stop, **quiet)
    listed.forget(forget, None, everything, **quiet)
    listed.source(open_note, None, note, **quiet)
    tab.select(resume, None, everything, **quiet)


def _inside_tab(desk: Desk, language: Language) -> None:
    settings = desk.settings
    with gr.Row():
        question = gr.Textbox(
            "", label=_text("Question", "问题", language), elem_id="inside-question", scale=4, lines=1, max_lines=3
        )
        look = gr.Button(_text("Look", "查看", language), variant="primary", elem_id="look", scale=0, min_width=100)
    with gr.Row(elem_id="sliders"):
        sliders = [
            gr.Slider(
                1, 200, settings.candidates, step=1, label=_text("Candidates of each search", "每路候选数", language)
            ),
            gr.Slider(1, 100, settings.rerank_candidates, step=1, label=_text("Reranked", "重排数", language)),
            gr.Slider(0, 5, settings.dense_weight, step=0.1, label=_text("Weight of meaning", "语义权重", language)),
            gr.Slider(0, 5, settings.lexical_weight, step=0.1, label=_text("Weight of words", "字词权重", language)),
            gr.Slider(
                50, 3000, settings.answer_characters, step=50, label=_text("Length of the answer", "回答长度", language)
            ),
        ]
    strictness = gr.Radio(
        [
            (_text("strict", "严格", language), "strict"),
            (_text("balanced", "适中", language), "balanced"),
            (_text("eager", "宽松", language), "eager"),
        ],
        value=settings.strictness,
        label=_text("How sure before it answers", "多有把握才回答", language),
        elem_id="strictness",
    )
    result = gr.HTML(elem_id="stages", js_on_load=None, apply_default_css=False)

    def show(asked: str, strict: str, *values: float) -> str:
        if not asked.strip():
            return ""
        names = ("candidates", "rerank_candidates", "dense_weight", "lexical_weight", "answer_characters")
        changes: dict[str, object] = {
            name: value if name.endswith("weight") else int(value) for name, value in zip(names, values, strict=True)
        }
        try:
            found, answer = desk.look_inside(asked, {**changes, "strictness": strict})
        except NoteciteError as error:
            return message(error.to(language))
        columns: dict[str, Sequence[Hit]] = {str(stage): hits for stage, hits in found.stages.items()}
        columns["rerank"] = found.hits
        chunks = {hit.chunk.id: hit.chunk for hits in columns.values() for hit in hits}
        wanted = {term: set(search_tokens(term)) for term in key_terms(found.query.question)}
        terms = {}
        for chunk_id, chunk in chunks.items():
            tokens = set(search_tokens(chunk.embedded_text))
            terms[chunk_id] = [term for term, parts in wanted.items() if parts and parts <= tokens]
        chosen = {
            chunk_id: [
                citation
                for citation in answer.citations
                if citation.document_id == chunk.document_id
                and chunk.start <= citation.start
                and citation.end <= chunk.end
            ]
            for chunk_id, chunk in chunks.items()
        }
        return panels.stages(columns, chosen, terms, language) + view.turn(0, answer, language)

    gr.on(
        [question.submit, look.click, strictness.input, *(slider.release for slider in sliders)],
        show,
        [question, strictness, *sliders],
        result,
        show_progress="minimal",
        api_visibility="private",
        concurrency_limit=None,
    )


def _settings_tab(desk: Desk, language: Language) -> None:
    values = desk.settings.model_dump(mode="json")
    gr.HTML(
        panels.settings(values, desk.origins, language),
        elem_id="settings-table",
        js_on_load=None,
        apply_default_css=False,
    )
    check = gr.Button(
        _text("Check the chat model", "检查对话模型", language),
        elem_id="check",
        size="sm",
        visible=bool(desk.settings.chat_model),
    )
    found = gr.HTML(elem_id="check-result", js_on_load=None, apply_default_css=False)

    def contact() -> str:
        try:
            model = desk.application.chat_model
            assert model is not None
            contact = model.contact()
        except NoteciteError as error:
            return message(error.to(language))
        return message(
            _text(
                f"{contact.model} answered in {contact.seconds:.1f} s: {contact.reply}",
                f"{contact.model} 在 {contact.seconds:.1f} 秒内回答：{contact.reply}",
                language,
            )
        )

    check.click(contact, None, found, show_progress="minimal", api_visibility="private")
