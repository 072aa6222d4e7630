"""What the tabs of the page share. The only module that imports gradio."""

import os
from typing import Any

from ingest.phrases import Language, Phrase

# Read when gradio is imported; without them it asks outside hosts for newer versions. A model hub is contacted only if
# the settings name one of its models.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr

__all__ = ["QUIET", "SENDS", "Update", "data_of", "gr", "strictness_radio", "text"]

Update = dict[Any, Any]
"""Components and their new values."""

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""For events too short to show progress."""

SENDS = """
const events = ['ask', 'source', 'open', 'forget', 'rate', 'case'];
element.addEventListener('click', (event) => window.notecite.act(element, event, (name, data) => {
  if (events.includes(name)) trigger(name, data);
}));
"""
"""Makes a gr.HTML pass on the ``data-act`` of its buttons; gradio reads the names of its events from here."""


def text(en: str, zh: str, language: Language) -> str:
    return Phrase(en, zh).to(language)


def strictness_radio(language: Language, elem_id: str, value: str | None = None) -> gr.Radio:
    return gr.Radio(
        [
            (text("strict", "严格", language), "strict"),
            (text("balanced", "适中", language), "balanced"),
            (text("eager", "宽松", language), "eager"),
        ],
        value=value,
        label=text("Confidence needed to answer", "作答所需的把握", language),
        elem_id=elem_id,
    )


def data_of(event: gr.EventData) -> dict[str, str]:
    """The data of a button, as text whatever the browser sends."""
    data = event._data if isinstance(event._data, dict) else {}
    return {str(name): str(value) for name, value in data.items()}
