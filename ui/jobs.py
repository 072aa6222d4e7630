"""Work that the page starts and that goes on in the background."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ingest.errors import BadInput, NoteciteError
from ingest.phrases import Phrase


class Cancelled(Exception):
    """Ends a job from inside its progress."""


@dataclass(slots=True)
class Job:
    """``error`` is what ended it early, None also when it was cancelled."""

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
        """Whatever happens inside ends the job and nothing else; what is no error of notecite's own is told as
        ``early``, with what to do ``again``."""
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
