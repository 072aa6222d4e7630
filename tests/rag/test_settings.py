"""Settings that are loaded and saved, where they come from, and what is said of those that cannot be used."""

import stat
import traceback
from pathlib import Path

import pytest

import rag.settings
from ingest.errors import BadInput
from ingest.phrases import Phrase
from rag.settings import Settings, load_settings, save_settings, sources


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


def test_a_link_to_the_file_stays_a_link(files: tuple[Path, Path], tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text('language = "zh"\n', encoding="utf-8")
    files[0].symlink_to(kept)
    save_settings({"language": "en"})
    assert files[0].is_symlink()
    assert kept.read_text(encoding="utf-8") == 'language = "en"\n'


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
    with pytest.raises(BadInput) as raised:
        save_settings({"chat_model": "new"})
    assert load_settings().chat_model == "old"
    assert raised.value.to("zh") == f"设置文件无法逐行修改：{files[0]}：请手动修改此文件"


def refusal(**options: object) -> Phrase:
    with pytest.raises(BadInput) as raised:
        load_settings(**options)
    return Phrase(raised.value.to("en"), raised.value.to("zh"))


@pytest.mark.parametrize(
    ("name", "value", "en", "zh"),
    [
        ("strictness", "strickt", "use strict, balanced or eager", "请用 strict、balanced 或 eager"),
        ("candidates", "1001", "use a whole number from 1 to 1000", "请用 1 到 1000 之间的整数"),
        ("candidates", "many", "use a whole number from 1 to 1000", "请用 1 到 1000 之间的整数"),
        ("dense_weight", "-1", "use a number from 0 to 10", "请用 0 到 10 之间的数"),
        ("chat_timeout_seconds", "0", "use a number above 0, at most 3600", "请用大于 0 且不超过 3600 的数"),
        ("reflect", "maybe", "use true or false", "请用 true 或 false"),
        (
            "chat_base_url",
            "localhost:11434",
            "begin it with http:// or https://, as in http://localhost:11434/v1",
            "请以 http:// 或 https:// 开头，例如 http://localhost:11434/v1",
        ),
    ],
)
def test_what_cannot_be_used_is_told_with_its_variable_and_what_can(
    name: str, value: str, en: str, zh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"NOTECITE_{name.upper()}", value)
    assert refusal() == Phrase(
        f'the setting {name} cannot be "{value}" (from $NOTECITE_{name.upper()}): {en}',
        f'设置项 {name} 不能是 "{value}"（来自 $NOTECITE_{name.upper()}）：{zh}',
    )


def test_what_cannot_be_used_is_told_with_its_file(files: tuple[Path, Path]) -> None:
    files[0].write_text("chat_model = 5\n", encoding="utf-8")
    assert refusal().en == f"the setting chat_model cannot be 5 (from {files[0]}): write it as text, in quotes"


def test_an_option_that_cannot_be_used_hides_what_is_set_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTECITE_LANGUAGE", "zh")
    assert refusal(language="fr").en == 'the setting language cannot be "fr": use auto, en or zh'


def test_an_unknown_key_is_told_with_the_one_that_was_meant(files: tuple[Path, Path]) -> None:
    files[0].write_text('strictnes = "strict"\n', encoding="utf-8")
    assert refusal() == Phrase(
        f"there is no setting strictnes (from {files[0]}): did you mean strictness?",
        f"没有设置项 strictnes（来自 {files[0]}）：是否想写 strictness？",
    )


def test_an_unknown_key_that_is_like_no_other_is_told_with_all_settings() -> None:
    assert refusal(xyz=1).en == f"there is no setting xyz: the settings are {', '.join(Settings.model_fields)}"


def test_an_unknown_variable_is_refused_like_an_unknown_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTECITE_STRICTNES", "strict")
    assert refusal().en == "there is no setting strictnes (from $NOTECITE_STRICTNES): did you mean strictness?"


def test_the_password_of_the_page_is_no_unknown_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTECITE_PASSWORD", "secret")
    load_settings()
    assert "password" not in sources()


@pytest.mark.parametrize("name", ["chat_api_key", "chat_key"])
def test_a_key_is_in_no_error(name: str, files: tuple[Path, Path]) -> None:
    files[0].write_text(f'{name} = ["sk-secret"]\n', encoding="utf-8")
    with pytest.raises(BadInput, match=name) as raised:
        load_settings()
    assert "chat_api_key" in str(raised.value)
    assert "sk-secret" not in "".join(traceback.format_exception(raised.value))


def test_a_file_that_cannot_be_read_is_named(files: tuple[Path, Path]) -> None:
    files[0].write_text("candidates = \n", encoding="utf-8")
    said = refusal()
    assert said.en.startswith(f"a settings file cannot be read: {files[0]} (Invalid value")
    assert said.zh.endswith("：请改正或删除它")


def test_a_working_folder_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert refusal().en.startswith("the working folder cannot be found: ")


@pytest.mark.parametrize("place", ["option", "variable", "file"])
def test_the_library_may_be_in_the_home_folder(
    place: str, files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("NOTECITE_LIBRARY", raising=False)
    if place == "variable":
        monkeypatch.setenv("NOTECITE_LIBRARY", "~/nl")
    if place == "file":
        files[0].write_text('library = "~/nl"\n', encoding="utf-8")
    assert load_settings(library=Path("~/nl") if place == "option" else None).library == tmp_path / "nl"


def test_no_chat_model_is_the_same_as_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTECITE_CHAT_MODEL", "m")
    assert load_settings(chat_model="none").chat_model == load_settings(chat_model="").chat_model == ""
