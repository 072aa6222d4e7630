"""Questions with known answers -> labelled pairs in our own notes' words, to measure a judge's errors on.

    python -m eval.judge_pairs --questions FILE --library FOLDER --out FILE

Premises are gold quotes under their headings, as cited words are shown to a judge. They support each of the quotes
("quoted") and a sentence of the gold answer ("own"). The sentence is not supported by the quotes of another question on
the same note, the one whose quotes share most words with it ("elsewhere"). Its own quotes no longer support it once a
number is changed ("number") or that other question's answer is added ("half"). The quotes on one side of a conflict do
not support the other side ("conflict"). People should read the pairs: an answer may say more than its quotes, and a
note may say a thing twice.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from eval.answerer import finder_in
from eval.cases import load_cases
from eval.evidence import ink, touched
from eval.judge import LexicalOverlap
from eval.keypoints import claim_of
from eval.pairs import LabelledPair
from eval.types import EvalRecord
from ingest.library import Library, open_library
from ingest.sentences import sentences
from ingest.types import Place
from rag.judge import in_context

_PLAIN = ("fact", "list", "compare", "howto/why", "number", "followup")
_SHORTEST_CLAIM = 12
"""Characters that are not white space."""
_NUMBER = re.compile(r"\d+")
_LATIN_BEFORE = re.compile(r"[A-Za-z_][\d.-]*$")

HeadingsAt = Callable[[Place], tuple[str, ...]]


def pairs_of(records: Sequence[EvalRecord], headings_at: HeadingsAt) -> Iterator[LabelledPair]:
    """At most one pair of each kind for each question; the trials of ``records`` are ignored."""
    plain = [record for record in records if record.case.type in _PLAIN]
    for record in plain:
        own = _premise(record, headings_at)
        quote = max((each.quote for each in record.case.evidence), key=len)
        if len(ink(quote)) >= _SHORTEST_CLAIM:
            yield LabelledPair(own, quote, True, "", "quoted")
        claim = _claim(record, own)
        if not claim:
            continue
        yield LabelledPair(own, claim, True, "", "own")
        changed = _with_a_number_changed(claim)
        if changed:
            yield LabelledPair(own, changed, False, "", "number")
        other = _nearest(record, claim, plain, headings_at)
        if other:
            elsewhere = _premise(other, headings_at)
            yield LabelledPair(elsewhere, claim, False, "", "elsewhere")
            added = _claim(other, elsewhere)
            if added and not changed:
                yield LabelledPair(own, f"{claim} {added}", False, "", "half")
    for record in records:
        if record.case.type == "conflict":
            yield from _conflicting(record, headings_at)


def _claim(record: EvalRecord, premise: str) -> str:
    """The longest sentence of the gold answer; empty if none is long enough.

    A number that is not in the premise shows that the sentence rests on more than the quotes.
    """
    answer, held = record.case.answer, set(_NUMBER.findall(premise))
    found = [answer[start:end].strip() for start, end in sentences(answer, 0, len(answer))]
    fit = (each for each in found if len(ink(each)) >= _SHORTEST_CLAIM and set(_NUMBER.findall(each)) <= held)
    return max(fit, key=len, default="")


def _premise(record: EvalRecord, headings_at: HeadingsAt, without: str = "") -> str:
    """The gold quotes under their headings, in the form of ``eval.judged.premise``; those of documents whose name ends
    in ``without`` are left out."""
    found = zip(record.case.evidence, record.gold.evidence, strict=True)
    return "\n\n".join(
        in_context(headings_at(places[0]), evidence.quote)
        for evidence, places in found
        if not (without and evidence.document_id.endswith(without))
    )


def _nearest(
    record: EvalRecord, claim: str, others: Sequence[EvalRecord], headings_at: HeadingsAt
) -> EvalRecord | None:
    """The other question on the same note whose quotes share most words with the claim; None if the quotes of every
    other one overlap this question's own."""
    own = [place for places in (*record.gold.evidence, *record.gold.alternatives) for place in places]
    apart = [
        other for other in others if other.case.cluster == record.case.cluster and not touched(other.gold.evidence, own)
    ]
    verdicts = LexicalOverlap().judge([(_premise(other, headings_at), claim) for other in apart])
    shared = [verdict.support if verdict else 0.0 for verdict in verdicts]
    return apart[shared.index(max(shared))] if apart else None


def _with_a_number_changed(claim: str) -> str:
    """The claim with its last number raised by a tenth, but at least by one; empty if all its numbers are parts of
    names."""
    found = [match for match in _NUMBER.finditer(claim) if not _LATIN_BEFORE.search(claim[: match.start()])]
    if not found:
        return ""
    number = found[-1]
    changed = str(int(number[0]) + max(1, int(number[0]) // 10))
    return claim[: number.start()] + changed + claim[number.end() :]


def _conflicting(record: EvalRecord, headings_at: HeadingsAt) -> Iterator[LabelledPair]:
    """What one note says, with the quotes of the others as premise, where the key point names its note."""
    for point in record.case.keypoints:
        claim = claim_of(point)
        name = re.split("[:：]", point)[0].strip()
        theirs = _premise(record, headings_at, without=name)
        if claim != point and theirs != _premise(record, headings_at):
            yield LabelledPair(theirs, claim, False, "", "conflict")


def headings_in(library: Library) -> HeadingsAt:
    """The heading path of the chunk that holds a place."""

    def headings_at(place: Place) -> tuple[str, ...]:
        chunks = library.chunks_of(place.document_id)
        return next((chunk.headings for chunk in chunks if chunk.start <= place.start < chunk.end), ())

    return headings_at


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.judge_pairs")
    parser.add_argument("--questions", type=Path, required=True, help="question file (JSON lines)")
    parser.add_argument("--library", type=Path, required=True, help="library folder")
    parser.add_argument("--out", type=Path, required=True, help="file of labelled pairs to write")
    options = parser.parse_args(arguments)
    with open_library(options.library) as library:
        finder = finder_in(library)
        cases = load_cases(options.questions, finder)
        records = [EvalRecord(case, finder.gold(case), None) for case in cases]
        pairs = list(pairs_of(records, headings_in(library)))
    rows = [{"premise": p.premise, "claim": p.claim, "supported": p.supported, "kind": p.kind} for p in pairs]
    options.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
