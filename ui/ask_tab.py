"""The tab Ask: conversations, answers as they are written, and the source panel."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ingest.errors import LibraryMismatch, NoteciteError
from ingest.phrases import Language
from rag.types import Answer, Event, Restart, StageDone, TextPiece
from ui import panels, view
from ui.conversations import Conversation, Conversations
from ui.desk import Desk
from ui.elements import button, message
from ui.person import person_of
from ui.widgets import QUIET, SENDS, Update, data_of, gr, text

_SECONDS_BETWEEN_UPDATES = 0.06
_SHOW_SOURCE = "() => { setTimeout(window.notecite.showSource, 80); }"


def ask_tab(blocks: gr.Blocks, tab: gr.Tab, desk: Desk, language: Language) -> None:
    with gr.Row(elem_id="ask-row"):
        with gr.Column(elem_id="menu", scale=0, min_width=240):
            fresh = gr.Button(text("New conversation", "新对话", language), elem_id="fresh", size="sm")
            search = gr.Textbox(
                value="",
                placeholder=text("Search conversations", "搜索对话", language),
                label=text("Search conversations", "搜索对话", language),
                show_label=False,
                container=False,
                elem_id="search-conversations",
            )
            entries = gr.HTML(elem_id="entries", js_on_load=SENDS, apply_default_css=False)
        with gr.Column(elem_id="chat", scale=3, min_width=320):
            with gr.Row(elem_id="title-row"):
                gr.HTML(
                    button("menu", "☰", "quiet").replace(
                        "<button", f'<button aria-label="{text("Conversations", "对话列表", language)}"', 1
                    ),
                    elem_id="menu-switch",
                    js_on_load=None,
                    apply_default_css=False,
                )
                title = gr.Textbox(
                    "",
                    label=text("Title of this conversation", "对话标题", language),
                    show_label=False,
                    container=False,
                    elem_id="title",
                    max_length=80,
                    visible=False,
                    scale=1,
                )
                export = gr.HTML(elem_id="export", js_on_load=None, apply_default_css=False)
                delete = gr.Button(
                    text("Delete", "删除", language), elem_id="delete", size="sm", visible=False, min_width=60, scale=0
                )
                sure = gr.Button(
                    text("Delete for good?", "确定删除？", language),
                    elem_id="sure",
                    size="sm",
                    variant="stop",
                    visible=False,
                    min_width=60,
                    scale=0,
                )
            turns = gr.HTML(elem_id="turns", js_on_load=SENDS, apply_default_css=False, autoscroll=True)
            with gr.Row(elem_id="composer"):
                question = gr.Textbox(
                    "",
                    label=text("Your question", "你的问题", language),
                    show_label=False,
                    container=False,
                    placeholder=text(
                        "Ask your notes…  (Shift+Enter for a new line)",
                        "向笔记提问……（Shift+回车换行）",
                        language,
                    ),
                    lines=1,
                    max_lines=6,
                    autofocus=True,
                    elem_id="question",
                    scale=1,
                )
                send = gr.Button(
                    text("Ask", "提问", language), variant="primary", elem_id="send", scale=0, min_width=80
                )
                stop = gr.Button(
                    text("Stop", "停止", language),
                    variant="stop",
                    elem_id="stop",
                    visible=False,
                    scale=0,
                    min_width=80,
                )
            current = gr.Textbox("", elem_id="current", visible=False)
            renamed = gr.State(("", ""))
            kept_turns = gr.Textbox("", elem_id="kept-turns", visible="hidden", label="kept turns", show_label=False)
        with gr.Column(elem_id="source-column", scale=2, min_width=320):
            source = gr.HTML(elem_id="source", js_on_load=SENDS, apply_default_css=False)

    def shown(conversation: Conversation | None, conversations: Conversations, words: str = "") -> Update:
        """Everything that depends on which conversation is open."""
        if conversation is None:
            html = _empty(desk, language)
        else:
            html = view.conversation(conversation.answers, None, language, conversation.liked)
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

    def answer(asked: str, conversation_id: str, kept: str, request: gr.Request) -> Iterator[Update]:
        conversations = _conversations(desk, request)
        conversation = opened(conversations, conversation_id)
        after = int(kept) if kept.isdecimal() else None
        answers = conversation.answers[:after] if conversation else ()
        liked = conversation.liked if conversation else {}
        if not asked.strip():
            yield {question: asked}
            return
        yield {
            question: "",
            kept_turns: "",
            turns: view.conversation(answers, view.Writing(asked), language, liked),
            send: gr.update(visible=False),
            stop: gr.update(visible=True),
        }
        ready = {send: gr.update(visible=True), stop: gr.update(visible=False)}
        try:
            stopped = True
            for item in _answering(desk, asked, answers, person_of(request.cookies)):
                if isinstance(item, Answer):
                    stopped = False
                    conversation = conversations.add(conversation.id if conversation else None, item, after)
                else:
                    yield {turns: view.conversation(answers, item, language, liked)}
            if stopped:
                yield {question: asked}
        except NoteciteError as error:
            gr.Warning(error.to(language))
            yield {question: asked}
        except Exception:
            # A fault of the program, which gradio tells; the person can go on.
            yield {question: asked, **ready}
            raise
        yield {current: conversation.id if conversation else "", **ready}

    def ask_clicked(conversation_id: str, kept: str, event: gr.EventData, request: gr.Request) -> Iterator[Update]:
        data = data_of(event)
        yield from answer(data.get("question", ""), conversation_id, data.get("turn", kept), request)

    def stop_writing(request: gr.Request) -> None:
        desk.stop(person_of(request.cookies))

    def open_source(conversation_id: str, event: gr.EventData, request: gr.Request) -> str:
        data = data_of(event)
        try:
            return _source(desk, _conversations(desk, request).get(conversation_id), data, language)
        except NoteciteError as error:
            return message(error.to(language))
        except (KeyError, IndexError, ValueError, StopIteration):
            # Another window has shortened the conversation since.
            return message(text("This answer is gone. Reload the page.", "这个回答已不在，请刷新页面。", language))

    def rate(conversation_id: str, event: gr.EventData, request: gr.Request) -> None:
        data = data_of(event)
        conversations = _conversations(desk, request)
        conversation = opened(conversations, conversation_id)
        turn, liked = int(data.get("turn", -1)), data.get("liked") == "yes"
        if conversation is None or not 0 <= turn < len(conversation.answers):
            return
        try:
            conversations.rate(conversation.id, turn, liked)
            desk.questions.rate(
                f"{conversation.id} {turn}",
                conversation.answers[turn],
                conversation.history[:turn],
                liked=liked,
                reason=data.get("reason", ""),
            )
        except NoteciteError as error:
            gr.Warning(error.to(language))
            return
        gr.Info(text("Saved for review in the tab Measure.", "已保存，可在“评测”中审核。", language))

    def rename(conversation_id: str, to: str, request: gr.Request) -> tuple[str, tuple[str, str]]:
        conversations = _conversations(desk, request)
        try:
            name = conversations.rename(conversation_id, to).title
        except NoteciteError as error:
            gr.Warning(error.to(language))
            found = opened(conversations, conversation_id)
            name = found.title if found else ""
        return name, (conversation_id, name)

    def remove(conversation_id: str, words: str, request: gr.Request) -> Update:
        conversations = _conversations(desk, request)
        try:
            conversations.delete(conversation_id)
        except NoteciteError as error:
            gr.Warning(error.to(language))
        return show("", words, request)

    def entry_id(event: gr.EventData) -> str:
        return data_of(event).get("id", "")

    def find(words: str, conversation_id: str, request: gr.Request) -> str:
        conversations = _conversations(desk, request)
        return _entries(conversations, words, opened(conversations, conversation_id), language)

    def start_afresh(words: str, request: gr.Request) -> Update:
        return show("", words, request)

    asking: dict[str, Any] = {
        "outputs": [turns, current, question, kept_turns, send, stop],
        # The desk limits how many run at a time and refuses the rest.
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    runs = [
        gr.on([question.submit, send.click], answer, [question, current, kept_turns], **asking),
        turns.ask(ask_clicked, [current, kept_turns], **asking),
    ]
    for run in runs:
        # Shown as whole only when it has ended: until then gradio drops the next question.
        run.then(show, [current, search], whole, **QUIET).then(
            None, current, None, js="(id) => { window.notecite.remember(id); }"
        )
    stop.click(stop_writing, **QUIET)
    turns.rate(rate, current, None, **QUIET)
    for panel in (turns, source):
        panel.source(open_source, current, source, **QUIET).then(None, js=_SHOW_SOURCE)
    entries.open(entry_id, None, current, **QUIET).then(show, [current, search], whole, **QUIET).then(
        None, current, None, js="(id) => { window.notecite.remember(id); }"
    )
    # One event for both reasons to list anew, so that no older list comes after a newer one.
    gr.on([search.change, renamed.change], find, [search, current], entries, trigger_mode="always_last", **QUIET)
    fresh.click(start_afresh, search, whole, **QUIET).then(None, js="() => { window.notecite.remember(''); }")
    gr.on([title.submit, title.blur], rename, [current, title], [title, renamed], **QUIET)
    delete.click(lambda: gr.update(visible=True), None, sure, **QUIET)
    sure.click(remove, [current, search], whole, **QUIET).then(None, js="() => { window.notecite.remember(''); }")
    # A tab may be selected while the page still loads; both must show the same.
    for shows in (blocks.load, tab.select):
        shows(show, [current, search], whole, js="(id, words) => [window.notecite.recalled(), words]", **QUIET)


def _conversations(desk: Desk, request: gr.Request) -> Conversations:
    return desk.conversations(person_of(request.cookies))


def _answering(desk: Desk, asked: str, answers: Sequence[Answer], person: str) -> Iterator[view.Writing | Answer]:
    """The answer as it grows, no faster than an eye can follow, and finally the Answer."""
    writing = view.Writing(asked)
    for events in desk.ask(asked, [answer.question for answer in answers], person):
        for event in events:
            if isinstance(event, Answer):
                yield event
                return
            writing = _written_on(writing, event)
        yield writing
        time.sleep(_SECONDS_BETWEEN_UPDATES)


def _written_on(writing: view.Writing, event: Event) -> view.Writing:
    if isinstance(event, StageDone):
        return replace(writing, stages=(*writing.stages, event))
    if isinstance(event, TextPiece):
        return replace(writing, text=writing.text + event.text)
    return replace(writing, text="") if isinstance(event, Restart) else writing


def _empty(desk: Desk, language: Language) -> str:
    try:
        if desk.is_empty():
            return view.empty_conversation(0, (), language)
        library = desk.application.library
        return view.empty_conversation(library.counts().documents, desk.suggestions(), language)
    except LibraryMismatch as error:
        return panels.mismatch(error, language)
    except NoteciteError as error:
        return message(error.to(language))


def _entries(conversations: Conversations, words: str, current: Conversation | None, language: Language) -> str:
    found = [(c.id, c.title, c.used_at) for c in conversations.all(words)]
    return view.conversation_list(found, current.id if current else None, language, searched=bool(words.strip()))


def _export(conversation: Conversation | None, language: Language) -> str:
    if conversation is None:
        return ""
    label = text("Export", "导出", language)
    return f'<a class="quiet" href="/export/{conversation.id}.md?language={language}" download>{label}</a>'


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
