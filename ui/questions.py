"""The question files of a library: what waits for a person's review, and what was accepted.

Both are JSON lines that ``eval`` reads. What waits also says whether the answer was liked, and why.
"""

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from eval.cases import CaseFault, case_from_json, case_to_json, load_cases
from eval.evidence import EvidenceFinder
from eval.make import type_of
from eval.propose import proposals
from eval.review import ReviewedQuestions
from eval.types import EvalCase, Evidence
from ingest.errors import BadInput, NotFound
from ingest.files import saving, write_whole
from ingest.phrases import Phrase
from rag.build import Application
from rag.types import Answer

FOLDER = "questions"
"""Below the library's folder."""
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case to be reviewed. ``liked`` is None for one that was proposed from the notes."""

    case: EvalCase
    liked: bool | None = None
    reason: str = ""


class Questions:
    """Safe to use from several threads of one process. What writes raises BadInput when that cannot be done."""

    _writing = threading.Lock()

    def __init__(self, library: Path) -> None:
        self._folder = library / FOLDER
        self.accepted = self._folder / "accepted.jsonl"
        self._waiting = self._folder / "waiting.jsonl"

    def waiting(self) -> tuple[Waiting, ...]:
        """The oldest first; a line that cannot be read is skipped."""
        return tuple(self._read_waiting())

    def get(self, case_id: str) -> Waiting:
        """Raises NotFound when it has been reviewed meanwhile."""
        for waiting in self._read_waiting():
            if waiting.case.id == case_id:
                return waiting
        raise NotFound(
            Phrase("this question no longer waits for review", "这个问题已不在待审核之列"),
            case_id,
            Phrase("choose another", "请看下一个"),
        )

    def accepted_count(self) -> int:
        return len(load_cases(self.accepted)) if self.accepted.exists() else 0

    def rate(self, answer_id: str, answer: Answer, history: Sequence[str], *, liked: bool, reason: str) -> EvalCase:
        """Keeps a person's rating of an answer for review; a later one of the same ``answer_id`` replaces it.

        The cited quotes are the evidence. Only an answer that is liked gives the case its answer and key points.
        """
        quotes = dict.fromkeys(Evidence(citation.document_id, citation.quote) for citation in answer.citations)
        # A key point is one line, since the review form shows one on each line.
        points = tuple(" ".join(sentence.text.removeprefix("- ").split()) for sentence in answer.sentences)
        case = EvalCase(
            id=f"rated-{sha256(answer_id.encode()).hexdigest()[:10]}",
            question=answer.question,
            type="unanswerable" if not quotes else "followup" if history else type_of(answer.question),
            answer=answer.text if liked else "",
            keypoints=points if liked else (),
            evidence=tuple(quotes),
            history=tuple(history),
        )
        with self._writing:
            others = [waiting for waiting in self._read_waiting() if waiting.case.id != case.id]
            self._write_waiting([*others, Waiting(case, liked, " ".join(reason.split())[:LONGEST_REASON])])
        return case

    def propose(self, application: Application, count: int) -> int:
        """Adds up to ``count`` questions proposed from the notes to what waits, none that was seen before; returns how
        many were added."""
        seen = {waiting.case.id for waiting in self._read_waiting()}
        reviewed = self._reviewed()
        fresh = list(islice(proposals(application, lambda id_: id_ not in seen and reviewed.is_new(id_)), count))
        with self._writing:
            waiting = list(self._read_waiting())
            known = {each.case.id for each in waiting}
            added = [Waiting(case) for case in fresh if case.id not in known]
            self._write_waiting([*waiting, *added])
        return len(added)

    def accept(self, case: EvalCase, finder: EvidenceFinder) -> None:
        """Moves the reviewed form of a waiting case to the accepted ones.

        Raises BadInput when the case cannot be used, NotFound when it does not wait.
        """
        if case.type == "unanswerable":
            case = replace(case, evidence=(), alternatives=())
        try:
            case_from_json(case_to_json(case))
        except CaseFault as fault:
            raise _unusable(fault.phrase, case) from None
        for evidence in case.evidence:
            if not finder.places(evidence):
                raise _unusable(Phrase("no note holds this quote", "没有笔记含有这段引文"), case)
        with self._writing:
            self.get(case.id)
            with saving(self.accepted):
                self._reviewed().keep(case)
            self._drop(case.id)

    def reject(self, case_id: str) -> None:
        """Raises NotFound when it does not wait."""
        with self._writing:
            self.get(case_id)
            with saving(self.accepted):
                self._reviewed().reject(case_id)
            self._drop(case_id)

    def _drop(self, case_id: str) -> None:
        self._write_waiting([each for each in self._read_waiting() if each.case.id != case_id])

    def _reviewed(self) -> ReviewedQuestions:
        return ReviewedQuestions(self.accepted)

    def _read_waiting(self) -> Iterator[Waiting]:
        try:
            lines = self._waiting.read_text(encoding="utf-8").split("\n")
        except OSError:
            return
        for line in lines:
            try:
                row = json.loads(line)
                yield Waiting(case_from_json(row), row.get("liked"), str(row.get("reason", "")))
            except ValueError:
                continue

    def _write_waiting(self, waiting: Sequence[Waiting]) -> None:
        lines = (json.dumps(_row(each), ensure_ascii=False) + "\n" for each in waiting)
        with saving(self._waiting):
            write_whole(self._waiting, "".join(lines))


def _row(waiting: Waiting) -> dict[str, Any]:
    row = case_to_json(waiting.case)
    return row if waiting.liked is None else {**row, "liked": waiting.liked, "reason": waiting.reason}


def _unusable(fault: Phrase, case: EvalCase) -> BadInput:
    return BadInput(fault, case.question, Phrase("correct it, or reject the question", "请改正，或拒绝这个问题"))


def holding(quote: str, document_ids: Iterable[str], finder: EvidenceFinder) -> Evidence:
    """``quote`` as evidence, with the first document that holds it. Raises BadInput when none does."""
    for document_id in document_ids:
        evidence = Evidence(document_id, quote.strip())
        if finder.places(evidence):
            return evidence
    raise BadInput(
        Phrase("no note holds these words", "没有笔记含有这些原文"),
        quote.strip()[:80],
        Phrase("copy them from a note as they stand", "请从笔记中原样复制"),
    )
