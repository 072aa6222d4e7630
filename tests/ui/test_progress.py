from io import StringIO

from rich.console import Console

from rag.generate import ExtractiveGenerator
from rag.types import Event, Restart, TextPiece
from tests.rag.sample_hits import TEA, pipeline_over
from ui.progress import watched

ANSWER = pipeline_over((TEA,), ExtractiveGenerator(200)).answer("绿茶用多少度的水？")


def shown(*events: Event) -> str:
    """What a terminal of five lines gets to see."""
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=20, height=5, _environ={})
    assert watched([*events, ANSWER], console) is ANSWER
    return out.getvalue()


def test_an_answer_is_shown_as_it_grows_and_taken_away_at_its_end() -> None:
    seen = shown(TextPiece("Green tea "), TextPiece("likes 80 degrees."))
    assert seen.index("Green tea") < seen.index("likes 80")
    assert seen.rstrip().endswith("\x1b[2K")


def test_only_the_last_lines_of_a_long_answer_are_shown() -> None:
    seen = shown(TextPiece("".join(f"line {number}\n" for number in range(9))))
    assert "line 8" in seen
    assert "line 1" not in seen


def test_what_is_withdrawn_is_not_shown_again() -> None:
    seen = shown(TextPiece("wrong"), Restart(), TextPiece("right"))
    assert "right" in seen[seen.index("wrong") + 5 :]
    assert "wrong" not in seen[seen.index("wrong") + 5 :]


def test_control_characters_of_a_reply_do_not_reach_the_terminal() -> None:
    assert "\x07" not in shown(TextPiece("ring\x07"))
