"""Which language messages are in."""

import pytest

from ui.language import language


@pytest.mark.parametrize(
    ("setting", "variable", "locale", "spoken"),
    [
        ("en", "zh", "zh_CN.UTF-8", "en"),
        ("auto", "zh", "en_US.UTF-8", "en"),
        ("", "zh", "en_US.UTF-8", "zh"),
        ("", "auto", "zh_CN.UTF-8", "zh"),
        ("", "", "zh_TW.UTF-8", "zh"),
        ("", "", "de_DE.UTF-8", "en"),
    ],
)
def test_the_setting_wins_over_the_variable_and_this_over_the_locale(
    monkeypatch: pytest.MonkeyPatch, setting: str, variable: str, locale: str, spoken: str
) -> None:
    monkeypatch.setenv("NOTECITE_LANGUAGE", variable)
    monkeypatch.setenv("LC_ALL", locale)
    assert language(setting) == spoken
