"""Questions proposed from notes without a model."""

from eval.evidence import EvidenceFinder
from eval.make import propose
from eval.types import EvalCase
from ingest.types import Document

NOTE = """# 缓存

## 1. 缓存为什么占显存？

每一层都要保存历史 token 的 K 和 V。序列越长越占。第三句不取。

## 有哪些省法

- 量化成 8 位，减少一半
- 分页管理，减少碎片浪费

## 结论

分页缓存是一种按块管理显存的方法。它是一种通用的做法。

Speculative decoding is a way to draft several tokens with a small model.
"""


def document(text: str, id_: str = "kv.md") -> Document:
    return Document(id_, "", text, "")


def proposals(text: str) -> dict[str, EvalCase]:
    return {case.question: case for case in propose([document(text)])}


def test_a_heading_that_asks_is_answered_by_the_first_two_sentences_below_it() -> None:
    case = proposals(NOTE)["缓存为什么占显存？"]
    assert case.type == "howto/why"
    assert [each.quote for each in case.evidence] == ["每一层都要保存历史 token 的 K 和 V。序列越长越占。"]
    assert case.keypoints == ("每一层都要保存历史 token 的 K 和 V。序列越长越占。",)


def test_a_list_below_a_heading_gives_one_quote_an_item() -> None:
    case = proposals(NOTE)["有哪些省法"]
    assert case.type == "list"
    assert [each.quote for each in case.evidence] == ["- 量化成 8 位，减少一半", "- 分页管理，减少碎片浪费"]
    assert case.keypoints == ("量化成 8 位，减少一半", "分页管理，减少碎片浪费")


def test_definitions_ask_for_their_term_but_pronouns_define_nothing() -> None:
    assert set(proposals(NOTE)) == {
        "缓存为什么占显存？",
        "有哪些省法",
        "什么是分页缓存？",
        "What is Speculative decoding?",
    }


def test_every_quote_stands_in_its_document() -> None:
    finder = EvidenceFinder({"kv.md": NOTE}.get)
    assert all(finder.places(each) for case in proposals(NOTE).values() for each in case.evidence)


def test_ids_depend_on_document_and_evidence_alone_and_documents_take_turns() -> None:
    other = document("## 什么是批大小？\n\n批大小是一步里处理的样本数量。\n", "batch.md")
    first, second, *_ = propose([document(NOTE), other])
    assert (first.evidence[0].document_id, second.evidence[0].document_id) == ("kv.md", "batch.md")
    again = {case.question: case.id for case in propose([document("# 前言\n\n新的一段话。\n\n" + NOTE)])}
    assert again["缓存为什么占显存？"] == first.id


def test_a_heading_without_an_answer_below_it_asks_nothing() -> None:
    assert proposals("## 为什么？\n\n## 怎么办？\n\n见 https://example.org/answer 这里。\n") == {}
