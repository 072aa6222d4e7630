"""Short examples for the judge: claims over a few sentences, and questions over single statements.

Written examples are a folder with ``items.jsonl`` and any number of ``out*.jsonl``. An item is a passage: ``id``
("set-0012"), ``group`` (the document it is from; twins share one), ``head`` (its heading path) and either ``premise``
or ``sents``, its statements. A line of ``out*.jsonl`` names an item by the end of its id in ``i`` and holds ``s``,
``c`` and ``n``: claims that the premise supports, contradicts and says nothing about; or ``fp`` and ``ok``: questions
that take for granted what the premise contradicts, and others; or ``a``: questions, each with the numbers of the
statements that answer it, and ``u``: questions that no statement of the passage answers. An item may instead be a
``question`` with the statements that a search found for it, as the model reads them, in ``sents``; its line numbers
in ``a`` those that hold a part of the answer, in ``p`` those that do not but are close to the point, in ``c`` pairs of
``a`` that contradict each other, and in ``f`` those of ``a`` that contradict what the question takes for granted.
"""

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha1
from pathlib import Path
from typing import Any

import numpy as np

from ingest.protocols import Vectors
from ingest.sentences import sentences
from ingest.types import Chunk
from rag.judge import in_context
from rag.statements import statements
from rag.support import SENTENCE_END, relevant_part
from rag.training.claims import Claim, Label, hash_of, sentences_of
from rag.training.corrupt import corrupted, terms_of
from rag.training.examples import Notes, group_of, is_held_back, language_of, squad_paragraphs, twin_of
from rag.training.mining import Bm25, repeats
from rag.types import Hit, Statement

_WRITTEN: Mapping[str, Label] = {
    "s": "supported",
    "c": "contradicted",
    "n": "missing",
    "fp": "contradicted",
    "ok": "uncontradicted",
}
PRESUPPOSITION = "presupposition"
"""The kind of a claim that is a question."""

LABELLED = "labelled"
"""The kind of a list of statements that a search found."""

_MARKS = re.compile(r"[*`#>]|^\s*(?:[-+]|\d+[.、])\s+", re.MULTILINE)
_PREMISE_CHARACTERS = (80, 140, 220, 320)
_SHORTEST_PIECE = 8
_HEADINGS = 2
_HEADING_SHARE = 0.75
"""How often an example shows where its text stands."""
_NEAR_CHUNKS = 2
_MOST_STATEMENTS = 14
_SURE_COSINE = 0.86


@dataclass(frozen=True, slots=True)
class AnswerList:
    """A question and statements as the model reads them; ``answers`` numbers those that hold a part of the answer.

    ``group`` is what must not be split between training and validation.
    """

    question: str
    statements: tuple[str, ...]
    answers: frozenset[int]
    kind: str
    group: str

    @property
    def language(self) -> str:
        """Languages of question and statements, such as ``en-zh``."""
        return f"{language_of(self.question)}-{language_of(' '.join(self.statements))}"


def read_written(folder: Path, *, held_back: bool, seed: int = 0) -> tuple[list[Claim], list[AnswerList]]:
    """The written claims and questions of one folder. Items that belong to no document are held back by their id."""
    rng = random.Random(seed)  # noqa: S311
    items = {item["id"].rpartition("-")[2]: item for item in _lines(folder / "items.jsonl")}
    claims: list[Claim] = []
    lists: list[AnswerList] = []
    for path in sorted(folder.glob("out*.jsonl")):
        for line in _lines(path):
            item = items.get(str(line.get("i")))
            if item is None or _is_held_back(item) != held_back:
                continue
            if "premise" in item:
                claims += _written_claims(item, line, rng)
            elif "question" in item:
                lists.append(_labelled(item, line))
                claims += _labelled_claims(item, line, rng)
            else:
                lists += _written_questions(item, line, rng)
    return claims, lists


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file that may still be being written: lines that do not parse are left out."""
    for line in path.read_text("utf-8").splitlines():
        try:
            item = json.loads(line)
        except ValueError:
            continue
        if isinstance(item, dict):
            yield item


def _is_held_back(item: Mapping[str, Any]) -> bool:
    group = str(item["group"])
    if "/" in group:
        return is_held_back(group)
    return sha1(str(item["id"]).encode(), usedforsecurity=False).digest()[0] % 10 == 0


def _shown(headings: Sequence[str], rng: random.Random) -> Sequence[str]:
    """The innermost headings, or none."""
    return headings[-_HEADINGS:] if rng.random() < _HEADING_SHARE else ()


def _written_claims(item: Mapping[str, Any], line: Mapping[str, Any], rng: random.Random) -> Iterator[Claim]:
    headings, premise = str(item["head"]).split(" > "), str(item["premise"])
    group = group_of(item["group"]) if "/" in item["group"] else item["id"]
    yield Claim(in_context(_shown(headings, rng), premise), _own_words(premise, rng), "supported", "own words", group)
    for key, label in _WRITTEN.items():
        kind = PRESUPPOSITION if key in ("fp", "ok") else "written"
        for claim in line.get(key, ()):
            yield Claim(in_context(_shown(headings, rng), premise), str(claim), label, kind, group)


def _own_words(premise: str, rng: random.Random) -> str:
    """The premise or one of its sentences as one would quote it: word for word, or without its marks."""
    pieces = [piece for piece in SENTENCE_END.split(premise) if len(piece.strip()) > _SHORTEST_PIECE]
    quoted = rng.choice(pieces) if pieces and rng.random() < 0.5 else premise
    return (_MARKS.sub("", quoted) if rng.random() < 0.5 else quoted).strip() or premise


def _written_questions(item: Mapping[str, Any], line: Mapping[str, Any], rng: random.Random) -> Iterator[AnswerList]:
    headings, sentences_ = str(item["head"]).split(" > "), [str(sentence) for sentence in item["sents"]]
    group = group_of(item["group"])
    asked = [(str(q), frozenset(numbers)) for q, numbers in line.get("a", ())]
    for question, answers in [*asked, *((str(q), frozenset[int]()) for q in line.get("u", ()))]:
        if all(0 <= number < len(sentences_) for number in answers):
            shown = _shown(headings, rng)
            texts = tuple(in_context(shown, sentence) for sentence in sentences_)
            yield AnswerList(question, texts, answers, "written" if answers else "unanswerable", group)


def _labelled(item: Mapping[str, Any], line: Mapping[str, Any]) -> AnswerList:
    """The list without the statements that are neither right nor wrong."""
    kept = [at for at in range(len(item["sents"])) if at not in line.get("p", ())]
    answers = frozenset(place for place, at in enumerate(kept) if at in line.get("a", ()))
    texts = tuple(str(item["sents"][at]) for at in kept)
    return AnswerList(str(item["question"]), texts, answers, LABELLED, group_of(item["group"]))


def _labelled_claims(item: Mapping[str, Any], line: Mapping[str, Any], rng: random.Random) -> Iterator[Claim]:
    """Statements that answer as premise and claim, and as premise of the question: all contradictions, and one other
    pair of each kind."""
    texts, group = [str(text) for text in item["sents"]], group_of(item["group"])
    apart = {frozenset(pair) for pair in line.get("c", ())}
    pairs = [(a, b) for a in line["a"] for b in line["a"] if a != b]
    together = [pair for pair in pairs if frozenset(pair) not in apart]
    against = [pair for pair in pairs if frozenset(pair) in apart]
    for a, b in (*against, *rng.sample(together, min(1, len(together)))):
        label: Label = "contradicted" if (a, b) in against else "uncontradicted"
        yield Claim(texts[a], texts[b].partition("\n")[2] or texts[b], label, LABELLED, group)
    denied = line.get("f", ())
    others = [at for at in line["a"] if at not in denied]
    for at in (*denied, *rng.sample(others, min(1, len(others)))):
        yield Claim(
            texts[at],
            str(item["question"]),
            "contradicted" if at in denied else "uncontradicted",
            PRESUPPOSITION,
            group,
        )


def shortened(claims: Iterable[Claim], seed: int) -> Iterator[Claim]:
    """The claims over the sentences of their premise that share most words with them, the heading path kept or not.

    Merged sentences are left out: they stand in two places, and the part would hold one of them.
    """
    rng = random.Random(seed)  # noqa: S311
    for claim in claims:
        if claim.kind == "merged":
            continue
        head, newline, body = claim.premise.partition("\n")
        has_head = bool(newline) and " > " in head
        longest = max(rng.choice(_PREMISE_CHARACTERS), 2 * len(claim.claim))
        part = relevant_part(body if has_head else claim.premise, claim.claim, longest)
        if has_head and rng.random() < 0.5:
            part = in_context(head.split(" > ")[-_HEADINGS:], part)
        if part.strip():
            yield replace(claim, premise=part)


Embed = Callable[[Sequence[str]], Vectors]
"""Texts -> their vectors."""


def from_twins(notes: Notes, embed: Embed, *, held_back: bool, seed: int) -> list[Claim]:
    """Sentences of one language over their translations, found by vectors: each is the nearest to the other in its
    chapter.

    A human translation supports the sentence without sharing a word; it does not support a corrupted sentence, and its
    neighbours do not support the sentence.
    """
    rng = random.Random(seed)  # noqa: S311
    claims: list[Claim] = []
    for document_id, chunks in notes.chunks.items():
        twin_id = twin_of(document_id)
        # Each pair once, from the note whose id has no suffix.
        if document_id > twin_id or is_held_back(document_id) != held_back or twin_id not in notes.chunks:
            continue
        ours, theirs = _prose(chunks), _prose(notes.chunks[twin_id])
        if len(ours) < 3 or len(theirs) < 3:
            continue
        cosines = embed(ours) @ embed(theirs).T
        for at, other in enumerate(cosines.argmax(axis=1)):
            if cosines[:, other].argmax() != at or cosines[at, other] < _SURE_COSINE:
                continue
            for mine, its, place in ((ours, theirs, (at, int(other))), (theirs, ours, (int(other), at))):
                if rng.random() < 0.6:
                    claims += _translated(mine, its, place, group_of(document_id), rng)
    return claims


def _prose(chunks: Sequence[Chunk]) -> list[str]:
    return [sentence for chunk in chunks for sentence in sentences_of(chunk.text)]


def _translated(
    ours: Sequence[str], theirs: Sequence[str], place: tuple[int, int], group: str, rng: random.Random
) -> Iterator[Claim]:
    at, other = place
    low, high = max(0, other - rng.randint(0, 1)), other + 1 + rng.randint(0, 1)
    premise = "\n".join(theirs[low:high])
    yield Claim(premise, ours[at], "supported", "translated", group)
    changed = corrupted(ours[at], terms_of(" ".join(ours[max(0, at - 3) : at + 4])), rng)
    if changed:
        yield Claim(premise, changed[1], "contradicted", changed[0], group)
    else:
        beside = at + rng.choice((-3, -2, 2, 3))
        if 0 <= beside < len(ours):
            yield Claim(premise, ours[beside], "missing", "other passage", group)


def from_questions(notes: Notes, files: Sequence[Path], *, held_back: bool, seed: int) -> list[AnswerList]:
    """Question files with exact quotes: statements that overlap the quote answer the question; others of its chunk, of
    the written near miss and of chunks with the question's words do not, unless they repeat the quote."""
    rng = random.Random(seed)  # noqa: S311
    chunks = [c for d, own in notes.chunks.items() if is_held_back(d) == held_back for c in own]
    search = Bm25([chunk.embedded_text for chunk in chunks])
    lists: list[AnswerList] = []
    for path in files:
        for item in _lines(path):
            gold = notes.holding(item["file"], item["quote"])
            if not gold or is_held_back(item["file"]) != held_back:
                continue
            trap = item.get("trap") or {"file": "", "quote": ""}
            traps = [c for c in notes.holding(trap["file"], trap["quote"]) if is_held_back(trap["file"]) == held_back]
            start = notes.texts[item["file"]].find(item["quote"])
            span = (start, start + len(item["quote"]))
            for question in item["questions"]:
                scores = search.scores(question)
                best = [chunks[at] for at in np.argsort(-scores, kind="stable")[:8]]
                far = [c for c in best if group_of(c.document_id) != group_of(item["file"])][:_NEAR_CHUNKS]
                made = _quoted(question, gold, [*traps[:1], *far], span, rng)
                if made:
                    lists.append(made)
    return lists


def _quoted(
    question: str, gold: Sequence[Chunk], others: Sequence[Chunk], span: tuple[int, int], rng: random.Random
) -> AnswerList | None:
    start, end = span
    right: list[str] = []
    wrong: list[str] = []
    in_place = rng.random() < _HEADING_SHARE

    def shown(statement: Statement) -> str:
        return in_context(statement.headings[-_HEADINGS:] if in_place else (), statement.text)

    own = [statement for chunk in gold for statement in statements(_hit(chunk), 0)]
    quote = "".join(s.text for s in own if start <= s.start and s.end <= end)
    for statement in own:
        shared = min(end, statement.end) - max(start, statement.start)
        if shared > 0.5 * min(end - start, statement.end - statement.start):
            right.append(shown(statement))
        elif shared <= 0 and not statement.leads_in:
            wrong.append(shown(statement))
    for chunk in others:
        found = [s for s in statements(_hit(chunk), 0) if not repeats(quote, s.text)]
        wrong += [shown(s) for s in rng.sample(found, min(4, len(found)))]
    if not right or not wrong:
        return None
    wrong = rng.sample(wrong, min(len(wrong), _MOST_STATEMENTS - min(4, len(right))))
    texts = (*right[:4], *wrong)
    group = group_of(gold[0].document_id)
    return AnswerList(question, texts, frozenset(range(len(right[:4]))), "quoted", group)


def _hit(chunk: Chunk) -> Hit:
    return Hit(chunk, 0.0, "fused")


def from_reading_answers(files: Sequence[Path], seed: int) -> list[AnswerList]:
    """SQuAD-style reading sets, one question for each passage: the sentence that holds the answer against the
    others."""
    rng = random.Random(seed)  # noqa: S311
    lists: list[AnswerList] = []
    for path in files:
        for number, _, paragraph in squad_paragraphs(path.read_text("utf-8")):
            group = f"{path.stem}:{number}"
            asked = [item for item in paragraph["qas"] if item["answers"]]
            for item in rng.sample(asked, min(1, len(asked))):
                lists += _sentence_list(paragraph["context"], item, item["question"], group)
    return lists


def from_parallel_reading(left: Path, right: Path) -> list[AnswerList]:
    """Two reading sets with the same paragraphs and questions: each question over the other language's sentences."""
    lists: list[AnswerList] = []
    ours, theirs = (list(_questions(path)) for path in (left, right))
    by_id = {item["id"]: (context, item) for context, item in theirs}
    for context, item in ours:
        if item["id"] in by_id:
            other_context, other = by_id[item["id"]]
            lists += _sentence_list(other_context, other, item["question"], f"parallel:{hash_of(context)}")
            lists += _sentence_list(context, item, other["question"], f"parallel:{hash_of(context)}")
    return lists


def _questions(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for _, _, paragraph in squad_paragraphs(path.read_text("utf-8")):
        for item in paragraph["qas"]:
            yield paragraph["context"], item


def _sentence_list(context: str, item: Mapping[str, Any], question: str, group: str) -> Iterator[AnswerList]:
    answer = item["answers"][0]
    at = int(answer.get("answer_start", -1))
    if context[at : at + len(answer["text"])] != answer["text"]:
        at = context.find(answer["text"])
    spans = list(sentences(context, 0, len(context)))
    right = [context[a:b] for a, b in spans if a <= at < b]
    wrong = [context[a:b] for a, b in spans if not a <= at < b and answer["text"] not in context[a:b]]
    if right and wrong:
        yield AnswerList(question, (*right, *wrong[: _MOST_STATEMENTS - 1]), frozenset({0}), "reading", group)


def from_clapnq(path: Path) -> list[AnswerList]:
    """CLAPNQ: the sentences of its passage that the annotators chose, none for unanswerable questions."""
    lists = []
    for item in _lines(path):
        texts: list[str] = [s for passage in item["passages"] for s in passage["sentences"]]
        titles = [p["title"] for p in item["passages"] for _ in p["sentences"]]
        chosen = {s for output in item["output"] for s in output.get("selected_sentences", ())}
        answers = frozenset(at for at, text in enumerate(texts) if text in chosen)
        shown = tuple(in_context([title], text) for title, text in zip(titles, texts, strict=True))
        if answers or not any(output.get("answer") for output in item["output"]):
            lists.append(AnswerList(item["input"], shown[:40], answers, "clapnq", f"clapnq:{item['id']}"))
    return lists
