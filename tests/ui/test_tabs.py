"""What the tabs do when they are selected and used, called as gradio calls it but without a browser."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ingest.embed
import rag.build
import rag.settings
from eval.cases import load_cases
from rag.build import sync_notes
from rag.settings import load_settings
from tests.fakes import FakeEmbedder, count_tokens
from tests.ui.test_measuring import GOOD, made
from ui.app import page
from ui.desk import MOST_UPLOADS, Desk
from ui.measuring import SAMPLE
from ui.person import COOKIE
from ui.widgets import gr


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(rag.settings, "settings_files", lambda: (tmp_path / "notecite.toml",))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Desk(load_settings(library=tmp_path / "library"))


def handler(blocks: gr.Blocks, elem_id: str, event: str) -> Callable[..., Any]:
    (component,) = (each for each in blocks.blocks.values() if each.elem_id == elem_id)
    found = next(each.fn for each in blocks.fns.values() if (component._id, event) in each.targets)
    assert found is not None
    return found


def changes(shown: dict[Any, Any]) -> dict[str, Any]:
    """By label or id of the component."""
    return {getattr(part, "label", None) or part.elem_id: change for part, change in shown.items()}


def sliders(blocks: gr.Blocks) -> dict[str, gr.Slider]:
    return {str(each.label): each for each in blocks.blocks.values() if isinstance(each, gr.Slider)}


def test_sliders_take_any_value_of_the_settings(desk: Desk) -> None:
    wide = {"candidates": 1000, "dense_weight": 10.0, "answer_characters": 20_000}
    desk.settings = load_settings(library=desk.settings.library, **wide)
    found = sliders(page(desk, "en"))
    begun = {label: slider.preprocess(slider.value) for label, slider in found.items()}
    assert begun == {
        "Candidates": 1000,
        "Reranked": 50,
        "Meaning ×": 10,
        "Words ×": 1,
        "Length": 20_000,
        "Shown": 10,
    }
    assert found["Reranked"].maximum == 100


def test_looking_inside_begins_with_the_settings_in_force_and_keeps_what_was_moved(desk: Desk) -> None:
    blocks = page(desk, "en")
    select = handler(blocks, "inside", "select")
    began = next(e.value for e in blocks.blocks.values() if isinstance(e, gr.State) and isinstance(e.value, dict))
    assert list(select(began).values()) == [began]
    desk.settings = load_settings(library=desk.settings.library, candidates=300, strictness="strict")
    state, *_ = anew = select(began)
    shown = changes(anew)
    assert shown["Confidence needed to answer"] == "strict"
    assert (shown["Candidates"]["value"], shown["Candidates"]["maximum"]) == (300, 300)
    assert (shown["Length"]["value"], shown["Length"]["maximum"]) == (600, 3000)
    assert select(anew[state]) == {state: anew[state]}


def test_a_key_of_the_environment_cannot_be_changed_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    show = handler(page(desk, "en"), "settings", "select")
    assert [changes(show())[label]["interactive"] for label in ("API key", "Remove the saved key")] == [True, True]
    monkeypatch.setenv("NOTECITE_CHAT_API_KEY", "secret")
    assert [changes(show())[label]["interactive"] for label in ("API key", "Remove the saved key")] == [False, False]


def test_a_case_is_opened_again_with_what_followed_it(desk: Desk) -> None:
    made(desk.settings.library / "runs" / "first")
    case = handler(page(desk, "en"), "worst", "case")
    me = SimpleNamespace(cookies={COOKIE: "me"})
    opened = case(gr.EventData(None, {"run": "first", "case": "2"}), me)
    desk.conversations("me").add(opened, GOOD)
    assert case(gr.EventData(None, {"run": "first", "case": "2"}), me) == opened
    assert len(desk.conversations("me").get(opened).answers) == 2


@pytest.mark.parametrize("data", [{"run": "gone", "case": "2"}, {"run": "first", "case": "gone"}, {}])
def test_a_case_that_is_gone_is_told(desk: Desk, data: dict[str, str]) -> None:
    made(desk.settings.library / "runs" / "first")
    case = handler(page(desk, "en"), "worst", "case")
    with pytest.warns(UserWarning, match="choose another in the list"):
        assert case(gr.EventData(None, data), SimpleNamespace(cookies={COOKIE: "me"})) == ""


@pytest.mark.parametrize(
    ("language", "told"), [("en", "first 100 of 101 files"), ("zh", "共 101 个文件，只收了前 100 个")]
)
def test_files_beyond_the_most_are_told(desk: Desk, tmp_path: Path, language: Any, told: str) -> None:
    paths = [str(tmp_path / f"{number}.exe") for number in range(MOST_UPLOADS + 1)]
    with pytest.warns(UserWarning, match=told):
        assert list(handler(page(desk, language), "upload", "upload")(paths)) == []


def test_a_search_without_a_match_is_no_empty_list(desk: Desk) -> None:
    find = handler(page(desk, "en"), "search-conversations", "change")
    me: Any = SimpleNamespace(cookies={COOKIE: "me"})
    assert "No matching conversations." in find("rope", "", me)
    assert "No conversations yet." in find(" ", "", me)


def test_the_sample_questions_are_offered_only_with_the_sample_notes(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.build, "open_embedder", lambda settings: FakeEmbedder())
    monkeypatch.setattr(ingest.embed, "open_token_counter", lambda name: count_tokens)
    show = handler(page(desk, "en"), "measure", "select")

    def offered() -> Any:
        return changes(show(None))["Questions"]["choices"]

    assert offered() == []
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "glossary.md").write_text("# Mine\n\nWords.\n", encoding="utf-8")
    sync_notes(desk.settings, [tmp_path / "notes"])
    assert offered() == []
    for id_ in {evidence.document_id for case in load_cases(SAMPLE) for evidence in case.evidence}:
        note = (tmp_path / "notes" / id_).with_suffix(".md" if id_.endswith(".md") else ".txt")
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text("# Theirs\n\nWords.\n", encoding="utf-8")
    sync_notes(desk.settings, [tmp_path / "notes"])
    assert offered() == [("Questions about the sample notes", str(SAMPLE))]
    assert changes(show(None))["Questions"]["value"] == str(SAMPLE)
    assert changes(show("my.jsonl"))["Questions"]["value"] == "my.jsonl"
