"""Answers, searches and reports as plain text for a terminal, in either language."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingest.phrases import Language, Phrase
from rag.types import Answer, Citation, Hit
from ui.verdicts import count, doubts

if TYPE_CHECKING:
    from ingest.catalog import Counts, DocumentSummary
    from ingest.sync import SyncReport

_LONGEST_QUOTE = 160
_DOUBTS = {"weak": Phrase(" (weak)", "（存疑）"), "unsupported": Phrase(" (unsupported)", "（无依据）")}


def printable(text: str) -> str:
    """``text`` without the control characters that would move a terminal's cursor or change its colours."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else "\N{REPLACEMENT CHARACTER}" for c in text)


def answer_text(answer: Answer, language: Language) -> str:
    """The answer's Markdown, with a word behind each sentence that is not carried by what it cites; above it how the
    question was read, below it how many those are, and one line for each citation."""
    uncarried, understood = count(answer), read_as(answer)
    parts = [understood.to(language)] if understood else []
    parts.append(_with_doubts(answer, language))
    if uncarried:
        parts.append(uncarried.to(language))
    if answer.citations:
        lines = [_citation_line(citation, language) for citation in answer.citations]
        parts.append("\n".join([Phrase("Sources:", "出处：").to(language), *lines]))
    return "\n\n".join(printable(part) for part in parts)


def read_as(answer: Answer) -> Phrase | None:
    """What was searched for, where it is not the question as it was typed."""
    searched = answer.standalone_question.strip()
    return Phrase(f"read as: {searched}", f"理解为：{searched}") if searched != answer.question.strip() else None


def _with_doubts(answer: Answer, language: Language) -> str:
    text = answer.text
    for doubt in reversed(list(doubts(answer, text))):
        word = _DOUBTS[doubt.carried].to(language)
        text = f"{text[: doubt.after_marks]}{word}{text[doubt.after_marks :]}"
    return text


def _citation_line(citation: Citation, language: Language) -> str:
    place = " > ".join((citation.document_id, *citation.headings))
    page = "" if citation.page is None else Phrase(f", page {citation.page}", f"，第 {citation.page} 页").to(language)
    return f"[{citation.number}] {place}{page}: “{_one_line(citation.quote)}”"


def hits_text(hits: Sequence[Hit]) -> str:
    """Two lines for each hit: where it stands and how it begins."""
    lines = []
    for rank, hit in enumerate(hits, 1):
        place = " > ".join((hit.chunk.document_id, *hit.chunk.headings))
        lines.append(f"{rank}. {place} ({hit.stage} {hit.score:.4f})\n   {_one_line(hit.chunk.text)}")
    return printable("\n".join(lines))


def contact_text(contact: Mapping[str, Any] | None, language: Language) -> str:
    """How the chat model answered, on one line."""
    if contact is None:
        phrase = Phrase(
            "no chat model is set: answers quote the notes, and nothing is sent anywhere",
            "未设置对话模型：回答直接摘录笔记，不会发送任何内容",
        )
    else:
        first, last = contact["first_seconds"], contact["seconds"]
        phrase = Phrase(
            f"the chat model answers: {contact['model']}, first word after {first:.2f} s, done after {last:.2f} s",
            f"对话模型可用：{contact['model']}，{first:.2f} 秒后开始输出，{last:.2f} 秒完成",
        )
    return printable(phrase.to(language))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"


def sync_text(report: "SyncReport", language: Language) -> str:
    """What a sync did, on one line, and a line for each note that was skipped or has a problem."""
    summary = Phrase(
        f"{len(report.added)} new, {len(report.changed)} changed, {len(report.renamed)} renamed, "
        f"{len(report.deleted)} deleted, {report.unchanged} unchanged, {len(report.skipped)} skipped; "
        f"{report.chunks} chunks read, {report.embedded} embedded, in {report.seconds:.1f} s",
        f"新增 {len(report.added)}，修改 {len(report.changed)}，改名 {len(report.renamed)}，"
        f"删除 {len(report.deleted)}，未变 {report.unchanged}，跳过 {len(report.skipped)}；"
        f"读取 {report.chunks} 个片段，新嵌入 {report.embedded} 个，用时 {report.seconds:.1f} 秒",
    )
    lines = [summary.to(language), *(message.to(language) for message in report.messages)]
    for skipped in report.skipped:
        todo = f": {skipped.todo.to(language)}" if skipped.todo else ""
        lines.append(f"{Phrase('skipped', '跳过').to(language)}: {skipped.path}: {skipped.what.to(language)}{todo}")
    lines += [f"{document_id}: {problem.to(language)}" for document_id, problem in report.problems]
    return printable("\n".join(lines))


def status_text(counts: "Counts", documents: "Sequence[DocumentSummary]", language: Language) -> str:
    """Totals and a line for each document."""
    lines = [
        Phrase(
            f"{counts.documents} documents, {counts.chunks} chunks, {counts.searchable} of them without duplicates",
            f"{counts.documents} 个文档，{counts.chunks} 个片段，其中不重复的 {counts.searchable} 个",
        ).to(language)
    ]
    for document in documents:
        problems = "".join(f"; {problem.to(language)}" for problem in document.problems)
        lines.append(f"{document.chunks:6} {document.id}{problems}")
    return printable("\n".join(lines))
