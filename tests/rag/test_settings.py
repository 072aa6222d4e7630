"""Settings that are saved, and where they come from."""

import stat
from pathlib import Path

import pytest

import rag.settings
from ingest.errors import BadInput
from rag.settings import load_settings, save_settings, sources


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The one in the working folder, and the person's own."""
    found = tmp_path / "here" / "notecite.toml", tmp_path / "home" / "notecite.toml"
    found[0].parent.mkdir()
    monkeypatch.setattr(rag.settings, "settings_files", lambda: found)
    return found


def test_what_is_saved_is_loaded_and_known_to_come_from_the_file(files: tuple[Path, Path]) -> None:
    assert save_settings({"strictness": "strict", "candidates": 7}) == files[1]
    settings = load_settings()
    assert (settings.strictness, settings.candidates) == ("strict", 7)
    assert sources()["strictness"] == str(files[1])


def test_the_file_in_the_working_folder_wins_and_its_other_lines_stay(files: tuple[Path, Path]) -> None:
    files[0].write_text('# mine\nchat_model = "old"  # here\nlanguage = "zh"\n', encoding="utf-8")
    assert save_settings({"chat_model": '名"\\字'}) == files[0]
    assert files[0].read_text(encoding="utf-8").startswith('# mine\nlanguage = "zh"\n')
    assert (load_settings().chat_model, load_settings().language) == ('名"\\字', "zh")


def test_a_setting_is_taken_out() -> None:
    save_settings({"chat_model": "m", "chat_api_key": "secret"})
    save_settings({"chat_api_key": None})
    assert load_settings().chat_api_key.get_secret_value() == ""
    assert load_settings().chat_model == "m"


def test_a_setting_is_taken_out_of_every_file(files: tuple[Path, Path]) -> None:
    save_settings({"chat_model": "m", "chat_api_key": "secret", "language": "zh"})
    files[0].write_text('chat_model = "nearer"\n', encoding="utf-8")
    assert save_settings({"chat_api_key": None, "chat_model": None, "language": "en"}) == files[0]
    assert [file.read_text(encoding="utf-8") for file in files] == ['language = "en"\n', 'language = "zh"\n']
    assert (load_settings().chat_api_key.get_secret_value(), load_settings().chat_model) == ("", "")


def test_a_file_that_is_both_keeps_what_is_saved(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    files[0].write_text('chat_model = "m"\n', encoding="utf-8")
    monkeypatch.setattr(rag.settings, "settings_files", lambda: (files[0], files[0]))
    save_settings({"chat_model": None, "language": "zh"})
    assert files[0].read_text(encoding="utf-8") == 'language = "zh"\n'


def test_where_one_file_cannot_be_edited_no_file_is_written(files: tuple[Path, Path]) -> None:
    written = 'chat_model = "m"\n', 'chat_model = """\nold"""\n'
    files[1].parent.mkdir()
    for file, text in zip(files, written, strict=True):
        file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=str(files[1])):
        save_settings({"chat_model": None})
    assert tuple(file.read_text(encoding="utf-8") for file in files) == written


def test_what_the_environment_sets_cannot_be_taken_out(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_settings({"chat_api_key": "saved"})
    monkeypatch.setenv("NOTECITE_CHAT_API_KEY", "secret")
    with pytest.raises(BadInput, match=r"\$NOTECITE_CHAT_API_KEY"):
        save_settings({"chat_api_key": None})
    assert files[1].read_text(encoding="utf-8") == 'chat_api_key = "saved"\n'


def test_the_file_is_for_its_owner_alone() -> None:
    file = save_settings({"chat_api_key": "secret"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("changes", [{"strictness": "sometimes"}, {"chat_base_url": "ftp://x"}, {"unknown": "1"}])
def test_nothing_is_written_for_a_value_that_cannot_be_used(files: tuple[Path, Path], changes: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        save_settings(changes)
    assert not files[1].exists()


def test_a_file_that_cannot_be_edited_by_line_is_left_alone(files: tuple[Path, Path]) -> None:
    files[0].write_text('chat_model = """\nold"""\n', encoding="utf-8")
    with pytest.raises(BadInput):
        save_settings({"chat_model": "new"})
    assert load_settings().chat_model == "old"
