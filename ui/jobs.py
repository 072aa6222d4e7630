"""Work that the page starts and that continues in the background."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ingest.errors import BadInput, NoteciteError
from ingest.phrases import Phrase


class Cancelled(Exception):
    """Raised inside a job to end it."""


@dataclass(slots=True)
class Job:
    """``error`` is what ended the job early; None if it was cancelled."""

    started: float = field(default_factory=time.monotonic)
    error: NoteciteError | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def go_on(self) -> None:
        """Raises Cancelled once the job is cancelled."""
        if self.cancelled.is_set():
            raise Cancelled

    @contextmanager
    def under_way(self, early: Phrase, again: Phrase) -> Iterator[None]:
        """Stores any exception in ``error`` instead of raising it; an unexpected one is reported as ``early``, with the
        advice ``again``."""
        try:
            yield
        except NoteciteError as error:
            self.error = error
        except Cancelled:
            pass
        except Exception as error:
            self.error = BadInput(early, f"{type(error).__name__}: {error}", again)
        finally:
            self.ended.set()
