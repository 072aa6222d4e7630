"""The command line as a user or a tool meets it: real processes, the real bundled model."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTE = """# 训练笔记

## 学习率预热

预热是指训练开始的几百步里把学习率从零慢慢升到目标值，避免一开始梯度过大。

## 梯度裁剪

梯度裁剪把梯度的范数限制在 1.0 以内，防止训练发散。它不改变梯度的方向。
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with notes and a synced library."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "notes").mkdir()
    (folder / "notes" / "训练.md").write_text(NOTE, encoding="utf-8")
    done = run(folder, "sync", "notes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 new, 0 changed")
    return folder


def run(
    folder: Path, *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """``notecite`` in ``folder`` with English messages and nothing configured but the library."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTECITE_")}
    kept |= {"LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(folder / "config"), "NOTECITE_LIBRARY": "library"}
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", *arguments],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)} | environment,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )


def json_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_ask_prints_sentences_with_their_sources(home: Path) -> None:
    done = run(home, "ask", "学习率预热是什么意思")
    assert done.returncode == 0
    assert "预热是指训练开始的几百步里" in done.stdout
    assert "[1] 训练.md > 训练笔记 > 学习率预热: “" in done.stdout


def test_answer_object(home: Path) -> None:
    answer = json_of(run(home, "ask", "--json", "那它会改变梯度方向吗", "--history", "梯度裁剪是什么"))
    assert set(answer) >= {
        "id", "question", "standalone_question", "answer", "abstained", "sentences", "citations", "seconds", "models",
    }  # fmt: skip
    assert answer["standalone_question"] != answer["question"]
    assert answer["abstained"] is False
    shown = run(home, "show", "训练.md").stdout
    assert shown == NOTE
    for citation in answer["citations"]:
        assert shown[citation["start"] : citation["end"]] == citation["quote"]
        assert citation["document"] == "训练.md"
    numbers = [citation["n"] for citation in answer["citations"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(set(sentence["citations"]) <= set(numbers) for sentence in answer["sentences"])


def test_search_object(home: Path) -> None:
    found = json_of(run(home, "search", "--json", "-k", "1", "梯度裁剪"))
    (hit,) = found["hits"]
    assert (hit["rank"], hit["document"], hit["heading"]) == (1, "训练.md", ["训练笔记", "梯度裁剪"])
    assert NOTE[hit["start"] : hit["end"]] == hit["text"]
    assert (hit["page"], hit["stage"]) == (None, "rerank")
    assert 0 <= hit["score"] <= 1


def test_batch_answers_in_order_and_goes_on_after_a_bad_line(home: Path) -> None:
    endless = "问" * 100_000
    lines = [
        '{"id": "a", "question": "梯度裁剪是什么"}',
        "不是 JSON",
        '{"id": "b", "question": ""}',
        f'{{"id": "c", "question": "{endless}"}}',
        '{"id": "d", "question": "预热"}',
    ]
    done = run(home, "search", "--batch", "-", stdin="\n".join(lines))
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result.get("id") for result in results] == ["a", None, "b", "c", "d"]
    assert [result.get("error", "").split(":")[0] for result in results] == [
        "", "a batch line cannot be used", "the question is empty", "the question is too long", "",
    ]  # fmt: skip
    assert done.returncode == 1


def test_a_batch_on_stdin_may_begin_with_a_byte_order_mark_and_must_be_utf_8(home: Path) -> None:
    done = run(home, "search", "--batch", "-", stdin='\ufeff{"id": "a", "question": ""}\n\udcff\n')
    assert done.returncode == 1
    assert json.loads(done.stdout)["id"] == "a"
    assert done.stderr.startswith("notecite: the batch file cannot be read: - (")
    assert len(done.stderr.splitlines()) == 1


def test_a_changed_note_changes_the_next_answer(home: Path) -> None:
    note = home / "notes" / "新.md"
    note.write_text("# 权重衰减\n\n权重衰减系数一般取 0.1。\n", encoding="utf-8")
    assert run(home, "sync").stdout.startswith("1 new")
    assert "0.1" in run(home, "ask", "权重衰减系数取多少").stdout
    note.unlink()
    assert "1 deleted" in run(home, "sync").stdout
    assert "0.1" not in run(home, "ask", "权重衰减系数取多少").stdout


def test_a_folder_that_is_gone_is_told_and_the_others_are_synced(home: Path) -> None:
    (home / "more").mkdir()
    (home / "more" / "新.md").write_text("# 权重衰减\n\n权重衰减系数一般取 0.1。\n", encoding="utf-8")
    assert run(home, "sync", "more").returncode == 0
    (home / "more").rename(home / "away")
    done = run(home, "sync")
    assert done.returncode == 1
    assert f"skipped: {home / 'more'}: folder not found: put it back" in done.stdout
    status = run(home, "status").stdout
    assert f"folder {home / 'notes'}\n" in status
    assert f"folder {home / 'more'} (not there)\n" in status
    assert json.loads(run(home, "status", "--json").stdout)["folders"] == [str(home / "notes"), str(home / "more")]
    assert run(home, "forget", str(home / "more")).stdout == "新.md\n"
    assert run(home, "sync").returncode == 0


def test_chat_takes_follow_ups(home: Path) -> None:
    done = run(home, "chat", stdin="梯度裁剪是什么\n它会改变方向吗\n\n")
    assert done.returncode == 0
    assert done.stdout.count("出处：") + done.stdout.count("Sources:") == 2


@pytest.mark.parametrize("farewell", ["", "exit", "Quit", "退出"])
def test_chat_ends_at_a_farewell(home: Path, farewell: str) -> None:
    done = run(home, "chat", stdin=f"{farewell}\n梯度裁剪是什么\n")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ask", ""), "notecite: the question is empty: "),
        (("sync", "no such folder"), "no such folder"),
        (("ask", "问题", "--library", "elsewhere"), "elsewhere"),
        (("ask", "问题", "--reranker", "no/such/model"), "notecite: the reranker cannot be loaded: no/such/model: "),
        (("ask", "问题", "--embedder", "no/such/model"), "no/such/model"),
        (("show", "没有.md"), "没有.md"),
        (("forget", "没有.md"), "没有.md"),
        (("ask", "问题", "--language", "fr"), "notecite: the setting language cannot be "),
        (("ask", "--batch", "missing.jsonl"), "notecite: the batch file cannot be read: missing.jsonl"),
    ],
)
def test_bad_input_is_one_line_on_stderr(home: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(home, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_missing_question_is_wrong_usage_before_anything_is_opened(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, command, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "notecite: no question: give one in quotes, or --batch FILE\n"


def test_an_interrupt_says_so_in_one_line(home: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTECITE_")}
    with subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "chat", "--library", str(home / "library"), "--language", "en"],
        env=kept | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    ) as chat:
        assert chat.stderr is not None
        assert chat.stderr.readline() == "Ask; an empty line or `exit` ends.\n"
        chat.send_signal(signal.SIGINT)
        assert chat.stderr.read() == "stopped; what was finished is kept\n"
    assert chat.returncode == 130


def test_messages_follow_the_locale_and_the_setting(home: Path) -> None:
    assert run(home, "ask", "", LC_ALL="zh_CN.UTF-8").stderr.startswith("notecite: 问题为空：")
    assert run(home, "ask", "", "--language", "zh").stderr.startswith("notecite: 问题为空：")
    assert "向自己的笔记提问" in run(home, "--help", LC_ALL="zh_CN.UTF-8").stdout


def test_config_tells_where_each_value_came_from(home: Path) -> None:
    (home / "notecite.toml").write_text('candidates = 30\nlanguage = "en"\n', encoding="utf-8")
    try:
        shown = json_of(run(home, "config", "--json", "--embedder", "bundled", NOTECITE_RERANKER="none"))
        assert {name: shown[name]["source"] for name in ("embedder", "reranker", "answer_characters")} == {
            "embedder": "option",
            "reranker": "$NOTECITE_RERANKER",
            "answer_characters": "default",
        }
        assert shown["candidates"] == {"value": 30, "source": str(home / "notecite.toml")}
        (home / "notecite.toml").write_text("candidates = 'many'\n", encoding="utf-8")
        assert "the setting candidates cannot be " in run(home, "config").stderr
        (home / "notecite.toml").write_text("candidates = \n", encoding="utf-8")
        assert "a settings file cannot be read" in run(home, "config").stderr
    finally:
        (home / "notecite.toml").unlink()


def test_notes_that_disagree_are_shown_side_by_side_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text(
        "# 训练手册\n\n## 学习率预热\n\n学习率预热用 500 步就够了。\n\n## 精度\n\n用 bf16 训练，不需要 loss scale。\n",
        encoding="utf-8",
    )
    (tmp_path / "notes" / "b.md").write_text(
        "# 随手记\n\n## 预热\n\n学习率预热要用 2000 步。\n\n## 评测\n\n每 1000 步评测一次。\n", encoding="utf-8"
    )
    run(tmp_path, "sync", "notes")
    asked = run(tmp_path, "ask", "--json", "学习率预热用多少步？")
    answer = json.loads(asked.stdout)
    (conflict,) = answer["conflicts"]
    assert {conflict["claim_a"], conflict["claim_b"]} == {"学习率预热用 500 步就够了。", "学习率预热要用 2000 步。"}
    quotes = {citation["n"]: citation["quote"] for citation in answer["citations"]}
    assert [quotes[number] for number in conflict["citations_a"]] == [conflict["claim_a"]]
    assert json.loads(run(tmp_path, "ask", "--json", "混合精度需要 loss scale 吗？").stdout)["conflicts"] == []
