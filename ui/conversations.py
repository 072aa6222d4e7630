"""Conversations on disk: one folder per person, one JSON file per conversation.

A person is known by a random token that their browser keeps; nobody can list or open another person's.
"""

import re
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import platformdirs
from pydantic import TypeAdapter, ValidationError

from ingest.errors import BadInput, NotFound
from ingest.files import saving, write_whole
from ingest.phrases import Language, Phrase
from rag.types import Answer
from ui.text import with_footnotes

LONGEST_TITLE = 80
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Conversation:
    """``answers`` are the oldest first, without their hits; ``used_at`` is in seconds since the epoch; ``liked`` holds
    the person's ratings, by turn from 0."""

    id: str
    title: str
    used_at: float
    answers: tuple[Answer, ...]
    liked: Mapping[int, bool] = field(default_factory=dict)

    @property
    def history(self) -> tuple[str, ...]:
        """The questions so far, oldest first."""
        return tuple(answer.question for answer in self.answers)


_FORM = TypeAdapter(Conversation)


def folder_for(library: Path) -> Path:
    """Where conversations about a library are kept: outside it, so that they outlive it."""
    place = library.resolve()
    name = f"{place.name}-{sha256(str(place).encode()).hexdigest()[:8]}"
    return platformdirs.user_data_path("notecite") / "conversations" / name


class Conversations:
    """The conversations of one person, below ``folder``. Safe to use from several threads of one process.

    What writes raises BadInput when that cannot be done.
    """

    _writing = threading.Lock()

    def __init__(self, folder: Path, person: str) -> None:
        self._folder = folder / sha256(person.encode()).hexdigest()[:32]

    def all(self, search: str = "") -> tuple[Conversation, ...]:
        """Those whose title, questions and answers contain every word of ``search``, last used first; skips files that
        cannot be read."""
        words = search.casefold().split()
        found = []
        for path in self._folder.glob("*.json"):
            try:
                conversation = _FORM.validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
            text = _text(conversation).casefold()
            if all(word in text for word in words):
                found.append(conversation)
        return tuple(sorted(found, key=lambda c: (-c.used_at, c.id)))

    def get(self, conversation_id: str) -> Conversation:
        """Raises NotFound, and BadInput for a file that cannot be read."""
        try:
            return _FORM.validate_json(self._path(conversation_id).read_bytes())
        except OSError:
            raise NotFound(
                Phrase("there is no such conversation", "没有这个对话"),
                conversation_id,
                Phrase("choose another in the list", "请在列表中另选一个"),
            ) from None
        except ValidationError as error:
            raise BadInput(
                Phrase("a kept conversation cannot be read", "保存的对话无法读取"),
                self._path(conversation_id),
                Phrase("delete this file", "请删除此文件"),
            ) from error

    def add(self, conversation_id: str | None, answer: Answer, after: int | None = None) -> Conversation:
        """Appends ``answer`` to the conversation, or to a new one for None; ``after`` first cuts it to that many turns.

        Raises NotFound, BadInput.
        """
        kept = replace(answer, hits=())
        if conversation_id is None:
            title = " ".join(answer.question.split())[:LONGEST_TITLE]
            return self._write(Conversation(secrets.token_hex(8), title, time.time(), (kept,)))
        with self._writing:
            old = self.get(conversation_id)
            before = old.answers[:after]
            liked = {turn: said for turn, said in old.liked.items() if turn < len(before)}
            return self._write(replace(old, used_at=time.time(), answers=(*before, kept), liked=liked))

    def keep(self, answers: Sequence[Answer]) -> Conversation:
        """The conversation that begins with these answers from elsewhere; a new one if there is none."""
        kept = tuple(replace(answer, hits=()) for answer in answers)
        begun = next((c for c in self.all() if c.answers[: len(kept)] == kept), None)
        title = " ".join(answers[-1].question.split())[:LONGEST_TITLE]
        return begun or self._write(Conversation(secrets.token_hex(8), title, time.time(), kept))

    def rename(self, conversation_id: str, title: str) -> Conversation:
        """Raises NotFound, and BadInput for an empty title."""
        title = " ".join(title.split())[:LONGEST_TITLE]
        if not title:
            raise BadInput(Phrase("the title is empty", "标题为空"), "", Phrase("type one", "请输入标题"))
        with self._writing:
            return self._write(replace(self.get(conversation_id), title=title))

    def rate(self, conversation_id: str, turn: int, liked: bool) -> Conversation:
        """Keeps a person's rating of an answer; a later one replaces it."""
        with self._writing:
            old = self.get(conversation_id)
            return self._write(replace(old, liked={**old.liked, turn: liked}))

    def delete(self, conversation_id: str) -> None:
        path = self._path(conversation_id)
        with self._writing, saving(path):
            path.unlink(missing_ok=True)

    def _write(self, conversation: Conversation) -> Conversation:
        path = self._path(conversation.id)
        with saving(path):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(path, _FORM.dump_json(conversation))
        return conversation

    def _path(self, conversation_id: str) -> Path:
        if not _ID.fullmatch(conversation_id):
            raise NotFound(
                Phrase("there is no such conversation", "没有这个对话"),
                conversation_id[:40],
                Phrase("choose another in the list", "请在列表中另选一个"),
            )
        return self._folder / f"{conversation_id}.json"


def _text(conversation: Conversation) -> str:
    parts: Sequence[str] = [conversation.title, *(f"{a.question}\n{a.text}" for a in conversation.answers)]
    return "\n".join(parts)


def as_markdown(conversation: Conversation, language: Language) -> str:
    """The conversation for export: each question as a heading, each citation as a footnote."""
    parts = [f"# {conversation.title}"]
    for number, answer in enumerate(conversation.answers, 1):
        # Footnotes must differ across the whole file.
        text = with_footnotes(answer, language, f"{number}-" if len(conversation.answers) > 1 else "")
        parts.append(f"## {' '.join(answer.question.split())}\n\n{text}")
    return "\n\n".join(parts) + "\n"
