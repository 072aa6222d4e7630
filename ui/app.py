"""The Gradio page: its tabs, in both languages."""

from pathlib import Path

from fastapi import FastAPI

from ingest.phrases import Language
from ui.ask_tab import ask_tab
from ui.desk import LARGEST_UPLOAD, Desk
from ui.elements import button
from ui.inside_tab import inside_tab
from ui.library_tab import library_tab
from ui.measure_tab import measure_tab
from ui.settings_tab import settings_tab
from ui.widgets import gr, text

ASSETS = Path(__file__).parent / "page"
MOST_EVENTS_WAITING = 200


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
            # Gradio rewrites css=: inside @media, its rules on <body> would match nothing.
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
            with gr.Tab(text("Ask", "提问", language), elem_id="ask") as tab:
                ask_tab(blocks, tab, desk, language)
            with gr.Tab(text("Library", "笔记库", language), elem_id="library") as tab:
                library_tab(tab, desk, language)
            with gr.Tab(text("Look inside", "检索过程", language), elem_id="inside") as tab:
                inside_tab(tab, desk, language)
            with gr.Tab(text("Measure", "评测", language), elem_id="measure") as tab:
                measure_tab(tab, desk, language)
            with gr.Tab(text("Settings", "设置", language), elem_id="settings") as tab:
                settings_tab(tab, desk, language)
        blocks.queue(max_size=MOST_EVENTS_WAITING, default_concurrency_limit=8, api_open=False)
    built: gr.Blocks = blocks
    return built


def _header(language: Language) -> str:
    other, label = ("/zh/", "中文") if language == "en" else ("/en/", "English")
    theme = f'<span aria-hidden="true">◐</span> {text("Theme", "主题", language)}'
    return (
        f'<h1>notecite</h1><div class="switches">{button("language", label, "quiet", path=other)}'
        f"{button('theme', theme, 'quiet')}</div>"
    )
