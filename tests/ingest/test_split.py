from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.split import split
from ingest.structure import parse
from ingest.types import Chunk, Document
from tests.fakes import count_tokens
from tests.generated_notes import notes, steady

ODD_NOTES = sorted(path for path in (Path(__file__).parents[1] / "notes").iterdir() if path.suffix in (".md", ".txt"))


def document(text: str) -> Document:
    return Document(id="笔记.md", title="笔记", text=text, content_hash="")


def assert_well_formed(text: str, chunks: tuple[Chunk, ...], max_tokens: int) -> None:
    assert [text[chunk.start : chunk.end] for chunk in chunks] == [chunk.text for chunk in chunks]
    assert all(before.end <= after.start for before, after in pairwise(chunks))
    assert [chunk.tokens for chunk in chunks] == count_tokens([chunk.text for chunk in chunks])
    assert all(0 < chunk.tokens <= max_tokens for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    covered = {at for chunk in chunks for at in range(chunk.start, chunk.end)}
    spans = [line for block in parse(text) if block.kind != "noise" for line in block.lines]
    assert [
        text[at] for start, end in spans for at in range(start, end) if at not in covered and text[at].strip()
    ] == []


@steady
@given(notes, st.integers(8, 120))
def test_chunks_are_ordered_slices_that_hold_every_block(text: str, max_tokens: int) -> None:
    chunks = split(document(text), count_tokens, max_tokens)
    assert_well_formed(text, chunks, max_tokens)
    assert split(document(text), count_tokens, max_tokens) == chunks


@steady
@given(notes)
def test_text_inserted_above_leaves_chunk_ids_alone(text: str) -> None:
    below = f"# 原有\n\n原有的一段。\n\n{text}"
    before = split(document(below), count_tokens)
    after = split(document(f"# 新加\n\n新的一段。\n\n{below}"), count_tokens)
    assert [chunk.id for chunk in after[-len(before) :]] == [chunk.id for chunk in before]


@pytest.mark.parametrize("path", ODD_NOTES, ids=lambda path: path.name)
@pytest.mark.parametrize("max_tokens", [30, 256])
def test_odd_notes_split_into_slices(path: Path, max_tokens: int) -> None:
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    assert_well_formed(text, split(document(text), count_tokens, max_tokens), max_tokens)


# --- what stays together --------------------------------------------------------------------------------------------


def cut(text: str, max_tokens: int = 256) -> list[str]:
    chunks = split(document(text), count_tokens, max_tokens)
    assert_well_formed(text, chunks, max_tokens)
    return [chunk.text for chunk in chunks]


@pytest.mark.parametrize(
    "pairs",
    [
        ["### 1.为什么要热身？\n    开头方差大。", "### 2.怎样选批量？\n看显存。"],
        ["- **为什么要热身？**\n    开头方差大。\n    - 真的", "- **怎样选批量？**\n\n    看显存。"],
        ["1.为什么要热身？\n开头方差大。", "2.怎样选批量？\n看显存。"],
        ["Q: 为什么要热身？\nA: 开头方差大。", "Q: 怎样选批量？\nA: 看显存。"],
        ["Q: 为什么要热身？ A: 开头方差大。", "Q: 怎样选批量？ A: 看显存。"],
    ],
)
def test_each_question_keeps_its_answer(pairs: list[str]) -> None:
    assert cut("\n".join(pairs)) == pairs


def test_a_question_and_its_labels_are_one_chunk_if_they_fit() -> None:
    text = "- **怎样减显存？**\n    - **处理参数**\n        压缩。\n    - **处理梯度**\n        累积。"
    assert cut(text) == [text]
    assert cut(text, 25) == [
        "- **怎样减显存？**\n    - **处理参数**\n        压缩。",
        "- **处理梯度**\n        累积。",
    ]


def test_a_callout_keeps_its_mark_and_its_title() -> None:
    callouts = ["> [!note] 为什么要热身\n> 开头方差大。", "> [!note] 怎样选批量\n> 看显存。"]
    assert cut("\n\n".join(callouts)) == callouts


def test_a_chunk_names_its_heading_path() -> None:
    (chunk,) = split(document("# 训练\n## 热身\n开头方差大。"), count_tokens)
    assert (chunk.headings, chunk.context) == (("训练", "热身"), "笔记 > 训练 > 热身")


def test_a_heading_over_subsections_goes_with_the_first() -> None:
    assert cut("# 训练\n## 热身\n开头方差大。\n## 衰减\n结尾要收敛。") == [
        "# 训练\n## 热身\n开头方差大。",
        "## 衰减\n结尾要收敛。",
    ]


def test_bare_headings_are_content_and_join_their_siblings() -> None:
    text = "# 检索\n## 改写提问\n## 重排候选\n## 压缩结果\n只留相关的句子。"
    (chunk,) = split(document(text), count_tokens)
    assert (chunk.headings, chunk.text) == (("检索",), text)


def test_a_bare_heading_leaves_a_long_sibling_its_heading_path() -> None:
    text = f"# 检索\n## 改写提问\n## 压缩结果\n{'只留相关的句子。' * 20}"
    assert [chunk.headings for chunk in split(document(text), count_tokens)] == [
        ("检索", "改写提问"),
        ("检索", "压缩结果"),
    ]


def test_a_bullet_without_a_body_does_not_join_its_siblings() -> None:
    parts = ["- **热身**\n    开头方差大。", "- **显存的图**\n    ![图](a.png)", "- **衰减**\n    结尾要收敛。"]
    assert [chunk.headings for chunk in split(document("# 训练\n" + "\n".join(parts)), count_tokens, 30)] == [
        ("训练", "热身"),
        ("训练", "显存的图"),
        ("训练", "衰减"),
    ]


def test_a_heading_with_only_an_address_keeps_it() -> None:
    assert cut("# 训练\n热身。\n\n## 多模态\nhttps://example.org/a\n\n# 推理\n缓存。") == [
        "# 训练\n热身。",
        "## 多模态\nhttps://example.org/a",
        "# 推理\n缓存。",
    ]


def test_a_heading_with_only_a_picture_stands_alone() -> None:
    assert cut("# 训练\n热身。\n\n## 显存\n![图](a.png)") == ["# 训练\n热身。", "## 显存"]


def test_a_scrap_above_the_first_heading_joins_what_follows() -> None:
    text = "my blog\n\nTable of Contents\n\n# 训练\n热身。"
    (chunk,) = split(document(text), count_tokens)
    assert (chunk.headings, chunk.text) == (("训练",), text)


def test_a_scrap_without_a_heading_joins_what_stands_before() -> None:
    text = "# 训练\n- **热身**\n    开头方差大。\n收尾。"
    (chunk,) = split(document(text), count_tokens)
    assert chunk.text == text


def test_an_unanswered_question_does_not_join_its_siblings() -> None:
    parts = ["### 为什么要热身？", "### 怎样选批量？\n看显存。"]
    assert cut("# 提问\n总说。\n" + "\n".join(parts))[1:] == parts


def test_a_table_of_contents_is_left_out() -> None:
    assert cut("# 目录\n- [训练](#训练)\n- [推理](#推理)\n\n# 训练\n热身。") == ["# 训练\n热身。"]


@pytest.mark.parametrize("lead", ["方法如下：", "有以下几种。", "主要包括三类。", "The following ways work."])
def test_a_lead_in_stays_with_its_list(lead: str) -> None:
    before, first, second = f"{'前' * 30}。", f"- {'甲' * 39}", f"- {'乙' * 39}"
    assert cut(f"{before}\n\n{lead}\n{first}\n{second}", 70) == [before, f"{lead}\n{first}", second]


def test_a_formula_stays_with_the_sentence_before() -> None:
    before, formula = f"{'前' * 30}。", f"能量写作\n\n$$\n{'E' * 26}\n$$"
    assert cut(f"{before}\n\n{formula}\n\n其中是常数。", 45) == [before, f"{formula}\n\n其中是常数。"]


def test_the_head_of_a_table_stays_with_its_first_row() -> None:
    before, head, rows = f"{'前' * 34}。", "| 名 | 值 |\n|---|---|", [f"| {'甲' * 35} | 1 |", f"| {'乙' * 35} | 2 |"]
    assert cut(f"{before}\n\n{head}\n{rows[0]}\n{rows[1]}", 60) == [before, f"{head}\n{rows[0]}", rows[1]]


def test_code_is_cut_at_line_ends_and_rather_at_blank_lines() -> None:
    code = "```python\na = 1\nb = 2\n\nc = 3\nd = 4\ne = 5\n```"
    assert cut(code) == [code]
    assert cut(code, 22) == ["```python\na = 1\nb = 2", "c = 3\nd = 4\ne = 5\n```"]


def test_paragraphs_are_cut_between_sentences() -> None:
    sentences = [f"{c * 25}。" for c in "甲乙丙丁"]
    assert cut("".join(sentences), 60) == ["".join(sentences[:2]), "".join(sentences[2:])]


def test_chunks_of_a_long_section_are_about_equally_long() -> None:
    text = "\n\n".join(f"{c * 29}。" for c in "甲乙丙丁")
    assert [count_tokens([chunk])[0] for chunk in cut(text, 110)] == [60, 60]


def test_a_sentence_that_alone_is_too_long_is_cut_at_commas() -> None:
    text = "，".join("甲" * 9 for _ in range(12)) + "。"
    chunks = cut(text, 50)
    assert "".join(chunks) == text
    assert all(chunk.endswith("，") for chunk in chunks[:-1])


def test_one_line_without_a_cut_is_cut_anywhere() -> None:
    text = "甲" * 1000
    chunks = cut(text, 64)
    assert "".join(chunks) == text


def test_rare_long_tokens_never_exceed_the_limit() -> None:
    def count_dense(texts: Sequence[str]) -> list[int]:
        return [sum(9 if character == "密" else 1 for character in text) for text in texts]

    text = "疏" * 500 + "密" * 100
    chunks = split(document(text), count_dense, 32)
    assert "".join(chunk.text for chunk in chunks) == text
    assert max(chunk.tokens for chunk in chunks) <= 32


def test_a_picture_written_as_text_parts_chunks() -> None:
    picture = f"![图](data:image/png;base64,{'A' * 9000})"
    assert cut(f"# 训练\n热身。\n\n{picture}\n\n衰减。", 64) == ["# 训练\n热身。", "衰减。"]


def test_noise_between_pieces_stays_inside_a_chunk() -> None:
    text = "# 训练\n热身。\n\n![图](a.png)\n\n衰减。"
    assert cut(text) == [text]


def test_nothing_to_cite_gives_no_chunks() -> None:
    assert cut("") == []
    assert cut("\n\n---\n\n![图](a.png)\nhttps://example.org\n") == []


# --- identity -------------------------------------------------------------------------------------------------------


def test_equal_sections_get_ids_of_their_own() -> None:
    first, second = split(document("# 热身\n同一句话。\n\n# 热身\n同一句话。"), count_tokens)
    assert (first.text, first.headings) == (second.text, second.headings)
    assert first.id != second.id


def test_an_id_depends_on_document_headings_and_text() -> None:
    (chunk,) = split(document("# 热身\n一句话。"), count_tokens)
    (moved,) = split(replace(document("# 热身\n一句话。"), id="别处.md"), count_tokens)
    (renamed,) = split(replace(document("# 热身\n一句话。"), title="另一个标题"), count_tokens)
    assert moved.id != chunk.id
    assert renamed.id == chunk.id


def test_a_chunk_knows_its_page() -> None:
    text = "# 热身\n一句话。\n\n# 衰减\n另一句。"
    pages = replace(document(text), page_starts=(0, text.index("# 衰减")))
    assert [chunk.page for chunk in split(pages, count_tokens)] == [1, 2]
