"""The tab Look inside: one question through every stage, with sliders for the settings."""

from collections.abc import Sequence
from typing import Any

from ingest.errors import NoteciteError
from ingest.phrases import Language
from ingest.tokens import search_tokens
from rag.terms import key_terms
from rag.types import Hit
from ui import panels, view
from ui.desk import Desk
from ui.elements import message
from ui.widgets import QUIET, Update, gr, strictness_radio, text

_USUALLY_MOST = {
    "candidates": 200, "rerank_candidates": 100, "dense_weight": 5, "lexical_weight": 5, "answer_characters": 3000,
}  # fmt: skip
"""Where the sliders end, unless the settings go further."""


def inside_tab(tab: gr.Tab, desk: Desk, language: Language) -> None:
    begin = _beginning(desk)
    with gr.Row():
        question = gr.Textbox(
            "", label=text("Question", "问题", language), elem_id="inside-question", scale=4, lines=1, max_lines=3
        )
        look = gr.Button(text("Search", "检索", language), variant="primary", elem_id="look", scale=0, min_width=100)
    with gr.Row(elem_id="sliders"):
        sliders = {
            name: gr.Slider(least, step=step, label=label, **_end_and_value(begin, name))
            for name, least, step, label in (
                ("candidates", 1, 1, text("Candidates", "每路候选", language)),
                ("rerank_candidates", 1, 1, text("Reranked", "重排数", language)),
                ("dense_weight", 0, 0.1, text("Meaning ×", "语义权重", language)),
                ("lexical_weight", 0, 0.1, text("Words ×", "字词权重", language)),
                ("answer_characters", 50, 50, text("Length", "回答长度", language)),
            )
        }
        shown = gr.Slider(1, 50, 10, step=1, label=text("Shown", "每列显示", language))
    strictness = strictness_radio(language, "strictness", begin["strictness"])
    result = gr.HTML(elem_id="stages", js_on_load=None, apply_default_css=False)
    began = gr.State(begin)

    def begin_anew(before: dict[str, Any]) -> Update:
        """Resets the sliders if the settings have changed since ``before``."""
        now = _beginning(desk)
        if now == before:
            return {began: now}
        moved = {slider: gr.update(**_end_and_value(now, name)) for name, slider in sliders.items()}
        return {began: now, strictness: now["strictness"], **moved}

    def show(asked: str, strict: str, count: float, *values: float) -> str:
        if not asked.strip():
            return ""
        changes: dict[str, object] = {
            name: value if name.endswith("weight") else int(value) for name, value in zip(sliders, values, strict=True)
        }
        changes["strictness"] = strict
        try:
            found, answer = desk.look_inside(asked, changes)
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
        return panels.stages(columns, chosen, terms, language, int(count)) + view.turn(
            0, answer, language, with_actions=False
        )

    gr.on(
        [question.submit, look.click, strictness.input, *(slider.release for slider in (*sliders.values(), shown))],
        show,
        [question, strictness, shown, *sliders.values()],
        result,
        show_progress="minimal",
        api_visibility="private",
        concurrency_limit=None,
    )
    tab.select(begin_anew, began, [began, strictness, *sliders.values()], **QUIET)


def _beginning(desk: Desk) -> dict[str, Any]:
    return desk.settings.model_dump(include={*_USUALLY_MOST, "strictness"})


def _end_and_value(begin: dict[str, Any], name: str) -> dict[str, Any]:
    return {"maximum": max(_USUALLY_MOST[name], begin[name]), "value": begin[name]}
