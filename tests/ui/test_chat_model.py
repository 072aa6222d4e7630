"""The chat model as the command line shows it: real processes, a scripted server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripted_server import ScriptedServer, fails, says

pytestmark = pytest.mark.slow


def config(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTECITE_")}
    kept |= {
        "LC_ALL": "C.UTF-8",
        "XDG_CONFIG_HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).parent.parent.parent),
    }
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", "config", *arguments],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_without_a_chat_model_the_check_says_that_nothing_is_sent(tmp_path: Path) -> None:
    done = config(tmp_path, "--check")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "no chat model is set: answers quote the notes, and nothing is sent anywhere"
    )


def test_the_check_tells_which_model_answers_and_keeps_the_key(tmp_path: Path) -> None:
    with ScriptedServer(says("OK")) as server:
        environment = {"NOTECITE_CHAT_BASE_URL": server.base_url, "NOTECITE_CHAT_API_KEY": "sk-secret"}
        shown = config(tmp_path, "--check", "--chat-model", "mine", **environment)
        told = json.loads(config(tmp_path, "--check", "--json", "--chat-model", "mine", **environment).stdout)
    assert shown.stdout.splitlines()[-1].startswith("the chat model answers: scripted-model, first word after ")
    assert (told["check"]["model"], told["check"]["reply"]) == ("scripted-model", "OK")
    assert told["chat_model"] == {"value": "mine", "source": "option"}
    assert told["chat_api_key"] == {"value": "**********", "source": "$NOTECITE_CHAT_API_KEY"}
    assert "sk-secret" not in shown.stdout + shown.stderr


def test_a_check_that_fails_says_what_to_do(tmp_path: Path) -> None:
    with ScriptedServer(fails(401, "wrong key sk-secret")) as server:
        environment = {"NOTECITE_CHAT_BASE_URL": server.base_url, "NOTECITE_CHAT_API_KEY": "sk-secret"}
        done = config(tmp_path, "--check", "--chat-model", "mine", **environment)
    assert done.returncode == 1
    assert done.stderr == (
        "notecite: the chat model does not answer (HTTP 401: wrong key **********): "
        f"mine @ {server.base_url}: check chat_model, chat_base_url and chat_api_key\n"
    )


@pytest.mark.parametrize(
    ("text", "name"), [('chat_api_key = ["sk-secret"]', "chat_api_key"), ('chat_key = "sk-secret"', "chat_key")]
)
def test_a_key_in_a_broken_settings_file_is_not_printed(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "notecite.toml").write_text(text, encoding="utf-8")
    done = config(tmp_path)
    assert done.returncode == 1
    assert name in done.stderr
    assert "sk-secret" not in done.stdout + done.stderr


def test_a_server_address_must_be_one(tmp_path: Path) -> None:
    done = config(tmp_path, NOTECITE_CHAT_BASE_URL="localhost:11434")
    assert done.returncode == 1
    assert "chat_base_url" in done.stderr
