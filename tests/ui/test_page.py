"""The page in a real browser, on a small library synced with the bundled model."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.build import sync_notes
from rag.settings import load_settings
from tests.scripted_server import ScriptedServer, Step, says, stalls
from tests.ui.test_measuring import made
from ui.desk import ANSWERS_AT_ONCE, MOST_WAITING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = Path(__file__).parent.parent.parent / "screenshots"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: apt-get install chromium fonts-noto-cjk"),
]

NOTES = {
    "位置编码.md": """# 位置编码

## RoPE 旋转位置编码是怎么做的？

RoPE 把查询和键的每**两个维度**看作一个平面，再按位置旋转一个角度。旋转以后，内积只取决于两个词的`相对距离`。
它不需要可学习的参数，长度外推时要调整底数。

| 方法 | 是否要训练参数 |
|---|---|
| 可学习的绝对位置 | 要 |
| RoPE | 不要 |

## RoPE 有哪些缺点？

RoPE 的缺点是超出训练长度以后注意力分数会变乱。RoPE 的另一个缺点是底数要按目标长度重新选。
""",
    "kv-cache.md": """# KV cache

## Why does the KV cache grow?

The KV cache stores the keys and values of every token that was read. It grows linearly with the sequence length.
Grouped-query attention makes the KV cache smaller, because several query heads share one key head.
""",
    "坏笔记.md": """# 注入样例

## 什么是注入样例？

注入样例是一段想要<script>document.title='owned'</script>运行的文字。<img src=x onerror="document.title='owned'">
[点这里](javascript:document.title='owned') ![远程图片](http://203.0.113.9/x.png) <iframe src="http://203.0.113.9/"></iframe>
注入样例里还有 {{7+7}} 和 ${7+7}，它们也只是文字。
""",
}
UPLOADED = """# Speculative decoding

Speculative decoding lets a small draft model propose tokens that the large model verifies.
"""


@dataclass
class Server:
    """``notecite ui`` as a process of its own."""

    library: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        command = [sys.executable, "-m", "ui.cli", "ui", "--no-browser", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--library", str(self.library), "--language", "auto"],
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "LANG": "C.UTF-8",
                "NO_PROXY": "127.0.0.1",
                "XDG_DATA_HOME": str(self.library.parent / "data"),
                "XDG_CONFIG_HOME": str(self.library.parent / "config"),
            },
        )
        assert self.process.stdout is not None
        assert self.address in self.process.stdout.readline()

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("page")
    notes = folder / "notes"
    notes.mkdir()
    for name, text in NOTES.items():
        (notes / name).write_text(text, encoding="utf-8")
    sync_notes(load_settings(library=folder / "library"), [notes])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = Server(folder / "library", port)
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*flags.split(), "--disable-component-update", "--disable-sync"]
        )
        yield launched
        launched.close()


@dataclass
class Visit:
    """One browser window and all that it asked for or complained of."""

    page: "Page"
    address: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> None:
        self.page.goto(self.address + path)
        self.page.wait_for_selector("#turns .empty, #turns .turn")

    def ask(self, question: str) -> None:
        """Asks and waits until the answer is whole."""
        turns = self.page.locator(".turn:not(.writing)").count()
        self.page.fill("#question textarea", question)
        self.page.press("#question textarea", "Enter")
        self.page.wait_for_selector(f".turn:not(.writing)[data-turn='{turns}'] footer")

    def tab(self, name: str) -> None:
        self.page.click(f"#{name}-button")

    def last_reply(self) -> str:
        return self.page.locator(".turn .reply").last.inner_text()


@pytest.fixture
def visit(server: Server, browser: "Browser", request: pytest.FixtureRequest) -> Iterator[Visit]:
    options = {"locale": "zh-CN", "viewport": {"width": 1360, "height": 820}, **getattr(request, "param", {})}
    context = browser.new_context(**options)
    context.set_default_timeout(60_000)
    visit = Visit(context.new_page(), server.address)
    visit.page.on("request", lambda sent: visit.requests.append(sent.url))
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    visit.page.on("dialog", lambda dialog: visit.errors.append(dialog.message))
    visit.open()
    yield visit
    context.close()
    outside = [url for url in visit.requests if not url.startswith((server.address, "data:", "blob:"))]
    assert outside == []
    assert visit.errors == []


def unmarked(text: str) -> str:
    return re.sub(r"[\s*`|#-]", "", text)


def serious_problems(page: "Page", name: str) -> list[tuple[str, str, list[str]]]:
    """What axe finds, and a picture to look at."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    page.wait_for_timeout(500)
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    return [
        (name, problem["id"], [node["html"][:150] for node in problem["nodes"][:3]])
        for problem in Axe().run(page).response["violations"]
        if problem["impact"] in ("serious", "critical")
    ]


ROPE = "RoPE 旋转位置编码是怎么做的？"


def test_clicking_a_citation_opens_the_note_with_exactly_its_words_marked(visit: Visit) -> None:
    visit.ask(ROPE)
    page = visit.page
    cites = page.locator(".turn .cite")
    assert cites.count() >= 2
    second = cites.nth(1)
    quote = second.get_attribute("data-quote") or ""
    second.hover()
    assert page.locator("#quote-bubble").inner_text() == quote
    second.click()
    mark = page.locator("#source mark.cited").first
    mark.wait_for()
    assert unmarked("".join(page.locator("#source mark.cited").all_inner_texts())) == unmarked(quote)
    assert page.locator("#source mark.also-cited").count() >= 1
    page.wait_for_timeout(300)
    box, panel = mark.bounding_box(), page.locator("#source .scroll").bounding_box()
    assert box is not None
    assert panel is not None
    assert panel["y"] <= box["y"] <= panel["y"] + panel["height"]
    page.click("#source .step >> nth=0")
    page.wait_for_selector("#source .number[data-citation='1']")
    page.click("#source .step >> nth=1")
    page.wait_for_selector("#source .number[data-citation='2']")


def test_a_follow_up_is_read_with_the_question_before_it(visit: Visit) -> None:
    visit.ask(ROPE)
    visit.ask("它有哪些缺点？")
    assert "RoPE" in visit.page.locator(".turn[data-turn='1'] .understood").inner_text()
    assert "缺点" in visit.last_reply()
    assert visit.page.locator(".turn[data-turn='1'] .cite").count() >= 1


def test_a_question_asked_the_moment_an_answer_is_whole_is_not_lost(visit: Visit) -> None:
    visit.page.evaluate(
        """(next) => new MutationObserver((_, seen) => {
          if (!document.querySelector(".turn:not(.writing) footer")) return;
          seen.disconnect();
          const box = document.querySelector("#question textarea");
          box.value = next;
          box.dispatchEvent(new Event("input", { bubbles: true }));
          setTimeout(() => box.dispatchEvent(new KeyboardEvent("keypress", { key: "Enter", bubbles: true })), 0);
        }).observe(document.body, { childList: true, subtree: true })""",
        "它有哪些缺点？",
    )
    visit.ask(ROPE)
    visit.page.wait_for_selector(".turn:not(.writing)[data-turn='1'] footer")
    assert "缺点" in visit.last_reply()


def test_a_refusal_opens_the_nearest_headings(visit: Visit) -> None:
    visit.ask("量子计算机的退相干时间是多少？")
    headings = visit.page.locator(".turn .heading")
    assert 1 <= headings.count() <= 3
    headings.first.click()
    visit.page.wait_for_selector("#source mark.section")


def test_a_dropped_note_can_be_asked_about_until_it_is_removed(visit: Visit) -> None:
    page, question = visit.page, "What does speculative decoding let a draft model do?"
    visit.tab("library")
    page.wait_for_selector("#documents .documents")
    page.set_input_files(
        "#upload input[type=file]",
        {"name": "speculative.md", "mimeType": "text/markdown", "buffer": UPLOADED.encode()},
    )
    page.wait_for_selector("#documents :text('speculative.md')")
    visit.tab("ask")
    visit.ask(question)
    assert "propose tokens" in visit.last_reply()
    visit.tab("library")
    page.click("#documents tr:has-text('speculative.md') [data-act=forget]")
    page.wait_for_selector("#documents :text('speculative.md')", state="detached")
    visit.tab("ask")
    visit.ask(question)
    assert "propose tokens" not in visit.last_reply()


def test_a_note_that_is_new_on_disk_is_announced_and_told_to_repeat_another(visit: Visit, server: Server) -> None:
    page, copied = visit.page, server.library.parent / "notes" / "copied.md"
    row = "#documents tr:has-text('copied.md')"
    copied.write_text(NOTES["kv-cache.md"], encoding="utf-8")
    visit.tab("library")
    page.wait_for_selector("#changed:has-text('有 1 篇笔记有变动')")
    page.click("#sync")
    page.wait_for_selector(f"{row} .remarks:has-text('与 kv-cache.md 有相同内容')")
    assert not page.is_visible("#changed")
    copied.unlink()
    page.click("#sync")
    page.wait_for_selector(row, state="detached")


def test_a_file_that_is_no_note_is_refused(visit: Visit) -> None:
    visit.tab("library")
    visit.page.set_input_files(
        "#upload input[type=file]",
        {"name": "program.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"},
    )
    visit.page.wait_for_timeout(1500)
    assert visit.page.locator("#documents :text('program')").count() == 0


def test_the_browser_decides_the_language_until_it_is_switched(visit: Visit) -> None:
    page = visit.page
    assert "/zh/" in page.url
    assert page.locator("#ask-button").inner_text() == "提问"
    page.click("[data-act=language]")
    page.wait_for_url("**/en/**")
    page.wait_for_selector("#turns .empty")
    assert page.locator("#ask-button").inner_text() == "Ask"
    assert page.evaluate("document.documentElement.lang") == "en"
    visit.open()
    assert "/en/" in page.url


def test_a_conversation_outlives_a_reload_and_is_nobody_elses(visit: Visit, browser: "Browser") -> None:
    visit.ask("Why does the KV cache grow?")
    page = visit.page
    page.wait_for_url("**?c=*")
    answer = visit.last_reply()
    page.reload()
    page.wait_for_selector(".turn footer")
    assert visit.last_reply() == answer
    stranger = browser.new_context(locale="en-US")
    other = stranger.new_page()
    other.goto(page.url)
    other.wait_for_selector("#turns .empty")
    assert other.locator(".entry").count() == 0
    stranger.close()


def test_conversations_are_renamed_found_exported_and_deleted(visit: Visit) -> None:
    page = visit.page
    visit.ask("Why does the KV cache grow?")
    page.fill("#title textarea, #title input", "Memory of attention")
    page.press("#title textarea, #title input", "Enter")
    page.wait_for_selector(".entry:has-text('Memory of attention')")
    page.fill("#search-conversations textarea, #search-conversations input", "nothing like it")
    page.wait_for_selector(".entry", state="detached")
    page.fill("#search-conversations textarea, #search-conversations input", "linearly")
    page.wait_for_selector(".entry")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click(".turn [data-act=copy]")
    page.wait_for_selector(".turn .done[data-act=copy]")
    assert "[^1]: kv-cache.md" in page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.click("#export a")
    exported = download.value.path().read_text(encoding="utf-8")
    assert exported.startswith("# Memory of attention\n\n## Why does the KV cache grow?\n\n")
    assert "[^1]: kv-cache.md" in exported
    page.click("#delete")
    page.click("#sure")
    page.wait_for_selector("#turns .empty")
    assert page.locator(".entry").count() == 0


def test_asking_again_and_editing_replace_the_turn(visit: Visit) -> None:
    page = visit.page
    visit.ask(ROPE)
    page.click(".turn [data-act=ask]")
    page.wait_for_selector(".turn:not(.writing)[data-turn='0'] footer")
    page.wait_for_timeout(1500)
    assert page.locator(".turn").count() == 1
    page.click(".turn [data-act=edit]")
    assert page.input_value("#question textarea") == ROPE
    page.fill("#question textarea", "Why does the KV cache grow?")
    page.press("#question textarea", "Enter")
    page.wait_for_selector(".turn:not(.writing) .asked:has-text('KV cache')")
    assert page.locator(".turn").count() == 1


def test_keys_reach_the_question_break_lines_and_close_the_source(visit: Visit) -> None:
    page = visit.page
    visit.tab("settings")
    page.keyboard.press("Control+k")
    page.wait_for_function("document.activeElement.closest('#question')")
    page.keyboard.type("a")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("b")
    assert page.input_value("#question textarea") == "a\nb"
    assert page.locator(".turn").count() == 0
    visit.ask(ROPE)
    page.locator(".cite").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#source .source")
    page.wait_for_timeout(200)
    page.keyboard.press("Escape")
    page.wait_for_selector("#source .source", state="hidden")
    assert page.evaluate("document.activeElement.className").startswith("cite")


def test_a_suggested_question_is_asked_with_one_click(visit: Visit) -> None:
    visit.page.locator(".suggestion").first.click()
    visit.page.wait_for_selector(".turn footer")


def test_a_hostile_note_does_nothing(visit: Visit) -> None:
    visit.ask("什么是注入样例？")
    page = visit.page
    page.locator(".cite").first.click()
    page.wait_for_selector("#source .note")
    page.wait_for_timeout(500)
    assert page.title() == "notecite"
    text = page.locator("#source .note").inner_text()
    assert "<script>document.title='owned'</script>" in text
    assert "{{7+7}} 和 ${7+7}" in text
    assert page.locator("#source :is(script, img, iframe), #turns :is(script, img, iframe)").count() == 0


def test_every_stage_is_shown_side_by_side_and_sliders_apply_at_once(visit: Visit) -> None:
    page = visit.page
    visit.tab("inside")
    page.fill("#inside-question textarea", ROPE)
    page.press("#inside-question textarea", "Enter")
    page.wait_for_selector("#stages .stage")
    assert page.locator("#stages .stage").count() == 4
    assert page.locator("#stages li.chosen").count() >= 1
    box = page.locator("#sliders input[type=number]").first
    box.fill("1")
    box.press("Enter")
    page.locator("#look").click()
    page.wait_for_function("document.querySelectorAll('#stages .stage:first-child li').length === 1")


@pytest.mark.parametrize("visit", [{"viewport": {"width": 390, "height": 780}}], indirect=True)
def test_a_narrow_screen_shows_everything(visit: Visit) -> None:
    page = visit.page
    visit.ask(ROPE)
    page.locator(".cite").first.click()
    page.wait_for_selector("#source mark.cited")
    page.wait_for_timeout(300)
    source = page.locator("#source .source").bounding_box()
    assert source is not None
    assert (source["x"], source["width"]) == (0, 390)
    page.keyboard.press("Escape")
    page.click("#menu-switch button")
    page.wait_for_selector(".entry", state="visible")
    page.keyboard.press("Escape")
    for tab in ("library", "inside", "measure", "settings", "ask"):
        visit.tab(tab)
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    "visit",
    [
        {"color_scheme": scheme, "viewport": {"width": width, "height": 820}, "locale": locale}
        for scheme, width, locale in (("light", 1360, "zh-CN"), ("dark", 1360, "en-US"), ("dark", 390, "zh-CN"))
    ],
    indirect=True,
    ids=["light wide", "dark wide", "dark narrow"],
)
def test_no_tab_has_a_serious_accessibility_problem(visit: Visit, request: pytest.FixtureRequest) -> None:
    page = visit.page
    name = request.node.callspec.id.replace(" ", "-")
    problems = []

    def check(tab: str) -> None:
        problems.extend(serious_problems(page, f"{name}-{tab}"))

    check("empty")
    visit.ask(ROPE)
    visit.ask("量子计算机的退相干时间是多少？")
    page.locator(".turn[data-turn='0'] .cite").nth(1).click()
    page.wait_for_selector("#source mark.cited")
    check("ask")
    page.keyboard.press("Escape")
    visit.tab("library")
    page.locator("#documents [data-act=note]").first.click()
    page.wait_for_selector("#note .chunk")
    check("library")
    visit.tab("inside")
    page.fill("#inside-question textarea", ROPE)
    page.press("#inside-question textarea", "Enter")
    page.wait_for_selector("#stages .stage")
    check("inside")
    visit.tab("measure")
    check("measure")
    visit.tab("settings")
    page.click("#settings-table summary")
    check("settings")
    assert problems == []


def test_a_server_that_dies_is_said_to_and_comes_back_with_the_conversation(visit: Visit, server: Server) -> None:
    page = visit.page
    visit.ask("Why does the KV cache grow?")
    answer = visit.last_reply()
    page.wait_for_url("**?c=*")
    page.fill("#question textarea", ROPE)
    page.press("#question textarea", "Enter")
    server.kill()
    page.wait_for_selector("#away")
    server.start()
    page.wait_for_selector("#away", state="detached")
    page.wait_for_selector(".turn footer")
    deadline = time.monotonic() + 10
    while answer not in page.locator("#turns").inner_text() and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    assert answer in page.locator("#turns").inner_text()


def save_settings(visit: Visit, model: str, address: str, key: str) -> None:
    page = visit.page
    visit.tab("settings")
    page.wait_for_selector("#set-strictness input:checked")
    page.fill("#chat-model :is(input, textarea)", model)
    page.fill("#chat-address :is(input, textarea)", address)
    page.fill("#chat-key input", key)
    page.click("#save")
    page.locator("#check-result").get_by_text("notecite.toml").wait_for()


def choose(visit: Visit, **models: str) -> None:
    for role, name in models.items():
        visit.page.fill(f"#set-{role} input", name)
        visit.page.press(f"#set-{role} input", "Enter")
    visit.page.click("#save")


def test_models_are_chosen_and_another_embedder_has_the_library_built_again(visit: Visit) -> None:
    page = visit.page
    visit.tab("settings")
    page.wait_for_selector("#set-strictness input:checked")
    told = page.locator("#check-result")
    choose(visit, reranker="chat")
    told.get_by_text("chat_model").wait_for()
    choose(visit, reranker="none", judge="none")
    told.get_by_text("notecite.toml").wait_for()
    page.click("#settings-table summary")
    assert page.locator("#settings-table tr:has-text('reranker') td").first.inner_text() == "none"
    for embedder in ("bundled-untrained", "bundled"):
        choose(visit, embedder=embedder, reranker="bundled", judge="bundled")
        page.click("#check-result [data-act=tab]")
        page.click("#rebuild")
        page.wait_for_selector("#documents :text('kv-cache.md')")
        page.wait_for_selector("#rebuild", state="hidden")
        visit.tab("ask")
        visit.ask("Why does the KV cache grow?")
        assert "linearly" in visit.last_reply()
        visit.tab("settings")
        page.wait_for_selector("#check-result [data-act=tab]", state="detached")


@contextmanager
def chat_model(visit: Visit, *steps: Step) -> Iterator[ScriptedServer]:
    """A scripted model, set in the page and taken out again."""
    with ScriptedServer(*steps) as server:
        save_settings(visit, "scripted", server.base_url, "sk-secret")
        try:
            yield server
        finally:
            save_settings(visit, "", server.base_url, "")


def test_a_chat_model_is_set_checked_streams_and_is_stopped(visit: Visit) -> None:
    page = visit.page
    first = "The cache stores keys and values [1]. It grows linearly with the sequence length [1]. The sun "

    with chat_model(visit, says("OK"), stalls(first), says(first + "melts it within nine minutes.")) as server:
        page.click("#check")
        page.locator("#check-result").get_by_text("scripted-model").wait_for()
        assert "Bearer sk-secret" in server.seen[0]["headers"].values()
        assert "sk-secret" not in page.content()
        visit.tab("ask")
        page.fill("#question textarea", "What does the KV cache store?")
        page.press("#question textarea", "Enter")
        page.wait_for_selector(".turn.writing .written:has-text('stores keys and values')")
        page.click("#stop")
        page.wait_for_selector(".turn", state="detached")
        assert page.input_value("#question textarea") == "What does the KV cache store?"
        visit.ask("What does the KV cache store?")
        assert "stores keys and values" in visit.last_reply()
        assert page.locator(".turn .remark.unsupported").count() == 1
        assert "没有得到所引原文的支持" in page.locator(".turn .doubted").inner_text()


def press(server: Server, button: str, *data: str, session: str) -> None:
    """What a browser sends when a button is pressed, from a person who shares nothing with the visit."""
    with urllib.request.urlopen(f"{server.address}zh/config") as reply:
        config = json.load(reply)
    component = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == button)
    event = next(d["id"] for d in config["dependencies"] if [component, "click"] in d["targets"])
    body = {"data": data, "fn_index": event, "session_hash": session, "trigger_id": component}
    headers = {"Content-Type": "application/json", "Cookie": "notecite_person=crowd"}
    urllib.request.urlopen(
        urllib.request.Request(f"{server.address}zh/gradio_api/queue/join", json.dumps(body).encode(), headers)
    ).close()


def test_a_question_after_twenty_that_wait_is_told_so(visit: Visit, server: Server) -> None:
    page = visit.page
    with chat_model(visit, stalls(signs_of_life=True)):
        for number in range(ANSWERS_AT_ONCE + MOST_WAITING):
            press(server, "send", ROPE, "", "", session=f"crowd-{number}")
        visit.tab("ask")
        told = page.locator(".toast-body").get_by_text("排队的问题太多")
        page.fill("#question textarea", "Why does the KV cache grow?")
        while not told.is_visible():
            # One of the crowd may come late, and this one be among the twenty.
            if page.locator("#stop").is_visible():
                page.click("#stop")
                page.wait_for_selector("#stop", state="hidden")
            page.press("#question textarea", "Enter")
            page.wait_for_timeout(1500)
        assert page.input_value("#question textarea") == "Why does the KV cache grow?"
        press(server, "stop", session="crowd")
    visit.tab("ask")
    visit.ask("Why does the KV cache grow?")
    assert "linearly" in visit.last_reply()


def test_notes_that_disagree_are_two_cards_whose_citations_open(visit: Visit) -> None:
    page = visit.page
    said = {"手册.md": "学习率预热用 500 步就够了。", "随手记.md": "学习率预热要用 2000 步。"}
    visit.tab("library")
    page.wait_for_selector("#documents .documents")
    for name, claim in said.items():
        note = f"# {name[:-3]}\n\n## 学习率预热\n\n{claim}\n"
        page.set_input_files(
            "#upload input[type=file]", {"name": name, "mimeType": "text/markdown", "buffer": note.encode()}
        )
        page.wait_for_selector(f"#documents :text('{name}')")
    visit.tab("ask")
    visit.ask("学习率预热用多少步？")
    sides = page.locator(".conflict .side")
    first, second = sides.nth(0).bounding_box(), sides.nth(1).bounding_box()
    assert first is not None
    assert second is not None
    assert first["y"] == second["y"]
    assert page.locator(".turn .written li").count() == 0
    quotes = set()
    for side in sides.all():
        side.locator(".cite").click()
        page.wait_for_selector("#source mark.cited")
        page.wait_for_timeout(500)
        quotes.add(page.locator("#source mark.cited").inner_text())
    assert quotes == set(said.values())
    visit.tab("library")
    for name in said:
        page.click(f"#documents tr:has-text('{name}') [data-act=forget]")
        page.wait_for_selector(f"#documents :text('{name}')", state="detached")


def test_an_answer_is_rated_reviewed_measured_and_its_worst_case_opened(visit: Visit) -> None:
    page = visit.page
    visit.ask(ROPE)
    page.click(".turn [data-act=dislike]")
    page.fill(".turn .reason input", "表格不需要")
    page.press(".turn .reason input", "Enter")
    page.click(".toast-close")
    page.reload()
    page.wait_for_selector(".turn .thumb.down[aria-pressed='true']")
    visit.tab("measure")
    page.click("#measure-tabs [role=tab] >> nth=1")
    page.wait_for_selector("#waiting blockquote:has-text('表格不需要')")
    assert serious_problems(page, "light-wide-review") == []
    assert page.input_value("#case-question textarea") == ROPE
    page.fill("#case-points textarea", "再按位置旋转一个角度\n这里没有写的要点")
    page.locator("#case-quotes input[type=checkbox]").last.uncheck()
    page.click("#accept")
    page.wait_for_selector("#waiting :text('没有待审核的问题')")
    page.click("#measure-tabs [role=tab] >> nth=0")
    visit.tab("ask")
    visit.tab("measure")
    page.wait_for_function("document.querySelector('#questions input').value.includes('1')")
    page.click("#run")
    page.wait_for_selector("#run-list .runs", timeout=120_000)
    frame = page.frame_locator("iframe.report")
    frame.locator("h1").wait_for()
    assert "accepted" in frame.locator("h1").inner_text()
    assert frame.locator(".plotly-graph-div").count() >= 1
    assert page.evaluate("document.querySelector('iframe.report').contentDocument") is None
    page.click("#worst summary")
    assert serious_problems(page, "light-wide-report") == []
    page.locator("#worst [data-act=case]").first.click()
    page.wait_for_selector(f".turn .asked:has-text('{ROPE}')")
    assert page.locator(".entry[aria-current], [aria-current] .entry").count() == 1


def test_a_run_is_cancelled(visit: Visit, server: Server) -> None:
    page, questions = visit.page, server.library.parent / "many.jsonl"
    cases = [{"id": f"{n}", "question": f"Why does the KV cache grow {n}?", "type": "unanswerable"} for n in range(500)]
    questions.write_text("\n".join(map(json.dumps, cases)), encoding="utf-8")
    visit.tab("measure")
    page.wait_for_selector("#run-list :is(.runs, .quiet-text)")
    page.fill("#questions input", str(questions))
    page.press("#questions input", "Enter")
    page.click("#run")
    page.wait_for_selector("#run-progress progress[max='500']")
    page.click("#cancel-run")
    page.wait_for_selector("#run-progress:has-text('已取消')")
    page.wait_for_selector("#run")
    assert page.locator("#run-list :text('many')").count() == 0
    page.wait_for_timeout(500)
    assert page.input_value("#questions input") == str(questions)
    assert page.locator(".toast-body").count() == 0


def test_two_runs_are_compared(visit: Visit, server: Server) -> None:
    page, frame = visit.page, visit.page.frame_locator("iframe.report")
    made(server.library / "runs" / "older", refused="1")
    made(server.library / "runs" / "newer", refused="2")
    visit.tab("measure")
    page.wait_for_selector("#run-list :text('newer')")
    for box, name in (("shown-run", "newer"), ("old-run", "older")):
        page.click(f"#{box} input")
        page.locator(f"#{box} [role=option]", has_text=name).click()
    frame.locator("th", has_text="older").first.wait_for()
    assert frame.locator("th", has_text="newer").count() >= 1
    assert serious_problems(page, "light-wide-compared") == []
