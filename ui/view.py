"""Conversations and notes -> HTML, pure. Buttons say what they do in ``data-act``; the page's script acts on it.

All text from notes, models and people is escaped, or rendered by ``ui.markup``.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from ingest.phrases import Language, Phrase
from ingest.types import Chunk, Document, Place
from rag.types import Answer, Conflict, StageDone
from ui.elements import button, duration, lines, message, page_number, quiet, say, stage_name
from ui.markup import Highlight, Remark, as_written, rendered
from ui.text import counted, read_as, with_footnotes
from ui.verdicts import doubt_summary, doubts, sides, without_conflicts

# The citation numbers of a formula, a table or code are below it, in a paragraph of their own.
_ONLY_NUMBERS = re.compile(r'<p>((?:<button[^>]*>\d+</button>|<span class="remark[^>]*>.</span>)+)</p>')
_UNKNOWN_QUOTES = dict.fromkeys(range(1, 1000), "")
_THUMB = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 11v9H4v-9zm0 0 4-8c1.5 0 2.5 1 2.5 2.5V9H19c1.2 0 2 1 1.8 '
    '2.2l-1.2 7A2.2 2.2 0 0 1 17.400 20H7"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Writing:
    """An answer that is still being written: its Markdown so far and the finished stages."""

    question: str
    text: str = ""
    stages: tuple[StageDone, ...] = ()


# Conversations


def conversation(
    answers: Sequence[Answer], writing: Writing | None, language: Language, liked: Mapping[int, bool] | None = None
) -> str:
    """Every turn of a conversation, and the one being written; ``liked`` holds a person's ratings by turn."""
    ratings = liked or {}
    turns = [turn(number, answer, language, liked=ratings.get(number)) for number, answer in enumerate(answers)]
    if writing is not None:
        turns.append(_writing(writing, language))
    return f'<div class="turns">{"".join(turns)}</div>'


def turn(
    number: int, answer: Answer, language: Language, *, with_actions: bool = True, liked: bool | None = None
) -> str:
    """A question and its answer, with buttons for what can be done next; ``liked`` is the person's rating."""
    searched = read_as(answer)
    understood = f'<p class="understood">{escape(searched.to(language))}</p>' if searched else ""
    notice = f'<p class="notice" role="note">{escape(answer.notice.to(language))}</p>' if answer.notice else ""
    body = _refusal(number, answer, language) if answer.abstained else _answer_body(answer, language)
    summary = doubt_summary(answer)
    doubted = f'<p class="doubted">{escape(summary.to(language))}</p>' if summary else ""
    actions = _actions(number, answer, liked, language) if with_actions else ""
    form = _reason_form(number, language) if with_actions else ""
    return (
        f'<article class="turn" data-turn="{number}"><div class="asked">{lines(answer.question)}</div>'
        f'<div class="reply">{understood}{notice}{body}{doubted}'
        f'<footer><span class="times">{_made(answer, language)}</span>{actions}</footer>'
        f"{form}</div></article>"
    )


def _actions(number: int, answer: Answer, liked: bool | None, language: Language) -> str:
    buttons = (
        button("copy", say("Copy", "复制", language), "quiet", text=with_footnotes(answer, language))
        + button("ask", say("Ask again", "重新回答", language), "quiet", question=answer.question, turn=number)
        + button("edit", say("Edit", "修改问题", language), "quiet", question=answer.question, turn=number)
        + _thumbs(number, liked, language)
    )
    return f'<span class="actions">{buttons}</span>'


def _thumbs(number: int, liked: bool | None, language: Language) -> str:
    """A dislike is sent by the form that asks for the reason."""
    up, down = (str(liked is way).lower() for way in (True, False))
    like, dislike = say("A good answer", "回答得好", language), say("A bad answer", "回答得不好", language)
    return (
        f'<button type="button" class="quiet thumb" data-act="rate" data-turn="{number}" data-liked="yes" '
        f'aria-pressed="{up}" aria-label="{like}" title="{like}">{_THUMB}</button>'
        f'<button type="button" class="quiet thumb down" data-act="dislike" aria-pressed="{down}" '
        f'aria-expanded="false" aria-label="{dislike}" title="{dislike}">{_THUMB}</button>'
    )


def _reason_form(number: int, language: Language) -> str:
    label = say("What is wrong with it?", "哪里不好？", language)
    send = button("rate", say("Send for review", "提交审核", language), "quiet", turn=number, liked="no")
    return (
        f'<div class="reason" hidden><input type="text" maxlength="500" aria-label="{label}" placeholder="{label}">'
        f"{send}</div>"
    )


def _answer_body(answer: Answer, language: Language) -> str:
    quotes = {citation.number: citation.quote for citation in answer.citations}
    text = without_conflicts(answer)
    found = list(doubts(answer, text))
    html = rendered(
        text,
        highlights=[Highlight(doubt.start, doubt.end, doubt.level) for doubt in found],
        quotes=quotes,
        remarks=[Remark(d.after_marks, d.level, d.symbol, d.why.to(language)) for d in found],
    )
    html = _ONLY_NUMBERS.sub(r'<p class="numbers">\1</p>', html)
    cards = "".join(_conflict(conflict, answer, language) for conflict in answer.conflicts)
    return f'<div class="written">{html}</div>{cards}'


def _conflict(conflict: Conflict, answer: Answer, language: Language) -> str:
    """Two claims side by side, each with its place."""
    cited = {citation.number: citation for citation in answer.citations}
    quotes = {number: citation.quote for number, citation in cited.items()}
    cards = []
    for claim, numbers in sides(conflict):
        marks = "".join(f"[{number}]" for number in numbers)
        places = dict.fromkeys(
            " › ".join(dict.fromkeys((cited[number].document_id, *cited[number].headings)))
            for number in numbers
            if number in cited
        )
        where = "".join(f'<p class="where">{escape(place)}</p>' for place in places)
        cards.append(
            f'<div class="side"><div class="written">{rendered(f"{claim} {marks}", quotes=quotes)}</div>{where}</div>'
        )
    label = say("Your notes disagree", "笔记里的说法不一致", language)
    return (
        f'<section class="conflict" aria-label="{label}"><p class="label">{label}</p>'
        f'<div class="sides">{"".join(cards)}</div></section>'
    )


def _refusal(number: int, answer: Answer, language: Language) -> str:
    said = answer.text.split("\n", 1)[0] if answer.nearest else answer.text
    headings = "".join(
        button("heading", escape(" › ".join(dict.fromkeys(path))), "heading", turn=number, at=at)
        for at, path in enumerate(answer.nearest)
    )
    label = say("Nearest headings", "最接近的标题", language)
    group = f'<div class="headings" role="group" aria-label="{label}">{headings}</div>' if headings else ""
    return f'<div class="refusal"><div class="written">{rendered(said)}</div>{group}</div>'


def _writing(writing: Writing, language: Language) -> str:
    done = " · ".join(
        f"{escape(stage_name(stage.stage, language))} {stage.count} <small>{duration(stage.seconds)}</small>"
        for stage in writing.stages
        if stage.stage != "condense"
    )
    ended = {stage.stage for stage in writing.stages}
    now = stage_name("generate" if "retrieve" in ended else "retrieve", language)
    stages = f'<p class="stages" role="status">{done}{" · " if done else ""}<span class="now">{escape(now)}…</span></p>'
    # The quote behind a number is known once the answer is complete.
    body = f'<div class="written">{rendered(writing.text, quotes=_UNKNOWN_QUOTES)}</div>' if writing.text else ""
    return (
        f'<article class="turn writing" aria-busy="true"><div class="asked">{lines(writing.question)}</div>'
        f'<div class="reply">{body}{stages}</div></article>'
    )


def _made(answer: Answer, language: Language) -> str:
    """How confident the answer is and how long each stage took."""
    parts = [
        f"{escape(stage_name(name, language))} {duration(spent)}"
        for name, spent in answer.seconds.items()
        if spent >= 0.0005
    ]
    if answer.confidence is not None:
        sure = f"{answer.confidence:.0%}"
        parts.insert(0, say(f"confidence {sure}", f"把握 {sure}", language))
    return " · ".join(parts)


def empty_conversation(documents: int, suggestions: Sequence[str], language: Language) -> str:
    """What is shown before the first question."""
    if not documents:
        return (
            f'<div class="empty"><h2>{say("No notes yet", "还没有笔记", language)}</h2>'
            f"<p>{say('First add a folder or drop files.', '请先添加文件夹或拖入文件。', language)}</p>"
            f"{button('tab', say('Open the library', '打开笔记库', language), 'primary', tab='library')}</div>"
        )
    asks = "".join(button("ask", escape(question), "suggestion", question=question) for question in suggestions)
    verb = "is" if documents == 1 else "are"
    ready = say(f"{counted(documents, 'note')} {verb} ready.", f"{documents} 篇笔记已就绪。", language)
    promise = say("Every sentence cites the words it rests on.", "回答的每一句都注明依据的原文。", language)
    return (
        f'<div class="empty"><h2>{say("Ask your notes", "向你的笔记提问", language)}</h2>'
        f"<p>{ready} {promise}</p>"
        f'<div class="suggestions">{asks}</div></div>'
    )


def conversation_list(
    entries: Sequence[tuple[str, str, float]],
    current: str | None,
    language: Language,
    *,
    searched: bool = False,
) -> str:
    """``entries`` are (id, title, time of last use in seconds since the epoch), newest first; ``searched`` says that
    they are the matches of a search."""
    if not entries:
        none = Phrase("No conversations yet.", "还没有对话。")
        unmatched = Phrase("No matching conversations.", "没有匹配的对话。")
        return quiet((unmatched if searched else none).to(language))
    today = time.localtime()[:3]
    items = []
    for id_, title, used in entries:
        when = time.localtime(used)
        shown = time.strftime("%H:%M" if when[:3] == today else "%Y-%m-%d", when)
        mark = ' aria-current="true"' if id_ == current else ""
        items.append(
            f"<li{mark}>{button('open', f'<span>{escape(title)}</span><small>{shown}</small>', 'entry', id=id_)}</li>"
        )
    return f'<ul class="conversations">{"".join(items)}</ul>'


# Sources


def source_panel(document: Document, answer: Answer, number: int, turn_number: int, language: Language) -> str:
    """The whole note with the words of citation ``number`` marked, and more lightly those of the other citations."""
    cited = {citation.number: citation for citation in answer.citations}
    current = cited[number]
    here = [current, *(c for c in answer.citations if c.document_id == document.id and c.number != number)]
    highlights = [
        Highlight(c.start, c.end, "cited" if c.number == number else "also-cited")
        for c in here
        if document.text[c.start : c.end] == c.quote
    ]
    changed = ""
    if document.text[current.start : current.end] != current.quote:
        highlights, moved = highlights[:0], document.text.find(current.quote)
        if moved >= 0:
            highlights = [Highlight(moved, moved + len(current.quote), "cited")]
        changed = message(Phrase("This note has changed since the answer.", "这篇笔记在回答之后改动过。").to(language))
        if moved < 0:
            changed += f"<blockquote>{lines(current.quote)}</blockquote>"
    numbers = list(cited)
    at = numbers.index(number)

    def step(to: int, label: str, symbol: str) -> str:
        disabled = "" if 0 <= to < len(numbers) else " disabled"
        target = numbers[to] if not disabled else number
        return (
            f'<button type="button" class="step" data-act="cite" data-turn="{turn_number}" data-citation="{target}" '
            f'aria-label="{label}" title="{label}"{disabled}>{symbol}</button>'
        )

    nav = (
        step(at - 1, say("Previous citation", "上一处引用", language), "‹")
        + f'<span class="number" data-turn="{turn_number}" data-citation="{number}">{number} / {len(numbers)}</span>'
        + step(at + 1, say("Next citation", "下一处引用", language), "›")
    )
    also = "".join(f"<li>{escape(place.document_id)}</li>" for place in current.also_at)
    also_at = ""
    if also:
        label = say("The same words are also in", "同样的内容还见于", language)
        also_at = f'<details class="also"><summary>{label}</summary><ul>{also}</ul></details>'
    page = current.page
    return _panel(document, current.headings, page, nav, changed + also_at, highlights, language)


def section_panel(document: Document, headings: Sequence[str], place: Place, language: Language) -> str:
    """The whole note, opened at a place."""
    return _panel(
        document,
        headings,
        document.page_at(place.start),
        "",
        "",
        [Highlight(place.start, place.end, "section")],
        language,
    )


def note_panel(document: Document, chunks: Sequence[Chunk], language: Language) -> str:
    """A note as it is searched: chunk by chunk, each with its headings and page."""
    items = "".join(
        f'<li class="chunk"><p class="where">{number}. {escape(chunk.context)} '
        f"<small>{say(f'{chunk.tokens} tokens', f'{chunk.tokens} 个词元', language)}"
        f"{page_number(chunk.page, language)}</small></p>"
        f'<div class="written">{rendered(chunk.text)}</div></li>'
        for number, chunk in enumerate(chunks, 1)
    )
    problems = "".join(f'<p class="notice">{escape(problem.to(language))}</p>' for problem in document.problems)
    return _frame(document.id, (), None, "", f'{problems}<ol class="chunks">{items}</ol>', language)


def _panel(
    document: Document,
    headings: Sequence[str],
    page: int | None,
    nav: str,
    above: str,
    highlights: Sequence[Highlight],
    language: Language,
) -> str:
    picture = ""
    if page is not None:
        label = say(f"Page {page} as it looks", f"第 {page} 页原貌", language)
        address = escape(f"/page.png?document={quote(document.id, safe='')}&page={page}&language={language}")
        picture = (
            f'<details class="page" open><summary>{label}</summary>'
            f'<img src="{address}" alt="{label}" loading="lazy"></details>'
        )
    show = as_written if document.id.lower().endswith((".txt", ".text")) else rendered
    body = f'{above}{picture}<div class="written note">{show(document.text, highlights)}</div>'
    return _frame(document.id, headings, page, nav, body, language)


def _frame(document_id: str, headings: Sequence[str], page: int | None, nav: str, body: str, language: Language) -> str:
    path = "".join(f"<span>{escape(heading)}</span>" for heading in dict.fromkeys(headings))
    address = escape(f"/file?document={quote(document_id, safe='')}&language={language}")
    opener = (
        f'<a class="open-file" target="_blank" rel="noopener" href="{address}">'
        f"{say('Open file', '打开文件', language)}</a>"
    )
    close = button("close", "✕", "close").replace(
        "<button", f'<button aria-label="{say("Close the source", "关闭原文", language)}"', 1
    )
    return (
        f'<section class="source" aria-label="{say("Source", "原文", language)}"><header>'
        f'<div class="where"><strong>{escape(document_id)}</strong> {opener}'
        f'<span class="path">{path}{page_number(page, language)}</span></div>'
        f"<nav>{nav}{close}</nav></header>"
        f'<div class="scroll" tabindex="0">{body}</div></section>'
    )
