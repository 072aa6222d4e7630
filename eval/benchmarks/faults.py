"""Are planted faults caught? Each breaks the answers of a finished run in one way; it must move its own score out of
the interval of the honest run and close the gate.

    python -m eval.benchmarks.faults RUN --library FOLDER [--judge NAME ...]

Prints a Markdown table; the exit code is 1 when a fault is not caught.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.answers import ANSWER_SCORERS
from eval.compare import gate
from eval.judge import LexicalOverlap, open_judge
from eval.judged import judged_scorers
from eval.keypoints import KEYPOINT_TERMS
from eval.run import Run, load_run, score_run
from eval.score import Row
from eval.stages import FINAL
from eval.types import EvalRecord, Scorer, Trial
from ingest.errors import NoteciteError
from ingest.library import open_library
from ingest.types import Place
from rag.types import Answer, Citation, Sentence

TextOf = Callable[[str], str]
"""A document's text by its id."""

ScorersFor = Callable[[Sequence[EvalRecord]], Sequence[Scorer]]

_LENGTH_OF_FORCED_ANSWER = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """A way of answering badly, and the score that must show it."""

    name: str
    own_score: str
    answer: Callable[[Trial, TextOf, np.random.Generator], Answer]


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a fault's own score. ``beyond``: it left the honest interval on the bad side. ``closed``: the
    measures that do not pass the gate."""

    fault: Fault
    honest: Row
    faulty: Row
    beyond: bool
    closed: tuple[str, ...]

    @property
    def caught(self) -> bool:
        return self.beyond and self.fault.own_score in self.closed


def find(honest: Run, fault: Fault, scorers: ScorersFor, text_of: TextOf) -> Finding:
    """Breaks every answer of the honest run, scores the result, and compares it with the honest run."""
    generator = np.random.default_rng(0)
    records = [
        replace(record, trial=replace(record.trial, answer=fault.answer(record.trial, text_of, generator)))
        if record.trial
        else record
        for record in honest.records
    ]
    faulty = score_run(Path(fault.name), honest.spec, records, scorers(records))
    before, after = honest.summary.row(fault.own_score), faulty.summary.row(fault.own_score)
    assert before
    assert after
    value = after.estimate.value
    return Finding(
        fault=fault,
        honest=before,
        faulty=after,
        beyond=value > before.estimate.high if before.rate_of_failure else value < before.estimate.low,
        closed=tuple(line.name for line in gate(honest, faulty) if not line.passed),
    )


def cite_random_hits(trial: Trial, text_of: TextOf, generator: np.random.Generator) -> Answer:
    """Every citation points to a hit drawn at random."""
    hits = _hits(trial)
    if not hits:
        return trial.answer
    drawn = (hits[index] for index in generator.integers(len(hits), size=len(trial.answer.citations)))
    citations = [
        replace(citation, document_id=at.document_id, start=at.start, end=at.end, also_at=(), quote=_words(at, text_of))
        for citation, at in zip(trial.answer.citations, drawn, strict=True)
    ]
    return replace(trial.answer, citations=tuple(citations))


def drop_every_second(trial: Trial, text_of: TextOf, generator: np.random.Generator) -> Answer:
    """Every second sentence or list item is missing, with the citations that only it had."""
    return _with_sentences(trial.answer, trial.answer.sentences[::2])


def swap_numbers(trial: Trial, text_of: TextOf, generator: np.random.Generator) -> Answer:
    """Every digit of every sentence is one higher; the citations stay."""
    changed = [replace(sentence, text=_DIGIT.sub(_next_digit, sentence.text)) for sentence in trial.answer.sentences]
    return _with_sentences(trial.answer, changed)


def never_refuse(trial: Trial, text_of: TextOf, generator: np.random.Generator) -> Answer:
    """Where the honest answer is a refusal, the beginning of the first hit is the answer."""
    hits = _hits(trial)
    if not trial.answer.abstained or not hits:
        return trial.answer
    at = hits[0]
    quote = _words(at, text_of)[:_LENGTH_OF_FORCED_ANSWER]
    citation = Citation(1, at.document_id, (), None, at.start, at.start + len(quote), quote)
    answer = replace(trial.answer, abstained=False, citations=(citation,))
    return _with_sentences(answer, [Sentence(quote, (1,))])


def always_refuse(trial: Trial, text_of: TextOf, generator: np.random.Generator) -> Answer:
    return replace(_with_sentences(trial.answer, []), abstained=True)


FAULTS = (
    Fault("cites random hits", "citation_precision", cite_random_hits),
    Fault("drops every second item", "citation_recall", drop_every_second),
    Fault("swaps numbers", "numbers_cited", swap_numbers),
    Fault("never refuses", "false_answer", never_refuse),
    Fault("always refuses", "false_refusal", always_refuse),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.faults")
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--library", type=Path, required=True, help="the library that it asked")
    parser.add_argument("--judge", action="append", default=[LexicalOverlap.name], help="a judge; may be repeated")
    options = parser.parse_args(arguments)

    def scorers(records: Sequence[EvalRecord]) -> tuple[Scorer, ...]:
        judged = (scorer for name in options.judge for scorer in judged_scorers(open_judge(name), records))
        return (*ANSWER_SCORERS, KEYPOINT_TERMS, *judged)

    try:
        stored = load_run(options.run)
        honest = score_run(stored.folder, stored.spec, stored.records, scorers(stored.records))
        with open_library(options.library) as library:
            findings = [find(honest, fault, scorers, lambda id_: library.document(id_).text) for fault in FAULTS]
    except NoteciteError as error:
        sys.stderr.write(f"notecite: {error}\n")
        return 1
    sys.stdout.write(table(findings))
    return int(not all(finding.caught for finding in findings))


def table(findings: Sequence[Finding]) -> str:
    lines = ["| fault | its score | honest | faulty | beyond | gate closes on |", "|---|---|---|---|---|---|"]
    for finding in findings:
        before, after = finding.honest.estimate, finding.faulty.estimate
        cells = (
            finding.fault.name,
            finding.fault.own_score,
            before.printed(),
            f"{after.value:.3f}",
            "yes" if finding.beyond else "NO",
            ", ".join(finding.closed) or "NOTHING",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_DIGIT = re.compile(r"\d")


def _next_digit(match: re.Match[str]) -> str:
    return str((int(match[0]) + 1) % 10)


def _with_sentences(answer: Answer, sentences: Sequence[Sentence]) -> Answer:
    """The answer made of these sentences alone, one a line, with the citations that they use."""
    used = {number for sentence in sentences for number in sentence.citations}
    return replace(
        answer,
        text="\n".join(sentence.text for sentence in sentences),
        sentences=tuple(sentences),
        citations=tuple(citation for citation in answer.citations if citation.number in used),
    )


def _hits(trial: Trial) -> list[Place]:
    """The places of the hits that the answer could have been made from."""
    return [places[0] for places in trial.rankings.get(FINAL, ())]


def _words(at: Place, text_of: TextOf) -> str:
    return text_of(at.document_id)[at.start : at.end]


if __name__ == "__main__":
    sys.exit(main())
