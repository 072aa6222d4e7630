"""Files -> Documents, one module per format; a format's library is imported when its first file is read."""

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path

from ingest.errors import NotFound, UnreadableNote
from ingest.lines import clean_title
from ingest.phrases import Phrase
from ingest.protocols import Reader
from ingest.readers import docx, html, markdown, notebook, pdf
from ingest.types import Document

SUFFIXES: Mapping[str, Reader] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".mdx": markdown.read,
    ".txt": markdown.read,
    ".text": markdown.read,
    ".pdf": pdf.read,
    ".docx": docx.read,
    ".html": html.read,
    ".htm": html.read,
    ".ipynb": notebook.read,
}
"""The reader for each suffix, in lower case."""

MAX_BYTES = 50_000_000
_MAX_TITLE_CHARACTERS = 200
_WITH_PICTURES = {".pdf", ".docx"}


def read(path: Path, document_id: str, max_bytes: int = MAX_BYTES) -> Document:
    """The note in one file.

    The title is the one that the note states (Markdown and text: also by a first line that reads like one), else its
    only level-1 heading, else the file's name. PDF and DOCX files may have ten times ``max_bytes``, since most of it is
    pictures. Raises NotFound when the file has vanished and UnreadableNote, naming ``document_id``, when it cannot be
    read.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnreadableNote(
            Phrase("no reader for this kind of file", "没有能读这种文件的阅读器"),
            document_id,
            Phrase(f"use one of {' '.join(SUFFIXES)}", f"请使用 {' '.join(SUFFIXES)} 之一"),
        )
    data = _bytes(path, document_id, max_bytes * (10 if suffix in _WITH_PICTURES else 1))
    try:
        reading = SUFFIXES[suffix](data)
    except UnreadableNote as error:
        raise UnreadableNote(error.what, document_id, error.todo) from error
    problems = reading.problems
    if not reading.text.strip() and not problems:
        problems = (Phrase("empty: there is no text in this file", "空文件：其中没有文字"),)
    title = clean_title(reading.title or markdown.only_top_heading(reading.text)) or path.stem
    title = title[:_MAX_TITLE_CHARACTERS]
    return Document(document_id, title, reading.text, hashlib.sha256(data).hexdigest(), reading.page_starts, problems)


def _bytes(path: Path, document_id: str, max_bytes: int) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableNote(
                Phrase("not a regular file", "不是普通文件"),
                document_id,
                Phrase("move it out of the folder", "请移出此文件夹"),
            )
        if status.st_size > max_bytes:
            raise UnreadableNote(
                Phrase(
                    f"too large: {status.st_size:,} bytes, the limit is {max_bytes:,}",
                    f"文件太大：{status.st_size:,} 字节，上限为 {max_bytes:,} 字节",
                ),
                document_id,
                Phrase("split it into smaller files", "请拆成较小的文件"),
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(
            Phrase("file not found", "找不到文件"),
            document_id,
            Phrase("it was moved or deleted meanwhile; sync again", "它刚被移动或删除；请重新同步"),
        ) from error
    except OSError as error:
        raise UnreadableNote(
            Phrase(f"cannot be opened ({error.strerror})", f"无法打开（{error.strerror}）"),
            document_id,
            Phrase("check the file's permissions", "请检查文件权限"),
        ) from error
