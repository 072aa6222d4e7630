"""Notes, question files and reading sets -> examples: a question, passages that answer it, passages that do not."""

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha1
from pathlib import Path
from typing import Any

from ingest.errors import BadInput, NoteciteError
from ingest.phrases import Phrase
from ingest.protocols import TokenCounter
from ingest.readers import SUFFIXES, read
from ingest.split import split
from ingest.types import Chunk
from rag.terms import HAN

Source = str
"""Where an example comes from: "written", "heading", "parallel" or "reading"."""

TWIN_SUFFIX = "_origin"
"""``X.md`` and ``X_origin.md`` are one chapter in two languages."""

_FOLDS = 5
_QUESTIONS_OF_PASSAGE = 2
_LEAST_QUOTE_SHARE = 0.5
_LONGEST_GOLD_SLACK = 0.1
_COMMON_HEADING = 3
_SHORTEST_HEADING = 4
_NUMBERING = re.compile(r"^(?:[\d一二三四五六七八九十]+[、.．)）]|[（(][\d一二三四五六七八九十]+[)）])\s*")
_MARKS = re.compile(r"[\[\]*`]|\{#.*?\}")
_QUESTION = re.compile(r"[?？吗呢]|什么|怎么|如何|为什么|区别|哪些|\b(?:how|what|why|when|which)\b", re.IGNORECASE)
_HAN = re.compile(HAN)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text as the model reads it. ``plain`` lacks the last heading; ``group`` names the notes that may say the same
    thing again: the document, or both documents of a translated pair."""

    id: str
    text: str
    plain: str
    group: str
    section: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """``hints`` are words that may stand before the question (the parent heading, the title); ``traps`` are near
    misses that someone wrote down; ``negatives`` are what mining found."""

    question: str
    positives: tuple[str, ...]
    source: Source
    hints: tuple[str, ...] = ()
    traps: tuple[str, ...] = ()
    quote: str = ""
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExampleSet:
    """``passages`` by id, and the examples that name them."""

    passages: Mapping[str, Passage]
    examples: tuple[Example, ...]

    def __add__(self, other: "ExampleSet") -> "ExampleSet":
        return ExampleSet({**self.passages, **other.passages}, self.examples + other.examples)

    def group_of(self, example: Example) -> str:
        return self.passages[example.positives[0]].group


@dataclass(frozen=True, slots=True)
class Notes:
    """The chunks of a folder of notes and the texts that their offsets count in, by document id; the chunks also by
    their own id."""

    chunks: Mapping[str, tuple[Chunk, ...]]
    texts: Mapping[str, str]
    by_id: Mapping[str, Chunk] = field(repr=False)

    def holding(self, document_id: str, quote: str) -> tuple[Chunk, ...]:
        """The chunks that hold at least half of the quote, or else the one that holds most of it; none if it is
        nowhere."""
        start = self.texts.get(document_id, "").find(quote)
        if start < 0 or not quote:
            return ()
        end = start + len(quote)

        def shared(chunk: Chunk) -> int:
            return min(end, chunk.end) - max(start, chunk.start)

        chunks = self.chunks[document_id]
        held = tuple(chunk for chunk in chunks if shared(chunk) >= _LEAST_QUOTE_SHARE * len(quote))
        return held or tuple(sorted(chunks, key=shared)[-1:])

    def translated(self, chunk: Chunk) -> tuple[Chunk, ...]:
        """The chunks at about the same place in the section of the twin; none without a twin of the same outline."""
        twin = twin_of(chunk.document_id)
        ours, theirs = self._sections(chunk.document_id), self._sections(twin)
        if twin == chunk.document_id or [len(s[0].headings) for s in ours] != [len(s[0].headings) for s in theirs]:
            return ()
        for mine, other in zip(ours, theirs, strict=True):
            if chunk in mine:
                at, count = mine.index(chunk), len(mine)
                low, high = at / count - _LONGEST_GOLD_SLACK, (at + 1) / count + _LONGEST_GOLD_SLACK
                return tuple(c for i, c in enumerate(other) if (i + 1) / len(other) > low and i / len(other) < high)
        return ()

    def _sections(self, document_id: str) -> list[list[Chunk]]:
        sections: list[list[Chunk]] = []
        for chunk in self.chunks.get(document_id, ()):
            if not sections or sections[-1][0].headings != chunk.headings:
                sections.append([])
            sections[-1].append(chunk)
        return sections


def read_notes(folder: Path, count_tokens: TokenCounter) -> Notes:
    """Every readable note below ``folder``, split as the product splits it; a file that cannot be read is left out."""
    chunks: dict[str, tuple[Chunk, ...]] = {}
    texts: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        document_id = path.relative_to(folder).as_posix()
        try:
            document = read(path, document_id)
        except NoteciteError:
            continue
        chunks[document_id] = split(document, count_tokens)
        texts[document_id] = document.text
    return Notes(chunks, texts, {chunk.id: chunk for document in chunks.values() for chunk in document})


def is_held_back(document_id: str) -> bool:
    """Whether a document belongs to the fifth that is never trained on; twins go together."""
    return sha1(group_of(document_id).encode(), usedforsecurity=False).digest()[0] % _FOLDS == 0


def calibrates(group: str) -> bool:
    """Whether what was held back in this group is for calibration; the other half of the groups is left for
    measuring."""
    return sha1(f"cal{group}".encode(), usedforsecurity=False).digest()[0] % 2 == 0


def group_of(document_id: str) -> str:
    """The id without the suffix of a twin, which both twins share."""
    return document_id.replace(f"{TWIN_SUFFIX}.", ".")


def twin_of(document_id: str) -> str:
    """The id of the same chapter in the other language, whether or not there is such a note."""
    stem, dot, suffix = document_id.rpartition(".")
    other = stem.removesuffix(TWIN_SUFFIX) if stem.endswith(TWIN_SUFFIX) else stem + TWIN_SUFFIX
    return other + dot + suffix


def language_of(text: str) -> str:
    """``zh`` if at least one character in seven is Chinese, else ``en``."""
    return "zh" if len(_HAN.findall(text)) * 7 >= max(1, len(text)) else "en"


def passage_of(chunk: Chunk) -> Passage:
    plain = replace(chunk, headings=chunk.headings[:-1]).embedded_text
    return Passage(chunk.id, chunk.embedded_text, plain, group_of(chunk.document_id), chunk.headings)


def note_passages(notes: Notes, held_back: bool | None = None) -> dict[str, Passage]:
    """The passages of all notes, or only of those (not) held back."""
    return {
        chunk.id: passage_of(chunk)
        for document_id, chunks in notes.chunks.items()
        if held_back is None or is_held_back(document_id) == held_back
        for chunk in chunks
    }


def written(notes: Notes, files: Sequence[Path], *, held_back: bool) -> ExampleSet:
    """Question files (JSON lines with ``file``, ``quote``, ``questions`` and perhaps ``trap``) over ``notes``.

    For notes with a twin each question also asks for the other language's passage, as source "parallel".
    Raises BadInput for a line that is no such object.
    """
    examples = []
    for item in _json_lines(files):
        gold = notes.holding(item["file"], item["quote"])
        if not gold or is_held_back(item["file"]) != held_back:
            continue
        trap = item.get("trap") or {"file": "", "quote": ""}
        ids = tuple(chunk.id for chunk in gold)
        traps = tuple(chunk.id for chunk in notes.holding(trap["file"], trap["quote"]) if chunk.id not in ids)
        traps = traps if is_held_back(trap["file"]) == held_back else ()
        twin = tuple(chunk.id for chunk in notes.translated(gold[0]))
        for question in item["questions"]:
            examples.append(Example(question, ids, "written", (), traps, item["quote"]))
            if twin:
                examples.append(Example(question, twin, "parallel"))
    return ExampleSet(note_passages(notes, held_back), tuple(examples))


def headings(notes: Notes, seed: int = 0) -> ExampleSet:
    """Headings as questions for what stands below them; common ones ("Summary") ask nothing and are left out."""
    rng = random.Random(seed)  # noqa: S311
    documents: defaultdict[str, set[str]] = defaultdict(set)
    for chunk in notes.by_id.values():
        if chunk.headings:
            documents[chunk.headings[-1].lower()].add(chunk.document_id)
    examples = []
    for chunk in _trainable(notes):
        heading = _question_of(chunk)
        if len(heading) < _SHORTEST_HEADING or len(documents[chunk.headings[-1].lower()]) >= _COMMON_HEADING:
            continue
        asks = bool(_QUESTION.search(heading))
        if asks or rng.random() < 0.5:
            parent = _MARKS.sub("", chunk.headings[-2]) if len(chunk.headings) > 1 else ""
            hints = tuple(filter(None, (parent, "" if asks else chunk.title)))
            examples.append(Example(heading, (chunk.id,), "heading", hints))
        for twin in notes.translated(chunk)[:1]:
            examples.append(Example(heading, (twin.id,), "parallel"))
            if _question_of(twin):
                examples.append(Example(_question_of(twin), (chunk.id,), "parallel"))
    return ExampleSet(note_passages(notes, held_back=False), tuple(examples))


def reading(files: Sequence[Path], seed: int = 0) -> ExampleSet:
    """SQuAD-style reading sets: each paragraph with up to two of its questions. Raises BadInput."""
    rng = random.Random(seed)  # noqa: S311
    passages, examples = {}, []
    for path in files:
        for at, (context, questions, article) in enumerate(_paragraphs(path)):
            passage = Passage(f"{path.stem}:{at}", context, context, f"{path.stem}:{article}")
            passages[passage.id] = passage
            chosen = rng.sample(questions, min(_QUESTIONS_OF_PASSAGE, len(questions)))
            examples += [Example(question, (passage.id,), "reading") for question in chosen]
    return ExampleSet(passages, tuple(examples))


def parallel_reading(left: Path, right: Path) -> ExampleSet:
    """Two reading sets with the same paragraphs in two languages: each question asks for the other one's passage."""
    passages, examples = {}, []
    for at, (ours, theirs) in enumerate(zip(_paragraphs(left), _paragraphs(right), strict=True)):
        group = f"{left.stem}+{right.stem}:{at}"
        ids = f"{left.stem}:{at}", f"{right.stem}:{at}"
        for passage_id, (context, _, _) in zip(ids, (ours, theirs), strict=True):
            passages[passage_id] = Passage(passage_id, context, context, group)
        examples += [Example(question, (ids[1],), "parallel") for question in ours[1]]
        examples += [Example(question, (ids[0],), "parallel") for question in theirs[1]]
    return ExampleSet(passages, tuple(examples))


def _trainable(notes: Notes) -> Iterator[Chunk]:
    for document_id, chunks in notes.chunks.items():
        if not is_held_back(document_id):
            yield from (chunk for chunk in chunks if chunk.headings)


def _question_of(chunk: Chunk) -> str:
    return _MARKS.sub("", _NUMBERING.sub("", chunk.headings[-1])).strip() if chunk.headings else ""


def _json_lines(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in files:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            try:
                item = json.loads(line)
                item["file"], item["quote"], item["questions"]
            except (ValueError, KeyError, TypeError) as error:
                raise BadInput(
                    Phrase("not a question line", "不是一行问题数据"),
                    f"{path}:{number}",
                    Phrase("each line needs file, quote and questions", "每行须有 file、quote 和 questions"),
                ) from error
            yield item


def squad_paragraphs(text: str) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    """(number of the article, article, paragraph) of a SQuAD-style set. Raises ValueError, KeyError or TypeError if the
    text is no such set."""
    content = json.loads(text)
    for number, article in enumerate(content["data"] if isinstance(content, dict) else content):
        for paragraph in article["paragraphs"]:
            yield number, article, paragraph


def _paragraphs(path: Path) -> Iterator[tuple[str, list[str], int]]:
    """(context, questions, number of the article) of each paragraph."""
    try:
        for number, _, paragraph in squad_paragraphs(path.read_text("utf-8")):
            yield paragraph["context"], [item["question"] for item in paragraph["qas"]], number
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            Phrase("not a SQuAD-style reading set", "不是 SQuAD 格式的阅读理解数据"),
            path,
            Phrase("give a file with data, paragraphs and qas", "请给出含有 data、paragraphs、qas 的文件"),
        ) from error
