"""The errors a person can meet.

Each says what failed, for which value, and what to do next::

    NoteciteError
    ├── NotFound          a folder, file or document that is not there
    ├── UnreadableNote    one file that cannot be read; the others go on
    ├── LibraryMismatch   the library was built with another embedding model
    ├── LibraryBusy       another process is writing the library
    ├── LibraryBroken     the library cannot be opened or repaired
    ├── DiskFull          no space left for the library or the cache
    ├── ModelUnavailable  a model that cannot be loaded
    └── BadInput          a question, option or setting that cannot be used
"""

from ingest.phrases import Language, Phrase


class NoteciteError(Exception):
    """``what`` failed, for which ``value`` (empty where that says nothing), and what ``todo`` next."""

    def __init__(self, what: Phrase, value: object, todo: Phrase) -> None:
        self.what = what
        self.value = str(value)
        self.todo = todo
        super().__init__(self.to("en"))

    def to(self, language: Language) -> str:
        """``what: value: todo`` in one language, on one line, without what is empty."""
        parts = (" ".join(part.split()) for part in (self.what.to(language), self.value, self.todo.to(language)))
        return ("：" if language == "zh" else ": ").join(part for part in parts if part)


class NotFound(NoteciteError): ...


class UnreadableNote(NoteciteError): ...


class LibraryMismatch(NoteciteError): ...


class LibraryBusy(NoteciteError): ...


class LibraryBroken(NoteciteError): ...


class DiskFull(NoteciteError): ...


class ModelUnavailable(NoteciteError): ...


class BadInput(NoteciteError): ...
