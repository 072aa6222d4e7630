"""Files that are written whole."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import BadInput
from ingest.phrases import Phrase

FULL_DISK = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
"""The numbers of the OSErrors that say that there is no room to write."""


def write_whole(path: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Writes a file at once or not at all: whoever opens ``path``, meanwhile or after a power cut, sees the old content
    or the new one. Makes the folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Tells a person what could not be saved: raises BadInput for an OSError."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            Phrase(f"this cannot be saved ({error.strerror})", f"无法保存（{error.strerror}）"),
            path,
            Phrase("free some space or allow writing there, and try again", "请腾出空间或允许写入此处后重试"),
        ) from error
