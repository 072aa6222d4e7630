"""Where gold quotes stand in the notes."""

from hypothesis import given
from hypothesis import strategies as st

from eval.evidence import EvidenceFinder, InkedText, ink, touched
from eval.types import EvalCase, Evidence, Gold
from ingest.types import Place


def test_a_quote_is_found_across_line_breaks_and_returns_the_documents_own_offsets() -> None:
    text = "缓存  占用\n显存，\n约 2 GB。"
    assert InkedText(text).find_all("占用显存") == [(4, 9)]
    assert text[4:9] == "占用\n显存"


def test_every_occurrence_of_a_quote_is_found_even_when_they_overlap() -> None:
    assert InkedText("a b a b a").find_all("aba") == [(0, 5), (4, 9)]


def test_zero_width_characters_and_a_byte_order_mark_are_white_space() -> None:
    assert InkedText("\ufeff学\u200b习率").find_all("学习率") == [(1, 5)]


def test_an_empty_quote_is_found_nowhere() -> None:
    assert InkedText("text").find_all(" \n") == []


@given(st.text(alphabet="ab \n\u200b学", max_size=40), st.data())
def test_a_found_span_holds_the_quotes_ink_and_nothing_more(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    quote = text[start:end]
    spans = InkedText(text).find_all(quote)
    assert bool(spans) == bool(ink(quote))
    assert all(ink(text[low:high]) == ink(quote) for low, high in spans)
    assert all(ink(text[low]) and ink(text[high - 1]) for low, high in spans)


def test_gold_holds_the_places_of_each_quote_in_the_order_of_the_case() -> None:
    finder = EvidenceFinder({"a.md": "one two one", "b.md": "three"}.get)
    case = EvalCase(
        id="1",
        question="?",
        type="fact",
        evidence=(Evidence("a.md", "one"), Evidence("b.md", "three")),
        alternatives=(Evidence("a.md", "two"), Evidence("missing.md", "two")),
    )
    assert finder.gold(case) == Gold(
        evidence=((Place("a.md", 0, 3), Place("a.md", 8, 11)), (Place("b.md", 0, 5),)),
        alternatives=((Place("a.md", 4, 7),), ()),
    )


def test_neighbours_do_not_touch_and_neither_do_two_documents() -> None:
    gold = Gold(evidence=((Place("a.md", 5, 10),),), alternatives=((Place("a.md", 20, 22),),))
    assert touched(gold.evidence, [Place("a.md", 0, 5), Place("a.md", 10, 20), Place("b.md", 5, 10)]) == set()
    assert touched(gold.evidence, [Place("a.md", 9, 10)]) == {0}
    assert touched(gold.alternatives, [Place("a.md", 0, 21)]) == {0}
