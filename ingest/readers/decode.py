"""Bytes -> text, for every format that is text: which encoding, and characters that are safe to print."""

import codecs
import re
from dataclasses import dataclass

from ingest.errors import UnreadableNote
from ingest.phrases import Phrase

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED_AS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# Escape (0x1b) is left out: logs with terminal colours are text.
_BINARY_BYTES = bytes((*range(9), *range(14, 27), *range(28, 32), 127))
_BINARY_SHARE = 0.03
_SAMPLE_BYTES = 1_000_000
_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_UNSAFE = {
    **dict.fromkeys((*range(32), *range(127, 160)), " "),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    ord("\n"): "\n",
    ord("\t"): "\t",
}
_UNSAFE_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """``problems`` says how many characters were lost."""

    text: str
    problems: tuple[Phrase, ...] = ()


def decode(data: bytes, declared: str = "") -> Decoded:
    """Text with ``\\n`` line ends, otherwise as it is in the file.

    ``declared`` is the encoding that the file itself names, as HTML does; a byte order mark outranks it.
    A few bad bytes are replaced and counted. Raises UnreadableNote when the bytes are not text.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _replacing(data[len(bom) :], encoding)
    binary = len(data) - len(data.translate(None, delete=_BINARY_BYTES)) > _BINARY_SHARE * len(data)
    utf8 = None if binary else _strict(data, "utf-8")
    if utf8 is not None:
        return Decoded(printable(utf8))
    if (binary or 0 in data) and (byte_order := _utf16_without_mark(data)):
        return _replacing(data, byte_order)
    if binary:
        raise _not_text()
    if (encoding := _as_browsers_read(declared)) and (text := _strict(data, encoding)) is not None:
        return Decoded(printable(text))
    return _replacing(data, _legacy_encoding(data))


def printable(text: str) -> str:
    """``\\n`` line ends, no terminal colours, no control characters but tab, no lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not _UNSAFE_CHARACTER.search(text):
        return text
    return _TERMINAL_CODE.sub("", text).translate(_UNSAFE)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    # A codec that a file names may be none for text, such as "hex", or always fail, such as "undefined".
    except (UnicodeError, LookupError):
        return None


def _replacing(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, errors="replace")
    lost = text.count("\ufffd")
    if text and lost / len(text) > 0.2:
        raise _not_text()
    return Decoded(printable(text), (_lost_characters(lost),) if _strict(data, encoding) is None else ())


def _utf16_without_mark(data: bytes) -> str | None:
    """The byte order that gives nearly only characters that notes are written in; None if neither does."""

    def share(encoding: str) -> float:
        text = data[:_SAMPLE_BYTES].decode(encoding, errors="replace")
        usual = re.findall(r"[\t\n\r -~\u00a0-\u00ff\u2010-\u203f\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", text)
        return len(usual) / max(1, len(text))

    best = max(("utf-16-le", "utf-16-be"), key=share)
    return best if share(best) > 0.95 else None


def _legacy_encoding(data: bytes) -> str:
    """The encoding of text that is not valid UTF-8: damaged UTF-8, GB18030, or charset-normalizer's guess."""
    sample = _sample(data)
    if _strict(sample, "gb18030") is not None and _is_chinese(sample):
        return "gb18030"
    as_utf8 = sample.decode("utf-8", errors="replace")
    if len(re.findall(r"[^\x00-\x7f\ufffd]", as_utf8)) >= as_utf8.count("\ufffd"):
        return "utf-8"
    if _is_chinese(sample):
        return "gb18030"
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=["gb18030", "big5", "cp932", "cp949", "cp1252"]).best()
    return best.encoding if best else "utf-8"


def _sample(data: bytes) -> bytes:
    """Enough to tell the encoding: from the line of the first byte that is not ASCII to the end of a later line."""
    foreign = re.search(rb"[\x80-\xff]", data)
    start = data.rfind(b"\n", 0, foreign.start()) + 1 if foreign else 0
    end = data.rfind(b"\n", start, start + _SAMPLE_BYTES) if len(data) > start + _SAMPLE_BYTES else len(data)
    return data[start : max(end, start + _SAMPLE_BYTES // 2)]


def _is_chinese(data: bytes) -> bool:
    """Whether this reads as GB18030: Chinese text then lies nearly all within GB2312, misread other text does not."""
    foreign = re.sub(r"[\x00-\x7f]", "", data.decode("gb18030", errors="replace"))
    return len(foreign.encode("gb2312", errors="ignore")) / 2 > 0.9 * len(foreign)


def _as_browsers_read(declared: str) -> str:
    """The encoding that a declared one stands for (https://encoding.spec.whatwg.org/#names-and-labels); empty for an
    unknown one."""
    try:
        name = codecs.lookup(declared).name
    except LookupError:
        return ""
    return _DECLARED_AS.get(name, name)


def _not_text() -> UnreadableNote:
    return UnreadableNote(
        Phrase("not text, though its name says so", "名字是文本，内容却不是"),
        "bytes",
        Phrase("rename it or move it out of the folder", "请改名，或移出此文件夹"),
    )


def _lost_characters(count: int) -> Phrase:
    damaged = "1 damaged character is" if count == 1 else f"{count} damaged characters are"
    return Phrase(
        f"{damaged} shown as \ufffd; save the file as UTF-8",
        f"有 {count} 个字符已损坏，显示为 \ufffd；请把文件另存为 UTF-8",
    )
