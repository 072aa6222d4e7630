"""Labelled pairs to check a judge against: a premise, a claim, and whether people found the claim supported.

A file holds JSON lines or one JSON array. Our own form of a row is ``{"premise", "claim", "supported": bool}``, with
``"kind"`` if pairs fall into kinds; the published forms of SummEdits, Factcheck-GPT, AttributionBench, OCNLI and FactCG
are read as they are.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.language import language_of
from ingest.errors import BadInput, NotFound
from ingest.phrases import Phrase

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """``kind`` groups pairs in the report."""

    premise: str
    claim: str
    supported: bool
    kind: str

    @property
    def language(self) -> str:
        """That of the claim: "zh" or "en"."""
        return language_of(self.claim)


def load_pairs(path: Path) -> tuple[LabelledPair, ...]:
    """Rows without a label are left out. Raises NotFound without the file, BadInput for a row of no known form."""
    pairs: list[LabelledPair] = []
    for number, row in enumerate(_rows(path), start=1):
        form = next((form for key, form in _FORMS.items() if isinstance(row, dict) and key in row), None)
        try:
            pair = form(row, path.stem) if form else None
        except (KeyError, TypeError, IndexError):
            form = None
        if form is None:
            raise _bad(path, f"row {number} is no labelled pair", f"第 {number} 行不是带标注的句对")
        if pair is not None:
            pairs.append(pair)
    return tuple(pairs)


def _own(row: Row, stem: str) -> LabelledPair:
    if not isinstance(row["supported"], bool):
        raise TypeError
    return LabelledPair(row["premise"], row["claim"], row["supported"], row.get("kind", stem))


def _summedits(row: Row, stem: str) -> LabelledPair:
    return LabelledPair(row["doc"], row["summary"], row["label"] == 1, stem)


def _factcheck_gpt(row: Row, stem: str) -> LabelledPair:
    """A claim that is supported in part is not supported."""
    return LabelledPair(row["evidence"], row["claim"], row["stance"] == "completely-support", row["stance"])


def _attribution_bench(row: Row, stem: str) -> LabelledPair:
    supported = row["attribution_label"] == "attributable"
    return LabelledPair("\n\n".join(row["references"]), row["claim"], supported, row["src_dataset"])


def _ocnli(row: Row, stem: str) -> LabelledPair | None:
    if row["label"] == "-":
        return None
    return LabelledPair(row["sentence1"], row["sentence2"], row["label"] == "entailment", row["label"])


def _factcg(row: Row, stem: str) -> LabelledPair:
    return LabelledPair(row["text_a"], row["text_b"][0], int(row["orig_label"]) == 1, stem)


_FORMS: Mapping[str, Callable[[Row, str], LabelledPair | None]] = {
    "supported": _own,
    "summary": _summedits,
    "stance": _factcheck_gpt,
    "attribution_label": _attribution_bench,
    "sentence1": _ocnli,
    "orig_label": _factcg,
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
        if text.lstrip().startswith("["):
            return list(json.loads(text))
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except json.JSONDecodeError as error:
        raise _bad(path, f"not JSON ({error})", f"不是 JSON（{error}）") from None


def _bad(path: Path, en: str, zh: str) -> BadInput:
    form = '{"premise": …, "claim": …, "supported": true}'
    return BadInput(Phrase(en, zh), path, Phrase(f"write a line as {form}", f"每行请写成 {form}"))
