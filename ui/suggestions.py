"""Questions to begin with, made from a library's own headings."""

from collections.abc import Iterable

from rag.terms import is_chinese

MOST_SUGGESTED = 4
_ASKING = ("?", "？", "吗", "呢")


def suggestions(headings: Iterable[tuple[str, ...]]) -> list[str]:
    """At most one question from each note, spread over the notes; a heading that is a question already is preferred.

    ``headings`` are paths, title first.
    """
    by_title: dict[str, list[str]] = {}
    for path in headings:
        if len(path) > 1 and 4 <= len(path[-1]) <= 40 and not path[-1].startswith(("http", "|", "```")):
            by_title.setdefault(path[0], []).append(path[-1])
    firsts = [
        _as_question(min(below, key=lambda heading: not heading.endswith(_ASKING)), title)
        for title, below in by_title.items()
    ]
    step = max(1, len(firsts) // MOST_SUGGESTED)
    return list(dict.fromkeys(firsts[::step]))[:MOST_SUGGESTED]


def _as_question(heading: str, title: str) -> str:
    heading = heading.replace("**", "").replace("`", "").strip().lstrip("0123456789.、)） ").rstrip(":：")
    if heading.endswith(_ASKING):
        return heading
    if is_chinese(heading + title):
        return f"{heading}是怎么回事？" if heading in title else f"{title}：{heading}是怎么回事？"
    return f"What do the notes say about {heading}?"
