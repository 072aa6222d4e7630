from ingest.types import Chunk
from rag.cite import Citer
from rag.types import Citation, Draft, Hit, Sentence, Source

CHUNK = Chunk("c", "a.pdf", "a", ("标题",), 100, 112, "第一句话。第二句话也对。", 12, page=1)
HIT = Hit(CHUNK, 1.0, "fused")


def test_each_slice_gets_one_number_in_order_of_first_use() -> None:
    citer = Citer(lambda document, offset: 2 if offset >= 105 else 1)
    first = citer.cite(Draft("第一句话。", (Source(HIT, 100, 105),), ""))
    second = citer.cite(Draft("都对。", (Source(HIT, 105, 112), Source(HIT, 100, 105)), " "))
    assert (first, second) == ("第一句话。 [1]", " 都对。 [2][1]")
    assert citer.sentences == [Sentence("第一句话。", (1,)), Sentence("都对。", (2, 1))]
    assert citer.citations == [
        Citation(1, "a.pdf", ("标题",), 1, 100, 105, "第一句话。"),
        Citation(2, "a.pdf", ("标题",), 2, 105, 112, "第二句话也对。"),
    ]


def test_a_mark_stands_on_the_line_after_a_code_block() -> None:
    piece = Citer(lambda document, offset: None).cite(Draft("```\nx\n```", (Source(HIT, 100, 105),), "\n\n"))
    assert piece == "\n\n```\nx\n```\n[1]"
