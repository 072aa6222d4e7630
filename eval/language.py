"""Which language a text is in, as far as groups in a report need it."""

import re

_CHINESE = re.compile(r"[\u3400-\u9fff]")


def language_of(text: str) -> str:
    """ "zh" for a text with a Chinese character, else "en"."""
    return "zh" if _CHINESE.search(text) else "en"
