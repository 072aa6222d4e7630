import pytest

from rag.narrow import Narrower
from rag.reply import Unit
from rag.types import Draft, Hit
from tests.fakes import FakeEmbedder
from tests.rag.sample_hits import BREAD, COFFEE, TEA, hit

SOURCES = (TEA, COFFEE, BREAD)


def draft(text: str, *numbers: int, sources: tuple[Hit, ...] = SOURCES) -> Draft:
    return Narrower(sources, FakeEmbedder()).draft(Unit("sentence", text, numbers, ""))


def quotes(found: Draft) -> list[str]:
    return [
        source.hit.chunk.text[source.start - source.hit.chunk.start : source.end - source.hit.chunk.start]
        for source in found.sources
    ]


def test_a_citation_is_narrowed_to_the_sentence_that_supports_it() -> None:
    found = draft("水温太高时茶汤会变苦。", 1)
    assert quotes(found) == ["水太烫会让茶汤变苦。"]
    assert (found.sources[0].hit, found.sources[0].start, found.sources[0].end) == (TEA, 55, 65)


def test_two_neighbouring_sentences_that_both_support_it_are_one_citation() -> None:
    assert quotes(draft("咖啡豆放密封罐避光，开封后两周内喝完。", 2)) == [
        "咖啡豆要放在密封罐里，避免阳光直射。开封以后两周内喝完。"
    ]


def test_two_sentences_that_stand_apart_are_two_citations() -> None:
    assert quotes(draft("咖啡豆放在密封罐里避光，磨好的粉当天用掉。", 2)) == [
        "咖啡豆要放在密封罐里，避免阳光直射。",
        "磨好的粉当天用掉。",
    ]


def test_each_named_source_is_narrowed_by_itself() -> None:
    assert quotes(draft("茶的第一泡只要一分钟，咖啡开封以后两周内喝完。", 1, 2)) == [
        "第一泡只要一分钟。",
        "开封以后两周内喝完。",
    ]


def test_a_number_that_points_at_the_wrong_source_is_moved() -> None:
    assert quotes(draft("It bakes at 230 degrees for forty minutes.", 1)) == [
        "Bake it at 230 degrees for forty minutes."
    ]


def test_of_two_named_sources_the_one_that_shares_nothing_is_dropped() -> None:
    assert quotes(draft("磨好的粉当天用掉。", 2, 3)) == ["磨好的粉当天用掉。"]


@pytest.mark.parametrize("numbers", [(), (3,)])
def test_a_sentence_that_no_source_supports_stays_uncited(numbers: tuple[int, ...]) -> None:
    assert draft("法国的首都是巴黎，人口两百万。", *numbers).sources == ()


def test_a_sentence_without_a_number_gets_the_source_that_supports_it() -> None:
    assert quotes(draft("咖啡开封以后两周内喝完。")) == ["开封以后两周内喝完。"]


@pytest.mark.parametrize("text", ["好。", "Yes.", "绿茶用 80 度左右的水冲泡，分这几步："])
def test_a_short_or_leading_sentence_is_cited_only_where_the_model_says_so(text: str) -> None:
    assert draft(text).sources == ()


def test_numbers_that_are_no_source_are_dropped_and_counted() -> None:
    found = draft("水太烫会让茶汤变苦。", 1, 4, 99)
    assert (quotes(found), found.dropped_citations) == (["水太烫会让茶汤变苦。"], 2)


def test_without_sources_nothing_is_cited() -> None:
    found = draft("水太烫会让茶汤变苦。", 1, sources=())
    assert (found.sources, found.dropped_citations) == ((), 1)


def test_a_table_may_rest_on_as_many_statements_as_it_has_rows() -> None:
    table = hit(
        "| 茶 | 水温 |\n|---|---|\n| 绿茶 | 80 度 |\n| 红茶 | 95 度 |\n| 白茶 | 85 度 |", document_id="table.md"
    )
    text = "- 绿茶 80 度\n- 红茶 95 度\n- 白茶 85 度"
    found = Narrower((table, COFFEE), FakeEmbedder()).draft(Unit("table", text, (1,), ""))
    assert quotes(found) == ["| 绿茶 | 80 度 |\n| 红茶 | 95 度 |\n| 白茶 | 85 度 |"]


@pytest.mark.parametrize(
    "text",
    [
        "LoRA 不增加推理延迟，切换任务只换小矩阵，显存占用小。",
        "LoRA 的优点：不增加推理延迟、切换任务只换小矩阵、显存占用小。",
    ],
)
def test_a_sentence_may_rest_on_as_many_statements_as_it_has_clauses(text: str) -> None:
    note = "- LoRA 不增加推理延迟。\n- LoRA 切换任务只换小矩阵。\n- LoRA 显存占用小。\n- 训练要预热。"
    found = draft(text, 1, sources=(hit(note), COFFEE))
    assert "\n".join(quotes(found)) == note.rpartition("\n")[0]
