"""A folder -> the note files in it, whatever else it holds."""

import errno
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ingest.phrases import Phrase
from ingest.readers import SUFFIXES

_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_NEVER_NOTES = frozenset({"node_modules", "__pycache__", "site-packages", "__MACOSX"})


@dataclass(frozen=True, slots=True)
class FoundFile:
    """``path`` is relative to the folder, with ``/``; ``location`` is where the file can be opened."""

    path: str
    location: Path
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Walk:
    """What a folder holds. ``unread`` are paths below it that could not be looked at, each with the reason; ``astray``
    are links that lead out of it or nowhere; ``ignored`` counts files that no reader takes, by suffix."""

    files: list[FoundFile] = field(default_factory=list)
    unread: list[tuple[str, Phrase]] = field(default_factory=list)
    astray: list[str] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


def walk(root: Path, below: str, is_excluded: Callable[[Path], bool]) -> Walk:
    """The note files in ``root / below``, in order of their paths.

    Hidden and machine-made folders are left out, as are those that ``is_excluded``. A link counts as a file when it
    leads to a file inside ``root``; linked folders are not entered, so no loop can arise.
    """
    found = Walk()
    real_root = os.path.realpath(root)
    waiting = [below]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            found.unread.append((folder, _cannot_open(error)))
            continue
        if folder and any(child.name == "pyvenv.cfg" for child in children):
            continue
        for child in children:
            path = f"{folder}/{child.name}" if folder else child.name
            if child.name.startswith((".", "~$")) or child.name in _NEVER_NOTES:
                continue
            try:
                if child.is_symlink() and not _leads_inside(child, real_root):
                    if _has_reader(child.name) or child.is_dir():
                        found.astray.append(path)
                elif child.is_dir(follow_symlinks=False):
                    if not is_excluded(root / path):
                        waiting.append(path)
                elif child.is_file():
                    _add(found, path, child)
            except FileNotFoundError:
                continue
            except OSError as error:
                found.unread.append((path, _cannot_open(error)))
    found.files.sort(key=lambda file: file.path)
    return found


LEADS_OUT = Phrase("a link that leads out of the folder or nowhere", "链接指向文件夹之外或无效位置")


def _add(found: Walk, path: str, entry: os.DirEntry[str]) -> None:
    if not _has_reader(entry.name):
        found.ignored[_suffix(entry.name)] += 1
        return
    status = entry.stat()
    found.files.append(FoundFile(path, Path(entry.path), status.st_size, status.st_mtime_ns))


def _leads_inside(link: os.DirEntry[str], real_root: str) -> bool:
    """Raises OSError when the place in the folder that it leads to cannot be looked at."""
    if not Path(os.path.realpath(link.path)).is_relative_to(real_root):
        return False
    try:
        link.stat()
    except OSError as error:
        if error.errno in _NOWHERE:
            return False
        raise
    return True


def _has_reader(name: str) -> bool:
    return _suffix(name) in SUFFIXES


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _cannot_open(error: OSError) -> Phrase:
    return Phrase(f"cannot be opened ({error.strerror})", f"无法打开（{error.strerror}）")
