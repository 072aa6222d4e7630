"""The report as a browser shows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eval.report import html_report
from tests.eval.test_report import GOOD, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: apt-get install chromium fonts-noto-cjk"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_fits_draws_its_charts_fetches_nothing_and_changes_its_language(
    browser: "Browser", tmp_path: Path, width: int, scheme: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(html_report([run("old"), run("new", GOOD)], "zh"), encoding="utf-8")
    faults: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('.plotly-graph-div .main-svg').length >= 6")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("#abstention .ytitle").text_content() == "误答率"
    assert page.locator("#latency .ytick").all_text_contents() == ["检索"]
    page.locator("#language").click()
    assert page.locator("#abstention .ytitle").text_content() == "false answers"
    assert page.locator("#latency .ytick").all_text_contents() == ["searching"]
    assert page.locator("h1").inner_text() == "Evaluation: new"
    assert faults == []
    page.close()
