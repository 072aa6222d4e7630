"""python -m rag.training: trains, calibrates and writes the weights."""

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import NoteciteError
from rag.training.recipes import JudgeRecipe, RankingRecipe

if TYPE_CHECKING:
    from rag.training.claims import Claim
    from rag.training.examples import Notes
    from rag.training.judge import JudgeExamples
    from rag.training.pairs import AnswerList

_RANKING_LIMITS = """\
Trained on passages of at most 160 tokens and questions of at most 64; Chinese and English. The probability is that of
one passage among the candidates of a search, on notes like those that it was fitted on."""

_JUDGE_LIMITS = """\
Trained on pairs of at most 168 tokens: a claim over a few sentences, a question over one statement; Chinese and
English. The probabilities are those of pairs like the ones that they were fitted on."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except NoteciteError as error:
        sys.stderr.write(f"notecite: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag.training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in (("ranking", _ranking), ("judge", _judge)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--notes", type=Path, required=True, help="folder of notes; a fifth is held back")
        command.add_argument("--questions", type=Path, nargs="*", default=[], help="questions over them (JSON lines)")
        command.add_argument("--reading", type=Path, nargs="*", default=[], help="SQuAD-style reading sets")
        command.add_argument("--out", type=Path, required=True, help="the weights file to write")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument(
            "--data", action="append", default=[], help="a line of the model card: a set and its licence"
        )
        command.add_argument("--cache", type=Path, help="folder of the unpacked bundled model")
        command.add_argument("--parallel", type=Path, nargs="*", default=[], help="pairs of parallel reading sets")
        command.add_argument(
            "--checkpoint", type=Path, help="where a run is saved and resumed; by default beside --out"
        )
        if name == "ranking":
            command.add_argument("--steps", type=int, default=RankingRecipe().steps)
        else:
            command.add_argument("--steps", type=int, default=JudgeRecipe().steps)
            command.add_argument("--written", type=Path, nargs="*", default=[], help="folders; see training.pairs")
            command.add_argument("--labelled", type=Path, nargs="*", default=[], help="folders of labelled searches")
            command.add_argument("--support", type=Path, nargs="*", default=[], help="public support sets")
            command.add_argument("--clapnq", type=Path, nargs="*", default=[], help="files of CLAPNQ")
            command.add_argument("--start", type=Path, help="weights of a judge to start from")
    return parser


def _report(line: str) -> None:
    sys.stderr.write(line + "\n")


def _checkpoint(options: argparse.Namespace) -> Path:
    given: Path | None = options.checkpoint
    return given or options.out.with_suffix(".checkpoint")


def _ranking(options: argparse.Namespace) -> None:
    from ingest.embed import open_token_counter, open_tokenizer
    from ingest.late import LateInteraction
    from rag.training.calibrate import NOT_CALIBRATED, calibrate_ranking
    from rag.training.card import write_card
    from rag.training.examples import headings, parallel_reading, read_notes, reading, written
    from rag.training.mining import Miner, lexical_search
    from rag.training.model import Body, bundled_bert
    from rag.training.ranking import train_ranking

    recipe = replace(RankingRecipe(), steps=options.steps, seed=options.seed)
    notes = read_notes(options.notes, open_token_counter(cache_folder=options.cache))
    examples = written(notes, options.questions, held_back=False) + headings(notes, options.seed)
    examples = Miner(examples, [lexical_search(examples.passages, depth=40)], seed=options.seed).mined()
    examples += reading(options.reading, options.seed)
    for left, right in zip(options.parallel[::2], options.parallel[1::2], strict=True):
        examples += parallel_reading(left, right)
    _report(f"{len(examples.examples)} examples over {len(examples.passages)} passages")
    body = Body(bundled_bert(options.cache), recipe.first_layer)
    tokenize = open_tokenizer(options.cache)
    model = train_ranking(examples, recipe, tokenize, body, _checkpoint(options), _report)
    model.write(options.out, NOT_CALIBRATED)
    held_back = written(notes, options.questions, held_back=True)
    blend = calibrate_ranking(LateInteraction(options.out, options.cache), held_back, seed=options.seed)
    model.write(options.out, blend)
    figures = f"Weights of the blend, the intercept last: {', '.join(f'{weight:.2f}' for weight in blend)}."
    kinds = [example.source for example in examples.examples]
    write_card(options.out, "Ranking weights", asdict(recipe), options.data, kinds, figures, _RANKING_LIMITS)


def _judge(options: argparse.Namespace) -> None:
    import torch

    from ingest.adaptation import read_adaptation
    from ingest.embed import open_token_counter, open_tokenizer
    from rag.judge import BundledJudge
    from rag.support import SIGNS
    from rag.training.calibrate import calibrate_judge, judge_not_calibrated
    from rag.training.card import write_card
    from rag.training.cross_encoder import CrossEncoder
    from rag.training.examples import read_notes
    from rag.training.judge import train_judge
    from rag.training.model import Body, bundled_bert

    recipe = replace(JudgeRecipe(), steps=options.steps, seed=options.seed)
    notes = read_notes(options.notes, open_token_counter(cache_folder=options.cache))
    examples = _judge_examples(options, notes)
    kinds = [f"claims, {name}" for name, claims in examples.claims.items() for _ in claims]
    kinds += [f"questions, {name}" for name, lists in examples.lists.items() for _ in lists]
    _report(f"{len(kinds)} examples")
    torch.manual_seed(options.seed)
    model = CrossEncoder(Body(bundled_bert(options.cache), recipe.first_layer))
    if options.start:
        model.start_from(read_adaptation(options.start))
    train_judge(examples, recipe, open_tokenizer(options.cache), model, _checkpoint(options), _report)
    model.write(options.out, judge_not_calibrated(len(SIGNS)))
    claims, lists = _calibration_examples(options, notes)
    if claims and lists:
        judge = BundledJudge(options.out, options.cache)
        model.write(options.out, calibrate_judge(judge, claims, lists))
    figures = (
        f"Calibrated on {len(claims)} claims and {len(lists)} questions of half of the documents that were held back."
    )
    write_card(options.out, "Judge weights", asdict(recipe), options.data, kinds, figures, _JUDGE_LIMITS)


def _judge_examples(options: argparse.Namespace, notes: "Notes") -> "JudgeExamples":
    """What the judge is trained on, by source."""
    from ingest.embed import BundledEmbedder
    from rag.training.claims import from_answers, from_passages, from_reading, from_support_set, note_texts
    from rag.training.judge import JudgeExamples
    from rag.training.pairs import (
        from_clapnq,
        from_parallel_reading,
        from_questions,
        from_reading_answers,
        from_twins,
        read_written,
        shortened,
    )

    seed = options.seed
    made = [
        *from_answers(notes, options.questions, held_back=False, seed=seed),
        *from_passages(note_texts(notes, held_back=False), seed),
        *from_reading(options.reading, seed),
        *(claim for path in options.support for claim in from_support_set(path, seed)),
    ]
    embed = BundledEmbedder(options.cache).embed_passages
    written = [read_written(folder, held_back=False, seed=seed) for folder in options.written]
    labelled = [read_written(folder, held_back=False, seed=seed) for folder in options.labelled]
    parallel = zip(options.parallel[::2], options.parallel[1::2], strict=True)
    return JudgeExamples(
        {
            "written": [claim for claims, _ in written for claim in claims],
            "labelled": [claim for claims, _ in labelled for claim in claims],
            "made": list(shortened(made, seed)),
            "twins": from_twins(notes, embed, held_back=False, seed=seed),
        },
        {
            "written": [asked for _, lists in written for asked in lists],
            "labelled": [asked for _, lists in labelled for asked in lists],
            "quoted": from_questions(notes, options.questions, held_back=False, seed=seed),
            "reading": from_reading_answers(options.reading, seed),
            "parallel": [asked for left, right in parallel for asked in from_parallel_reading(left, right)],
            "clapnq": [asked for path in options.clapnq for asked in from_clapnq(path)],
        },
    )


def _calibration_examples(options: argparse.Namespace, notes: "Notes") -> "tuple[list[Claim], list[AnswerList]]":
    """The claims and questions of the half of what was held back that calibrates."""
    from rag.training.claims import from_answers, from_passages, note_texts
    from rag.training.examples import calibrates
    from rag.training.pairs import from_questions, read_written, shortened

    seed = options.seed
    written = [read_written(folder, held_back=True, seed=seed) for folder in options.written]
    claims = [claim for own, _ in written for claim in own if calibrates(claim.group)]
    # Written claims share few words with what supports them; without made ones the blend would take that for a sign.
    made = [
        claim
        for claim in (
            *from_answers(notes, options.questions, held_back=True, seed=seed),
            *from_passages(note_texts(notes, held_back=True), seed),
        )
        if calibrates(claim.group)
    ]
    random.Random(seed).shuffle(made)  # noqa: S311
    claims += shortened(made[: len(claims) or None], seed)
    lists = [asked for _, own in written for asked in own]
    lists = lists or from_questions(notes, options.questions, held_back=True, seed=seed)
    return claims, [asked for asked in lists if calibrates(asked.group)]


if __name__ == "__main__":
    sys.exit(main())
