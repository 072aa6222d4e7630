"""PDF with a text layer -> Markdown with page starts. The only importer of pypdfium2."""

import ctypes
import io
import math
import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.errors import UnreadableNote
from ingest.phrases import Phrase
from ingest.radicals import EVERYDAY
from ingest.readers.decode import printable
from ingest.readers.layout import WIDE_GAP, Cell, Line, Page, markdown
from ingest.readers.markdown import only_top_heading
from ingest.types import Reading

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage  # type: ignore[import-untyped]

_SYMBOL_FONT_BULLETS = "\uf06c\uf06e\uf075\uf09f\uf0a7\uf0b7\uf0d8\uf0fc"
_SHOWN_AS = {
    **EVERYDAY,
    # Kangxi radicals and ligatures.
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in (*range(0x2F00, 0x2FD6), *range(0xFB00, 0xFB07))},
    **dict.fromkeys(map(ord, _SYMBOL_FONT_BULLETS), "•"),
}
_PDFIUM = threading.Lock()
# PDFium puts this in place of the hyphen of a word that it has joined across two lines.
_HYPHEN = "\x02"
# Before a raised number, PDFium may have put a space for the space between two pieces of text.
_BEFORE_RAISED = re.compile(r"\s*\0(?=\^)")
_NUMERAL = re.compile("[-−–+]|\\d")
_BOLD = ("bold", "black", "heavy", "demi", "cmbx", "sfbx")
_MONOSPACED = ("mono", "courier", "consol", "menlo", "monaco", "code", "typewriter", "nimbusmon", "cmtt", "sftt")


def read(data: bytes) -> Reading:
    """Pages without text are reported. Raises UnreadableNote for a file that is empty, broken or encrypted."""
    import pypdfium2

    # PDFium keeps global state: one thread at a time.
    with _PDFIUM:
        try:
            with pypdfium2.PdfDocument(data) as document:
                pages, without_text = _pages(document)
                stated_title = document.get_metadata_value("Title")
        except pypdfium2.PdfiumError as error:
            raise _unreadable(data, error.err_code) from error
    text, page_starts = markdown(pages)
    title = only_top_heading(text) or _stated_title(stated_title)
    problems = (_pages_without_text(without_text),) if without_text else ()
    return Reading(text, title, page_starts, problems)


def page_image(data: bytes, number: int, width: int = 1000) -> bytes:
    """Page ``number``, from 1, as a PNG ``width`` pixels wide. Raises UnreadableNote."""
    import pypdfium2

    with _PDFIUM:
        try:
            with pypdfium2.PdfDocument(data) as document, closing(document[number - 1]) as page:
                picture = page.render(scale=width / max(1.0, page.get_width())).to_pil()
        except (pypdfium2.PdfiumError, IndexError) as error:
            raise _unreadable(data, getattr(error, "err_code", None)) from error
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def _pages(document: "PdfDocument") -> tuple[list[Page], list[int]]:
    """The pages, and the 1-based numbers of those that show something but hold no text or cannot be loaded."""
    from pypdfium2 import PdfiumError

    pages: list[Page] = []
    without_text: list[int] = []
    for number in range(1, len(document) + 1):
        try:
            with closing(document[number - 1]) as page:
                with closing(page.get_textpage()) as text_page:
                    printed = _page(page, text_page)
                if not printed.lines and next(page.get_objects(max_depth=1), None):
                    without_text.append(number)
                pages.append(printed)
        except PdfiumError:
            without_text.append(number)
            pages.append(Page(1.0, ()))
    return pages, without_text


def _page(page: "PdfPage", text_page: "PdfTextPage") -> Page:
    """In reading order, turned as it is read. Text across the main direction, such as a watermark, is left out."""
    import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

    characters = _characters([pdfium.FPDFText_GetUnicode(text_page, index) for index in range(text_page.count_chars())])
    breaks = [index for index, character in enumerate(characters) if character in ("\r", "\n", _HYPHEN)]
    found: list[tuple[list[int], bool]] = []
    angles: list[int] = []
    for start, end in pairwise([-1, *breaks, len(characters)]):
        inked = [index for index in range(start + 1, end) if _is_ink(characters[index])]
        if inked:
            angles.append(round(math.degrees(pdfium.FPDFText_GetCharAngle(text_page, inked[0])) / 45) % 8)
            found.append((inked, characters[end : end + 1] == [_HYPHEN]))
    main = max(angles, key=angles.count, default=0)
    turn = _Turn(math.radians(45 * main), page.get_bbox())
    lines = [
        _line(text_page, turn, characters, inked, hyphenated)
        for (inked, hyphenated), angle in zip(found, angles, strict=True)
        if angle == main
    ]
    return Page(turn.height, tuple(lines))


_Box = tuple[float, float, float, float]


class _Turn:
    """From PDFium's points, which ignore rotation, to points from the lower left corner of the page as it is read.

    ``angle`` is that of the text, clockwise, in radians. Boxes are left, bottom, right, top.
    """

    def __init__(self, angle: float, page_box: Sequence[float]) -> None:
        self._cosine, self._sine = math.cos(angle), math.sin(angle)
        self._left = self._bottom = 0.0
        self._left, self._bottom, _, top = self.box(page_box)
        self.height = top - self._bottom

    def point(self, x: float, y: float) -> tuple[float, float]:
        return (
            x * self._cosine - y * self._sine - self._left,
            x * self._sine + y * self._cosine - self._bottom,
        )

    def box(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        left, bottom, right, top = box
        xs, ys = zip(*(self.point(x, y) for x in (left, right) for y in (bottom, top)), strict=True)
        return min(xs), min(ys), max(xs), max(ys)


def _characters(codes: Sequence[int]) -> list[str]:
    """One string for each code; of two surrogates, the first becomes their character and the second is empty."""
    characters = [_SHOWN_AS.get(code) or (chr(code) if code < 0x110000 else "\ufffd") for code in codes]
    for index, (high, low) in enumerate(pairwise(codes)):
        if 0xD800 <= high < 0xDC00 <= low < 0xE000:
            pair = chr(high) + chr(low)
            characters[index : index + 2] = [pair.encode("utf-16", "surrogatepass").decode("utf-16"), ""]
    return characters


def _is_ink(character: str) -> bool:
    """Whether a character is visible; the empty one of two surrogates counts too, since their ink may end there."""
    return character.isprintable() and not character.isspace()


def _line(
    text_page: "PdfTextPage", turn: _Turn, characters: Sequence[str], inked: Sequence[int], hyphenated: bool
) -> Line:
    looks = [_look(text_page, turn, index) for index in (inked[0], inked[len(inked) // 2], inked[-1])]
    main = max(looks, key=lambda look: look.size)
    size = main.size
    boxes = {index: turn.box(text_page.get_charbox(index)) for index in _ends_of_words(inked)}
    raised = _raised(text_page, turn, characters, inked, boxes)
    ends = [0]
    for position, (before, after) in enumerate(pairwise(inked), 1):
        if after > before + 1 and boxes[after][0] - boxes[before][2] > WIDE_GAP * size:
            ends.append(position)
    cells = []
    for start, end in pairwise([*ends, len(inked)]):
        first, last = inked[start], inked[end - 1]
        shown = (
            "\0^" + characters[index] if index in raised else characters[index] for index in range(first, last + 1)
        )
        text = printable(_BEFORE_RAISED.sub("", "".join(shown)))
        cells.append(Cell(text, boxes[first][0], boxes[last][2]))
    bold = all(look.is_bold for look in looks)
    return Line(tuple(cells), main.baseline, size, bold, all(look.is_monospaced for look in looks), hyphenated)


def _raised(
    text_page: "PdfTextPage", turn: _Turn, characters: Sequence[str], inked: Sequence[int], boxes: Mapping[int, _Box]
) -> set[int]:
    """Where small raised numbers begin, exponents and marks of footnotes: they are no part of the number before."""
    # A footnote begins with its own mark.
    follows = next((index for index in inked if not _NUMERAL.match(characters[index])), inked[0])
    found = set()
    for index, number in [(follows, inked[0]), *pairwise(inked)]:
        if _NUMERAL.match(characters[number]):
            text, mark = _look(text_page, turn, index), _look(text_page, turn, number)
            is_beside = number <= index + 1 or abs(boxes[number][0] - boxes[index][2]) < 0.4 * text.size
            is_above = mark.baseline - text.baseline > 0.15 * text.size
            if mark.size < 0.85 * text.size and is_above and is_beside:
                found.add(number)
    return found


def _ends_of_words(inked: Sequence[int]) -> set[int]:
    gaps = [(before, after) for before, after in pairwise(inked) if after > before + 1]
    return {inked[0], inked[-1], *(index for gap in gaps for index in gap)}


@dataclass(frozen=True, slots=True)
class _Look:
    """How one character is printed: in points, upright from the page's bottom edge."""

    size: float
    baseline: float
    is_bold: bool
    is_monospaced: bool


def _look(text_page: "PdfTextPage", turn: _Turn, index: int) -> _Look:
    import pypdfium2.raw as pdfium

    matrix, x, y = pdfium.FS_MATRIX(), ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetMatrix(text_page, index, matrix)
    pdfium.FPDFText_GetCharOrigin(text_page, index, x, y)
    scale = math.sqrt(abs(matrix.a * matrix.d - matrix.b * matrix.c))
    name, flags = ctypes.create_string_buffer(200), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text_page, index, name, len(name), flags)
    font = name.value.decode("utf-8", errors="replace").lower()
    heavy = pdfium.FPDFText_GetFontWeight(text_page, index) >= 600 or any(word in font for word in _BOLD)
    return _Look(
        pdfium.FPDFText_GetFontSize(text_page, index) * scale or 1.0,
        turn.point(x.value, y.value)[1],
        heavy,
        any(word in font for word in _MONOSPACED) and "cjk" not in font,
    )


def _stated_title(title: str) -> str:
    """The title in the file's properties, unless a program put a file name or its own name there."""
    title = " ".join(printable(title).split())
    return "" if re.search(r"untitled|^microsoft |\.\w{2,5}$|^$", title, re.IGNORECASE) else title


def _pages_without_text(numbers: Sequence[int]) -> Phrase:
    listed = ", ".join(map(str, numbers[:20])) + (", …" if len(numbers) > 20 else "")
    pages = "page" if len(numbers) == 1 else "pages"
    return Phrase(
        f"no text on {pages} {listed} (scanned?); run text recognition (OCR) over the file to have it read",
        f"第 {listed} 页没有文字（可能是扫描件）；请先对该文件做文字识别（OCR）",
    )


def _unreadable(data: bytes, error_code: int | None) -> UnreadableNote:
    import pypdfium2.raw as pdfium

    if not data:
        return UnreadableNote(
            Phrase("an empty PDF file (0 bytes)", "PDF 文件是空的（0 字节）"),
            "PDF",
            Phrase("copy it here again", "请重新复制一份"),
        )
    if error_code == pdfium.FPDF_ERR_PASSWORD:
        return UnreadableNote(
            Phrase("the PDF is encrypted", "PDF 已加密"),
            "PDF",
            Phrase("save a copy without a password", "请另存一份不带密码的副本"),
        )
    return UnreadableNote(
        Phrase("the PDF is broken", "PDF 已损坏"),
        "PDF",
        Phrase("open it in a PDF viewer and save it again", "请用 PDF 阅读器打开并重新保存"),
    )
