"""How a run was made."""

from pathlib import Path

from eval.answerer import settings_from
from eval.spec import describe, library_fingerprint
from ingest.library import open_library


def test_a_spec_tells_settings_versions_and_seeds_and_is_the_same_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("{}", encoding="utf-8")
    settings = settings_from(["candidates=7"], library=tmp_path / "library")
    with open_library(settings.library, write=True) as library:
        one = describe(tmp_path / "q.jsonl", None, library, "fake", settings)
        other = describe(tmp_path / "q.jsonl", None, library, "fake", settings)
        assert library_fingerprint(library, "fake") != library_fingerprint(library, "another")
    assert one == other
    assert one.settings["candidates"] == "7"
    assert "library" not in one.settings
    assert one.versions["notecite"]
    assert one.seeds["statistics"] > 0
