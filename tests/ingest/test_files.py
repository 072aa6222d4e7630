import os
from pathlib import Path

import pytest

from ingest.files import write_whole


def test_a_file_is_written_with_its_folder_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    write_whole(path, "一", 0o600)
    write_whole(path, b"two", 0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


def test_the_content_is_on_the_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fsync, safe = tmp_path / "a", os.fsync, []
    path.write_bytes(b"old")

    def watching(descriptor: int) -> None:
        fsync(descriptor)
        safe.append((os.fstat(descriptor).st_size, path.read_bytes()))

    monkeypatch.setattr(os, "fsync", watching)
    write_whole(path, b"newer")
    assert safe == [(5, b"old")]
    assert path.read_bytes() == b"newer"


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    (path / "kept").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_whole(path, "in place of a folder")
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
