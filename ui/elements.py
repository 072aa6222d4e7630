"""Small pieces of HTML that the views share. Text is escaped here, except in parameters named ``…_html``."""

import time
from collections.abc import Sequence
from html import escape

from eval.stages import stage_name as name_of_stage
from ingest.phrases import Language, Phrase


def stage_name(stage: str, language: Language) -> str:
    return name_of_stage(stage).to(language)


def say(en: str, zh: str, language: Language) -> str:
    return escape(Phrase(en, zh).to(language))


def button(act: str, label_html: str, css: str = "", **data: object) -> str:
    """A button; the page's script passes its ``act`` and ``data`` on when it is clicked."""
    attributes = "".join(f' data-{name}="{escape(str(value))}"' for name, value in data.items())
    return f'<button type="button" class="{css}" data-act="{act}"{attributes}>{label_html}</button>'


def message(text: str, *, done: bool = False) -> str:
    """A notice; with ``done``, styled as success."""
    return f'<p class="notice{" done" if done else ""}" role="status">{escape(text)}</p>'


def quiet(text: str) -> str:
    """A placeholder for an empty panel."""
    return f'<p class="quiet-text">{escape(text)}</p>'


def lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def date(when: float) -> str:
    """Seconds since the epoch as local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))


def progress_bar(said_html: str, done: int | None = None, total: int | None = None) -> str:
    """A bar with a line below it; without numbers, a bar that only shows that work goes on."""
    amount = "" if total is None else f' max="{total}" value="{done}"'
    return (
        f'<div class="sync" role="status"><progress{amount} aria-label="{said_html}"></progress>'
        f"<p>{said_html}</p></div>"
    )


def page_number(page: int | None, language: Language) -> str:
    return "" if page is None else f"<span>{say(f'page {page}', f'第 {page} 页', language)}</span>"


def table(label_html: str, heads_html: Sequence[str], rows_html: Sequence[str], css: str = "") -> str:
    """A table in a box that scrolls by itself; each row is a <tr>."""
    head = "".join(f'<th scope="col">{text}</th>' for text in heads_html)
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{label_html}"><table class="{css}">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows_html)}</tbody></table></div>"
    )
