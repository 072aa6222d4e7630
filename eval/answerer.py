"""notecite's own pipeline as the thing under test."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eval.evidence import EvidenceFinder
from eval.retrieval import Search, ranking_of
from eval.run import Answerer
from eval.stages import FINAL
from eval.types import EvalCase, Trial
from ingest.errors import BadInput, NotFound
from ingest.library import Library
from ingest.phrases import Phrase
from rag.build import Application, sync_notes
from rag.chat_model import UsageCounter
from rag.settings import Settings, load_settings
from rag.types import Hit, Query


def settings_from(assignments: Sequence[str], **options: object) -> Settings:
    """Settings with ``key=value`` assignments on top. Raises BadInput for what is no assignment."""
    given: dict[str, object] = dict(options)
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise BadInput(
                Phrase("not a setting", "不是设置项"),
                assignment,
                Phrase("write key=value, as in candidates=80", "请写成 key=value，例如 candidates=80"),
            )
        given[key.strip().replace("-", "_")] = value.strip()
    return load_settings(**given)


def synced(notes: Path, settings: Settings) -> Application:
    """The application over its library, which is first synced with the folder ``notes``."""
    sync_notes(settings, [notes])
    return Application(settings)


def search_with(application: Application) -> Search:
    """The hits of every stage, and last those that an answer is made from."""

    def search(case: EvalCase) -> dict[str, Sequence[Hit]]:
        found = application.pipeline.search(case.question, case.history)
        return {**{str(stage): hits for stage, hits in found.stages.items()}, FINAL: found.hits}

    return search


def answer_with(application: Application) -> Answerer:
    """Answers, and retrieves once more to see the stages before the last; this takes no part in the time measured."""

    def answer(case: EvalCase) -> Trial:
        counter = UsageCounter() if application.chat_model else None
        given = application.pipeline.answer(case.question, case.history, counter.config if counter else None)
        stages = application.retriever.retrieve(Query(given.standalone_question, case.question, case.history))
        return Trial(
            answer=replace(given, hits=()),
            rankings={
                **{stage: ranking_of(hits) for stage, hits in stages.items()},
                FINAL: ranking_of(given.hits),
            },
            confidence=given.confidence,
            tokens=counter.tokens if counter else None,
        )

    return answer


def finder_in(library: Library) -> EvidenceFinder:
    """Finds gold quotes in the documents of the library."""

    def text_of(document_id: str) -> str | None:
        try:
            return library.document(document_id).text
        except NotFound:
            return None

    return EvidenceFinder(text_of)
