"""Answers, searches and reports as plain text or Markdown, in either language."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.phrases import Language, Phrase
from rag.types import Answer, Citation, Hit
from ui.verdicts import doubt_summary, doubts, placed

if TYPE_CHECKING:
    from ingest.catalog import Counts, DocumentSummary
    from ingest.sync import SyncReport

_LONGEST_QUOTE = 160
_KINDS_NAMED = 3
_SUFFIX = re.compile(r"\.\w{1,8}")
_DOUBTS = {"weak": Phrase(" (weak)", "（存疑）"), "unsupported": Phrase(" (unsupported)", "（无依据）")}


def counted(number: int, noun: str) -> str:
    """In English: ``1 note``, ``2 notes``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """``text`` without the control characters that could move a terminal's cursor or change its colours."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else "\N{REPLACEMENT CHARACTER}" for c in text)


def answer_text(answer: Answer, language: Language) -> str:
    """The answer's Markdown, with a word behind each sentence that its citations do not support; above it how the
    question was read, below it how many such sentences there are, and a line for each citation."""
    summary, understood = doubt_summary(answer), read_as(answer)
    parts = [understood.to(language)] if understood else []
    parts.append(_with_doubts(answer, language))
    if summary:
        parts.append(summary.to(language))
    if answer.citations:
        lines = [_citation_line(citation, language) for citation in answer.citations]
        parts.append("\n".join([Phrase("Sources:", "出处：").to(language), *lines]))
    return "\n\n".join(printable(part) for part in parts)


def read_as(answer: Answer) -> Phrase | None:
    """What was searched for, if it differs from the question as it was typed."""
    searched = answer.standalone_question.strip()
    return Phrase(f"read as: {searched}", f"理解为：{searched}") if searched != answer.question.strip() else None


def _with_doubts(answer: Answer, language: Language) -> str:
    text = answer.text
    for doubt in reversed(list(doubts(answer, text))):
        word = _DOUBTS[doubt.level].to(language)
        text = f"{text[: doubt.after_marks]}{word}{text[doubt.after_marks :]}"
    return text


def _citation_line(citation: Citation, language: Language) -> str:
    return f"[{citation.number}] {place_text(citation, language)}: “{_one_line(citation.quote)}”"


def place_text(citation: Citation, language: Language) -> str:
    """Document, headings and page on one line."""
    page = "" if citation.page is None else Phrase(f", page {citation.page}", f"，第 {citation.page} 页").to(language)
    return " > ".join((citation.document_id, *citation.headings)) + page


def with_footnotes(answer: Answer, language: Language, prefix: str = "") -> str:
    """The answer's Markdown with its citations as footnotes, numbered with ``prefix``."""
    if not answer.citations:
        return answer.text
    text, at = "", 0
    for _, _, marks in placed(answer, answer.text):
        text += answer.text[at : marks.start] + answer.text[marks].replace("[", f"[^{prefix}")
        at = marks.stop
    notes = "\n".join(
        f"[^{prefix}{c.number}]: {place_text(c, language)}: “{' '.join(c.quote.split())}”" for c in answer.citations
    )
    return f"{text}{answer.text[at:]}\n\n{notes}"


def hits_text(hits: Sequence[Hit], language: Language) -> str:
    """Two lines for each hit: where it is and how it begins."""
    if not hits:
        return Phrase("no passage found", "没有找到匹配的段落").to(language)
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


def sync_counts(report: "SyncReport") -> Phrase:
    """How many files a sync found new, changed and so on."""
    en = (
        f"{len(report.added)} new, {len(report.changed)} changed, {len(report.renamed)} renamed, "
        f"{len(report.deleted)} deleted, {report.unchanged} unchanged, {len(report.skipped)} skipped"
    )
    zh = (
        f"新增 {len(report.added)}，修改 {len(report.changed)}，改名 {len(report.renamed)}，"
        f"删除 {len(report.deleted)}，未变 {report.unchanged}，跳过 {len(report.skipped)}"
    )
    if count := report.ignored.total():
        kinds = [(suffix, n) for suffix, n in report.ignored.most_common() if _SUFFIX.fullmatch(suffix)][:_KINDS_NAMED]
        said = f"{counted(count, 'file')} of {'another kind' if count == 1 else 'other kinds'} ignored"
        en += f", {said}{' (' + ', '.join(f'{number} {suffix}' for suffix, number in kinds) + ')' if kinds else ''}"
        listed = "、".join(f"{suffix} {number} 个" for suffix, number in kinds)
        zh += f"，忽略 {count} 个其他类型的文件{f'（{listed}）' if kinds else ''}"
    return Phrase(en, zh)


def sync_text(report: "SyncReport", language: Language) -> str:
    """What a sync did, on one line, and a line for each note that was skipped or has a problem."""
    work = Phrase(
        f"{counted(report.chunks, 'chunk')} read, {report.embedded} embedded, in {report.seconds:.1f} s",
        f"读取 {report.chunks} 个片段，新嵌入 {report.embedded} 个，用时 {report.seconds:.1f} 秒",
    )
    summary = Phrase("; ", "；").to(language).join((sync_counts(report).to(language), work.to(language)))
    lines = [summary, *(message.to(language) for message in report.messages)]
    colon = Phrase(": ", "：").to(language)
    for skipped in (*report.missing, *report.skipped):
        parts = [Phrase("skipped", "跳过").to(language), skipped.path, skipped.what.to(language)]
        lines.append(colon.join([*parts, skipped.todo.to(language)] if skipped.todo else parts))
    lines += [f"{document_id}{colon}{problem.to(language)}" for document_id, problem in report.problems]
    return printable("\n".join(lines))


def status_text(
    counts: "Counts", folders: Sequence[Path], documents: "Sequence[DocumentSummary]", language: Language
) -> str:
    """Totals, and a line for each synced folder and each document."""
    repeated = counts.chunks - counts.searchable
    total = Phrase(
        f"{counted(counts.documents, 'document')}, {counted(counts.chunks, 'chunk')}"
        + (f", {'1 a duplicate' if repeated == 1 else f'{repeated} duplicates'}" if repeated else ""),
        f"{counts.documents} 个文档，{counts.chunks} 个片段" + (f"，其中 {repeated} 个重复" if repeated else ""),
    )
    lines = [total.to(language)]
    for folder in folders:
        gone = "" if folder.is_dir() else Phrase(" (not there)", "（已不在）").to(language)
        lines.append(f"{Phrase('folder', '文件夹').to(language)} {folder}{gone}")
    for document in documents:
        problems = "".join(Phrase(f"; {problem.en}", f"；{problem.zh}").to(language) for problem in document.problems)
        lines.append(f"{document.chunks:6} {document.id}{problems}")
    return printable("\n".join(lines))
