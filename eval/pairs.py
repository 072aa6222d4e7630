"""Labelled pairs to check a judge against: a premise, a claim, and whether people found the claim supported.

A file holds JSON lines or one JSON value. Our own form of a row is ``{"premise", "claim", "supported": bool}``, with
``"kind"`` if there are several kinds of pairs. These published forms are read as they are:

- SummEdits: ``doc``, ``summary``, ``label``.
- Factcheck-GPT: ``evidence``, ``claim``, ``stance``; partial support counts as none.
- FactCG: ``text_a``, ``text_b``, ``orig_label``.
- AttributionBench: ``references``, ``claim``, ``attribution_label``.
- OCNLI: ``sentence1``, ``sentence2``, ``label``; entailment is support, a row without a label is left out.
- UHGEval: the invented continuation of a news item is not supported by the rest of it, the real one is. The real one
  stands in the rest word for word, so that it only shows whether a judge recognises a quotation.
- MTRAG's human evaluations, a whole file: answers to answerable questions against their passages. Supported where the
  median of the ratings is a full "yes".
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from eval.stats import SEED
from ingest.errors import BadInput, NotFound
from ingest.phrases import Language, Phrase
from rag.terms import language_of

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """``source`` names the file; ``kind`` names a group of pairs within it and may be empty."""

    premise: str
    claim: str
    supported: bool
    source: str
    kind: str = ""

    @property
    def language(self) -> Language:
        """The language of the claim."""
        return language_of(self.claim)


def load_pairs(path: Path, most: int | None = None) -> tuple[LabelledPair, ...]:
    """The pairs of a file, or ``most`` of them, drawn with a fixed seed. Rows without a label are left out.

    Raises NotFound without the file, BadInput for a row of no known form.
    """
    source = path.name.partition(".")[0]
    pairs: list[LabelledPair] = []
    for number, row in enumerate(_rows(path), start=1):
        form = next((form for key, form in _FORMS.items() if isinstance(row, dict) and key in row), None)
        try:
            pairs += form(row, source) if form else ()
        except (KeyError, TypeError, IndexError, ValueError):
            form = None
        if form is None:
            raise _bad(path, f"row {number} is no labelled pair", f"第 {number} 行不是带标注的句对")
    if most is not None and most < len(pairs):
        kept = sorted(random.Random(SEED).sample(range(len(pairs)), most))  # noqa: S311 - a draw, not a secret
        pairs = [pairs[number] for number in kept]
    return tuple(pairs)


def _own(row: Row, source: str) -> Iterator[LabelledPair]:
    if not isinstance(row["supported"], bool):
        raise TypeError
    yield LabelledPair(row["premise"], row["claim"], row["supported"], source, row.get("kind", ""))


def _summedits(row: Row, source: str) -> Iterator[LabelledPair]:
    yield LabelledPair(row["doc"], row["summary"], row["label"] == 1, source)


def _factcheck_gpt(row: Row, source: str) -> Iterator[LabelledPair]:
    supported = row["stance"] == "completely-support"
    yield LabelledPair(row["evidence"], row["claim"], supported, source, row["stance"])


def _attribution_bench(row: Row, source: str) -> Iterator[LabelledPair]:
    supported = row["attribution_label"] == "attributable"
    yield LabelledPair("\n\n".join(row["references"]), row["claim"], supported, source, row["src_dataset"])


def _ocnli(row: Row, source: str) -> Iterator[LabelledPair]:
    if row["label"] != "-":
        supported = row["label"] == "entailment"
        yield LabelledPair(row["sentence1"], row["sentence2"], supported, source, row["label"])


def _factcg(row: Row, source: str) -> Iterator[LabelledPair]:
    yield LabelledPair(row["text_a"], row["text_b"][0], int(row["orig_label"]) == 1, source)


def _uhgeval(row: Row, source: str) -> Iterator[LabelledPair]:
    premise = f"{row['newsBeginning'].strip()}\n{row['newsRemainder'].strip()}"
    yield LabelledPair(premise, row["hallucinatedContinuation"].strip(), False, source, "invented")
    yield LabelledPair(premise, row["realContinuation"].strip(), True, source, "word for word")


def _mtrag(file: Row, source: str) -> Iterator[LabelledPair]:
    texts = {document["document_id"]: document["text"] for document in file["documents"]}
    tasks = {task["task_id"]: task for task in file["tasks"]}
    for answer in file["evaluations"]:
        task = tasks[answer["task_id"]]
        (answerable,) = task["Answerability"]
        if answerable in ("ANSWERABLE", "PARTIAL"):
            premise = "\n\n".join(texts[context["document_id"]] for context in task["contexts"])
            ratings = [int(rating["value"]) for rating in answer["annotations"]["faithfulness"].values()]
            supported = median(ratings) >= _FULLY_FAITHFUL
            yield LabelledPair(premise, answer["model_response"], supported, source, answer["model_id"])


_FULLY_FAITHFUL = 4
"""Of MTRAG's ratings from 1, "no", to 4, "yes"."""

_FORMS: Mapping[str, Callable[[Row, str], Iterator[LabelledPair]]] = {
    "supported": _own,
    "summary": _summedits,
    "stance": _factcheck_gpt,
    "attribution_label": _attribution_bench,
    "sentence1": _ocnli,
    "orig_label": _factcg,
    "hallucinatedContinuation": _uhgeval,
    "evaluations": _mtrag,
}
"""By a key that only this form has."""


def _rows(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NotFound(
            Phrase("the file of labelled pairs cannot be read", "无法读取带标注的句对文件"),
            path,
            Phrase(f"check the path ({error.strerror})", f"请检查路径（{error.strerror}）"),
        ) from None
    except UnicodeDecodeError:
        raise _bad(path, "the file is not UTF-8", "文件不是 UTF-8 编码") from None
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return [_line(path, number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _line(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise _bad(
            path, f"line {number} is not JSON ({error.msg})", f"第 {number} 行不是 JSON（{error.msg}）"
        ) from None


def _bad(path: Path, en: str, zh: str) -> BadInput:
    form = '{"premise": …, "claim": …, "supported": true}'
    return BadInput(Phrase(en, zh), path, Phrase(f"write a line as {form}", f"每行请写成 {form}"))
