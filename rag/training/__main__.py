"""python -m rag.training: trains, calibrates and writes the weights."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ingest.errors import NoteciteError
from rag.training.settings import RankingRecipe

_RANKING_LIMITS = """\
Trained on passages of at most 160 tokens and questions of at most 64; Chinese and English. The probability is that of
one passage among the candidates of a search, on notes like those it was fitted on."""

_JUDGE_LIMITS = """\
Sees what is missing from the premise or changed in a word. Sees little of what is turned around with the same words:
swapped subjects, causes, negations far from their verb."""


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
        command.add_argument("--data", action="append", default=[], help="a line of the model card: a set, its licence")
        command.add_argument("--cache", type=Path, help="folder of the unpacked bundled model")
        if name == "ranking":
            command.add_argument("--parallel", type=Path, nargs="*", default=[], help="pairs of parallel reading sets")
            command.add_argument("--checkpoint", type=Path, help="where a run leaves off and goes on; beside --out")
            command.add_argument("--steps", type=int, default=RankingRecipe().steps)
        else:
            command.add_argument("--ranking", type=Path, required=True, help="the ranking weights to judge with")
            command.add_argument("--support", type=Path, nargs="*", default=[], help="public support sets")
            command.add_argument("--claims", type=int, default=4000, help="how many claims to fit on")
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
    model.write(options.out, NOT_CALIBRATED.late, NOT_CALIBRATED.blend)
    held_back = written(notes, options.questions, held_back=True)
    calibration = calibrate_ranking(LateInteraction(options.out, options.cache), held_back, seed=options.seed)
    model.write(options.out, calibration.late, calibration.blend)
    figures = f"Logit of the probability = {calibration.late[0]:.2f} times the score {calibration.late[1]:+.2f}."
    kinds = [example.source for example in examples.examples]
    write_card(options.out, "Ranking weights", asdict(recipe), options.data, kinds, figures, _RANKING_LIMITS)


def _judge(options: argparse.Namespace) -> None:
    from ingest.embed import open_token_counter
    from ingest.late import LateInteraction
    from rag.alignment import FEATURES
    from rag.training.alignment import train_alignment
    from rag.training.card import write_card
    from rag.training.claims import (
        from_answers,
        from_parallel,
        from_passages,
        from_reading,
        from_support_set,
        note_texts,
    )
    from rag.training.examples import read_notes

    notes = read_notes(options.notes, open_token_counter(cache_folder=options.cache))
    claims = [
        *from_answers(notes, options.questions, held_back=False, seed=options.seed),
        *from_passages(note_texts(notes, held_back=False), options.seed),
        *from_parallel(notes, held_back=False, seed=options.seed),
        *from_reading(options.reading, options.seed),
        *(claim for path in options.support for claim in from_support_set(path, options.seed)),
    ]
    _report(f"{len(claims)} claims")
    late = LateInteraction(options.ranking, options.cache)
    weights, used = train_alignment(late, claims, options.claims, options.seed)
    weights.write(options.out)
    rows = zip(FEATURES, weights.support, weights.contradiction, strict=False)
    figures = "\n".join(f"- {name}: support {one:+.2f}, contradiction {two:+.2f}" for name, one, two in rows)
    recipe = {"claims": options.claims, "seed": options.seed, "ranking weights": late.fingerprint}
    kinds = [claim.kind for claim in used]
    write_card(options.out, "Judge weights", recipe, options.data, kinds, figures, _JUDGE_LIMITS)


if __name__ == "__main__":
    sys.exit(main())
