"""Imports point one way, and each outside library has one home."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ABOVE = {"ingest": {"rag", "ui", "eval"}, "rag": {"ui", "eval"}, "ui": set[str](), "eval": {"ui"}}
HOMES = {
    "chromadb": {"ingest/vectors.py"},
    "tantivy": {"ingest/lexical.py"},
    "rjieba": {"ingest/lexical.py"},
    "datasketch": {"ingest/dedupe.py"},
    "pypdfium2": {"ingest/readers/pdf.py"},
    "mammoth": {"ingest/readers/docx.py"},
    "nbformat": {"ingest/readers/notebook.py"},
    "pydantic_settings": {"rag/settings.py"},
    "langchain_openai": {"rag/chat_model.py"},
    "openai": {"rag/chat_model.py"},
    "langchain_core": {"rag/langchain.py", "rag/chat_model.py", "rag/protocols.py"},
    "typer": {"ui/cli.py", "ui/eval_commands.py"},
    "gradio": {"ui/widgets.py"},
    "uvicorn": {"ui/server.py"},
    "nh3": {"ui/markup.py"},
    "markdown_it": {"ui/markup.py"},
    "latex2mathml": {"ui/markup.py"},
}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", sorted(ABOVE))
def test_a_package_imports_nothing_above_it(package: str) -> None:
    wrong = [(file.name, name) for file in sources(package) for name in imported(file) if name in ABOVE[package]]
    assert wrong == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_an_outside_library_has_one_home(library: str) -> None:
    homes = {
        file.relative_to(ROOT).as_posix()
        for package in ABOVE
        for file in sources(package)
        if library in set(imported(file))
    }
    assert homes <= HOMES[library]
    assert homes


def loaded(module: str, candidates: set[str]) -> set[str]:
    """Which of the candidates a fresh interpreter holds after importing ``module``."""
    code = f"import sys, {module}; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return candidates & set(shown.stdout.split())


def test_help_loads_no_heavy_library() -> None:
    assert loaded("ui.cli", {"torch", "chromadb", "numpy", "pydantic", "rich.progress", "langchain_core"}) == set()


def test_asking_with_the_bundled_model_loads_no_torch() -> None:
    assert loaded("rag.build", {"torch", "sentence_transformers", "transformers", "langchain_core"}) == set()
