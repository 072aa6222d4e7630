"""Jupyter notebooks -> Markdown: text cells as they are, code cells and their text outputs fenced, formatted outputs as
text."""

import re
from collections.abc import Iterator
from typing import Any

from ingest.errors import UnreadableNote
from ingest.phrases import Phrase
from ingest.readers.decode import decode, printable
from ingest.readers.html import to_markdown
from ingest.readers.markdown_writer import fenced
from ingest.types import Reading

_MAX_OUTPUT_LINES = 20
_PICTURE = re.compile(r"!\[[^\]]{0,200}\]\(data:[^)]*\)|<img[^<>]{1,200}?src=[\"']?data:[^<>]*>")
_OBJECT_ADDRESS = re.compile(r"\s*<[^\n]*>\s*")
_MAX_OUTPUT_CHARACTERS = 1_000


def read(data: bytes) -> Reading:
    """Pictures are left out, long outputs cut. Raises UnreadableNote for what is no notebook."""
    import nbformat

    decoded = decode(data)
    if not decoded.text.strip():
        return Reading("")
    try:
        # Not nbformat.reads: it also validates, and prints what it finds.
        stored = nbformat.reader.reads(decoded.text)  # type: ignore[no-untyped-call]
        notebook: Any = nbformat.convert(stored, 4)  # type: ignore[no-untyped-call]
        kernel = notebook.metadata.get("language_info") or notebook.metadata.get("kernelspec") or {}
        language = str(kernel.get("language") or kernel.get("name") or "")
        blocks = [block for cell in notebook.cells for block in _blocks(cell, language)]
    # What only looks like a notebook can fail at any of its fields.
    except Exception as error:
        raise UnreadableNote(
            Phrase("the notebook is broken", "notebook 文件已损坏"),
            "ipynb",
            Phrase("open it in Jupyter and save it again", "请用 Jupyter 打开并重新保存"),
        ) from error
    return Reading("\n\n".join(blocks), problems=decoded.problems)


def _blocks(cell: Any, language: str) -> Iterator[str]:
    source = printable(cell.source).strip("\n")
    if cell.cell_type != "code":
        source = _PICTURE.sub("", source).strip("\n")
    elif source.strip():
        source = fenced(source, language)
    if source.strip():
        yield source
    if cell.cell_type == "code":
        output = _shortened("".join(_printed(output) for output in cell.outputs)) + "".join(map(_raised, cell.outputs))
        if output.strip():
            yield fenced(output.strip("\n"), "text")
        yield from filter(None, map(_formatted, cell.outputs))


def _printed(output: Any) -> str:
    is_stream = output.output_type == "stream"
    text = output.text if is_stream else output.get("data", {}).get("text/plain", "")
    # A progress bar overwrites its line again and again: only the last state counts.
    lines = text.replace("\r\n", "\n").split("\n")
    text = printable("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))
    return "" if _OBJECT_ADDRESS.fullmatch(text) or not text else text.rstrip("\n") + "\n"


def _formatted(output: Any) -> str:
    """What an output says only as Markdown or HTML."""
    data = output.get("data", {})
    text = "" if _printed(output) else data.get("text/markdown") or to_markdown(data.get("text/html", ""))[0]
    return _shortened(_PICTURE.sub("", printable(text))).strip("\n")


def _raised(output: Any) -> str:
    return f"{output.ename}: {printable(output.evalue)}\n" if output.output_type == "error" else ""


def _shortened(output: str) -> str:
    kept = "\n".join(output.split("\n")[:_MAX_OUTPUT_LINES])[:_MAX_OUTPUT_CHARACTERS]
    return output if kept.strip("\n") == output.strip("\n") else kept + "\n…\n"
