"""Questions proposed from a library's notes: from headings and definitions, and by a chat model if there is one."""

from collections.abc import Callable, Iterator
from itertools import zip_longest

from eval.answerer import finder_in
from eval.compose import composer_for
from eval.make import propose
from eval.types import EvalCase
from rag.build import Application


def proposals(application: Application, is_new: Callable[[str], bool]) -> Iterator[EvalCase]:
    """Proposals from both sources in turn, each made only when it is asked for, whose ids ``is_new`` accepts."""
    library = application.library
    documents = (library.document(summary.id) for summary in library.documents())
    ruled = (case for case in propose(documents) if is_new(case.id))
    composed: Iterator[EvalCase] = iter(())
    if application.chat_model:
        chunks = [chunk for summary in library.documents() for chunk in library.chunks_of(summary.id)]
        composer = composer_for(application.chat_model, finder_in(library), application.pipeline)
        composed = composer.propose(chunks, is_new)
    for turn in zip_longest(composed, ruled):
        yield from (case for case in turn if case is not None)
