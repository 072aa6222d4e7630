"""Kills a sync at random moments, syncs again, and compares the library with a fresh one of the same folder.

Run it as ``python -m tests.kill_sync --rounds 50``; it prints one line a round and fails at the first difference.
"""

import argparse
import importlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ingest.embed import open_embedder, open_token_counter
from ingest.errors import NotFound
from ingest.lexical import LexicalIndex
from ingest.library import open_library
from ingest.protocols import Embedder, TokenCounter
from ingest.sync import sync
from ingest.vectors import VectorIndex
from tests.fakes import FakeEmbedder, count_tokens

Models = tuple[Callable[[], Embedder], Callable[[], TokenCounter]]


class SmallEmbedder(FakeEmbedder):
    """Vectors of a usual length: what they find does not matter here, how long it takes to write them does."""

    dimensions = 384


FAKE: Models = (SmallEmbedder, lambda: count_tokens)
REAL: Models = (open_embedder, open_token_counter)

_SUBJECTS = "LoRA 注意力 KV-Cache 分词器 量化 RMSNorm 检索 重排 智能体 top-p 采样 位置编码".split()
_VERBS = "可以减少 会增加 不影响 决定了 依赖于 通常优于".split()
_OBJECTS = "显存占用 训练速度 推理延迟 收敛稳定性 输出多样性 长文本效果 int8 精度 梯度范数".split()
_QUERIES = ("LoRA 会增加显存占用吗", "什么决定了推理延迟", "top-p 采样", "KV-Cache int8", "检索 重排 智能体")


class ChangingFolder:
    """Notes that are added, edited, moved, copied and deleted at random, the same way for the same seed."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self._random = random.Random(seed)  # reproducible on purpose
        path.mkdir(parents=True)
        for _ in range(8):
            self._add()

    def change(self) -> None:
        actions = (self._add, self._edit, self._edit, self._move, self._copy, self._delete)
        for _ in range(self._random.randint(4, 12)):
            self._random.choice(actions)()

    def _notes(self) -> list[Path]:
        return sorted(self.path.rglob("*.md"))

    def _new_path(self) -> Path:
        folder = self.path / self._random.choice(["", "基础", "deep/er"])
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"note {self._random.randrange(10**6)}.md"

    def _sentence(self) -> str:
        pick = self._random.choice
        return f"{pick(_SUBJECTS)}{pick(_VERBS)}{pick(_OBJECTS)}，大约 {self._random.randrange(100)}%。"

    def _section(self) -> str:
        heading = f"## {self._random.choice(_SUBJECTS)}与{self._random.choice(_OBJECTS)}"
        return f"{heading}\n\n{''.join(self._sentence() for _ in range(self._random.randint(3, 12)))}\n"

    def _add(self) -> None:
        sections = [self._section() for _ in range(self._random.randint(1, 6))]
        self._new_path().write_text("# 笔记\n\n" + "\n".join(sections), encoding="utf-8")

    def _edit(self) -> None:
        for note in self._some_note():
            sections = note.read_text(encoding="utf-8").split("\n## ")
            at = self._random.randrange(len(sections))
            sections[at] = self._random.choice([sections[at].replace("。", "！"), self._section().removeprefix("## ")])
            note.write_text("\n## ".join(sections), encoding="utf-8")

    def _move(self) -> None:
        for note in self._some_note():
            note.rename(self._new_path())

    def _copy(self) -> None:
        for note in self._some_note():
            shutil.copy(note, self._new_path())

    def _delete(self) -> None:
        for note in self._some_note():
            note.unlink()

    def _some_note(self) -> list[Path]:
        notes = self._notes()
        return [self._random.choice(notes)] if notes else []


def sync_folder(notes: Path, library: Path, models: Models) -> None:
    with open_library(library, write=True) as opened:
        sync([notes], opened, *models, chunks_at_once=8)


def contents(library: Path, models: Models) -> dict[str, Any]:
    """All that a library holds and finds, for comparison; vectors apart, since they are equal only nearly."""
    embedder = models[0]()
    with open_library(library) as opened:
        catalog = opened.catalog
        documents = [opened.document(summary.id) for summary in opened.documents()]
        chunks = [chunk for document in documents for chunk in opened.chunks_of(document.id)]
        vectors = embedder.embed_queries(_QUERIES)
        keys = catalog.searchable_keys()
        chroma = VectorIndex(library / "vectors", catalog.library_id)
        found = {
            "documents": documents,
            "chunks": chunks,
            "also at": {chunk.id: opened.also_at(chunk.id) for chunk in chunks},
            "searchable": sorted(catalog.chunk_ids(keys).items()),
            "dense": [opened.dense(vector, 10) for vector in vectors],
            "lexical": [opened.lexical(query, 10) for query in _QUERIES],
            "indexes agree": (chroma.readable_keys() == keys, LexicalIndex(library / "lexical").keys() == keys),
            "vectors": catalog.vectors(sorted(keys)),
        }
        chroma.close()
        return found


def difference(left: dict[str, Any], right: dict[str, Any]) -> str | None:
    """The first part in which two libraries differ."""
    for name, value in left.items():
        if name == "vectors":
            ours, theirs = (dict(zip(*part[name], strict=True)) for part in (left, right))
            if any(not np.allclose(ours[key], theirs[key], atol=1e-4) for key in ours):
                return name
        elif name in ("dense", "lexical"):
            if [_nearly(hits) for hits in value] != [_nearly(hits) for hits in right[name]]:
                return name
        elif value != right[name]:
            return name
    return None if left["indexes agree"] == (True, True) else "indexes agree"


def _nearly(hits: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return sorted((chunk_id, round(score, 3)) for chunk_id, score in hits)


def run(folder: Path, rounds: int, seed: int, models: Models = FAKE, show: Callable[[str], object] = print) -> None:
    """Raises AssertionError when a library differs from a fresh one."""
    for library_of_sync in ("chromadb", "datasketch", "rjieba", "tantivy"):
        # A fork then starts with everything imported, so that the kill falls into the work.
        importlib.import_module(library_of_sync)
    moments = random.Random(seed)
    notes, library = ChangingFolder(folder / "notes", seed), folder / "library"
    whole = _seconds(sync_folder, notes.path, folder / "timed", models)
    for number in range(1, rounds + 1):
        # Early moments more often: most rounds have less to do than the first.
        moment = whole * moments.random() ** 2
        was_killed = _kill_after(moment, sync_folder, notes.path, library, models)
        _finish(_answers, library)
        fresh = folder / f"fresh {number}"
        _finish(_compare, notes.path, library, fresh, models)
        show(f"round {number}: {'killed' if was_killed else 'had finished'} after {moment:.3f} s; equal to a fresh one")
        shutil.rmtree(fresh)
        notes.change()


def _answers(library: Path) -> None:
    """Straight after the kill, before anything is repaired."""
    with suppress(NotFound), open_library(library) as opened:
        vectors = list(SmallEmbedder().embed_queries(_QUERIES)) if opened.catalog.fingerprint == "fake" else []
        hits = [hit for query in _QUERIES for hit in opened.lexical(query, 10)]
        hits += [hit for vector in vectors for hit in opened.dense(vector, 10)]
        assert opened.chunks(chunk_id for chunk_id, _ in hits).keys() == {chunk_id for chunk_id, _ in hits}


def _compare(notes: Path, library: Path, fresh: Path, models: Models) -> None:
    sync_folder(notes, library, models)
    sync_folder(notes, fresh, models)
    differs = difference(contents(library, models), contents(fresh, models))
    if differs:
        sys.exit(f"{library} differs from {fresh} in: {differs}")


def _start(work: Callable[..., object], *values: object) -> multiprocessing.Process:
    process: multiprocessing.Process = multiprocessing.get_context("fork").Process(target=work, args=values)  # type: ignore[assignment]
    process.start()
    return process


def _finish(work: Callable[..., object], *values: object) -> None:
    process = _start(work, *values)
    process.join()
    assert process.exitcode == 0, f"{work.__name__} failed"


def _seconds(work: Callable[..., object], *values: object) -> float:
    started = time.monotonic()
    _finish(work, *values)
    return time.monotonic() - started


def _kill_after(seconds: float, work: Callable[..., object], *values: object) -> bool:
    process = _start(work, *values)
    process.join(seconds)
    was_running = process.is_alive()
    if was_running and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return was_running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", action="store_true", help="embed with the bundled model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), options.rounds, options.seed, REAL if options.real else FAKE)


if __name__ == "__main__":
    main()
