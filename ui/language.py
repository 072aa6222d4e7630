"""Which language messages are in."""

import locale
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ingest.phrases import Language, Phrase

if TYPE_CHECKING:
    from rag.settings import Settings

_spoken: Language | None = None


def language(setting: str = "") -> Language:
    """``setting`` ("en", "zh" or "auto"), else ``$NOTECITE_LANGUAGE``, else the locale; English if none decides."""
    choice = setting or os.environ.get("NOTECITE_LANGUAGE", "")
    if choice in ("en", "zh"):
        return "zh" if choice == "zh" else "en"
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    name = next((name for name in names if name), "") or (locale.getlocale()[0] or "")
    return "zh" if name.lower().startswith(("zh", "chinese")) else "en"


def spoken() -> Language:
    """The language of a command's messages: that of its settings once they are loaded."""
    return _spoken or language()


def configured(assignments: Sequence[str] | None = None, /, **options: Any) -> "Settings":
    """The settings of a command; from here on, messages are in their language.

    Raises BadInput for an assignment ``key=value`` or an option that cannot be used.
    """
    global _spoken
    _spoken = language(options.get("language") or "")
    if assignments:
        from eval.answerer import settings_from

        settings = settings_from(assignments, **options)
    else:
        from rag.settings import load_settings

        settings = load_settings(**options)
    _spoken = language(settings.language)
    return settings


def say(en: str, zh: str) -> str:
    """A help text: made before any setting is read, so the locale or ``$NOTECITE_LANGUAGE`` decides."""
    return Phrase(en, zh).to(language())
