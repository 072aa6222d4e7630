"""HTML -> Markdown: saved web pages, and what another reader turns into HTML. The only importer of selectolax."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.errors import UnreadableNote
from ingest.phrases import Phrase
from ingest.readers.decode import decode, printable
from ingest.readers.markdown_writer import fenced, in_cell, plain, table
from ingest.types import Reading

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_MAX_DEPTH = 2_000
_DROPPED = frozenset(
    "button canvas datalist dialog footer head iframe nav noscript object select style svg template textarea "
    # What is struck out no longer holds; beside what replaces it, 20 and 45 would be read as 2045.
    "del s strike".split()
)
_DROPPED_CLASSES = re.compile(r"(?:^|\s)(?:katex-html|MathJax(?:_\w+)?|gutter|linenos?|line-numbers)(?:\s|$)")
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure form h1 h2 "
    "h3 h4 h5 h6 header hr html legend li main ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_NEVER_NESTED = frozenset(
    "area base br col dd dt embed hr img input li link meta option p source tbody td tfoot th thead tr wbr".split()
)
_INNER_ASIDES = "main aside, [role=main] aside, article aside"
_HEADING_TAG = re.compile("h[1-6]|summary")
_TAG = re.compile(r"<!--|<(?P<close>/?)(?P<name>[a-zA-Z][^\s/<>]*+)(?P<rest>[^<>]*+)>")
# What these hold is no tags, whatever it looks like. A title is left out: inside a drawing it does hold tags.
_ENDS = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "textarea")}
_ENDS["<!--"] = re.compile("--!?>")
_CHECKBOX_CLASSES = {"checkbox-on": "[x] ", "checkbox-off": "[ ] "}
_ICONS = re.compile(r"[\s\u200d\u20e3\ufe0f\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]+")
_CJK = r"[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
_WRAPPED_CHINESE = re.compile(rf"(?<={_CJK})[ \t\f]*\n\s*(?={_CJK})")
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_LINKS_TO_ITSELF = frozenset("#¶§🔗")
"""What a heading shows as the link to itself."""
_LANGUAGE = re.compile(r"(?:^|\s)(?:lang(?:uage)?|highlight-source|brush:?)[-\s]([\w+#-]+)")


def read(data: bytes) -> Reading:
    """The page's main content. Raises UnreadableNote for tags nested thousands deep."""
    declared = _CHARSET.search(data[:2048])
    decoded = decode(data, declared[1].decode("ascii", errors="ignore") if declared else "")
    text, title = to_markdown(decoded.text)
    return Reading(text, title, problems=decoded.problems)


def to_markdown(html: str) -> tuple[str, str]:
    """The text and the title: the only level-1 heading if the page's title contains it or is missing, else the page's
    title."""
    from selectolax.lexbor import LexborHTMLParser

    _refuse_deep_nesting(html)
    page = LexborHTMLParser(html)
    headings = [_plain(heading) for heading in page.css("h1")]
    stated = " ".join(_plain(title) for title in page.css("head title"))
    only_heading = headings[0] if len(headings) == 1 else ""
    title = only_heading if only_heading and (not stated or only_heading in stated) else stated
    root = _main_content(page.css("main, [role=main]")) or _main_content(page.css("article")) or page.body
    if root is None:
        return "", title
    writer = _Writer()
    for kind, node, text in _events(root):
        if kind == "text":
            writer.text(text)
        elif kind == "open":
            writer.open(node)
        else:
            writer.close(node)
    return writer.finished(), title


def _refuse_deep_nesting(html: str) -> None:
    """The parser's time grows with the square of the depth."""
    depth = at = 0
    while tag := _TAG.search(html, at):
        name = (tag["name"] or "<!--").lower()
        at = tag.end()
        if name in _ENDS and not tag["close"]:
            # The marks of "<!-->" overlap.
            end = _ENDS[name].search(html, at - 2 if name == "<!--" else at)
            if end is None:
                return
            at = end.end()
        elif not tag["rest"].endswith("/") and name not in _NEVER_NESTED:
            depth += -1 if tag["close"] else 1
        if depth > _MAX_DEPTH:
            raise UnreadableNote(
                Phrase("the page nests its tags too deeply", "网页的标签嵌套过深"),
                "HTML",
                Phrase("save it as text and put that here", "请另存为文本再放到这里"),
            )


def _plain(node: "LexborNode") -> str:
    return " ".join(printable(node.text()).split())


def _main_content(candidates: "list[LexborNode]") -> "LexborNode | None":
    return candidates[0] if len(candidates) == 1 else None


def _events(root: "LexborNode") -> "Iterator[tuple[str, LexborNode, str]]":
    """("open", node, ""), ("text", node, text) and ("close", node, "") in document order, without recursion."""
    stack = [(root, False)]
    callouts = {aside.mem_id for aside in root.css(_INNER_ASIDES) if _says_something(aside)}
    left_out = {aside.mem_id for aside in root.css("aside")} - callouts
    kept_button = 0
    while stack:
        node, is_open = stack.pop()
        if is_open:
            yield "close", node, ""
        elif node.tag == "-text":
            yield "text", node, node.text(deep=False)
        elif formula := _formula(node):
            yield "text", node, formula
        elif node.mem_id == kept_button or not (node.mem_id in left_out or _is_dropped(node)):
            if _HEADING_TAG.fullmatch(node.tag or ""):
                kept_button = _only_button(node)
            yield "open", node, ""
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(list(node.iter(include_text=True))))


def _formula(node: "LexborNode") -> str:
    """LaTeX between dollar signs, from wherever the page keeps it; empty if the node is no formula."""
    attributes = node.attributes
    if node.tag == "mjx-container":
        # MathJax 3 draws the formula and keeps a second copy for screen readers.
        spoken = node.css_first("math")
        return _formula(spoken) if spoken else ""
    if node.tag == "script":
        kind = attributes.get("type") or ""
        return _dollars(node.text(), "display" in kind) if kind.startswith("math/tex") else ""
    if node.tag == "math":
        annotation = node.css_first("annotation[encoding*=tex], annotation[encoding*=TeX]")
        return _dollars((annotation or node).text(), attributes.get("display") == "block")
    if node.tag == "img" and (
        "eeimg" in attributes or re.search(r"\b(?:la)?tex\b|math", attributes.get("class") or "")
    ):
        return _dollars(attributes.get("alt") or "", display=False)
    return ""


def _dollars(latex: str, display: bool) -> str:
    latex = " ".join(latex.split())
    mark = "$$" if display else "$"
    return f"{mark}{latex}{mark}" if latex else ""


def _only_button(heading: "LexborNode") -> int:
    """The id of the button that is all a heading says, as in an accordion; 0 for none."""
    button = heading.css_first("button")
    return button.mem_id if button and _plain(button) == _plain(heading) else 0


def _says_something(aside: "LexborNode") -> bool:
    """Whether a note beside the text says more itself than its links do, which lead to other pages."""

    def length(selector: str) -> int:
        return sum(len(_plain(node)) for node in aside.css(selector))

    return len(_plain(aside)) - length("h1, h2, h3, h4, h5, h6") > 2 * length("a")


def _is_dropped(node: "LexborNode") -> bool:
    attributes = node.attributes
    return (
        node.tag in _DROPPED
        or node.tag in ("script", "-comment")
        or (node.tag == "header" and node.parent is not None and node.parent.tag == "body")
        or "hidden" in attributes
        or (
            node.tag == "a"
            and node.text().strip() in _LINKS_TO_ITSELF
            and (attributes.get("href") or "").startswith("#")
        )
        or attributes.get("aria-hidden") == "true"
        or re.search(r"display\s*:\s*none", attributes.get("style") or "") is not None
        or _DROPPED_CLASSES.search(attributes.get("class") or "") is not None
    )


_BOLD_CELL = re.compile(r"\*\*.+\*\*", re.DOTALL)
_MARKS = {"b": "**", "strong": "**", "code": "`", "kbd": "`", "tt": "`", "sup": "^", "sub": "_"}


@dataclass(slots=True)
class _List:
    """An open list. ``number`` is the next item's, None for bullets; ``marker`` waits for the item's first block."""

    number: int | None
    marker: str = ""


@dataclass(slots=True)
class _Table:
    """An open table. ``is_layout``: its cells hold blocks of their own and are written as such. ``has_head``: whether
    the first row names the columns, None if the tags do not say."""

    is_layout: bool
    has_head: bool | None
    rows: list[list[str]] = field(default_factory=list)
    _from_above: dict[int, tuple[str, int]] = field(default_factory=dict)

    def add(self, cell: str, columns: int, rows: int) -> None:
        """A cell over several rows says the same in each; one over several columns leaves the others empty."""
        self.fill()
        row = self.rows[-1]
        if rows > 1:
            self._from_above[len(row)] = (cell, rows - 1)
        row += [cell, *[""] * (columns - 1)]

    def fill(self) -> None:
        """Repeats the cells that reach down into the last row, up to its next cell of its own."""
        row = self.rows[-1] if self.rows else []
        while (column := len(row)) in self._from_above:
            cell, rows_left = self._from_above.pop(column)
            row.append(cell)
            if rows_left > 1:
                self._from_above[column] = (cell, rows_left - 1)

    def finished(self) -> list[list[str]]:
        """The rows that say something, equally long and below their head, which is empty if the first of them is none.

        Without a mark, the first of two columns is taken to hold names and the second their values.
        """
        rows = [row for row in self.rows if any(row)]
        width = max(map(len, rows), default=0)
        rows = [row + [""] * (width - len(row)) for row in rows]
        if len(rows) < 2 or width == 1:
            return rows
        if self.has_head is None:
            headed = width > 2 or all(_BOLD_CELL.fullmatch(cell) for cell in rows[0] if cell)
        else:
            headed = self.has_head and any(self.rows[0])
        return rows if headed else [[""] * width, *rows]


class _Writer:
    """Takes the events of a page and writes blocks of Markdown."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._inline: list[str] = []
        self._marks: list[tuple[str, int]] = []
        self._lists: list[_List] = []
        self._tables: list[_Table] = []
        self._quotes = 0
        self._heading = 0
        self._code_block = 0
        self._code_language: str | None = None
        self._last_was_item = False
        self._after_term = False

    def finished(self) -> str:
        self._flush()
        return "".join(self._pieces)

    def text(self, text: str) -> None:
        text = printable(text)
        if self._code_language is None:
            text = re.sub(r"[ \t\n\f]+", " ", _WRAPPED_CHINESE.sub("", text))
        self._inline.append(text)

    def open(self, node: "LexborNode") -> None:
        tag = node.tag or ""
        if self._code_language is not None:
            if tag == "br":
                self._inline.append("\n")
            return
        if tag in _BLOCKS:
            self._flush()
        if tag == "br":
            self._inline.append("\n")
        elif (tag in _MARKS or (tag == "summary" and self._lists)) and not self._heading:
            self._marks.append((tag, len(self._inline)))
        elif tag in ("ul", "ol"):
            start = node.attributes.get("start") or "1"
            first = int(start) if re.fullmatch(r"\d{1,9}", start, re.ASCII) else 1
            self._lists.append(_List(first if tag == "ol" else None))
        elif tag == "li" and self._lists:
            current = self._lists[-1]
            current.marker = "- " if current.number is None else f"{current.number}. "
            current.number = None if current.number is None else current.number + 1
        elif self._lists and self._lists[-1].marker and (box := _checkbox(node)):
            self._lists[-1].marker += box
        elif tag == "blockquote":
            self._quotes += 1
        elif re.fullmatch("h[1-6]", tag):
            self._heading = int(tag[1])
        elif tag == "pre":
            self._code_block, self._code_language = node.mem_id, _language(node)
        elif tag == "table":
            self._tables.append(_Table(self._in_cells or _is_layout(node), _has_head(node)))
        elif tag == "tr" and self._in_cells:
            self._tables[-1].rows.append([])

    def close(self, node: "LexborNode") -> None:
        tag = node.tag or ""
        # A block inside the block is lines of it.
        if node.mem_id == self._code_block:
            self._write_code()
        elif self._code_language is not None:
            if tag in _BLOCKS or self._is_code_line(node):
                self._inline.append("\n")
        elif tag in _MARKS:
            self._close_mark(tag)
        elif tag == "summary":
            self._close_mark(tag)
            self._flush()
        elif tag in ("td", "th") and self._in_cells and self._tables[-1].rows:
            self._close_cell(node)
        elif tag == "tr" and self._in_cells:
            self._tables[-1].fill()
        elif tag in _BLOCKS:
            self._flush()
            self._leave(tag)

    def _is_code_line(self, node: "LexborNode") -> bool:
        """Whether this is one of several elements in a code block that hold a line each."""
        one_of_several = node.tag == "code" and node.next is not None and node.next.tag == "code"
        return one_of_several and self._inline[-1:] != ["\n"]

    def _leave(self, tag: str) -> None:
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            self._last_was_item = bool(self._lists)
        elif tag == "blockquote":
            self._quotes -= 1
        elif tag == "dt":
            self._after_term = True
        elif re.fullmatch("h[1-6]", tag):
            self._heading = 0
        elif tag == "table":
            self._write_table(self._tables.pop().finished())

    @property
    def _in_cells(self) -> bool:
        return bool(self._tables) and not self._tables[-1].is_layout

    def _close_mark(self, tag: str) -> None:
        if not self._marks or self._marks[-1][0] != tag:
            return
        _, start = self._marks.pop()
        inner = "".join(self._inline[start:])
        del self._inline[start:]
        stripped = inner.strip(" \n")
        # A bold item is the heading of what stands deeper: the summary of a fold in a list is one.
        mark = _MARKS.get(tag, "**")
        if stripped and tag in ("sup", "sub"):
            marked = stripped if stripped.startswith("[") else mark + stripped
        elif stripped and mark not in stripped:
            marked = f"{mark}{stripped}{mark}"
        else:
            marked = stripped
        before, after = inner[: len(inner) - len(inner.lstrip(" \n"))], inner[len(inner.rstrip(" \n")) :]
        self._inline.append(f"{before}{marked}{after}" if stripped else inner)

    def _close_cell(self, node: "LexborNode") -> None:
        lines = (" ".join(line.split()) for line in "".join(self._inline).split("\n"))
        cell = in_cell("\n".join(line for line in lines if line))
        self._inline, self._marks = [], []
        self._tables[-1].add(cell, _span(node, "colspan"), _span(node, "rowspan"))

    def _flush(self) -> None:
        """Ends a block; inside a table cell, a block is a line of it."""
        # A caption stands before the rows and is no part of a cell.
        if self._in_cells and self._inline and self._tables[-1].rows:
            self._inline.append("\n")
            return
        text = "".join(self._inline)
        self._inline, self._marks = [], []
        lines = [line.strip(" ") for line in text.split("\n")]
        text = "\n".join(lines).strip("\n")
        if not text:
            return
        if self._heading:
            self._write(f"{'#' * self._heading} {' '.join(text.split())}", in_list=False)
        elif not _ICONS.fullmatch(text):
            self._write(plain(text), defines=self._after_term)

    def _write_code(self) -> None:
        code = "".join(self._inline).strip("\n")
        language, self._code_block, self._code_language = self._code_language, 0, None
        self._inline, self._marks = [], []
        if code.strip():
            self._write(fenced(code, language or ""))

    def _write_table(self, rows: list[list[str]]) -> None:
        if rows and len(rows[0]) == 1:
            for row in rows:
                self._write(row[0])
        elif rows:
            head, *others = rows
            lines = [[name.replace("\n", " ") for name in head]]
            lines += [[cell.replace("\n", "<br>") for cell in row] for row in others]
            self._write(table(lines))

    def _write(self, block: str, in_list: bool = True, *, defines: bool = False) -> None:
        self._after_term = False
        depth = len(self._lists) if in_list else 0
        marker = self._lists[-1].marker if self._lists else ""
        if self._lists:
            self._lists[-1].marker = ""
        is_item = bool(marker) and in_list
        defines = defines and not is_item
        first = "    " * (depth - 1) + marker if is_item else "    " * depth + (": " if defines else "")
        quote = "> " * self._quotes
        lines = block.split("\n")
        indented = [quote + first + lines[0], *(quote + "    " * depth + line if line else quote for line in lines[1:])]
        if self._pieces:
            self._pieces.append("\n" if (is_item and self._last_was_item) or defines else "\n\n")
        self._pieces.append("\n".join(indented))
        self._last_was_item = depth > 0


def _span(cell: "LexborNode", name: str) -> int:
    """How many columns or rows a cell covers, within reason."""
    span = cell.attributes.get(name) or "1"
    return max(1, min(int(span), 50)) if re.fullmatch(r"\d{1,3}", span, re.ASCII) else 1


def _is_layout(table: "LexborNode") -> bool:
    """Whether the cells hold what no row of text can: blocks of their own, or lists in half of them."""
    if len(table.css("table, pre, h1, h2, h3, h4")) > 1:
        return True
    cells = table.css("td, th")
    return 2 * sum(cell.css_first("ul, ol") is not None for cell in cells) >= max(1, len(cells))


def _has_head(table: "LexborNode") -> bool | None:
    """Whether the first row names the columns. It does in a ``thead`` and if its cells, but perhaps the first, are all
    ``th``; it does not if only its first is: that names the row. None if no cell is marked."""
    row = table.css_first("tr")
    tags = [cell.tag for cell in row.iter() if cell.tag in ("td", "th")] if row else []
    if row and row.parent and row.parent.tag == "thead":
        return True
    return set(tags[1:]) == {"th"} if "th" in tags else None


def _checkbox(node: "LexborNode") -> str:
    """The box of a to-do item as Markdown writes it; empty if the node is none."""
    attributes = node.attributes
    if node.tag == "input" and attributes.get("type") == "checkbox":
        return "[x] " if "checked" in attributes else "[ ] "
    classes = (attributes.get("class") or "").split()
    return next((box for name, box in _CHECKBOX_CLASSES.items() if name in classes), "")


def _language(pre: "LexborNode") -> str:
    """What a highlighter wrote into the class of the block, its code or its frame."""
    for node in (pre, pre.css_first("code"), pre.parent):
        found = _LANGUAGE.search((node.attributes.get("class") or "") if node else "")
        if found:
            return found[1].lower()
    return ""
