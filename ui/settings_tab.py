"""The tab Settings."""

from ingest.errors import NoteciteError
from ingest.phrases import Language
from ui import panels
from ui.desk import Desk
from ui.elements import message
from ui.widgets import gr, text


def settings_tab(desk: Desk, language: Language) -> None:
    values = desk.settings.model_dump(mode="json")
    gr.HTML(
        panels.settings(values, desk.origins, language),
        elem_id="settings-table",
        js_on_load=None,
        apply_default_css=False,
    )
    check = gr.Button(
        text("Check the chat model", "检查对话模型", language),
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
            text(
                f"{contact.model} answered in {contact.seconds:.1f} s: {contact.reply}",
                f"{contact.model} 在 {contact.seconds:.1f} 秒内回答：{contact.reply}",
                language,
            )
        )

    check.click(contact, None, found, show_progress="minimal", api_visibility="private")
