"""How long the page lets a person wait, and whether people who ask at once get their own answers.

    python -m eval.benchmarks.page --library FOLDER --questions FILE [--people 8]

Serves the page on loopback, opens it in headless Chromium and prints: the seconds from "ready" until the question box
can be used; those from Enter to the first words and to the whole answer on a warm server, each question asked alone in
a conversation of its own; and the same for people who ask at once, each in a browser of their own, whose answers are
compared with those that were given alone. Answers quote the notes; no chat model is asked. Run it on an idle machine.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from eval.cases import load_cases
from eval.stats import p95
from ingest.errors import BadInput, NoteciteError, NotFound
from ingest.phrases import Phrase

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHROMIUM = Path("/usr/bin/chromium")
"""Debian's; elsewhere playwright looks for its own."""
_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
_LONGEST_WAIT = 300.0
"""Seconds."""
_BOX = "#question textarea"
_EMPTY = "#turns .empty"
_WHOLE = ".turn:not(.writing) footer"
_WATCH = """() => {
  const seen = window.waited = { first: null, whole: null };
  let asked = null;
  addEventListener("keydown", (event) => { if (event.key === "Enter") asked ??= performance.now(); }, true);
  new MutationObserver(() => {
    const now = performance.now() - asked;
    if (document.querySelector(".turn .written")?.textContent.trim()) seen.first ??= now;
    if (document.querySelector(".turn:not(.writing) footer")) seen.whole ??= now;
  }).observe(document.querySelector("#turns"), { childList: true, subtree: true, characterData: true });
}"""
"""Clocks inside the page, so that what drives the browser is not measured."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a person saw it answered; seconds since Enter."""

    question: str
    text: str
    first_words: float
    whole: float


def report(usable: float, filled: float, alone: Sequence[Asked], at_once: Sequence[Asked], people: int) -> str:
    """The lines that are printed; ``alone`` holds each question once."""
    expected = {asked.question: asked.text for asked in alone}
    wrong = [asked.question for asked in at_once if asked.text != expected[asked.question]]
    single, crowd = [asked.whole for asked in alone], [asked.whole for asked in at_once]
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: {len(alone)} questions, {people} people at once",
        f"question box usable {usable:.2f} s, suggestions shown {filled:.2f} s after the server is ready",
        f"alone: first words {_spread([asked.first_words for asked in alone])}; whole answer {_spread(single)}",
        f"at once: first words {_spread([asked.first_words for asked in at_once])}; whole answer {_spread(crowd)}",
        f"at once, p95 of the whole answer: {p95(crowd) / median(single):.1f} times the median alone, "
        f"{p95(crowd) / p95(single):.1f} times the p95 alone",
        f"at once: {len(at_once)} answered, {len(wrong)} with another answer than alone",
        *(f"  {question}" for question in wrong),
    ]
    return "\n".join(lines)


def _spread(seconds: Sequence[float]) -> str:
    return f"median {median(seconds):.2f} s, p95 {p95(seconds):.2f} s"


@contextmanager
def served(library: Path) -> Iterator[str]:
    """The page's address once its server says that it is ready; conversations are kept only as long as it runs."""
    with tempfile.TemporaryDirectory() as kept:
        command = [sys.executable, "-m", "ui.cli", "ui", "--no-browser", "--port", "0", "--library", str(library)]
        server = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_DATA_HOME": kept, "NOTECITE_CHAT_MODEL": "", "PYTHONUNBUFFERED": "1"},
        )
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            found = re.search(r"http://\S+?/", said)
            if found is None:
                raise BadInput(
                    Phrase("the page was not served", "页面未能启动"),
                    said.strip(),
                    Phrase("try `notecite ui` with this library", "请用这个库试运行 `notecite ui`"),
                )
            yield found[0]
        finally:
            server.terminate()
            server.wait()


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Raises NotFound without playwright or a browser."""
    todo = Phrase(
        "pip install -e '.[dev]' and install Chromium (apt-get install chromium, or playwright install chromium)",
        "请执行 pip install -e '.[dev]' 并安装 Chromium（apt-get install chromium 或 playwright install chromium）",
    )
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise NotFound(Phrase("playwright is not installed", "未安装 playwright"), "playwright", todo) from error
    with sync_playwright() as playwright:
        path = str(_CHROMIUM) if _CHROMIUM.exists() else None
        try:
            browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        except Error as error:
            raise NotFound(Phrase("no Chromium starts", "无法启动 Chromium"), path or "", todo) from error
        yield browser
        browser.close()


def first_paint(browser: "Browser", address: str) -> tuple[float, float]:
    """Seconds until the question box can be used, and until questions are suggested."""
    started = time.perf_counter()
    page = opened(browser, address)
    usable = time.perf_counter() - started
    page.wait_for_selector(_EMPTY)
    filled = time.perf_counter() - started
    page.context.close()
    return usable, filled


def opened(browser: "Browser", address: str) -> "Page":
    """The page in a browser of its own, its question box ready."""
    page = browser.new_context(locale="en-US").new_page()
    page.set_default_timeout(_LONGEST_WAIT * 1000)
    page.goto(address, wait_until="commit")
    page.wait_for_selector(f"{_BOX}:enabled")
    return page


def ask(browser: "Browser", address: str, questions: Sequence[str]) -> list[Asked]:
    """Each question by another person, all at once."""
    pages = [opened(browser, address) for _ in questions]
    for page, question in zip(pages, questions, strict=True):
        page.wait_for_selector(_EMPTY)
        page.evaluate(_WATCH)
        page.fill(_BOX, question)
    for page in pages:
        page.press(_BOX, "Enter")
    answers = []
    for page, question in zip(pages, questions, strict=True):
        page.wait_for_selector(_WHOLE)
        waited = page.evaluate("window.waited")
        text = page.locator(".turn .written").all_inner_texts()
        answers.append(Asked(question, "\n".join(text), waited["first"] / 1000, waited["whole"] / 1000))
        page.context.close()
    return answers


def crowds(questions: Sequence[str], people: int) -> Iterator[list[str]]:
    """The questions, ``people`` at a time; where they do not come out even, the first are asked once more."""
    for start in range(0, len(questions), people):
        yield [questions[at % len(questions)] for at in range(start, start + people)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True, help="question file (JSON lines)")
    parser.add_argument("--people", type=int, default=8, help="how many ask at once")
    options = parser.parse_args(arguments)
    try:
        # Follow-ups need what was asked before them.
        questions = list(dict.fromkeys(case.question for case in load_cases(options.questions) if not case.history))
        with chromium() as browser, served(options.library) as address:
            usable, filled = first_paint(browser, address)
            # The first answer waits for the models.
            ask(browser, address, questions[:1])
            alone = [answer for question in questions for answer in ask(browser, address, [question])]
            at_once = [answer for some in crowds(questions, options.people) for answer in ask(browser, address, some)]
    except NoteciteError as error:
        sys.stderr.write(f"notecite: {error}\n")
        return 1
    sys.stdout.write(f"{report(usable, filled, alone, at_once, options.people)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
