from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from ingest.protocols import Floats
from rag.support import NEGATION, signs, support_by_parts


@dataclass
class Known:
    """Supports what it knows with 0.8; anything else with 0.2, and contradicts it with 0.5."""

    known: set[str]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def support(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        self.asked += pairs
        return np.array([[0.8, 0.1, 0.1] if claim in self.known else [0.2, 0.5, 0.3] for _, claim in pairs], np.float32)


def test_a_claim_is_as_supported_as_its_least_supported_sentence() -> None:
    judge = Known({"秩取 8。", "Alpha is 16."})
    claims = ["秩取 8。", "秩取 8。层数是 2。", "Alpha is 16. It is fixed.", ""]
    rows = support_by_parts(judge, [("笔记", claim) for claim in claims])
    np.testing.assert_allclose(rows, [[0.8, 0.1, 0.1], *[[0.2, 0.5, 0.3]] * 3], atol=1e-6)


def test_the_least_supported_clause_counts_as_much_as_its_sentence() -> None:
    whole = "秩取八或者十六都行，放在所有的线性层上。"
    judge = Known({whole, "秩取八或者十六都行"})
    np.testing.assert_allclose(support_by_parts(judge, [("笔记", whole)]), [[0.5, 0.3, 0.2]], atol=1e-6)
    assert [claim for _, claim in judge.asked] == [whole, "秩取八或者十六都行", "放在所有的线性层上。"]


@pytest.mark.parametrize(
    "claim", ["秩取 8，层数是 2。", "The rank is 8, the depth is 2 in every run.", "秩取八或者十六，都行。"]
)
def test_short_and_english_clauses_are_not_judged_by_themselves(claim: str) -> None:
    judge = Known(set())
    support_by_parts(judge, [("notes", claim)])
    assert [read for _, read in judge.asked] == [claim]


def test_the_judge_reads_numbers_as_the_premise_writes_them() -> None:
    judge = Known(set())
    support_by_parts(judge, [("一共二十四层", "有 24 层，不是 12 层")])
    assert judge.asked == [("一共二十四层", "有二十四层，不是 12 层")]


def test_a_typographic_apostrophe_negates_like_a_plain_one() -> None:
    assert NEGATION.findall("It doesn’t, it doesn't.") == ["n’t", "n't"]
    assert signs("It doesn't cover tea.", "It doesn’t cover tea.").tolist() == [0, 0, 0, 1]
    assert signs("It covers tea.", "It doesn’t cover tea.")[2] == pytest.approx(1 / 3)


def test_nothing_to_judge_is_no_row() -> None:
    assert support_by_parts(Known(set()), []).shape == (0, 3)
