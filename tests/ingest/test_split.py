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
