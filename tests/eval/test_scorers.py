"""One's own scorers, as the documentation shows them."""

import doctest
from pathlib import Path

import pytest

from eval import scorers
from eval.judge import LexicalOverlap
from eval.scorers import all_scorers, load_scorers, with_word_overlap
from ingest.errors import BadInput
from ingest.types import Place
from tests.eval.samples import REFUSAL, case, record
from tests.fakes import FakeEmbedder


def documented() -> str:
    """The example of the module's documentation, as a file of its own."""
    return "".join(example.source for example in doctest.DocTestParser().get_examples(scorers.__doc__ or ""))


def test_the_documented_example_is_a_file_of_scorers(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(documented(), encoding="utf-8")
    (short,) = load_scorers(tmp_path / "mine.py")
    one = record(case(), REFUSAL)
    assert one.trial is not None
    assert (short.name, short.applies(one), short.score(one, one.trial).value) == ("short", True, 1.0)


@pytest.mark.parametrize("code", ["", "SCORERS = [1]", "1/0", "SCORERS = []"])
def test_a_file_without_scorers_is_an_error_that_says_what_to_define(tmp_path: Path, code: str) -> None:
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    with pytest.raises(BadInput, match="define SCORERS"):
        load_scorers(tmp_path / "mine.py")


def test_all_scorers_cover_each_stage_and_word_overlap_stands_beside_every_judge() -> None:
    one = record(case(), REFUSAL, {"fused": ((Place("cache.md", 0, 1),),)})
    judges = with_word_overlap([LexicalOverlap()])
    names = [scorer.name for scorer in all_scorers([one], FakeEmbedder, judges)]
    assert {"citation_recall", "relevance", "lexical-overlap/faithfulness", "fused/nDCG@10"} <= set(names)
    assert len(names) == len(set(names))
