"""How a run was made."""

import subprocess
from pathlib import Path

from eval.answerer import settings_from
from eval.spec import describe, git_state, library_fingerprint
from ingest.library import open_library


def test_a_spec_tells_settings_versions_and_seeds_and_is_the_same_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("{}", encoding="utf-8")
    settings = settings_from(["candidates=7"], library=tmp_path / "library")
    with open_library(settings.library, write=True) as library:
        one = describe(tmp_path / "q.jsonl", None, library, "fake", settings)
        other = describe(tmp_path / "q.jsonl", None, library, "fake", settings)
        assert library_fingerprint(library, "fake") != library_fingerprint(library, "another")
    assert one == other
    assert one.settings["candidates"] == "7"
    assert "library" not in one.settings
    assert one.versions["notecite"]
    assert one.seeds["statistics"] > 0


def git(folder: Path, *arguments: str) -> None:
    names = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *names, *arguments], check=True, capture_output=True)


def test_the_commit_is_that_of_the_code_with_its_changes_and_new_modules(tmp_path: Path) -> None:
    source = tmp_path / "eval" / "spec.py"
    source.parent.mkdir()
    source.write_text("a = 1\n", encoding="utf-8")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    commit, clean = git_state(source)
    assert (len(commit), clean) == (40, "")
    (tmp_path / "notes.md").write_text("untracked", encoding="utf-8")
    assert git_state(source) == (commit, "")
    new = tmp_path / "eval" / "new.py"
    new.write_text("b = 1\n", encoding="utf-8")
    digests = [git_state(source)]
    new.write_text("b = 2\n", encoding="utf-8")
    digests.append(git_state(source))
    source.write_text("a = 2\n", encoding="utf-8")
    digests.append(git_state(source))
    assert {found for found, _ in digests} == {commit}
    assert len({clean, *(changes for _, changes in digests)}) == 4


def test_a_repository_around_an_installation_is_not_that_of_the_code(tmp_path: Path) -> None:
    source = tmp_path / ".venv" / "eval" / "spec.py"
    source.parent.mkdir(parents=True)
    source.write_text("a = 1\n", encoding="utf-8")
    (tmp_path / ".gitignore").write_text(".venv\n", encoding="utf-8")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    assert git_state(source) == ("", "")
