"""How well the product distinguishes questions that the notes answer from questions whose passage is not among them.

    python -m eval.benchmarks.abstention READING [--questions 300] [--seed 0] [--strictness balanced] [--cases]

READING is a SQuAD-style file (CMRC, DRCD, XQuAD) or CLAPNQ's JSON lines. Each passage becomes a note, except for the
passages of half of the questions; then every question is asked of the bundled models as they are shipped, without a
chat model. Questions are left out if another passage holds the answer's words, too, since it may answer. Prints the
area under the ROC curve of the answering probability, with a 95 % interval clustered by passage, and the refusals at
each strictness; ``--cases`` adds the questions that went wrong at ``--strictness``.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.answerer import synced
from eval.stats import auroc, share
from ingest.embed import BUNDLED
from ingest.errors import BadInput, NoteciteError
from ingest.phrases import Phrase
from rag.build import LEAST_CONFIDENCE
from rag.settings import load_settings
from rag.training.examples import squad_paragraphs
from rag.types import Answer

_SHOWN = 120
"""Characters of an answer that went wrong."""


@dataclass(frozen=True, slots=True)
class Question:
    """``golds`` are the annotators' answers, word for word from the passage."""

    text: str
    golds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    title: str
    text: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A question and where it stands: the number of its passage, and whether that passage is among the notes."""

    question: Question
    passage: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial: the ``answer`` at the most eager strictness, and the probability that the notes hold it."""

    trial: Trial
    answer: Answer
    confidence: float

    def refused(self, strictness: str) -> bool:
        return self.answer.abstained or self.confidence < LEAST_CONFIDENCE[strictness]


def read_passages(path: Path) -> list[Passage]:
    """The passages of a reading file, each once. Raises BadInput for any other file."""
    try:
        text = path.read_text("utf-8")
        found = _clapnq(text) if path.suffix == ".jsonl" else _squad(text)
        merged: dict[str, Passage] = {}
        for passage in found:
            known = merged.get(passage.text)
            questions = (*known.questions, *passage.questions) if known else passage.questions
            merged[passage.text] = Passage(passage.title, passage.text, questions)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            Phrase("not a reading set", "不是阅读理解数据"),
            path,
            Phrase(
                "give a SQuAD-style file or CLAPNQ's JSON lines", "请给出 SQuAD 格式的文件或 CLAPNQ 的 JSON lines 文件"
            ),
        ) from error
    return list(merged.values())


def _squad(text: str) -> Iterator[Passage]:
    for _, article, paragraph in squad_paragraphs(text):
        questions = (_question(item["question"], (a["text"] for a in item["answers"])) for item in paragraph["qas"])
        yield Passage(article.get("title", ""), paragraph["context"], tuple(questions))


def _clapnq(text: str) -> Iterator[Passage]:
    # JSON strings may hold what splitlines takes for the end of a line, such as U+2028.
    for item in (json.loads(line) for line in text.split("\n") if line.strip()):
        golds = [sentence for output in item["output"] for sentence in output["selected_sentences"]]
        for passage in item["passages"]:
            yield Passage(passage["title"], passage["text"], (_question(item["input"], golds),))


def _question(text: str, golds: Any) -> Question:
    return Question(text, tuple(dict.fromkeys(gold.strip() for gold in golds if gold.strip())))


def draw(passages: Sequence[Passage], count: int, seed: int) -> list[Trial]:
    """About ``count`` questions, half of them kept, taken from as many passages as there are, in a random order."""
    rng = random.Random(seed)  # noqa: S311
    open_questions = {at: _answered_here_alone(passages, at) for at in range(len(passages))}
    order = [at for at, questions in open_questions.items() if questions]
    rng.shuffle(order)
    trials: list[Trial] = []
    for kept, numbers in ((True, order[::2]), (False, order[1::2])):
        rounds = [rng.sample(open_questions[at], len(open_questions[at])) for at in numbers]
        turns = range(max(map(len, rounds), default=0))
        taken = [
            Trial(own[turn], at, kept)
            for turn in turns
            for at, own in zip(numbers, rounds, strict=True)
            if turn < len(own)
        ]
        trials += taken[: count // 2]
    return trials


def _answered_here_alone(passages: Sequence[Passage], at: int) -> list[Question]:
    """The questions of a passage whose answers stand in no other passage."""
    others = [passage.text for number, passage in enumerate(passages) if number != at]
    return [
        question
        for question in passages[at].questions
        if question.golds and not any(gold in text for gold in question.golds for text in others)
    ]


def write_notes(passages: Sequence[Passage], trials: Sequence[Trial], folder: Path) -> int:
    """Writes the passages as notes, without those that were taken away, and returns their number."""
    removed = {trial.passage for trial in trials if not trial.kept}
    kept = [(at, passage) for at, passage in enumerate(passages) if at not in removed]
    for at, passage in kept:
        heading = f"# {' '.join(passage.title.split())}\n\n" if passage.title.strip() else ""
        (folder / f"{at:05}.md").write_text(f"{heading}{passage.text}\n", encoding="utf-8")
    return len(kept)


def tables(outcomes: Sequence[Outcome]) -> str:
    """The area and the refusals by strictness, as Markdown."""
    area = auroc(
        [o.confidence for o in outcomes], [o.trial.kept for o in outcomes], [o.trial.passage for o in outcomes]
    )
    lines = [
        f"AUROC of the answering probability: {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]",
        "",
        "| strictness | refused, passage removed [95 %] | falsely refused, passage kept [95 %] |",
        "|---|---|---|",
    ]
    for strictness in LEAST_CONFIDENCE:
        cells = (_refused(strictness, [o for o in outcomes if o.trial.kept is kept]) for kept in (False, True))
        lines.append(f"| {strictness} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _refused(strictness: str, outcomes: Sequence[Outcome]) -> str:
    refused = [float(outcome.refused(strictness)) for outcome in outcomes]
    if not refused:
        return "–"
    rate = share(refused, [outcome.trial.passage for outcome in outcomes])
    return f"{sum(refused):.0f} of {len(refused)}, {rate.printed()}"


def case_lines(outcomes: Sequence[Outcome], strictness: str) -> str:
    """A line for each question that went wrong."""
    lines = []
    for outcome in outcomes:
        refused, question = outcome.refused(strictness), outcome.trial.question
        if refused is outcome.trial.kept:
            told = "refused" if refused else f"answered: {' '.join(outcome.answer.text.split())[:_SHOWN]}"
            lines.append(f"- {outcome.confidence:.2f} {question.text} ({question.golds[0]}) {told}")
    return "\n".join(lines) + "\n"


def ask_all(trials: Sequence[Trial], ask: Callable[[str], Answer]) -> list[Outcome]:
    """Every trial's outcome; ``ask`` returns answers with a confidence."""
    return [
        Outcome(trial, answer, answer.confidence or 0.0) for trial in trials for answer in (ask(trial.question.text),)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.abstention")
    parser.add_argument("reading", type=Path, help="reading set")
    parser.add_argument("--questions", type=int, default=300, help="how many, at most")
    parser.add_argument("--seed", type=int, default=0, help="draws the questions")
    parser.add_argument("--strictness", choices=tuple(LEAST_CONFIDENCE), default="balanced", help="for --cases")
    parser.add_argument("--cases", action="store_true", help="list the questions that went wrong, too")
    options = parser.parse_args(arguments)
    try:
        passages = read_passages(options.reading)
        trials = draw(passages, options.questions, options.seed)
        with tempfile.TemporaryDirectory() as temporary:
            notes = Path(temporary) / "notes"
            notes.mkdir()
            count = write_notes(passages, trials, notes)
            # What is refused at a stricter setting follows from the probability.
            settings = load_settings(
                library=Path(temporary) / "library",
                embedder=BUNDLED,
                reranker=BUNDLED,
                chat_model="",
                strictness="eager",
            )
            with synced(notes, settings) as application:
                outcomes = ask_all(trials, application.pipeline.answer)
    except NoteciteError as error:
        sys.stderr.write(f"notecite: {error}\n")
        return 1
    sys.stdout.write(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: {options.reading.name}, seed {options.seed}, "
        f"{sum(trial.kept for trial in trials)} questions with their passage and "
        f"{sum(not trial.kept for trial in trials)} without, {count} of {len(passages)} passages are notes\n\n"
    )
    sys.stdout.write(tables(outcomes))
    if options.cases:
        sys.stdout.write("\n" + case_lines(outcomes, options.strictness))
    return 0


if __name__ == "__main__":
    sys.exit(main())
