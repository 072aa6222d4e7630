"""What the tabs of the page share. The only home of gradio."""

import os
from typing import Any

from ingest.phrases import Language, Phrase

# Read when gradio is imported; without them it asks hosts outside whether there is a newer version. A model hub is
# reached for only where the settings name a model of it.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr

__all__ = ["QUIET", "SENDS", "Update", "data_of", "gr", "text"]

Update = dict[Any, Any]
"""Components and what they show now."""

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""For events that are over before a person could watch their progress."""

SENDS = """
const events = ['ask', 'source', 'open', 'forget', 'rate', 'case'];
element.addEventListener('click', (event) => window.notecite.act(element, event, (name, data) => {
  if (events.includes(name)) trigger(name, data);
}));
"""
"""Makes a gr.HTML pass on what its buttons carry in ``data-act``; gradio reads the names of its events from here."""


def text(en: str, zh: str, language: Language) -> str:
    return Phrase(en, zh).to(language)


def data_of(event: gr.EventData) -> dict[str, str]:
    """What a button carries, as text whatever a browser sends."""
    data = event._data if isinstance(event._data, dict) else {}
    return {str(name): str(value) for name, value in data.items()}
