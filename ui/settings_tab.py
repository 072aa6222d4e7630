"""The tab Settings: settings to change, a test of the chat model, and every setting with its origin."""

from typing import Any

from ingest.errors import LibraryMismatch, NoteciteError, NotFound
from ingest.phrases import Language
from ui import panels
from ui.desk import Desk
from ui.elements import message
from ui.widgets import QUIET, Update, gr, strictness_radio, text

_CHANGED_HERE = (
    "chat_model", "chat_base_url", "embedder", "reranker", "judge", "strictness", "unsupported", "language",
)  # fmt: skip


def settings_tab(tab: gr.Tab, desk: Desk, language: Language) -> None:
    with gr.Column(elem_id="settings-form", visible=desk.at_home):
        with gr.Row():
            model = gr.Textbox(
                "",
                label=text("Chat model", "对话模型", language),
                info=text(
                    "Its name on an OpenAI-compatible server. Empty: answers quote the notes; nothing is sent.",
                    "OpenAI 兼容服务器上的模型名。留空：回答直接摘录笔记，不向外发送任何内容。",
                    language,
                ),
                elem_id="chat-model",
            )
            address = gr.Textbox(
                "",
                label=text("Server address", "服务器地址", language),
                info=text("Usually ends in /v1.", "通常以 /v1 结尾。", language),
                elem_id="chat-address",
            )
        with gr.Row():
            key = gr.Textbox(
                "",
                label=text("API key", "API 密钥", language),
                info=text(
                    "Never shown again. Leave empty to keep the saved one.",
                    "不会回显；留空则保留已设的密钥。",
                    language,
                ),
                type="password",
                elem_id="chat-key",
            )
            no_key = gr.Checkbox(
                False, label=text("Remove the saved key", "删除已保存的密钥", language), elem_id="no-key"
            )
        with gr.Row():
            embedder = gr.Dropdown(
                [
                    (text("bundled", "内置", language), "bundled"),
                    (text("bundled, before training", "内置（训练前）", language), "bundled-untrained"),
                ],
                label=text("Embedding model", "嵌入模型", language),
                info=text(
                    "Or type the name or folder of a sentence-transformers model. "
                    "After changing this, rebuild the library: one model cannot search another's vectors.",
                    "也可输入 sentence-transformers 模型名或文件夹。"
                    "更改后须重新建库：一个模型无法检索另一个模型的向量。",
                    language,
                ),
                allow_custom_value=True,
                elem_id="set-embedder",
            )
            reranker = gr.Dropdown(
                [
                    (text("bundled", "内置", language), "bundled"),
                    (text("none (keep search order)", "不重排（保持检索顺序）", language), "none"),
                    (text("the chat model", "对话模型", language), "chat"),
                ],
                label=text("Reranker", "重排模型", language),
                info=text(
                    "What puts the best passages first. Or type the name or folder of a cross-encoder.",
                    "把最相关的段落排到前面；也可输入交叉编码器的名称或文件夹。",
                    language,
                ),
                allow_custom_value=True,
                elem_id="set-reranker",
            )
            judge = gr.Dropdown(
                [
                    (text("bundled", "内置", language), "bundled"),
                    (text("none (do not check)", "不核对", language), "none"),
                ],
                label=text("Judge", "评判模型", language),
                info=text(
                    "What checks each sentence against the words it cites. Or type the name or folder of a "
                    "cross-encoder.",
                    "逐句核对回答与所引原文；也可输入交叉编码器的名称或文件夹。",
                    language,
                ),
                allow_custom_value=True,
                elem_id="set-judge",
            )
        with gr.Row():
            strictness = strictness_radio(language, "set-strictness")
            unsupported = gr.Radio(
                [(text("marked", "标出", language), "mark"), (text("left out", "略去", language), "cut")],
                label=text("Unsupported sentences are", "缺乏依据的句子", language),
                elem_id="set-unsupported",
            )
            messages = gr.Radio(
                [(text("the system's", "随系统", language), "auto"), ("English", "en"), ("中文", "zh")],
                label=text("Language of messages", "提示语言", language),
                elem_id="set-language",
            )
        with gr.Row():
            save = gr.Button(text("Save", "保存", language), variant="primary", elem_id="save", scale=0)
            check = gr.Button(text("Test the chat model", "测试对话模型", language), elem_id="check", scale=0)
    found = gr.HTML(elem_id="check-result", js_on_load=None, apply_default_css=False)
    table = gr.HTML(elem_id="settings-table", js_on_load=None, apply_default_css=False)
    fields = (model, address, embedder, reranker, judge, strictness, unsupported, messages)
    everything = [found, key, no_key, table, *fields]

    def show() -> Update:
        values, origins = desk.settings.model_dump(mode="json"), desk.origins
        # The command line and the environment win over what is saved here.
        free = {name: not origin.startswith(("$", "option")) for name, origin in origins.items()}
        shown: Update = {
            field: gr.update(value=values[name], interactive=free[name])
            for name, field in zip(_CHANGED_HERE, fields, strict=True)
        }
        return shown | {
            key: gr.update(value="", interactive=free["chat_api_key"]),
            no_key: gr.update(value=False, interactive=free["chat_api_key"]),
            found: "",
            table: panels.settings(values, origins, language),
        }

    def saved(secret: str, without_key: bool, *values: Any) -> Update:
        now = desk.settings.model_dump(mode="json")
        changes = {
            name: value.strip() or None
            for name, value in zip(_CHANGED_HERE, values, strict=True)
            if value is not None and value.strip() != now[name]
        }
        if without_key:
            changes["chat_api_key"] = None
        elif secret.strip():
            changes["chat_api_key"] = secret.strip()
        try:
            file = desk.save_settings(changes)
        except NoteciteError as error:
            return {found: message(error.to(language))}
        said = text(f"Saved in {file}.", f"已保存到 {file}。", language)
        return show() | {found: message(said, done=True) + warning()}

    def warning() -> str:
        """What to do if the library was built with another embedder."""
        try:
            _ = desk.application
        except LibraryMismatch as error:
            return panels.mismatch(error, language)
        except NoteciteError as error:
            return "" if isinstance(error, NotFound) else message(error.to(language))
        return ""

    def contact() -> str:
        try:
            served = desk.chat_model
            if served is None:
                return message(
                    text(
                        "No chat model is set: answers quote the notes.", "未设置对话模型：回答直接摘录笔记。", language
                    )
                )
            contact = served.contact()
        except NoteciteError as error:
            return message(error.to(language))
        return message(
            text(
                f"{contact.model} answered in {contact.seconds:.1f} s: {contact.reply}",
                f"{contact.model} 在 {contact.seconds:.1f} 秒内回答：{contact.reply}",
                language,
            ),
            done=True,
        )

    # Shows progress, because a newly named model is loaded first.
    save.click(
        saved,
        [key, no_key, *fields],
        everything,
        show_progress="minimal",
        show_progress_on=found,
        api_visibility="private",
    )
    check.click(contact, None, found, show_progress="minimal", api_visibility="private")
    tab.select(show, None, everything, **QUIET)
