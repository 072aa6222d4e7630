"""Which proposed questions a person has kept, and which were rejected."""

from pathlib import Path

from eval.cases import keep_case, load_cases
from eval.types import EvalCase


class ReviewedQuestions:
    """The questions kept in ``path``, and the ids of the rejected ones in a file beside it; neither are proposed again.

    Raises BadInput for a faulty question file; an empty one counts as none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rejected = path.with_suffix(".rejected")
        self._known = {case.id for case in load_cases(path)} if path.exists() and path.stat().st_size else set()
        if self._rejected.exists():
            self._known |= set(self._rejected.read_text(encoding="utf-8").split())

    def is_new(self, case_id: str) -> bool:
        return case_id not in self._known

    def keep(self, case: EvalCase) -> None:
        """In place of a kept one with the same id. Raises BadInput for a case that cannot be used."""
        keep_case(self._path, case)
        self._known.add(case.id)

    def reject(self, case_id: str) -> None:
        with self._rejected.open("a", encoding="utf-8") as file:
            file.write(f"{case_id}\n")
        self._known.add(case_id)
