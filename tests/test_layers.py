"""Imports point one way, and each outside library has its place."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ABOVE = {"ingest": {"rag", "ui", "eval"}, "rag": {"ui", "eval"}, "ui": set[str](), "eval": {"ui"}}
EVERYWHERE = {"numpy", "torch"}
HOMES = {
    "chromadb": {"ingest/vectors.py"},
    "tantivy": {"ingest/lexical.py", "ingest/tokens.py"},
    "rjieba": {"ingest/tokens.py"},
    "datasketch": {"ingest/dedupe.py"},
    "pypdfium2": {"ingest/readers/pdf.py"},
    "mammoth": {"ingest/readers/docx.py"},
    "nbformat": {"ingest/readers/notebook.py"},
    "selectolax": {"ingest/readers/html.py"},
    "charset_normalizer": {"ingest/readers/decode.py"},
    "onnx": {"ingest/onnx_body.py"},
    "onnxruntime": {"ingest/embed.py"},
    "tokenizers": {"ingest/bundled.py", "ingest/embed.py"},
    "safetensors": {"ingest/adaptation.py", "ingest/bundled.py"},
    "transformers": {"ingest/embed.py", "rag/training/model.py"},
    "sentence_transformers": {
        "ingest/embed.py",
        "rag/cross_encoders.py",
        "eval/benchmarks/sync.py",
    },
    "platformdirs": {"ingest/cache.py", "rag/settings.py", "ui/conversations.py"},
    "filelock": {"ingest/bundled.py", "ingest/library.py", "eval/run.py"},
    "pydantic": {
        "rag/settings.py",
        "rag/chat_model.py",
        "ui/conversations.py",
        "eval/run.py",
        "eval/judge_check.py",
    },
    "pydantic_settings": {"rag/settings.py"},
    "langchain_openai": {"rag/chat_model.py"},
    "openai": {"rag/chat_model.py"},
    "langchain_core": {"rag/langchain.py", "rag/chat_model.py"},
    "typer": {"ui/cli.py", "ui/eval_commands.py"},
    "gradio": {"ui/widgets.py"},
    "fastapi": {"ui/app.py", "ui/server.py"},
    "starlette": {"ui/server.py"},
    "uvicorn": {"ui/server.py"},
    "rich": {"ui/progress.py"},
    "nh3": {"ui/markup.py"},
    "markdown_it": {"ui/markup.py"},
    "mdit_py_plugins": {"ui/markup.py"},
    "latex2mathml": {"ui/markup.py"},
    "scipy": {"eval/stats.py"},
    "plotly": {"eval/figures.py"},
    "playwright": {"eval/benchmarks/page.py"},
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
def test_an_outside_library_has_its_homes(library: str) -> None:
    homes = {
        file.relative_to(ROOT).as_posix()
        for package in ABOVE
        for file in sources(package)
        if library in set(imported(file))
    }
    assert homes == HOMES[library]


def test_every_outside_library_is_listed() -> None:
    names = {name for package in ABOVE for file in sources(package) for name in imported(file)}
    assert names - sys.stdlib_module_names - ABOVE.keys() == HOMES.keys() | EVERYWHERE


def loaded(module: str, candidates: set[str]) -> set[str]:
    """Which of the candidates a fresh interpreter holds after importing ``module``."""
    code = f"import sys, {module}; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return candidates & set(shown.stdout.split())


def test_help_loads_no_heavy_library() -> None:
    assert loaded("ui.cli", {"torch", "chromadb", "numpy", "pydantic", "rich.progress", "langchain_core"}) == set()


def test_asking_with_the_bundled_model_loads_no_torch() -> None:
    assert loaded("rag.build", {"torch", "sentence_transformers", "transformers", "langchain_core"}) == set()
