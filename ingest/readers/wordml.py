"""What Word shows and mammoth does not read: hidden text, outline levels, tables of contents, lists that go on after
other text. All is rewritten in the document's XML before mammoth reads it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, fromstring

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_VALUE = f"{_WORD}val"

OUTLINED, LEFT_OUT = "notecite-heading-", "notecite-left-out"
"""Style ids for paragraphs with an outline level, from 1 on, and for those that say nothing of their own."""

_HEADING_LEVELS = 6
_LONGEST_HEADING = 100
_NAMED_BY_WORD = re.compile(r"heading \d|title|subtitle|标题", re.IGNORECASE)
_OF_CONTENTS = re.compile(r"(?:toc|contents|目录) ?\d", re.IGNORECASE)
_OFF = ("0", "false", "off", "none")
_UNORDERED = ("bullet", "none")


@dataclass(frozen=True, slots=True)
class _Style:
    """A paragraph style, what it is based on included. ``level`` is the outline level from 1 on, 0 for body text;
    ``list_id`` is the list that its paragraphs are items of."""

    name: str
    level: int = 0
    list_id: str = ""


class WordFile:
    """The styles and lists of a Word document, from its ``styles.xml`` and ``numbering.xml`` (None if missing)."""

    def __init__(self, styles: bytes | None, numbering: bytes | None) -> None:
        self._styles = dict(_styles(fromstring(styles))) if styles else {}  # noqa: S314 - expat bounds entities
        self._starts = dict(_starts(fromstring(numbering))) if numbering else {}  # noqa: S314

    def rewrite(self, root: Element) -> bool:
        """Rewrites a part of the document in place; returns whether anything changed."""
        changed = [_empty_hidden_runs(root), _mark_contents(root)]
        changed += [self._mark_paragraph(paragraph) for paragraph in root.iter(f"{_WORD}p")]
        changed += [self._number_interrupted(body) for body in root.iter(f"{_WORD}body")]
        return any(changed)

    def _style_of(self, paragraph: Element) -> _Style:
        return self._styles.get(_setting(paragraph, "pStyle"), _Style(""))

    def _mark_paragraph(self, paragraph: Element) -> bool:
        """Gives headings that only their outline level shows, and lines of a table of contents, a style of ours."""
        style = self._style_of(paragraph)
        if _OF_CONTENTS.fullmatch(style.name):
            _set_style(paragraph, LEFT_OUT)
            return True
        own = _setting(paragraph, "outlineLvl")
        level = _level(own) if own else style.level
        if not level or _NAMED_BY_WORD.fullmatch(style.name):
            return False
        text = _text(paragraph)
        if not text or len(text) > _LONGEST_HEADING or text[-1] in "。；;，,":
            return False
        _set_style(paragraph, f"{OUTLINED}{min(level, _HEADING_LEVELS)}")
        return True

    def _number_interrupted(self, body: Element) -> bool:
        """Writes the numbers of items after other text stands between them and their list, where mammoth would count
        from 1 again."""
        counted: dict[str, int] = {}
        current, changed = "", False
        written: set[str] = set()
        for element in body:
            if element.tag != f"{_WORD}p":
                # A bookmark is no text between two items.
                current = "" if element.tag == f"{_WORD}tbl" else current
                continue
            list_id, level = self._list_of(element)
            if level or not _text(element):
                continue
            if list_id in self._starts and not self._is_heading(element):
                counted[list_id] = counted.get(list_id, self._starts[list_id] - 1) + 1
                if list_id != current and counted[list_id] > self._starts[list_id]:
                    written.add(list_id)
                if list_id in written:
                    _write_number(element, counted[list_id])
                    changed = True
            current = list_id
        return changed

    def _is_heading(self, paragraph: Element) -> bool:
        """Many headings are numbered by a list; they stay headings."""
        style = self._style_of(paragraph)
        ours = _setting(paragraph, "pStyle").startswith(OUTLINED)
        return ours or bool(style.level or _NAMED_BY_WORD.fullmatch(style.name))

    def _list_of(self, paragraph: Element) -> tuple[str, int]:
        """The list that a paragraph is an item of, if any, and how deep it stands in it, from 0."""
        own = paragraph.find(f"{_WORD}pPr/{_WORD}numPr")
        list_id = (_value(own.find(f"{_WORD}numId")) if own is not None else "") or self._style_of(paragraph).list_id
        level = _value(own.find(f"{_WORD}ilvl")) if own is not None else ""
        return list_id, int(level) if level.isdecimal() else 0


def _styles(root: Element) -> Iterator[tuple[str, _Style]]:
    stated = {style.get(f"{_WORD}styleId", ""): style for style in root.iter(f"{_WORD}style")}
    for id_, style in stated.items():
        chain = list(_chain(id_, stated))
        levels = (_value(base.find(f"{_WORD}pPr/{_WORD}outlineLvl")) for base in chain)
        lists = (_value(base.find(f"{_WORD}pPr/{_WORD}numPr/{_WORD}numId")) for base in chain)
        level = _level(next(filter(None, levels), ""))
        yield id_, _Style(_value(style.find(f"{_WORD}name")), level, next(filter(None, lists), ""))


def _chain(id_: str, stated: Mapping[str, Element]) -> Iterator[Element]:
    """A style and those it is based on."""
    seen: set[str] = set()
    while id_ in stated and id_ not in seen:
        seen.add(id_)
        yield stated[id_]
        id_ = _value(stated[id_].find(f"{_WORD}basedOn"))


def _starts(root: Element) -> Iterator[tuple[str, int]]:
    """The first number of each list whose items are numbered."""
    kinds = {kind.get(f"{_WORD}abstractNumId", ""): kind for kind in root.iter(f"{_WORD}abstractNum")}
    for listed in root.iter(f"{_WORD}num"):
        kind = kinds.get(_value(listed.find(f"{_WORD}abstractNumId")))
        first = kind.find(f"{_WORD}lvl[@{_WORD}ilvl='0']") if kind is not None else None
        if first is None or _value(first.find(f"{_WORD}numFmt")) in _UNORDERED:
            continue
        other = listed.find(f"{_WORD}lvlOverride[@{_WORD}ilvl='0']/{_WORD}startOverride")
        start = _value(other) or _value(first.find(f"{_WORD}start"))
        yield listed.get(f"{_WORD}numId", ""), int(start) if start.isdecimal() else 1


def _empty_hidden_runs(root: Element) -> bool:
    """Field marks stay: mammoth counts them."""
    changed = False
    for run in root.iter(f"{_WORD}r"):
        hidden = run.find(f"{_WORD}rPr/{_WORD}vanish")
        if hidden is not None and hidden.get(_VALUE) not in _OFF:
            words = [child for child in run if child.tag in (f"{_WORD}t", f"{_WORD}tab", f"{_WORD}br")]
            for word in words:
                run.remove(word)
            changed = changed or bool(words)
    return changed


def _mark_contents(root: Element) -> bool:
    gallery = f"{_WORD}sdtPr/{_WORD}docPartObj/{_WORD}docPartGallery"
    controls = [control for control in root.iter(f"{_WORD}sdt") if _value(control.find(gallery)) == "Table of Contents"]
    for control in controls:
        for paragraph in control.iter(f"{_WORD}p"):
            _set_style(paragraph, LEFT_OUT)
    return bool(controls)


def _write_number(paragraph: Element, number: int) -> None:
    properties = paragraph.find(f"{_WORD}pPr")
    if properties is None:
        return
    for name in ("numPr", "pStyle"):
        for setting in properties.findall(_WORD + name):
            properties.remove(setting)
    run = Element(f"{_WORD}r")
    SubElement(run, f"{_WORD}t").text = f"{number}. "
    paragraph.insert(list(paragraph).index(properties) + 1, run)


def _set_style(paragraph: Element, style: str) -> None:
    properties = paragraph.find(f"{_WORD}pPr")
    if properties is None:
        properties = Element(f"{_WORD}pPr")
        paragraph.insert(0, properties)
    stated = properties.find(f"{_WORD}pStyle")
    if stated is None:
        stated = Element(f"{_WORD}pStyle")
        properties.insert(0, stated)
    stated.set(_VALUE, style)


def _setting(paragraph: Element, name: str) -> str:
    return _value(paragraph.find(f"{_WORD}pPr/{_WORD}{name}"))


def _value(element: Element | None) -> str:
    return "" if element is None else element.get(_VALUE, "")


def _level(stated: str) -> int:
    """An outline level from 1 on; 0 for body text, which Word writes as 9."""
    return int(stated) + 1 if stated.isdecimal() and int(stated) < 9 else 0


def _text(paragraph: Element) -> str:
    return "".join(part.text or "" for part in paragraph.iter(f"{_WORD}t")).strip()
