"""``notecite eval`` as a person types it."""

import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from eval.answers import ANSWER_SCORERS
from eval.cases import load_cases
from eval.run import answer_cases, load_run, save_scores, score_run
from eval.types import Trial
from ingest.errors import BadInput
from ingest.types import Document
from tests.eval.samples import FINDER, REFUSAL, answered, case, cite
from tests.eval.test_run import SPEC
from ui.cli import main
from ui.eval_commands import app

CASES = [case(str(number)) for number in range(12)]
GOOD = answered([("It needs 2 GB.", [1])], [cite(1, "cache.md", "It needs 2 GB.")])


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def made(folder: Path, refused: Sequence[str] = ()) -> Path:
    records = answer_cases(CASES, lambda asked: Trial(REFUSAL if asked.id in refused else GOOD), FINDER, SPEC, folder)
    save_scores(score_run(folder, SPEC, records, ANSWER_SCORERS))
    return folder


def test_the_gate_passes_an_equal_run_and_fails_a_worse_one_with_exit_code_1(tmp_path: Path) -> None:
    baseline, equal, worse = (
        made(tmp_path / "a"),
        made(tmp_path / "b"),
        made(tmp_path / "c", [str(n) for n in range(6)]),
    )
    assert call("gate", equal, "--baseline", baseline).exit_code == 0
    failed = call("gate", worse, "--baseline", baseline, "--language", "en")
    assert failed.exit_code == 1
    assert "| False refusals | +0.500 [" in failed.stdout
    assert "| FAILED | 0 1 2 3 4 5 |" in failed.stdout


def test_compare_prints_both_languages_on_demand(tmp_path: Path) -> None:
    old, new = made(tmp_path / "a"), made(tmp_path / "b", ["3"])
    assert "### Comparison" in call("compare", old, new, "--language", "en").stdout
    assert "### 对比" in call("compare", old, new, "--language", "zh").stdout


def test_the_language_of_the_settings_is_spoken_and_an_unknown_one_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = made(tmp_path / "a"), made(tmp_path / "b")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notecite.toml").write_text('language = "zh"', encoding="utf-8")
    assert "### 对比" in call("compare", old, new).stdout
    assert "### 质量门槛" in call("gate", new, "--baseline", old).stdout
    unknown = call("compare", old, new, "--language", "fr")
    assert isinstance(unknown.exception, BadInput)


def test_an_error_is_told_in_the_language_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "--questions", "q.jsonl", "--library", str(tmp_path / "none"), "--language", "zh"]
    monkeypatch.setattr("sys.argv", ["notecite", "eval", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("notecite: 还没有库：")


@pytest.mark.parametrize("arguments", [("report", "no run"), ("make",), ("judge-check", "no pairs")])
def test_a_file_that_could_not_be_written_is_an_error_before_anything_is_done(
    tmp_path: Path, arguments: Sequence[str]
) -> None:
    for out in (tmp_path / "none" / "file", tmp_path):
        result = call(*arguments, "--out", out)
        assert isinstance(result.exception, BadInput)
        assert result.exception.value == str(out)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder in which no file can be made: even root makes none in /proc."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    return Path("/proc") if os.geteuid() == 0 else folder


@pytest.mark.parametrize("arguments", [("report", "no run"), ("make",), ("judge-check", "no pairs")])
def test_a_file_in_a_folder_that_is_closed_to_writing_is_an_error(closed: Path, arguments: Sequence[str]) -> None:
    result = call(*arguments, "--out", closed / "file.md")
    assert isinstance(result.exception, BadInput)
    assert result.exception.what.en == "no file can be written here"


def test_a_folder_that_could_not_be_written_is_an_error_before_anything_is_done(tmp_path: Path, closed: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for out in (closed / "runs", tmp_path / "file", tmp_path / "file" / "runs"):
        for arguments in (
            ("run", "--questions", "no questions", "--library", tmp_path / "none", "--out", out),
            ("baseline", tmp_path / "no run", out),
            ("score", out),
        ):
            result = call(*arguments)
            assert isinstance(result.exception, BadInput), arguments
            assert result.exception.value == str(out)


def test_an_edited_question_is_asked_for_again_until_it_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = Document("cache.md", "Cache", "# Cache\n\n## Why does it grow?\n\nIt keeps the keys and values.\n", "hash")
    library = SimpleNamespace(documents=lambda: [note], document=lambda _: note)
    application = nullcontext(SimpleNamespace(library=library, chat_model=None))
    monkeypatch.setattr("rag.build.Application", lambda settings: application)
    made = CliRunner().invoke(
        app, ["make", "--out", str(tmp_path / "q.jsonl"), "--language", "en"], input="e\n \nWhy so big?\n"
    )
    assert "the question cannot be kept" in made.stderr
    assert [one.question for one in load_cases(tmp_path / "q.jsonl")] == ["Why so big?"]
    assert "1 question kept in" in made.stderr


def test_score_works_on_stored_answers_alone(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", [one.id for one in CASES])
    before = load_run(folder).records
    scored = call("score", folder, "--language", "en")
    assert "| Key-point recall" not in scored.stdout
    assert scored.stderr.splitlines()[-1] == f"report: `notecite eval report {folder}`"
    run = load_run(folder)
    assert run.records == before
    assert "relevance" not in {row.name for row in run.summary.rows}


def test_a_report_is_html_beside_the_run_or_markdown_where_one_says(tmp_path: Path) -> None:
    folder = made(tmp_path / "a")
    assert call("report", folder).stdout.strip() == str(folder / "report.html")
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    call("report", folder, "--out", tmp_path / "r.md", "--language", "en")
    assert (tmp_path / "r.md").read_text(encoding="utf-8").startswith("## Evaluation: a")


def test_judge_check_prints_its_table_and_keeps_its_result(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(
        json.dumps({"premise": "the cache", "claim": "cache", "supported": True})
        + "\n"
        + json.dumps({"premise": "the cache", "claim": "disk", "supported": False}),
        encoding="utf-8",
    )
    result = call("judge-check", pairs, "--judge", "lexical", "--out", tmp_path / "check.json", "--language", "en")
    assert "| all | 2 | 1.000 [" in result.stdout
    assert json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))["judge"] == "lexical-overlap"


def test_an_unknown_judge_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    result = call("score", made(tmp_path / "a"), "--judge", "oracle")
    assert isinstance(result.exception, BadInput)
    assert "use bundled, lexical, chat" in result.exception.to("en")


@pytest.mark.slow
def test_a_folder_of_notes_is_measured_from_questions_to_gate(tmp_path: Path) -> None:
    from eval.answerer import settings_from, synced

    notes, library, questions, runs = (tmp_path / name for name in ("notes", "library", "q.jsonl", "runs"))
    notes.mkdir()
    (notes / "kv.md").write_text(
        "# 缓存\n\n## 缓存为什么占显存？\n\n每一层都要保存历史 token 的 K 和 V，序列越长越占显存。\n", encoding="utf-8"
    )
    (notes / "lora.md").write_text("# LoRA\n\nLoRA 是一种低秩微调方法，只训练 A 和 B 两个小矩阵。\n", encoding="utf-8")
    with synced(notes, settings_from((), library=library)):
        pass
    reviewed = CliRunner().invoke(
        app, ["make", "--out", str(questions), "--library", str(library)], input="a\ne\nLoRA 训练什么？\n"
    )
    assert reviewed.exit_code == 0, reviewed.output
    assert [one.question for one in load_cases(questions)] == ["缓存为什么占显存？", "LoRA 训练什么？"]

    first = call("run", "--questions", questions, "--library", library, "--out", runs, "--language", "en")
    assert first.exit_code == 0, first.output
    (folder,) = runs.iterdir()
    assert load_run(folder).summary.errors == 0
    assert "| reranked |" in first.stdout
    assert "### Judge" not in first.stdout
    again = call("run", "--questions", questions, "--library", library, "--out", runs, "--language", "en")
    assert again.stdout == first.stdout
    assert call("gate", folder, "--baseline", folder).exit_code == 0
