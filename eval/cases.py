"""Question files: one JSON object a line.

``{"id", "question", "type", "answer", "keypoints": [...], "evidence": [{"file", "quote"}], "alt_evidence": [{...}],
"history": [earlier user questions]}``. ``id``, ``question`` and ``type`` are required, and ``evidence`` unless the
type is ``unanswerable``. Other keys are ignored.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.evidence import EvidenceFinder, ink
from eval.types import QUESTION_TYPES, EvalCase, Evidence
from ingest.errors import BadInput, NotFound
from ingest.files import write_whole
from ingest.phrases import Phrase

_FAULTS_SHOWN = 10


class CaseFault(ValueError):
    """Says in ``phrase`` why something is no case."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.phrase = Phrase(en, zh)


class _UnknownDocument(CaseFault):
    def __init__(self, name: str) -> None:
        super().__init__(f"no document {name!r} among the notes", f"笔记中没有文档 {name!r}")
        self.name = name


def load_cases(path: Path, finder: EvidenceFinder | None = None) -> tuple[EvalCase, ...]:
    """The cases of a question file, in its order.

    With a ``finder``, each quote must stand in its document. Raises NotFound without the file, and BadInput that
    names the faulty lines by number, or says that the questions are about other notes.
    """
    cases: list[EvalCase] = []
    faults: list[Phrase] = []
    unknown: list[str] = []
    line_of: dict[str, int] = {}
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            case = _parse(line)
            if case.id in line_of:
                raise CaseFault(
                    f"id {case.id!r} again, first on line {line_of[case.id]}",
                    f"id {case.id!r} 重复，首见第 {line_of[case.id]} 行",
                )
            if finder:
                _check_evidence(case, finder)
        except CaseFault as fault:
            faults.append(Phrase(f"line {number}: {fault.phrase.en}", f"第 {number} 行：{fault.phrase.zh}"))
            if isinstance(fault, _UnknownDocument):
                unknown.append(fault.name)
            continue
        line_of[case.id] = number
        cases.append(case)
    asked = len(cases) + len(faults)
    if len(unknown) > max(1, asked / 2):
        raise BadInput(
            Phrase("these questions are about other notes", "这些问题针对的是另一批笔记"),
            path,
            Phrase(
                f"{len(unknown)} of {asked} name documents that the library lacks, such as {unknown[0]!r}; "
                "sync these notes, or choose other questions",
                f"{asked} 题中有 {len(unknown)} 题引用的文档不在笔记库里，例如 {unknown[0]!r}；"
                "请先同步这些笔记，或换一个问题文件",
            ),
        )
    if faults:
        raise BadInput(Phrase("faulty question file", "问题文件有错"), path, _listing(faults))
    if not cases:
        raise BadInput(
            Phrase("the question file holds no questions", "问题文件是空的"),
            path,
            Phrase("write one JSON object a line", "请每行写一个 JSON 对象"),
        )
    return tuple(cases)


def only(cases: Sequence[EvalCase], path: Path) -> tuple[EvalCase, ...]:
    """The cases whose ids ``path`` lists, one a line, ``#`` for remarks; in the order of ``cases``.

    Raises NotFound without the file, BadInput for an id that no case has.
    """
    ids = {line.partition("#")[0].strip() for line in _read(path).splitlines()} - {""}
    unknown = sorted(ids - {case.id for case in cases})
    if unknown:
        raise BadInput(
            Phrase("no such question", "没有这些问题"),
            " ".join(unknown),
            Phrase(f"correct the ids in {path}", f"请改正 {path} 中的编号"),
        )
    return tuple(case for case in cases if case.id in ids)


def keep_case(path: Path, case: EvalCase) -> None:
    """Adds a line to a question file, which need not exist yet, in place of one with the same id.

    Raises BadInput for a case that ``load_cases`` would refuse.
    """
    row = case_to_json(case)
    try:
        case_from_json(row)
    except CaseFault as fault:
        raise BadInput(Phrase("the question cannot be kept", "无法保存这个问题"), case.id, fault.phrase) from None
    lines = path.read_text(encoding="utf-8-sig").split("\n") if path.exists() else []
    others = [line for line in lines if line.strip() and _id_in(line) != case.id]
    write_whole(path, "\n".join((*others, json.dumps(row, ensure_ascii=False), "")))


def _id_in(line: str) -> object:
    """None for a line that is no case, which a person may still want to correct."""
    try:
        return json.loads(line).get("id")
    except (ValueError, AttributeError):
        return None


def case_to_json(case: EvalCase) -> dict[str, Any]:
    row: dict[str, Any] = {"id": case.id, "question": case.question, "type": case.type}
    if case.history:
        row["history"] = list(case.history)
    row |= {"answer": case.answer, "keypoints": list(case.keypoints), "evidence": _quotes_to_json(case.evidence)}
    if case.alternatives:
        row["alt_evidence"] = _quotes_to_json(case.alternatives)
    return row


def case_from_json(row: object) -> EvalCase:
    """Raises CaseFault when ``row`` is no case."""
    if not isinstance(row, dict):
        raise CaseFault("not a JSON object", "不是 JSON 对象")
    kind = _text(row, "type", needed=True)
    if kind not in QUESTION_TYPES:
        menu = ", ".join(QUESTION_TYPES)
        raise CaseFault(f"unknown type {kind!r}; use one of {menu}", f"未知的 type {kind!r}；可用：{menu}")
    case = EvalCase(
        id=_text(row, "id", needed=True),
        question=_text(row, "question", needed=True),
        type=kind,
        answer=_text(row, "answer"),
        keypoints=_texts(row, "keypoints"),
        evidence=_quotes(row, "evidence"),
        alternatives=_quotes(row, "alt_evidence"),
        history=_texts(row, "history"),
    )
    if case.answerable and not case.evidence:
        raise CaseFault("no evidence, though the type is answerable", "可回答的问题必须有 evidence")
    if not case.answerable and (case.evidence or case.alternatives):
        raise CaseFault("evidence on an unanswerable question", "unanswerable 的问题不应有 evidence")
    return case


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            Phrase("the question file is not UTF-8", "问题文件不是 UTF-8 编码"),
            path,
            Phrase(
                f"save it as UTF-8 (byte {error.start} cannot be read)",
                f"请存为 UTF-8（第 {error.start} 字节无法解码）",
            ),
        ) from None
    except OSError as error:
        raise NotFound(
            Phrase("the question file cannot be read", "无法读取问题文件"),
            path,
            Phrase(f"check the path ({error.strerror})", f"请检查路径（{error.strerror}）"),
        ) from None


def _parse(line: str) -> EvalCase:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise CaseFault(
            f"not JSON: {error.msg} at column {error.colno}", f"不是 JSON：第 {error.colno} 列，{error.msg}"
        ) from None
    return case_from_json(row)


def _check_evidence(case: EvalCase, finder: EvidenceFinder) -> None:
    for evidence in (*case.evidence, *case.alternatives):
        name, words = evidence.document_id, _clip(evidence.quote)
        if not finder.knows(name):
            raise _UnknownDocument(name)
        if not finder.places(evidence):
            raise CaseFault(f"{name!r} does not hold the quote {words!r}", f"文档 {name!r} 中没有这段引文 {words!r}")


def _text(row: dict[str, Any], key: str, needed: bool = False) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise CaseFault(f"{key!r} is not a string", f"{key!r} 不是字符串")
    if needed and not value.strip():
        raise CaseFault(f"{key!r} is missing or empty", f"{key!r} 缺失或为空")
    return value


def _texts(row: dict[str, Any], key: str) -> tuple[str, ...]:
    values = row.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
        raise CaseFault(f"{key!r} is not a list of non-empty strings", f"{key!r} 不是非空字符串的列表")
    return tuple(values)


def _quotes(row: dict[str, Any], key: str) -> tuple[Evidence, ...]:
    values = row.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise CaseFault(f"{key!r} is not a list of objects", f"{key!r} 不是对象的列表")
    found = tuple(Evidence(_text(value, "file", needed=True), _text(value, "quote", needed=True)) for value in values)
    if not all(ink(evidence.quote) for evidence in found):
        raise CaseFault(f"an empty quote in {key!r}", f"{key!r} 中有空引文")
    return found


def _quotes_to_json(quotes: Sequence[Evidence]) -> list[dict[str, str]]:
    return [{"file": evidence.document_id, "quote": evidence.quote} for evidence in quotes]


def _listing(faults: Sequence[Phrase]) -> Phrase:
    shown, more = faults[:_FAULTS_SHOWN], len(faults) - _FAULTS_SHOWN
    en = "; ".join(fault.en for fault in shown) + (f"; and {more} more" if more > 0 else "")
    zh = "；".join(fault.zh for fault in shown) + (f"；另有 {more} 处" if more > 0 else "")
    return Phrase(en, zh)


def _clip(text: str, length: int = 40) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
