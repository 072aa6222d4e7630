import errno
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import BadInput, DiskFull, LibraryBroken, LibraryBusy, LibraryMismatch, NotFound
from ingest.lexical import LexicalIndex
from ingest.library import CATALOG, Library, open_library
from ingest.protocols import Vectors
from ingest.sync import SyncProgress, sync
from tests.fakes import FakeEmbedder, count_tokens

NOTES = {
    "采样.md": "# 采样\n\n## top-p\n\n核采样只在累积概率达到 p 的最小集合里抽。\n\n## 温度\n\n温度越高，输出越随机。\n",
    "量化.md": "# 量化\n\n## LLM.int8()\n\n它把离群的特征留在 16 位，其余的用 8 位整数计算。\n",
    "rag/检索.md": "# 检索\n\n## 混合检索\n\n把稠密检索和 BM25 的名次用倒数排名融合在一起。\n",
}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    for name, text in NOTES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def library(notes: Path, tmp_path: Path) -> Path:
    synced(notes, tmp_path / "library")
    return tmp_path / "library"


def synced(notes: Path, library: Path, **options: bool) -> None:
    with open_library(library, embedder_fingerprint="fake", write=True, **options) as opened:
        sync([notes], opened, FakeEmbedder, lambda: count_tokens)


def documents_found(library: Library, question: str, k: int = 1) -> tuple[list[str], list[str]]:
    """By vectors and by words."""
    dense = library.dense(FakeEmbedder().embed_queries([question])[0], k)
    lexical = library.lexical(question, k)
    chunks = library.chunks([chunk_id for chunk_id, _ in dense + lexical])
    return [chunks[i].document_id for i, _ in dense], [chunks[i].document_id for i, _ in lexical]


BOTH_FIND_QUANTISATION = (["量化.md"], ["量化.md"])
QUESTION = "离群的特征留在 16 位"


@pytest.mark.parametrize("exact_up_to", [0, 1000])
def test_a_library_is_searched_by_vectors_and_by_words(library: Path, exact_up_to: int) -> None:
    with open_library(library, exact_up_to=exact_up_to) as opened:
        assert documents_found(opened, QUESTION) == BOTH_FIND_QUANTISATION
        assert documents_found(opened, "名次融合") == (["rag/检索.md"], ["rag/检索.md"])


def test_scores_of_chroma_and_of_exact_search_are_the_same(library: Path) -> None:
    vector = FakeEmbedder().embed_queries([QUESTION])[0]
    with open_library(library, exact_up_to=0) as chroma, open_library(library) as exact:
        assert chroma.dense(vector, 10) == exact.dense(vector, 10)
        assert len(exact.dense(vector, 10)) == exact.counts().searchable == 4


def test_nothing_is_found_where_nothing_is_asked_for(library: Path) -> None:
    with open_library(library) as opened:
        assert opened.dense(FakeEmbedder().embed_queries(["x"])[0], 0) == []
        assert opened.lexical("", 10) == []
        assert opened.lexical("温度", 0) == []


def test_there_is_nothing_to_read_before_the_first_sync(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no library yet"):
        open_library(tmp_path / "library")
    assert not (tmp_path / "library").exists()


def test_another_embedder_is_refused_by_name(library: Path) -> None:
    for write in (False, True):
        with pytest.raises(LibraryMismatch, match=r"embedder fake, not other: .*`notecite sync --rebuild FOLDER`"):
            open_library(library, embedder_fingerprint="other", write=write)
    synced_again = open_library(library, write=True)
    synced_again.close()


@pytest.mark.parametrize("exact_up_to", [0, 1000])
def test_a_rebuild_takes_another_embedder(library: Path, notes: Path, exact_up_to: int) -> None:
    class OtherEmbedder(FakeEmbedder):
        fingerprint = "other"

    with open_library(library, exact_up_to=exact_up_to) as reader:
        documents_found(reader, QUESTION)
        with open_library(library, embedder_fingerprint="other", write=True, rebuild=True) as opened:
            sync([notes], opened, OtherEmbedder, lambda: count_tokens)
        assert documents_found(reader, QUESTION) == BOTH_FIND_QUANTISATION
        assert reader.catalog.fingerprint == "other"


def test_a_reader_with_the_old_embedder_is_told_of_a_rebuild(library: Path, notes: Path) -> None:
    with open_library(library, embedder_fingerprint="fake") as reader:
        open_library(library, embedder_fingerprint="other", write=True, rebuild=True).close()
        with open_library(library, write=True) as writer:
            writer.set_fingerprint("other")
        with pytest.raises(LibraryMismatch):
            documents_found(reader, QUESTION)


def test_a_second_writer_is_told_who_writes(library: Path) -> None:
    with (
        open_library(library, write=True),
        pytest.raises(LibraryBusy, match=f"process {os.getpid()} on .* is writing the library"),
    ):
        open_library(library, write=True, seconds_to_wait=0.1)
    open_library(library, write=True).close()


def test_a_second_writer_waits_for_the_first(library: Path) -> None:
    first = open_library(library, write=True)
    events: list[str] = []

    def close() -> None:
        events.append("the first is done")
        first.close()

    timer = threading.Timer(0.3, close)
    timer.start()
    with open_library(library, write=True, seconds_to_wait=30):
        events.append("the second writes")
    timer.join()
    assert events == ["the first is done", "the second writes"]


def test_a_library_folder_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        open_library(tmp_path / "file" / "library", write=True)


def test_a_disk_that_is_full_at_the_start_leaves_the_library_free(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(DiskFull) as error:
            open_library(library, write=True)
    open_library(library, write=True, seconds_to_wait=0.1).close()
    assert error.value.__cause__ is not None


def test_a_reader_follows_the_writer_question_by_question(library: Path, notes: Path) -> None:
    with open_library(library) as exact, open_library(library, exact_up_to=0) as chroma:
        for number in range(3):
            word = f"新概念{'甲乙丙'[number]}"
            (notes / f"{number}.md").write_text(f"# 新\n\n{word}只在这里出现过。\n", encoding="utf-8")
            synced(notes, library)
            for reader in (exact, chroma):
                assert documents_found(reader, f"{word}只在这里出现过") == ([f"{number}.md"], [f"{number}.md"])
            (notes / f"{number}.md").unlink()
            synced(notes, library)
            for reader in (exact, chroma):
                dense, lexical = documents_found(reader, word, 10)
                assert f"{number}.md" not in dense + lexical


_READER = """
import sys
from ingest.library import open_library
from tests.fakes import FakeEmbedder
from pathlib import Path

library, stop = Path(sys.argv[1]), Path(sys.argv[2])
vector = FakeEmbedder().embed_queries(["离群的特征留在 16 位"])[0]
with open_library(library, exact_up_to=int(sys.argv[3])) as opened:
    while not stop.exists():
        hits = opened.dense(vector, 3) + opened.lexical("离群的特征", 3)
        found = {chunk.document_id for chunk in opened.chunks([i for i, _ in hits]).values()}
        assert "量化.md" in found, found
        print(opened.catalog.generation, flush=True)
"""


@pytest.mark.parametrize("exact_up_to", [0, 1000])
def test_a_reader_in_another_process_answers_all_through_a_sync(library: Path, notes: Path, exact_up_to: int) -> None:
    stop = library.parent / "stop"
    command = [sys.executable, "-c", _READER, str(library), str(stop), str(exact_up_to)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        searches: queue.Queue[str] = queue.Queue()

        def listen() -> None:
            for generation in reader.stdout or ():
                searches.put(generation)

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        generations = {searches.get(timeout=60)}

        def wait_for_a_whole_search(_: SyncProgress) -> None:
            while not searches.empty():
                searches.get()
            # The first may have begun before.
            generations.update(searches.get(timeout=60) for _ in range(2))

        try:
            for number in range(2):
                for copy in range(2):
                    text = f"# 第 {number} 次\n\n" + "\n\n".join(f"第 {number}-{copy}-{i} 段话。" * 9 for i in range(5))
                    (notes / f"{copy}.md").write_text(text, encoding="utf-8")
                with open_library(library, write=True) as opened:
                    sync([notes], opened, FakeEmbedder, lambda: count_tokens, wait_for_a_whole_search, chunks_at_once=4)
        finally:
            stop.touch()
            listening.join()
    assert reader.returncode == 0
    assert len(generations) > 2


def _damages() -> dict[str, object]:
    def remove(*names: str) -> object:
        def damage(library: Path) -> None:
            for name in names:
                path = library / name
                shutil.rmtree(path) if path.is_dir() else path.unlink()

        return damage

    def scribble(pattern: str) -> object:
        return lambda library: [file.write_bytes(b"scribble" * 99) for file in library.glob(pattern) if file.is_file()]

    def behind(library: Path) -> None:
        for part in ("lexical", "vectors"):
            stamp = library / part / "stamp.json"
            stamp.write_text(stamp.read_text().replace('"generation": 1', '"generation": 0'))

    return {
        "vectors gone": remove("vectors"),
        "words gone": remove("lexical"),
        "both gone": remove("vectors", "lexical"),
        "chroma's database gone": lambda library: next(library.glob("vectors/*/chroma.sqlite3")).unlink(),
        "chroma's database damaged": scribble("vectors/*/chroma.sqlite3"),
        "stamps gone": remove("vectors/stamp.json", "lexical/stamp.json"),
        "stamps damaged": scribble("*/stamp.json"),
        "stamps behind": behind,
        "words damaged": scribble("lexical/meta.json"),
        "all words damaged": scribble("lexical/*"),
    }


@pytest.mark.parametrize("name", _damages())
@pytest.mark.parametrize("exact_up_to", [0, 1000])
def test_a_damaged_index_is_answered_without_and_mended_by_the_next_sync(
    library: Path, notes: Path, name: str, exact_up_to: int
) -> None:
    damage = _damages()[name]
    assert callable(damage)
    damage(library)
    with open_library(library, exact_up_to=exact_up_to) as opened:
        assert documents_found(opened, QUESTION) == BOTH_FIND_QUANTISATION
    synced(notes, library)
    with open_library(library, exact_up_to=exact_up_to) as opened:
        assert documents_found(opened, QUESTION) == BOTH_FIND_QUANTISATION
        assert opened.catalog.generation == 1
    assert len(list(library.glob("vectors/*/"))) == 1


def test_a_kill_between_the_words_and_their_stamp_leaves_no_trace_in_the_scores(library: Path, notes: Path) -> None:
    with open_library(library, write=True) as opened:
        change = opened.catalog.replace(["rag/检索.md"], ())
        LexicalIndex(library / "lexical", write=True).change(change.removed, ())
    (notes / "rag/检索.md").unlink()
    synced(notes, library)
    synced(notes, library.with_name("fresh"))
    with open_library(library) as mended, open_library(library.with_name("fresh")) as fresh:
        assert mended.lexical("温度 特征 p", 10) == fresh.lexical("温度 特征 p", 10) != []


def test_words_are_scored_alike_while_their_index_is_behind(library: Path, notes: Path) -> None:
    with open_library(library, write=True) as opened:
        chunk = opened.chunks_of("rag/检索.md")[0]
        opened.catalog.replace(["量化.md"], ())
    (notes / "量化.md").unlink()
    synced(notes, library.with_name("fresh"))
    with open_library(library) as behind, open_library(library.with_name("fresh")) as fresh:
        assert behind.lexical("检索 温度 p", 10) == fresh.lexical("检索 温度 p", 10) != []
        assert chunk.id in {chunk_id for chunk_id, _ in behind.lexical("检索", 10)}


def test_tidying_the_words_does_not_make_them_newer(library: Path) -> None:
    with open_library(library, write=True) as opened:
        opened.apply(opened.catalog.replace(["rag/检索.md"], ()))
        opened.catalog.replace(["量化.md"], ())
        opened.finish()
    with open_library(library) as opened:
        assert opened.lexical("离群的特征", 10) == []
    assert json.loads((library / "lexical" / "stamp.json").read_text())["generation"] == 2


def test_of_equal_vectors_those_with_the_least_chunk_ids_are_found(tmp_path: Path) -> None:
    for number in range(40):
        note = tmp_path / "notes" / f"{number}.md"
        note.parent.mkdir(exist_ok=True)
        note.write_text(f"第{number}段", encoding="utf-8")

    class OneVector(FakeEmbedder):
        def embed_passages(self, texts: Sequence[str], on_done: Callable[[int], None] | None = None) -> Vectors:
            return np.repeat(super().embed_passages(["同"]), len(texts), axis=0)

    with open_library(tmp_path / "library", write=True) as opened:
        sync([tmp_path / "notes"], opened, OneVector, lambda: count_tokens)
        everything = opened.dense(OneVector().embed_passages(["同"])[0], 40)
        assert opened.dense(OneVector().embed_passages(["同"])[0], 3) == everything[:3]
        assert everything == sorted(everything, key=lambda hit: hit[0])


def test_a_library_without_its_catalog_is_built_anew(library: Path, notes: Path) -> None:
    for file in library.glob(f"{CATALOG}*"):
        file.unlink()
    with pytest.raises(NotFound):
        open_library(library)
    synced(notes, library)
    with open_library(library, exact_up_to=0) as opened:
        assert documents_found(opened, QUESTION) == BOTH_FIND_QUANTISATION


def test_a_damaged_catalog_says_how_to_rebuild_and_the_rebuild_works(library: Path, notes: Path) -> None:
    (library / CATALOG).write_bytes(b"scribble" * 999)
    for write in (False, True):
        with pytest.raises(LibraryBroken, match="--rebuild"):
            open_library(library, write=write)
    synced(notes, library, rebuild=True)
    with open_library(library) as opened:
        assert documents_found(opened, QUESTION) == BOTH_FIND_QUANTISATION


def test_forgetting_takes_documents_folders_and_paths_on_disk(library: Path, notes: Path) -> None:
    with open_library(library, write=True) as opened:
        assert opened.forget(["量化.md"]) == ("量化.md",)
        assert opened.forget(["rag"]) == ("rag/检索.md",)
        assert opened.forget([str(notes)]) == ("采样.md",)
        assert opened.counts().chunks == 0
        assert opened.catalog.folders() == ()
        assert opened.lexical("温度", 10) == []
        with pytest.raises(NotFound, match=r"no such document or folder: 量化\.md"):
            opened.forget(["量化.md"])


def test_a_document_is_forgotten_by_its_id_alone(library: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (notes / "rag" / "采样.md").write_text("# 采样\n\n温度高了更随机。\n", encoding="utf-8")
    synced(notes, library)
    # Seen from here, the id is also a path to the other one.
    monkeypatch.chdir(notes / "rag")
    with open_library(library, write=True) as opened:
        opened.forget_document("采样.md")
        assert [document.id for document in opened.documents()] == ["rag/检索.md", "rag/采样.md", "量化.md"]
        assert opened.page_at("采样.md", 0) is None
        with pytest.raises(NotFound, match=r"no such document: 采样\.md"):
            opened.forget_document("采样.md")


def test_forgetting_leaves_the_folders_alone_that_it_was_not_asked_about(
    library: Path, notes: Path, tmp_path: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    synced(tmp_path / "inbox", library)
    with open_library(library, write=True) as opened:
        opened.forget(["量化.md"])
        assert [folder.path for folder in opened.catalog.folders()] == [notes, tmp_path / "inbox"]
        assert opened.forget([str(tmp_path / "inbox")]) == ()
        assert [folder.path for folder in opened.catalog.folders()] == [notes]


def test_forgetting_follows_links_to_folders_but_not_to_notes(library: Path, notes: Path, tmp_path: Path) -> None:
    (notes / "链接.md").symlink_to(notes / "采样.md")
    synced(notes, library)
    (tmp_path / "link").symlink_to(notes)
    with open_library(library, write=True) as opened:
        assert opened.forget([str(tmp_path / "link" / "链接.md")]) == ("链接.md",)
        assert opened.forget([str(tmp_path / "link" / "rag")]) == ("rag/检索.md",)
        assert opened.forget([str(tmp_path / "link")]) == ("采样.md", "量化.md")


_SEARCH_AS_NOBODY = """
import os, sys, tempfile
from pathlib import Path
import rjieba, tantivy
from ingest.lexical import LexicalIndex
from ingest.library import open_library
from tests.fakes import FakeEmbedder

library = Path(sys.argv[1])
tempfile.tempdir = sys.argv[2]
if os.getuid() == 0:
    os.setuid(65534)
try:
    (library / "new").touch()
except PermissionError:
    with open_library(library) as opened:
        vector = FakeEmbedder().embed_queries(["离群的特征留在 16 位"])[0]
        hits = opened.dense(vector, 1) + opened.lexical("离群的特征", 1)
        print([chunk.document_id for chunk in opened.chunks([i for i, _ in hits]).values()])
"""


@pytest.mark.parametrize("log_is_left", [False, True])
def test_a_library_that_cannot_be_written_can_be_read(notes: Path, library: Path, log_is_left: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder) / "library"
        with open_library(library, write=True) as opened:
            (notes / "量化.md").write_text(NOTES["量化.md"] + "新的一句。\n", encoding="utf-8")
            sync([notes], opened, FakeEmbedder, lambda: count_tokens)
            if log_is_left:
                shutil.copytree(library, closed)
        if not log_is_left:
            shutil.copytree(library, closed)
        assert (closed / f"{CATALOG}-wal").exists() == log_is_left
        Path(folder).chmod(0o755)
        for path in (closed, *closed.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        elsewhere = Path(folder) / "temporary"
        elsewhere.mkdir()
        elsewhere.chmod(0o777)
        command = [sys.executable, "-c", _SEARCH_AS_NOBODY, str(closed), str(elsewhere)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert said == "['量化.md']\n"
        assert list(elsewhere.iterdir()) == []
        for path in (closed, *closed.rglob("*")):
            path.chmod(0o755)


def test_one_library_serves_several_threads(library: Path) -> None:
    vector = FakeEmbedder().embed_queries([QUESTION])[0]
    with open_library(library) as opened:
        expected = (opened.dense(vector, 3), opened.lexical(QUESTION, 3))
        found: list[object] = []
        threads = [
            threading.Thread(target=lambda: found.append((opened.dense(vector, 3), opened.lexical(QUESTION, 3))))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [expected] * 8


def test_vectors_of_another_precision_are_taken(library: Path) -> None:
    vector = FakeEmbedder().embed_queries([QUESTION])[0]
    with open_library(library) as opened:
        assert opened.dense(vector.astype(np.float64).astype(np.float32), 1) == opened.dense(vector, 1)
