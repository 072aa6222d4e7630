from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from ingest.protocols import Vectors
from rag.generate import ExtractiveGenerator
from rag.pipeline import Pipeline
from rag.premise import PremiseCheck
from rag.protocols import Config
from rag.types import Answer, Draft, Hit, Query, Restart, Statement, TextPiece
from tests.rag.sample_hits import COFFEE, TEA, pipeline_over, read

BOILING = Query("为什么绿茶要用开水冲泡？", "为什么绿茶要用开水冲泡？")


class DeniesBoiling:
    """Finds every mention of boiling water contradicted by 80 degrees."""

    def support(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        return np.array([[0.0, float("80 度" in premise and "开水" in claim), 0.0] for premise, claim in pairs])


check = PremiseCheck(DeniesBoiling())


def sure(query: Query, hits: Sequence[Hit]) -> list[Statement]:
    return [replace(statement, chance=0.9) for statement in read(query, hits)]


def test_the_statement_that_denies_what_the_question_assumes_is_found() -> None:
    denial = check(BOILING, sure(BOILING, (TEA, COFFEE)))
    assert denial is not None
    assert denial.text == "绿茶用 80 度左右的水冲泡。"


def test_what_hardly_answers_denies_nothing() -> None:
    assert check(BOILING, read(BOILING, (TEA,))) is None
    assert check(BOILING, [replace(s, chance=0.1) for s in sure(BOILING, (TEA,))]) is None
    assert check(replace(BOILING, asked="绿茶用多少度的水？"), sure(BOILING, (TEA,))) is None


def pipeline(hits: Sequence[Hit] = (TEA, COFFEE)) -> Pipeline:
    return replace(pipeline_over(hits, ExtractiveGenerator(200)), read=sure, premise=check)


@pytest.mark.parametrize(
    ("question", "opening"),
    [
        ("为什么绿茶要用开水冲泡？", "问题的前提与笔记不符，笔记里说：\n\n绿茶用 80 度左右的水冲泡。 [1]"),
        ("Why 开水 for tea?", "问题的前提与笔记不符"),
    ],
)
def test_the_answer_opens_with_what_the_notes_say_instead(question: str, opening: str) -> None:
    *events, answer = pipeline().stream(question)
    assert isinstance(answer, Answer)
    assert answer.text.startswith(opening)
    assert answer.text.count("绿茶用 80 度左右的水冲泡。") == 1
    assert answer.sentences[1].citations == (1,)
    assert "".join(event.text for event in events if isinstance(event, TextPiece)).strip() == answer.text


class StartsAgain:
    """A generator whose first attempt is withdrawn."""

    def generate(
        self, query: Query, hits: Sequence[Hit], read: Sequence[Statement], config: Config | None = None
    ) -> Iterator[Draft | Restart]:
        yield Draft("半句", (), "")
        yield Restart()
        yield Draft("绿茶要用温水。", (), "")


def test_a_withdrawn_attempt_keeps_the_opening() -> None:
    answer = replace(pipeline(), generator=StartsAgain()).answer(BOILING.question)
    assert [s.text for s in answer.sentences] == [
        "问题的前提与笔记不符，笔记里说：",
        "绿茶用 80 度左右的水冲泡。",
        "绿茶要用温水。",
    ]
    assert answer.text.endswith("[1]\n\n绿茶要用温水。")
