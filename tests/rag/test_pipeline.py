from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import BadInput
from ingest.library import Library, open_library
from ingest.phrases import Phrase
from ingest.sync import sync
from rag.answerability import UnknownNames
from rag.generate import ExtractiveGenerator
from rag.langchain import NoteRetriever, as_runnable
from rag.pipeline import LONGEST_QUESTION, Pipeline
from rag.protocols import Config
from rag.rerank import KeepOrder
from rag.retrieve import HybridRetriever
from rag.similarity import EmbeddedSimilarity
from rag.statement_reader import StatementReader
from rag.types import (
    Answer,
    Draft,
    Hit,
    Notice,
    Query,
    Restart,
    Source,
    StageDone,
    Statement,
    Support,
    TextPiece,
    Verdict,
)
from tests.fakes import FakeEmbedder, count_tokens

NOTES = {
    "微调.md": "# 微调笔记\n\n## LoRA 的初始化\n\n矩阵 A 用高斯分布初始化，矩阵 B 置零。这样训练开始时增量是零矩阵。\n",
    "位置.md": "# 位置编码\n\n## RoPE 的外推\n\n直接外推效果差，可以用线性插值。\n\n"
    "## ALiBi 的外推\n\nALiBi 给注意力分数加上随距离增大的惩罚，外推时不用改。\n",
}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    notes = tmp_path / "notes"
    notes.mkdir()
    for name, text in NOTES.items():
        (notes / name).write_text(text, encoding="utf-8")
    with open_library(tmp_path / "library", write=True) as opened:
        sync([notes], opened, FakeEmbedder, lambda: count_tokens)
    with open_library(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def pipeline(library: Library) -> Pipeline:
    embedder = FakeEmbedder()
    return Pipeline(
        retriever=HybridRetriever(library, embedder, 50, 1.0, 1.0),
        reranker=KeepOrder(),
        read=StatementReader(EmbeddedSimilarity(embedder), lambda chunk: (chunk,)),
        answerable=UnknownNames(),
        generator=ExtractiveGenerator(600),
        page_at=library.page_at,
        models={"embedder": "fake"},
    )


def test_every_sentence_cites_a_slice_of_its_document(pipeline: Pipeline, library: Library) -> None:
    answer = pipeline.answer("LoRA 的矩阵怎么初始化")
    assert not answer.abstained
    assert answer.sentences[0].text == "矩阵 A 用高斯分布初始化，矩阵 B 置零。"
    assert all(sentence.citations for sentence in answer.sentences)
    for citation in answer.citations:
        text = library.document(citation.document_id).text
        assert text[citation.start : citation.end] == citation.quote
    assert answer.citations[0].headings == ("微调笔记", "LoRA 的初始化")


def test_the_stream_is_stages_then_text_then_the_answer(pipeline: Pipeline) -> None:
    events = list(pipeline.stream("LoRA 的矩阵怎么初始化"))
    stages = [event.stage for event in events if isinstance(event, StageDone)]
    assert stages == ["condense", "retrieve", "rerank", "read", "generate", "verify"]
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert "".join(event.text for event in events if isinstance(event, TextPiece)).strip() == answer.text
    assert list(answer.seconds) == stages


def test_an_answer_may_go_on_from_a_search(pipeline: Pipeline) -> None:
    question = "LoRA 的矩阵怎么初始化"
    found = pipeline.search(question)
    unsearchable = replace(pipeline, retriever=None)  # type: ignore[arg-type]
    assert unsearchable.answer(question, found=found).sentences == pipeline.answer(question).sentences


def test_a_stage_counts_what_it_dealt_with(pipeline: Pipeline) -> None:
    counts = {
        e.stage: e.count for e in pipeline.stream("那 ALiBi 呢？", ["RoPE 外推怎么做"]) if isinstance(e, StageDone)
    }
    hits = len(pipeline.search("那 ALiBi 呢？", ["RoPE 外推怎么做"]).hits)
    assert hits > 1
    assert (counts["condense"], counts["retrieve"], counts["rerank"]) == (1, hits, hits)


def test_a_refusal_has_no_citations_and_offers_the_nearest_headings(pipeline: Pipeline) -> None:
    answer = pipeline.answer("AdaLoRA 怎么分配")
    assert answer.abstained
    assert answer.citations == ()
    assert answer.sentences == ()
    assert answer.text.startswith("笔记里没有说到这个问题。")
    assert ("微调笔记", "微调笔记", "LoRA 的初始化") in answer.nearest


def test_a_follow_up_is_asked_with_its_subject(pipeline: Pipeline) -> None:
    answer = pipeline.answer("那 ALiBi 呢？", ["RoPE 外推怎么做"])
    assert answer.standalone_question == "ALiBi 外推怎么做"
    assert answer.citations[0].headings[-1] == "ALiBi 的外推"


def test_a_misspelt_name_is_searched_as_the_notes_spell_it(pipeline: Pipeline) -> None:
    answer = pipeline.answer("ALibbi 的外推怎么做")
    assert answer.question == "ALibbi 的外推怎么做"
    assert answer.standalone_question == "ALiBi 的外推怎么做"
    assert answer.citations[0].headings[-1] == "ALiBi 的外推"


@pytest.mark.parametrize("question", ["", " \n\u3000", "问" * (LONGEST_QUESTION + 1)])
def test_an_empty_or_endless_question_is_refused_with_a_message(pipeline: Pipeline, question: str) -> None:
    with pytest.raises(BadInput):
        pipeline.answer(question)


def test_langchain_retriever_gives_documents_with_their_places(pipeline: Pipeline, library: Library) -> None:
    found = NoteRetriever(pipeline=pipeline, k=1).invoke("ALiBi 的惩罚")
    assert len(found) == 1
    metadata = found[0].metadata
    text = library.document(metadata["document"]).text
    assert text[metadata["start"] : metadata["end"]] == found[0].page_content


def test_langchain_runnable_streams_the_text_and_ends_with_the_answer(pipeline: Pipeline) -> None:
    runnable = as_runnable(pipeline)
    pieces = list(runnable.stream({"question": "那 ALiBi 呢？", "history": ["RoPE 外推怎么做"]}))
    answer = pieces[-1]["answer"]
    assert "".join(piece.get("text", "") for piece in pieces).strip() == answer.text
    invoked = runnable.invoke("LoRA 的矩阵怎么初始化")["answer"]
    assert [citation.quote for citation in invoked.citations] == [
        "矩阵 A 用高斯分布初始化，矩阵 B 置零。",
        "这样训练开始时增量是零矩阵。",
    ]


def judged(pipeline: Pipeline, *verdicts: Verdict, cut: bool) -> Pipeline:
    """The pipeline with these verdicts on its sentences in turn."""

    def verify(drafts: Sequence[Draft]) -> list[Support | None]:
        return [Support(verdict, 0.5) for _, verdict in zip(drafts, verdicts, strict=True)]

    return replace(pipeline, verify=verify, cut_unsupported=cut)


def test_verdicts_stand_in_the_sentences_and_are_counted(pipeline: Pipeline) -> None:
    answer = judged(pipeline, "supported", "not_found", cut=False).answer("LoRA 的矩阵怎么初始化")
    assert [s.support and s.support.verdict for s in answer.sentences] == ["supported", "not_found"]
    assert answer.unsupported == 1


def test_what_is_not_supported_can_be_cut_before_anything_is_shown(pipeline: Pipeline) -> None:
    cutting = judged(pipeline, "not_found", "supported", cut=True)
    *events, answer = cutting.stream("LoRA 的矩阵怎么初始化")
    assert isinstance(answer, Answer)
    assert [s.text for s in answer.sentences] == ["这样训练开始时增量是零矩阵。"]
    assert [c.number for c in answer.citations] == [1]
    assert answer.unsupported == 1
    assert "".join(event.text for event in events if isinstance(event, TextPiece)).strip() == answer.text


def test_an_answer_of_which_nothing_is_supported_is_a_refusal_when_cut(pipeline: Pipeline) -> None:
    answer = judged(pipeline, "not_found", "contradicted", cut=True).answer("LoRA 的矩阵怎么初始化")
    assert answer.abstained
    assert answer.sentences == ()
    assert answer.unsupported == 2


class Writes:
    """Writes these texts, each behind its Markdown and over the first hit."""

    def __init__(self, *written: tuple[str, str]) -> None:
        self.written = written

    def generate(self, query: object, hits: Sequence[Hit], read: object, config: object = None) -> Iterator[Draft]:
        for before, text in self.written:
            lead_in = text.endswith("：")
            yield Draft(text, () if lead_in else (Source(hits[0], hits[0].chunk.start, hits[0].chunk.end),), before)


WRITTEN = (("**缺点**\n\n", "缺点有："), ("\n", "- 甲"), ("\n", "- 乙"), ("\n\n**优点**\n\n", "省。"), (" ", "快。"))


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        (
            ("supported", "not_found", "supported", "supported", "supported"),
            "**缺点**\n\n缺点有：\n- 乙 [1]\n\n**优点**\n\n省。 [1] 快。 [1]",
        ),
        (("supported", "not_found", "not_found", "not_found", "supported"), "**优点**\n\n快。 [1]"),
    ],
)
def test_what_is_cut_leaves_no_loose_ends(pipeline: Pipeline, verdicts: Sequence[Verdict], text: str) -> None:
    cutting = judged(replace(pipeline, generator=Writes(*WRITTEN)), *verdicts, cut=True)
    assert cutting.answer("LoRA 的矩阵怎么初始化").text == text


def test_where_nothing_that_was_written_is_supported_the_notes_are_quoted_with_a_notice(pipeline: Pipeline) -> None:
    def verify(drafts: Sequence[Draft]) -> list[Support | None]:
        return [Support("supported" if draft.quoted else "not_found", 0.5) for draft in drafts]

    writing = replace(
        pipeline, generator=Writes(("", "错。")), quote=pipeline.generator, verify=verify, cut_unsupported=True
    )
    answer = writing.answer("LoRA 的矩阵怎么初始化")
    assert answer.text == pipeline.answer("LoRA 的矩阵怎么初始化").text
    assert answer.notice is not None
    assert answer.notice.en.startswith("Nothing that the chat model wrote is supported by your notes")
    assert answer.unsupported == 1


def test_the_generator_that_is_named_is_the_one_that_wrote(pipeline: Pipeline) -> None:
    served = {"generator": "tea-model", "prompt": "answer-3"}
    quoting = replace(pipeline, models=served)
    assert quoting.answer("LoRA 的矩阵怎么初始化").models == {"generator": "extractive"}
    assert replace(quoting, generator=Writes(("", "错。"))).answer("LoRA 的矩阵怎么初始化").models == served
    assert quoting.answer("AdaLoRA 怎么分配").models == served


def test_half_a_surrogate_pair_in_a_question_is_no_obstacle(pipeline: Pipeline) -> None:
    answer = pipeline.answer("LoRA 的矩阵怎么初始化\ud800", ["RoPE \udcff"])
    assert answer.standalone_question == "LoRA 的矩阵怎么初始化?"
    assert answer.citations


def test_a_half_that_no_passage_speaks_of_is_named(pipeline: Pipeline) -> None:
    answer = pipeline.answer("RoPE 和 YaRN 的外推有什么区别")
    assert answer.unmentioned == ("YaRN",)
    assert answer.text.endswith("找到的笔记里没有提到：YaRN。")
    assert pipeline.answer("How do RoPE and YaRN extrapolate?").text.endswith("The notes found do not mention YaRN.")


def test_a_half_whose_absence_the_answer_tells_itself_is_not_named_again(pipeline: Pipeline) -> None:
    class Tells(Writes):
        def generate(self, query: object, hits: Sequence[Hit], read: object, config: object = None) -> Iterator[Draft]:
            yield from super().generate(query, hits, read, config)
            yield Draft("资料没有提到 YaRN。", (), denies=True)

    answer = replace(pipeline, generator=Tells(("", "线性插值。"))).answer("RoPE 和 YaRN 的外推有什么区别")
    assert answer.text.endswith("资料没有提到 YaRN。")
    assert answer.unmentioned == ("YaRN",)


class WritesInTurn:
    """A generator that gives each of these answers in turn, all citing the first hit; it keeps what it was given."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.hits: list[list[str]] = []

    def generate(
        self, query: Query, hits: Sequence[Hit], read: Sequence[Statement], config: Config | None = None
    ) -> Iterator[Draft | Notice]:
        self.hits.append([hit.chunk.title for hit in hits])
        chunk = hits[0].chunk
        yield Draft(self.answers.pop(0), (Source(hits[0], chunk.start, chunk.end),))


def reflecting(pipeline: Pipeline, generator: WritesInTurn) -> Pipeline:
    """It finds supported what says "right"."""

    def verify(drafts: Sequence[Draft]) -> list[Support | None]:
        return [Support("supported" if "right" in draft.text else "not_found", 0.5) for draft in drafts]

    return replace(pipeline, generator=generator, verify=verify, reflect=True)


def test_an_answer_that_is_not_supported_is_tried_once_more_from_a_wider_search(pipeline: Pipeline) -> None:
    generator = WritesInTurn("wrong ALiBi 惩罚", "right")
    *events, answer = reflecting(pipeline, generator).stream("LoRA 的矩阵怎么初始化")
    assert isinstance(answer, Answer)
    assert [s.text for s in answer.sentences] == ["right"]
    assert "位置编码" in generator.hits[1]
    shown = ""
    for event in events:
        shown = "" if isinstance(event, Restart) else shown + (event.text if isinstance(event, TextPiece) else "")
    assert shown.strip() == answer.text


def test_a_second_answer_that_is_no_better_is_not_shown(pipeline: Pipeline) -> None:
    answer = reflecting(pipeline, WritesInTurn("wrong", "worse")).answer("LoRA 的矩阵怎么初始化")
    assert [s.text for s in answer.sentences] == ["wrong"]


def test_the_first_answer_stays_where_the_model_fails_the_second_time(pipeline: Pipeline) -> None:
    class Fails(WritesInTurn):
        def generate(
            self, query: Query, hits: Sequence[Hit], read: Sequence[Statement], config: Config | None = None
        ) -> Iterator[Draft | Notice]:
            if len(self.answers) == 1:
                yield Notice(Phrase("the notes are quoted instead", "改为摘录笔记"), failed=True)
            yield from super().generate(query, hits, read, config)

    answer = reflecting(pipeline, Fails("wrong", "right")).answer("LoRA 的矩阵怎么初始化")
    assert ([s.text for s in answer.sentences], answer.notice) == (["wrong"], None)


def test_a_notice_about_conflicts_stays_with_a_second_answer(pipeline: Pipeline) -> None:
    notice = Notice(Phrase("the notes were not compared", "没有比对笔记"), failed=True)
    again = reflecting(pipeline, WritesInTurn("wrong", "right"))
    answer = replace(again, conflicts=lambda query, read, config=None: ((), notice)).answer("LoRA 的矩阵怎么初始化")
    assert ([s.text for s in answer.sentences], answer.notice) == (["right"], notice.phrase)


def test_an_answer_that_is_supported_is_written_once(pipeline: Pipeline) -> None:
    generator = WritesInTurn("right")
    reflecting(pipeline, generator).answer("LoRA 的矩阵怎么初始化")
    assert generator.answers == []
