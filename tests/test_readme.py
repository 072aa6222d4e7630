"""Every command and program of the READMEs runs as it is written."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rag.build
from rag.build import sync_notes
from rag.settings import load_settings
from tests.fakes import FakeEmbedder

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh.md")
COPIED = ("rag", "peft", "推理与部署")
"""Folders of the sample notes that the READMEs ask about. Embedding all of them takes a minute."""

pytestmark = pytest.mark.slow


def blocks(readme: str, language: str) -> Iterator[str]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    yield from re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(readme: str) -> list[list[str]]:
    return [shlex.split(line) for block in blocks(readme, "sh") for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with sample notes, not yet synced, and a file of three questions about them."""
    folder = tmp_path_factory.mktemp("readme")
    for name in COPIED:
        shutil.copytree(ROOT / "notes" / name, folder / "notes" / name)
    shipped = (ROOT / "eval" / "data" / "sample_notes.jsonl").read_text(encoding="utf-8").splitlines()
    about_them = [line for line in shipped if all(map(is_copied, json.loads(line)["evidence"]))]
    (folder / "few.jsonl").write_text("\n".join(about_them[:3]), encoding="utf-8")
    return folder


def is_copied(evidence: dict[str, str]) -> bool:
    return evidence["file"].split("/")[0] in COPIED


def filled_in(command: list[str], folder: Path) -> list[str]:
    """The command with the README's placeholders replaced."""
    runs = sorted(str(run) for run in (folder / "runs").glob("*")) or [""]
    values = {"FILE": "few.jsonl", "FOLDER": "notes", "RUN": runs[-1], "RUN_A": runs[0], "RUN_B": runs[-1]}
    return [values.get(word, word) for word in command]


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    own = {"NOTECITE_LIBRARY": str(folder / "library"), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    return {**os.environ, **own, "XDG_CONFIG_HOME": str(folder / "config")}


def test_the_notecite_commands_run(folder: Path, environment: dict[str, str]) -> None:
    written = [[command for command in commands(readme) if command[0] == "notecite"] for readme in READMES]
    assert all({"sync", "ask", "search"} <= {command[1] for command in found} for found in written)
    for command in map(list, dict.fromkeys(tuple(command) for found in written for command in found)):
        done = subprocess.run(
            [sys.executable, "-m", "ui.cli", *filled_in(command[1:], folder)],
            cwd=folder,
            env=environment,
            input="",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("readme", READMES)
def test_the_python_program_runs(readme: str, folder: Path, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-m", "ui.cli", "sync", "notes"], cwd=folder, env=environment, check=True)
    (program,) = blocks(readme, "python")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "[1]" in done.stdout


@pytest.mark.parametrize("readme", READMES)
def test_the_make_targets_exist(readme: str) -> None:
    targets = {command[1] for command in commands(readme) if command[0] == "make"}
    assert targets >= {"run", "test"}
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("readme", READMES)
def test_the_modules_to_run_answer_for_help(readme: str) -> None:
    modules = [command[2] for command in commands(readme) if command[:2] == ["python", "-m"]]
    for module in modules:
        done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0


def test_the_sample_notes_are_read_without_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rag.build, "open_embedder", lambda settings: FakeEmbedder())
    report = sync_notes(load_settings(library=tmp_path / "library"), [ROOT / "notes"])
    assert len(report.added) > 40
    assert (report.skipped, report.problems, report.messages) == ((), (), ())
