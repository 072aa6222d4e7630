"""Which language a person reads."""

import locale
import os

from ingest.phrases import Language, Phrase


def language(setting: str = "") -> Language:
    """``setting`` ("en", "zh" or "auto"), else ``$NOTECITE_LANGUAGE``, else the locale; English if neither says."""
    for choice in (setting, os.environ.get("NOTECITE_LANGUAGE", "")):
        if choice in ("en", "zh"):
            return "zh" if choice == "zh" else "en"
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    name = next((name for name in names if name), "") or (locale.getlocale()[0] or "")
    return "zh" if name.lower().startswith(("zh", "chinese")) else "en"


def say(en: str, zh: str) -> str:
    """Help texts, which are made before any setting is read: the locale or ``$NOTECITE_LANGUAGE`` decides."""
    return Phrase(en, zh).to(language())
