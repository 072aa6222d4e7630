"""What a person reads of an error."""

from ingest.errors import BadInput
from ingest.phrases import Phrase

WHAT, TODO = Phrase("no such note", "没有这篇笔记"), Phrase("sync again", "请重新同步")


def test_an_error_is_one_line_with_the_punctuation_of_its_language() -> None:
    error = BadInput(WHAT, "odd\n name.md", TODO)
    assert str(error) == error.to("en") == "no such note: odd name.md: sync again"
    assert error.to("zh") == "没有这篇笔记：odd name.md：请重新同步"


def test_an_empty_value_is_left_out() -> None:
    error = BadInput(WHAT, " ", TODO)
    assert (error.to("en"), error.to("zh")) == ("no such note: sync again", "没有这篇笔记：请重新同步")
