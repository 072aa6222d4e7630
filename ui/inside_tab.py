"""The tab Look inside: one question through every stage, under settings that can be moved."""

from collections.abc import Sequence

from ingest.errors import NoteciteError
from ingest.lexical import search_tokens
from ingest.phrases import Language
from rag.terms import key_terms
from rag.types import Hit
from ui import panels, view
from ui.desk import Desk
from ui.elements import message
from ui.widgets import gr, text


def inside_tab(desk: Desk, language: Language) -> None:
    settings = desk.settings
    with gr.Row():
        question = gr.Textbox(
            "", label=text("Question", "问题", language), elem_id="inside-question", scale=4, lines=1, max_lines=3
        )
        look = gr.Button(text("Look", "查看", language), variant="primary", elem_id="look", scale=0, min_width=100)
    with gr.Row(elem_id="sliders"):
        sliders = [
            gr.Slider(1, 200, settings.candidates, step=1, label=text("Candidates", "每路候选", language)),
            gr.Slider(1, 100, settings.rerank_candidates, step=1, label=text("Reranked", "重排数", language)),
            gr.Slider(0, 5, settings.dense_weight, step=0.1, label=text("Meaning", "语义权重", language)),
            gr.Slider(0, 5, settings.lexical_weight, step=0.1, label=text("Words", "字词权重", language)),
            gr.Slider(1, 50, 10, step=1, label=text("Shown", "每列显示", language)),
            gr.Slider(50, 3000, settings.answer_characters, step=50, label=text("Length", "回答长度", language)),
        ]
    strictness = gr.Radio(
        [
            (text("strict", "严格", language), "strict"),
            (text("balanced", "适中", language), "balanced"),
            (text("eager", "宽松", language), "eager"),
        ],
        value=settings.strictness,
        label=text("How sure before it answers", "多有把握才回答", language),
        elem_id="strictness",
    )
    result = gr.HTML(elem_id="stages", js_on_load=None, apply_default_css=False)

    def show(asked: str, strict: str, *values: float) -> str:
        *searched, shown, characters = values
        if not asked.strip():
            return ""
        names = ("candidates", "rerank_candidates", "dense_weight", "lexical_weight")
        changes: dict[str, object] = {
            name: value if name.endswith("weight") else int(value) for name, value in zip(names, searched, strict=True)
        }
        changes |= {"answer_characters": int(characters), "strictness": strict}
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
        return panels.stages(columns, chosen, terms, language, int(shown)) + view.turn(
            0, answer, language, with_actions=False
        )

    gr.on(
        [question.submit, look.click, strictness.input, *(slider.release for slider in sliders)],
        show,
        [question, strictness, *sliders],
        result,
        show_progress="minimal",
        api_visibility="private",
        concurrency_limit=None,
    )
