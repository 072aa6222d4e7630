"""Word documents -> HTML -> Markdown. The only importer of mammoth."""

import io
import re
import zipfile
from xml.etree.ElementTree import fromstring, tostring

from ingest.errors import UnreadableNote
from ingest.phrases import Phrase
from ingest.readers.html import to_markdown
from ingest.readers.omml import write_formulas_as_text
from ingest.readers.wordml import LEFT_OUT, OUTLINED, WordFile
from ingest.types import Reading

_MAX_UNPACKED_BYTES = 1_000_000_000
_MAX_XML_BYTES = 100_000_000
# The main part, which may have another name than document.xml, and the footnotes.
_PART = re.compile(r"word/[^/]+\.xml")
# An encrypted .docx and an old .doc are both OLE files.
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_HEADINGS = "\n".join(f"p.{OUTLINED}{level} => h{level}:fresh" for level in range(1, 7))
_STYLES = f"""
p.{LEFT_OUT} => !
{_HEADINGS}
p[style-name='Title'] => h1.title:fresh
p[style-name='标题'] => h1.title:fresh
p[style-name='List Bullet 2'] => ul|ol > li > ul > li:fresh
p[style-name='List Bullet 3'] => ul|ol > li > ul|ol > li > ul > li:fresh
p[style-name='List Number 2'] => ul|ol > li > ol > li:fresh
p[style-name='List Number 3'] => ul|ol > li > ul|ol > li > ol > li:fresh
p[style-name='HTML Preformatted'] => pre:separator('\\n')
p[style-name='Code'] => pre:separator('\\n')
p[style-name='Source Code'] => pre:separator('\\n')
p[style-name='代码'] => pre:separator('\\n')
r[style-name='Verbatim Char'] => code
r[style-name='HTML Code'] => code
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='Intense Quote'] => blockquote > p:fresh
"""


def read(data: bytes) -> Reading:
    """The title is the paragraph with the style Title. Raises UnreadableNote for a broken or encrypted file."""
    import mammoth  # type: ignore[import-untyped]

    if data.startswith(_OLE):
        raise UnreadableNote(
            Phrase("the Word file is encrypted or in the old .doc format", "Word 文件已加密，或是旧的 .doc 格式"),
            "DOCX",
            Phrase("save it as .docx without a password", "请另存为不带密码的 .docx"),
        )
    try:
        html = mammoth.convert_to_html(
            io.BytesIO(_rewritten(data)),
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(lambda image: {}),
        ).value
    except UnreadableNote:
        raise
    # The zip and XML parsers below raise errors of many kinds.
    except Exception as error:
        raise UnreadableNote(
            Phrase("the Word file is broken", "Word 文件已损坏"),
            "DOCX",
            Phrase("open it in Word and save it again", "请用 Word 打开并重新保存"),
        ) from error
    html = re.sub(r' ?<a href="#(?:foot|end)note-ref-\d+">↑</a>', "", html)
    text, only_heading = to_markdown(html)
    titled = re.search(r'<h1 class="title">(.*?)</h1>', html)
    return Reading(text, to_markdown(titled[1])[0] if titled else only_heading)


def _rewritten(data: bytes) -> bytes:
    """The same file, with what mammoth does not read written as what it does."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        xml_bytes = max((entry.file_size for entry in entries if entry.filename.endswith(".xml")), default=0)
        if sum(entry.file_size for entry in entries) > _MAX_UNPACKED_BYTES or xml_bytes > _MAX_XML_BYTES:
            raise UnreadableNote(
                Phrase("the Word file unpacks to more than it should", "Word 文件解压后过大"),
                "DOCX",
                Phrase("split it into smaller files", "请拆成较小的文件"),
            )
        parts = {entry.filename: archive.read(entry) for entry in entries if _PART.fullmatch(entry.filename)}
        file = WordFile(parts.pop("word/styles.xml", None), parts.pop("word/numbering.xml", None))
        changed = {}
        for name, content in parts.items():
            if b"body" not in content and b"oMath" not in content:
                continue
            root = fromstring(content)  # noqa: S314 - expat bounds the growth of entities
            has_formulas = write_formulas_as_text(root)
            if file.rewrite(root) or has_formulas:
                changed[name] = bytes(tostring(root, encoding="utf-8", xml_declaration=True))
        if not changed:
            return data
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as copy:
            for entry in entries:
                copy.writestr(entry, changed.get(entry.filename) or archive.read(entry))
        return packed.getvalue()
