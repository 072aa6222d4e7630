"""Passages and support sets -> claims for the judge: does the premise support the claim?"""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ingest.types import Chunk
from rag.training.corrupt import corrupted, terms_of
from rag.training.examples import Notes, group_of, is_held_back, language_of, squad_paragraphs
from rag.training.mining import repeats

Label = Literal["supported", "contradicted", "missing", "unsupported", "uncontradicted"]
"""``missing``: the premise does not say; ``unsupported``: contradicted or missing, not known which;
``uncontradicted``: supported or missing."""

_SENTENCE_END = re.compile(r"(?<=[。！？；!?;])|(?<=\.)\s+(?=[A-Z])|\n+")
_MARKS = re.compile(r"[*`#>|]|!?\[([^\]]*)\]\([^)]*\)|:\w+:`[^`]*`|^\s*(?:[-+]|\d+[.、])\s+")
_CLAUSE = re.compile(r"[，,；;]")
_ASKED = re.compile(r"什么|谁|哪里|哪儿|哪一?[年个位座家种条支部]|多少|几")
_HEADING = re.compile(r"^(?:#.*|[^\n]* > [^\n]*)$", re.MULTILINE)
_ENDS = tuple("。！？；!?;.")
_CODE = re.compile(r"[{}$\\=<>]|```|https?:")
_SHORTEST_ZH, _LONGEST_ZH = 12, 90
_SHORTEST_EN, _LONGEST_EN = 40, 260
_LONGEST_PREMISE = 3000
_READING_SHARE = 0.3
_STANCES: Mapping[str, Label] = {
    "completely-support": "supported",
    "partially-support": "unsupported",
    "refute": "contradicted",
    "irrelevant": "missing",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """``kind`` says how it was made ("verbatim", "number", …) or which set it is from. Claims of one ``group`` must not
    be split between training and validation."""

    premise: str
    claim: str
    label: Label
    kind: str
    group: str

    @property
    def language(self) -> str:
        """Languages of claim and premise, such as ``en-zh``."""
        return f"{language_of(self.claim)}-{language_of(self.premise)}"


def sentences_of(text: str) -> list[str]:
    """The prose sentences of a passage without marks, neither too short nor too long to say one thing; no headings."""
    found = []
    for raw in _SENTENCE_END.split(_HEADING.sub("", text)):
        sentence = " ".join(_MARKS.sub(lambda m: m[1] or "", raw or "").split())
        if _CODE.search(sentence) or not sentence.endswith(_ENDS):
            continue
        low, high = (_SHORTEST_ZH, _LONGEST_ZH) if language_of(sentence) == "zh" else (_SHORTEST_EN, _LONGEST_EN)
        if low <= len(sentence) <= high:
            found.append(sentence)
    return found


def note_texts(notes: Notes, *, held_back: bool) -> list[tuple[str, str]]:
    """(group, text) of every chunk in order, for ``from_passages``."""
    return [
        (group_of(document_id), chunk.embedded_text)
        for document_id, chunks in notes.chunks.items()
        if is_held_back(document_id) == held_back
        for chunk in chunks
    ]


def from_passages(passages: Sequence[tuple[str, str]], seed: int, share: float = 1.0) -> list[Claim]:
    """(group, text) of neighbouring passages -> their own sentences in several forms, true and corrupted, and sentences
    of other passages; ``share`` of the passages are used."""
    rng = random.Random(seed)  # noqa: S311
    claims: list[Claim] = []
    for at, (group, text) in enumerate(passages):
        own = sentences_of(text)
        if not own or rng.random() > share:
            continue
        claims += _forms(text, own, group, rng)
        near = [passages[i][1] for i in range(max(0, at - 3), min(len(passages), at + 4)) if i != at]
        foreign = [s for other in near for s in sentences_of(other) if not repeats(s, text)]
        if foreign:
            claims.append(Claim(text, rng.choice(foreign), "missing", "other passage", group))
    return claims


def _forms(text: str, own: Sequence[str], group: str, rng: random.Random) -> Iterator[Claim]:
    terms = terms_of(text)
    sentence = rng.choice(own)
    clauses = [clause.strip() for clause in _CLAUSE.split(sentence) if clause.strip()]
    joint = "，" if language_of(sentence) == "zh" else ", "
    kind = rng.choice(["verbatim", "shortened", "reordered", "merged"])
    if kind == "shortened" and len(clauses) > 1:
        true = joint.join(clauses[1:] if rng.random() < 0.5 else clauses[:-1])
    elif kind == "reordered" and len(clauses) > 1:
        bare = [clause.rstrip("。.；;！!？?") for clause in (*clauses[1:], clauses[0])]
        true = joint.join(bare) + ("。" if joint == "，" else ".")
    elif kind == "merged" and len(own) > 1:
        true = " ".join([sentence, rng.choice([other for other in own if other != sentence] or [sentence])])
    else:
        kind, true = "verbatim", sentence
    yield Claim(text, true, "supported", kind, group)
    changed = corrupted(true if rng.random() < 0.5 else rng.choice(own), terms, rng)
    if changed:
        yield Claim(text, changed[1], "contradicted", changed[0], group)


def from_answers(notes: Notes, files: Sequence[Path], *, held_back: bool, seed: int) -> list[Claim]:
    """Question files with ``answer``: the answer in someone's own words as a claim over the chunk that holds the
    quote."""
    rng = random.Random(seed)  # noqa: S311
    claims: list[Claim] = []
    for path in files:
        for line in path.read_text("utf-8").splitlines():
            item = json.loads(line)
            gold = notes.holding(item["file"], item["quote"])
            if not gold or is_held_back(item["file"]) != held_back or not item.get("answer"):
                continue
            claims += _answer_claims(notes, item, gold[0], rng)
    return claims


def _answer_claims(notes: Notes, item: Mapping[str, Any], gold: Chunk, rng: random.Random) -> Iterator[Claim]:
    group, answer, text = group_of(item["file"]), str(item["answer"]), gold.embedded_text
    supported = Claim(text, answer, "supported", "answer", group)
    yield supported
    clauses = [clause for clause in re.split(r"[；;。]", answer) if len(clause) >= _SHORTEST_ZH]
    if len(clauses) > 1:
        yield replace(supported, claim=rng.choice(clauses))
    for _ in range(2):
        changed = corrupted(answer, terms_of(text), rng)
        if changed:
            yield Claim(text, changed[1], "contradicted", changed[0], group)
    trap = item.get("trap")
    if trap:
        for chunk in notes.holding(trap["file"], trap["quote"])[:1]:
            if chunk.id != gold.id:
                yield Claim(chunk.embedded_text, answer, "missing", "trap", group)
    others = [chunk for chunk in notes.chunks[gold.document_id] if not repeats(item["quote"], chunk.text)]
    if others:
        yield Claim(rng.choice(others).embedded_text, answer, "missing", "other passage", group)
    for twin in notes.translated(gold)[:1]:
        yield Claim(twin.embedded_text, answer, "supported", "translated", group)


def from_reading(files: Sequence[Path], seed: int) -> list[Claim]:
    """Chinese reading sets, three passages in ten: a question whose question word is replaced by the answer is a
    statement in other words."""
    rng = random.Random(seed)  # noqa: S311
    claims: list[Claim] = []
    for path in files:
        for number, _, paragraph in squad_paragraphs(path.read_text("utf-8")):
            if rng.random() < _READING_SHARE:
                claims += _statements(paragraph, f"{path.stem}:{number}", rng)
    return claims


def _statements(paragraph: Mapping[str, Any], group: str, rng: random.Random) -> Iterator[Claim]:
    text = paragraph["context"]
    answers = [item["answers"][0]["text"] for item in paragraph["qas"] if item["answers"]]
    for item in rng.sample(paragraph["qas"], min(2, len(paragraph["qas"]))):
        question, answer = item["question"].rstrip("？?"), item["answers"][0]["text"]
        if not _ASKED.search(question) or len(answer) > 25:
            continue

        def said(words: str, question: str = question) -> str:
            return _ASKED.sub(lambda _: words, question, count=1) + "。"

        yield Claim(text, said(answer), "supported", "statement", group)
        wrong = [other for other in answers if other != answer and len(other) <= 25]
        changed = corrupted(said(answer), terms_of(text), rng)
        if changed and (not wrong or rng.random() < 0.5):
            yield Claim(text, changed[1], "contradicted", changed[0], group)
        elif wrong:
            yield Claim(text, said(rng.choice(wrong)), "contradicted", "wrong answer", group)


def from_support_set(path: Path, seed: int = 0) -> list[Claim]:
    """A public support set, told apart by its fields: FactCG, Factcheck-GPT, SummEdits, UHGEval, OCNLI,
    AttributionBench. Raises KeyError for another one."""
    rng = random.Random(seed)  # noqa: S311
    items = _items(path)
    first = items[0]
    makers = {
        "text_b": _factcg,
        "stance": _stance,
        "summary": _summary,
        "hallucinatedContinuation": _continuation,
        "sentence1": _inference,
        "attribution_label": _attribution,
    }
    maker = makers[next(key for key in makers if key in first)]
    return [claim for at, item in enumerate(items) for claim in maker(item, f"{path.stem}:{at}", rng)]


def _factcg(item: Mapping[str, Any], group: str, rng: random.Random) -> Iterator[Claim]:
    label: Label = "supported" if item["orig_label"] else "unsupported"
    yield Claim(item["text_a"], item["text_b"][0], label, "factcg", group)


def _stance(item: Mapping[str, Any], group: str, rng: random.Random) -> Iterator[Claim]:
    yield Claim(item["evidence"], item["claim"], _STANCES[item["stance"]], "factcheckgpt", item["claim"])


def _summary(item: Mapping[str, Any], group: str, rng: random.Random) -> Iterator[Claim]:
    label: Label = "supported" if item["label"] else "unsupported"
    yield Claim(item["doc"], item["summary"], label, "summedits", f"{group.partition(':')[0]}:{hash_of(item['doc'])}")


def _continuation(item: Mapping[str, Any], group: str, rng: random.Random) -> Iterator[Claim]:
    text = (item["newsBeginning"] + item["newsRemainder"])[:_LONGEST_PREMISE]
    yield Claim(text, " ".join(item["hallucinatedContinuation"].split()), "unsupported", "uhgeval", group)
    own = sentences_of(text)
    if own:
        yield Claim(text, rng.choice(own), "supported", "uhgeval sentence", group)


def _inference(item: Mapping[str, Any], group: str, rng: random.Random) -> Iterator[Claim]:
    labels: Mapping[str, Label] = {"entailment": "supported", "contradiction": "contradicted", "neutral": "missing"}
    if item["label"] in labels:
        yield Claim(item["sentence1"], item["sentence2"], labels[item["label"]], "ocnli", item["prem_id"])


def _attribution(item: Mapping[str, Any], group: str, rng: random.Random) -> Iterator[Claim]:
    label: Label = "supported" if item["attribution_label"] == "attributable" else "unsupported"
    text = "\n".join(item["references"] or item["webpage_references"])
    yield Claim(text, item["claim"], label, item["src_dataset"], item["question"])


def hash_of(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:12]


def _items(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8")
    try:
        content = json.loads(text)
    except ValueError:
        content = [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(content)
