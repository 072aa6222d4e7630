import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ingest import dedupe
from ingest.catalog import FORMAT, Catalog, Entry, FileStamp, NoteFile, vector_key
from ingest.dedupe import nearly_equal
from ingest.errors import LibraryBroken, NotFound
from ingest.phrases import Phrase
from ingest.types import Chunk, Document, Place
from tests.fakes import FakeEmbedder

LONG = (
    "归一化层把每个词的向量缩放到相近的大小，训练因此稳定；放在残差之前的叫做前置归一化，放在之后的叫做后置归一化，"
    "如今的语言模型大都采用前置的做法，因为深层的梯度更平稳，可以使用更大的学习率，也不必精心设计预热。"
    "均方根归一化省去了减均值的一步，计算更省，效果却相差无几，所以许多开放权重的模型都改用了它；"
    "它的缩放系数是学出来的，偏置则干脆不要，这样既节约参数，又便于和后面的线性层合并起来。"
)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path / "catalog.sqlite3", write=True)
    catalog.add_folder(tmp_path / "notes")
    return catalog


def entry(catalog: Catalog, document_id: str, *texts: str, headings: tuple[str, ...] = ("标题",)) -> Entry:
    """A note of these chunks, whose vectors the catalog then has."""
    body = "\n\n".join(texts)
    chunks, at = [], 0
    for number, text in enumerate(texts):
        start = body.index(text, at)
        at = start + len(text)
        chunks.append(Chunk(f"{document_id}#{number}", document_id, "笔记", headings, start, at, text, len(text)))
    catalog.add_vectors(
        [vector_key(chunk) for chunk in chunks], FakeEmbedder().embed_passages([c.embedded_text for c in chunks])
    )
    document = Document(document_id, "笔记", body, f"hash of {body}", problems=(Phrase("odd", "奇怪"),))
    return Entry(NoteFile(1, document_id), FileStamp(len(body), 7, 1), document, tuple(chunks))


def searchable(catalog: Catalog) -> list[str]:
    return sorted(catalog.chunk_ids(catalog.searchable_keys()).values())


def test_what_is_put_in_comes_out(catalog: Catalog) -> None:
    note = entry(catalog, "a.md", "第一段", "第二段")
    catalog.replace((), [note])
    assert catalog.document("a.md") == note.document
    assert catalog.chunks_of("a.md") == note.chunks
    assert catalog.chunks(["a.md#1", "nothing"]) == {"a.md#1": note.chunks[1]}
    assert catalog.headings() == [(("笔记", "标题"), note.chunks[0].place)]
    (summary,) = catalog.documents()
    assert (summary.id, summary.title, summary.chunks, summary.problems) == (
        *("a.md", "笔记", 2),
        (Phrase("odd", "奇怪"),),
    )
    assert catalog.known_files(catalog.folders()[0])["a.md"].content_hash == note.document.content_hash


def test_a_change_names_what_can_and_cannot_be_found_any_more(catalog: Catalog) -> None:
    old, new = entry(catalog, "a.md", "第一段", "第二段"), entry(catalog, "a.md", "第一段", "第三段")
    first = catalog.replace((), [old])
    assert (first.generation, first.removed) == (1, ())
    assert set(first.added) == {vector_key(chunk) for chunk in old.chunks}
    second = catalog.replace((), [new])
    assert (second.generation, second.removed, second.added) == (
        2,
        (vector_key(old.chunks[1]),),
        (vector_key(new.chunks[1]),),
    )
    assert catalog.vectors_since(1)[0] == [vector_key(new.chunks[1])]


def test_a_moved_note_changes_nothing_for_the_indexes(catalog: Catalog) -> None:
    catalog.replace((), [entry(catalog, "a.md", LONG)])
    change = catalog.replace(["a.md"], [entry(catalog, "b.md", LONG)])
    assert (change.removed, change.added) == ((), ())
    assert searchable(catalog) == ["b.md#0"]


def test_duplicates_are_found_once_and_cited_everywhere(catalog: Catalog) -> None:
    near = LONG.replace("如今", "现今").replace("，", ",")
    catalog.replace((), [entry(catalog, "b.md", "序言", LONG), entry(catalog, "a.md", near)])
    assert searchable(catalog) == ["a.md#0", "b.md#0"]
    assert catalog.places_like("a.md#0") == (Place("b.md", 4, 4 + len(LONG)),)
    assert catalog.places_like("b.md#1") == (Place("a.md", 0, len(near)),)
    assert catalog.places_like("b.md#0") == ()
    assert catalog.copies() == [("a.md", "b.md"), ("b.md", "a.md")]


def test_copies_are_each_two_documents_that_share_a_text(catalog: Catalog) -> None:
    texts = {
        "a.md": (LONG, LONG, "甲"),
        "b.md": ("乙", LONG.replace("，", ",")),
        "c.md": ("丙", "甲"),
        "d.md": ("丁", "丁"),
    }
    catalog.replace((), [entry(catalog, name, *own) for name, own in texts.items()])
    shared = [
        (
            name,
            sorted({place.document_id for chunk in catalog.chunks_of(name) for place in catalog.places_like(chunk.id)}),
        )
        for name in texts
    ]
    assert catalog.copies() == [(name, other) for name, others in shared for other in others if other != name]
    assert catalog.copies() == [("a.md", "b.md"), ("a.md", "c.md"), ("b.md", "a.md"), ("c.md", "a.md")]


def test_another_copy_stands_in_when_the_first_goes(catalog: Catalog) -> None:
    catalog.replace((), [entry(catalog, name, LONG) for name in ("a.md", "b.md", "c.md")])
    assert searchable(catalog) == ["a.md#0"]
    catalog.replace(["a.md"], ())
    assert searchable(catalog) == ["b.md#0"]
    assert catalog.places_like("b.md#0") == (Place("c.md", 0, len(LONG)),)


def test_groups_fall_apart_when_what_joined_them_goes(catalog: Catalog) -> None:
    middle = LONG + "这些就够了，值得记住。"
    far = middle + "剩余的留到改天再说吧。"
    catalog.replace((), [entry(catalog, "a.md", LONG), entry(catalog, "b.md", middle), entry(catalog, "c.md", far)])
    together = searchable(catalog)
    catalog.replace(["b.md"], ())
    apart = searchable(catalog)
    fresh = Catalog(catalog.path.with_name("fresh.sqlite3"), write=True)
    fresh.add_folder(Path("notes"))
    fresh.replace((), [entry(fresh, "c.md", far), entry(fresh, "a.md", LONG)])
    assert together == ["a.md#0"]
    assert apart == searchable(fresh)


def test_a_family_of_alike_texts_is_compared_one_by_one(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def counting(left: str, right: str) -> bool:
        compared.append((left, right))
        return nearly_equal(left, right)

    monkeypatch.setattr(dedupe, "nearly_equal", counting)
    marks = [a + b for a in ",:;|" for b in " *_#>`"]
    catalog.replace((), [entry(catalog, f"{at:02}.md", LONG.replace("，", mark)) for at, mark in enumerate(marks)])
    assert searchable(catalog) == ["00.md#0"]
    assert len(catalog.places_like("00.md#0")) == len(compared) == len(marks) - 1


def test_the_order_in_which_notes_come_does_not_matter(tmp_path: Path) -> None:
    variants = [LONG, LONG.replace("因此", "于是"), LONG.replace("干脆", "索性"), LONG.replace("，", ", ")]
    found = []
    for number, order in enumerate([(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)]):
        catalog = Catalog(tmp_path / f"{number}.sqlite3", write=True)
        catalog.add_folder(tmp_path)
        for variant in order:
            catalog.replace((), [entry(catalog, f"{variant}.md", variants[variant])])
        found.append((searchable(catalog), [catalog.places_like(f"{variant}.md#0") for variant in range(4)]))
    assert found[0] == found[1] == found[2]
    assert found[0][0] == ["0.md#0"]


def test_vectors_are_kept_by_what_was_embedded(catalog: Catalog) -> None:
    note = entry(catalog, "a.md", "第一段", "第二段")
    keys = [vector_key(chunk) for chunk in note.chunks]
    assert catalog.missing_vectors([*keys, "new"]) == {"new"}
    catalog.replace((), [note])
    known, vectors = catalog.vectors(keys)
    expected = FakeEmbedder().embed_passages([chunk.embedded_text for chunk in note.chunks])
    np.testing.assert_array_equal(vectors, expected[[keys.index(key) for key in known]])


def test_vectors_stay_until_they_are_tidied_away(catalog: Catalog) -> None:
    note = entry(catalog, "a.md", "第一段")
    key = vector_key(note.chunks[0])
    catalog.replace((), [note])
    catalog.replace(["a.md"], ())
    assert catalog.missing_vectors([key]) == set()
    catalog.forget_unused_vectors()
    assert catalog.missing_vectors([key]) == {key}


def test_a_chunk_without_a_vector_takes_its_note_down(catalog: Catalog) -> None:
    good, bad = entry(catalog, "a.md", "第一段"), entry(catalog, "b.md", "第二段")
    catalog.replace((), [good])
    catalog.forget_unused_vectors()
    with pytest.raises(LibraryBroken):
        catalog.replace(["a.md"], [bad])
    assert [summary.id for summary in catalog.documents()] == ["a.md"]
    assert catalog.generation == 1


def test_skipped_files_are_remembered_until_they_are_read(catalog: Catalog) -> None:
    file, stamp = NoteFile(1, "坏 \udcff.md"), FileStamp(3, 4, 1)
    catalog.note_skipped([(file, stamp, (Phrase("broken", "损坏"), Phrase("mend it", "请修复")))], ())
    known = catalog.known_files(catalog.folders()[0])[file.path]
    assert (known.stamp, known.document_id, known.reasons[0].en) == (stamp, None, "broken")
    catalog.note_skipped((), [file])
    assert catalog.known_files(catalog.folders()[0]) == {}


def test_an_unknown_document_is_an_error_that_says_what_to_do(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match=r"no such document.*: x\.md: see `notecite status`"):
        catalog.document("x.md")


def test_a_reader_sees_what_a_writer_has_committed(catalog: Catalog) -> None:
    reader = Catalog(catalog.path)
    assert reader.counts().documents == 0
    catalog.replace((), [entry(catalog, "a.md", "第一段")])
    assert (reader.counts().documents, reader.generation) == (1, 1)


def test_there_is_nothing_to_read_before_the_first_sync(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no library yet: .*: make it with `notecite sync FOLDER`"):
        Catalog(tmp_path / "catalog.sqlite3")
    sqlite3.connect(tmp_path / "catalog.sqlite3").execute("VACUUM").close()
    with pytest.raises(NotFound):
        Catalog(tmp_path / "catalog.sqlite3")


def test_a_catalog_of_another_format_must_be_rebuilt(catalog: Catalog) -> None:
    catalog.close()
    with sqlite3.connect(catalog.path) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(LibraryBroken, match=f"format {FORMAT + 1}.*--rebuild"):
        Catalog(catalog.path, write=True)


@pytest.mark.parametrize("damage", [b"", b"not a database " * 400])
def test_a_damaged_catalog_must_be_rebuilt(catalog: Catalog, damage: bytes) -> None:
    catalog.replace((), [entry(catalog, "a.md", LONG)])
    catalog.close()
    data = catalog.path.read_bytes()
    catalog.path.write_bytes(damage or data[: len(data) // 3])
    with pytest.raises((LibraryBroken, NotFound)):
        Catalog(catalog.path).documents()
