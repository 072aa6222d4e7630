"""A judge against labelled pairs, and faithfulness freed of its errors."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.judge import LexicalOverlap, open_judge
from eval.judge_check import DATA, SHIPPED_PAIRS, Agreement, check_judge, checks_of, corrected, load_check, save_check
from eval.pairs import LabelledPair, load_pairs
from eval.verdict import Pair, Verdict
from ingest.errors import BadInput, NotFound


class Spoken:
    """Finds probable what the claim says: a number, or nothing at all."""

    name = "spoken"

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        return [None if claim == "?" else Verdict(float(claim)) for _, claim in pairs]


def pairs(*told: tuple[str, bool]) -> list[LabelledPair]:
    return [LabelledPair(f"premise {n}", claim, supported, "file", "kind") for n, (claim, supported) in enumerate(told)]


def test_sensitivity_and_specificity_by_hand_with_missing_verdicts_counted_as_wrong() -> None:
    check = check_judge(
        Spoken(), pairs(("0.9", True), ("0.5", True), ("0.4", True), ("?", True), ("0.1", False), ("0.6", False))
    )
    overall = check.overall
    assert (overall.pairs, overall.unscored) == (6, 1)
    assert overall.sensitivity is not None
    assert overall.specificity is not None
    assert overall.balanced_accuracy is not None
    assert (overall.sensitivity.value, overall.sensitivity.n) == (0.5, 4)
    assert (overall.specificity.value, overall.specificity.n) == (0.5, 2)
    assert overall.balanced_accuracy.value == 0.5
    assert overall.balanced_accuracy.low < 0.5 < overall.balanced_accuracy.high
    assert check.by_source == {"file": overall}
    assert check.by_kind == {"file: kind": overall}
    assert check.by_language == {"en": overall}
    assert [(each.probability, each.supported.value, each.n) for each in check.reliability] == [
        (0.1, 0.0, 1),
        (0.4, 1.0, 1),
        (0.5, 1.0, 1),
        (0.6, 0.0, 1),
        (0.9, 1.0, 1),
    ]


def test_a_group_of_one_label_has_no_balanced_accuracy() -> None:
    overall = check_judge(Spoken(), pairs(("0.9", True))).overall
    assert overall.sensitivity is not None
    assert (overall.specificity, overall.balanced_accuracy) == (None, None)


TOLD = [("0.9", True)] * 80 + [("0.1", True)] * 20 + [("0.1", False)] * 90 + [("0.9", False)] * 10


def test_the_correction_on_a_worked_example() -> None:
    """The judge finds 80 % of the supported and clears 90 % of the unsupported: (0.66 + 0.9 - 1) / 0.7 = 0.8."""
    estimate = corrected([1.0] * 66 + [0.0] * 34, [1.0] * 100, range(100), check_judge(Spoken(), pairs(*TOLD)))
    assert estimate is not None
    assert estimate.value == pytest.approx(0.8)
    assert estimate.low < 0.7 < 0.8 < 0.9 < estimate.high


def test_sentences_that_the_judge_never_saw_are_not_corrected() -> None:
    """Sentences without citations, as many as the judged ones, halve the share: they are certainly unsupported."""
    check = check_judge(Spoken(), pairs(*TOLD))
    seen = corrected([1.0] * 66 + [0.0] * 34, [1.0] * 100, range(100), check)
    mixed = corrected([1.0] * 66 + [0.0] * 134, [1.0] * 100 + [0.0] * 100, range(200), check)
    halves = corrected([0.5] * 66 + [0.0] * 34, [0.5] * 100, range(100), check)
    assert seen is not None
    assert mixed is not None
    assert halves is not None
    assert (halves.value, halves.low, halves.high) == pytest.approx((seen.value / 2, seen.low / 2, seen.high / 2))
    assert mixed.value == pytest.approx(halves.value)
    assert mixed.low < halves.low < halves.high < mixed.high
    assert corrected([0.0], [0.0], ["a"], check) is None
    lone = corrected([0.0], [0.5], ["a"], check)
    assert lone is not None
    assert (lone.value, lone.low, lone.high) == (0.0, 0.0, 0.5)


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    told = [("0.9", True), ("0.1", True), ("0.9", False), ("0.1", False)]
    assert corrected([1.0], [1.0], ["a"], check_judge(Spoken(), pairs(*told))) is None
    assert corrected([1.0], [1.0], ["a"], check_judge(Spoken(), pairs(("0.9", True)))) is None


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "pair"),
    [
        ({"premise": "p", "claim": "c", "supported": True}, LabelledPair("p", "c", True, "file")),
        ({"premise": "p", "claim": "c", "supported": False, "kind": "k"}, LabelledPair("p", "c", False, "file", "k")),
        ({"doc": "p", "summary": "c", "label": 1}, LabelledPair("p", "c", True, "file")),
        (
            {"evidence": "p", "claim": "c", "stance": "partially-support"},
            LabelledPair("p", "c", False, "file", "partially-support"),
        ),
        (
            {"references": ["p", "q"], "claim": "c", "attribution_label": "attributable", "src_dataset": "k"},
            LabelledPair("p\n\nq", "c", True, "file", "k"),
        ),
        (
            {"sentence1": "p", "sentence2": "c", "label": "contradiction"},
            LabelledPair("p", "c", False, "file", "contradiction"),
        ),
        ({"text_a": "p", "text_b": ["c"], "orig_label": "1"}, LabelledPair("p", "c", True, "file")),
    ],
)
def test_published_forms_are_read_as_they_are(tmp_path: Path, row: Any, pair: LabelledPair) -> None:
    assert load_pairs(write(tmp_path / "file.jsonl", row)) == (pair,)
    (tmp_path / "file.MEASURE.json").write_text(json.dumps([row]), encoding="utf-8")
    assert load_pairs(tmp_path / "file.MEASURE.json") == (pair,)


def test_a_news_item_gives_its_invented_and_its_real_continuation(tmp_path: Path) -> None:
    row = {
        "newsBeginning": " Begins. ",
        "newsRemainder": "Real. Goes on.",
        "hallucinatedContinuation": "\n Invented. ",
        "realContinuation": "Real.",
    }
    premise = "Begins.\nReal. Goes on."
    assert load_pairs(write(tmp_path / "news.jsonl", row, row)) == 2 * (
        LabelledPair(premise, "Invented.", False, "news", "invented"),
        LabelledPair(premise, "Real.", True, "news", "word for word"),
    )


def rated(model: str, *ratings: int, task: str = "t") -> dict[str, Any]:
    given = {f"rater {number}": {"value": str(rating)} for number, rating in enumerate(ratings)}
    return {"task_id": task, "model_id": model, "model_response": "c", "annotations": {"faithfulness": given}}


def test_rated_answers_are_read_with_their_passages_and_supported_only_where_most_say_yes(tmp_path: Path) -> None:
    file = {
        "documents": [{"document_id": "1", "text": "p"}, {"document_id": "2", "text": "q"}],
        "tasks": [
            {"task_id": "t", "contexts": [{"document_id": "1"}, {"document_id": "2"}], "Answerability": ["PARTIAL"]},
            {"task_id": "u", "contexts": [], "Answerability": ["UNANSWERABLE"]},
        ],
        "evaluations": [rated("a", 2, 4, 4), rated("b", 3, 3, 4), rated("c", 4, 4), rated("d", 4, task="u")],
    }
    (tmp_path / "answers.json").write_text(json.dumps(file, indent=1), encoding="utf-8")
    assert load_pairs(tmp_path / "answers.json") == (
        LabelledPair("p\n\nq", "c", True, "answers", "a"),
        LabelledPair("p\n\nq", "c", False, "answers", "b"),
        LabelledPair("p\n\nq", "c", True, "answers", "c"),
    )


def test_a_draw_of_the_pairs_is_the_same_every_time_and_in_their_order(tmp_path: Path) -> None:
    rows = [{"premise": "p", "claim": str(number), "supported": True} for number in range(20)]
    path = write(tmp_path / "f.jsonl", *rows)
    drawn = load_pairs(path, 5)
    assert drawn == load_pairs(path, 5)
    assert [int(pair.claim) for pair in drawn] == sorted(int(pair.claim) for pair in drawn)
    assert len({pair.claim for pair in drawn}) == 5
    assert load_pairs(path, 20) == load_pairs(path, 99) == load_pairs(path)


def test_a_row_without_a_label_is_left_out(tmp_path: Path) -> None:
    assert load_pairs(write(tmp_path / "f.jsonl", {"sentence1": "p", "sentence2": "c", "label": "-"})) == ()


@pytest.mark.parametrize("row", [3, {"claim": "c"}, {"premise": "p", "claim": "c", "supported": "yes"}])
def test_a_row_of_no_known_form_is_named(tmp_path: Path, row: Any) -> None:
    good = {"premise": "p", "claim": "c", "supported": True}
    with pytest.raises(BadInput, match="row 2 is no labelled pair"):
        load_pairs(write(tmp_path / "f.jsonl", good, row))


def test_a_missing_and_a_broken_file_are_errors_that_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cannot be read"):
        load_pairs(tmp_path / "none.jsonl")
    (tmp_path / "f.jsonl").write_text("{}\n{", encoding="utf-8")
    with pytest.raises(BadInput, match="line 2 is not JSON"):
        load_pairs(tmp_path / "f.jsonl")


def test_a_check_is_kept_and_a_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    check = check_judge(Spoken(), pairs(("0.9", True), ("0.1", False)))
    save_check(tmp_path / "check.json", check)
    assert load_check(tmp_path / "check.json") == check
    (tmp_path / "check.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadInput, match="not a judge check"):
        load_check(tmp_path / "check.json")
    with pytest.raises(NotFound, match="judge-check --out"):
        load_check(tmp_path / "none.json")


class Agreeing:
    """A judge that nobody has checked yet."""

    name = "chat:some/model"
    asked = 0

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        self.asked += len(pairs)
        return [Verdict(1.0) for _ in pairs]


def test_a_judge_is_corrected_by_the_check_one_gives_or_the_shipped_one_or_one_made_on_the_shipped_pairs(
    tmp_path: Path,
) -> None:
    given, agreeing = check_judge(Spoken(), pairs(("0.9", True))), Agreeing()
    spoken, lexical, made = checks_of([Spoken(), LexicalOverlap(), agreeing], [given], tmp_path)
    assert spoken is given
    assert (lexical.judge, made.judge) == ("lexical-overlap", "chat:some/model")
    assert lexical.overall.pairs == made.overall.pairs == agreeing.asked == len(load_pairs(SHIPPED_PAIRS))
    assert made.overall.sensitivity is not None
    assert made.overall.sensitivity.value == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["judge_check.chat-some-model.json"]
    assert checks_of([agreeing], [], tmp_path) == (made,)
    assert agreeing.asked == made.overall.pairs


def rates(agreement: Agreement) -> tuple[float | None, ...]:
    return tuple(rate.value if rate else None for rate in (agreement.sensitivity, agreement.specificity))


@pytest.mark.parametrize("judge", ["lexical-overlap", pytest.param("bundled", marks=pytest.mark.slow)])
def test_the_shipped_check_is_that_of_the_shipped_judge(judge: str) -> None:
    """On the kinds of pairs that are judged wrongly most often. When this fails after a change of the judge:
    make judge-checks."""
    hard = [pair for pair in load_pairs(SHIPPED_PAIRS) if pair.kind in ("own", "number", "conflict")]
    shipped, now = load_check(DATA / f"judge_check.{judge}.json"), check_judge(open_judge(judge), hard)
    assert len(now.by_kind) == 3
    for kind, found in now.by_kind.items():
        assert rates(found) == pytest.approx(rates(shipped.by_kind[kind]), abs=0.04)
