"""Jupyter notebooks: cells -> Markdown, outputs shortened, pictures left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import UnreadableNote
from ingest.readers import read
from ingest.readers.notebook import read as read_notebook

NOTES = Path(__file__).parents[1] / "notes"


def notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    whole = [{"metadata": {}, "outputs": [], "execution_count": None, **cell} for cell in cells]
    return json.dumps({"cells": whole, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}).encode()


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def test_a_notebook_is_its_text_its_code_and_the_start_of_its_output() -> None:
    document = read(NOTES / "experiment.ipynb", "experiment.ipynb")
    assert document.title == "量化实验"
    lines = "".join(f"第 {number} 行\n" for number in range(20))
    assert document.text == (
        "# 量化实验\n\n比较两种舍入方式。\n\n"
        "```python\nimport numpy as np\n\nnp.round(2.5)\n```\n\n"
        "```text\n100%|██ | 2/2\n2.0\n```\n\n"
        "## 误差\n\n误差约为 $\\Delta^2/12$。\n\n"
        '````python\nprint("```")\n1/0\n````\n\n'
        f"```text\n{lines}…\nZeroDivisionError: division by zero\n```"
    )


def test_a_long_output_line_is_cut() -> None:
    cell = {"cell_type": "code", "source": "", "outputs": [printed("长" * 5_000)]}
    assert read_notebook(notebook(cell)).text == "```text\n" + "长" * 1_000 + "\n…\n```"


def test_long_lines_of_any_kind_take_no_longer_than_text() -> None:
    cells = [{"cell_type": "code", "source": "", "outputs": [printed("长" * 1_000_000)]}]
    cells += [{"cell_type": "markdown", "source": piece * 300_000} for piece in ("![", "<img ")]
    assert read_notebook(notebook(*cells)).text.count("![") == 300_000


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"text/html": "<p>准确率 <b>0.91</b></p>", "text/plain": "<IPython.core.display.HTML object>"},
            "准确率 **0.91**",
        ),
        ({"text/markdown": "召回率 0.8", "text/html": "<p>召回率</p>"}, "召回率 0.8"),
        ({"text/html": "<table><tr><td>1</td></tr></table>", "text/plain": "   x\n0  1"}, "```text\n   x\n0  1\n```"),
        ({"text/html": "<div></div><script>draw()</script>"}, ""),
    ],
)
def test_an_output_that_is_only_formatted_is_read_as_text(data: dict[str, str], expected: str) -> None:
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    assert read_notebook(notebook({"cell_type": "code", "source": "", "outputs": [output]})).text == expected


def test_the_language_is_the_kernels() -> None:
    cell = {"cell_type": "code", "source": "x <- 1"}
    assert read_notebook(notebook(cell, language_info={"name": "R"})).text == "```R\nx <- 1\n```"
    assert read_notebook(notebook(cell)).text == "```\nx <- 1\n```"


def test_terminal_colours_and_lone_surrogates_do_not_reach_the_text() -> None:
    cell = {"cell_type": "code", "source": "", "outputs": [printed("\x1b[31m红\x1b[0m\ud800")]}
    assert read_notebook(notebook(cell)).text == "```text\n红\ufffd\n```"


def test_a_notebook_of_version_3_is_read() -> None:
    cells = [{"cell_type": "markdown", "source": "旧格式", "metadata": {}}]
    old = {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    assert read_notebook(json.dumps(old).encode()).text == "旧格式"


def test_an_empty_notebook_file_is_an_empty_note() -> None:
    assert read_notebook(b"").text == ""


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b"null", b'{"cells": 1}', b'{"cells": [1], "nbformat": 4}', b'{"nbformat": "x"}', b"[" * 100_000],
)
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableNote, match="the notebook is broken: ipynb: open it in Jupyter"):
        read_notebook(data)
