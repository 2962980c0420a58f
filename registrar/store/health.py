"""Whether the database takes writes: asked by a durable write, and not more than once a second."""

import threading
import time
from collections.abc import Callable

from registrar.store.failures import StoreUnavailable

FRESH = 1.0
"""Seconds for which the answer of a probe stands: whoever may ask for readiness may ask often."""


class Health:
    """The last probe's answer. It stands until it is old, or until a write of somebody else ended otherwise."""

    def __init__(self, probe: Callable[[], None], *, fresh: float = FRESH) -> None:
        """`probe` writes durably, or raises StoreUnavailable; `fresh` in seconds."""
        self._probe = probe
        self._fresh = fresh
        self._turn = threading.Lock()
        self._until = 0.0
        self._failure = ""  # a text and not the error, whose traceback would keep cursors and with them a connection alive

    def check(self) -> None:
        """Raise StoreUnavailable unless a probe that is not old went well. Who comes during a probe gets its answer."""
        with self._turn:
            if time.monotonic() >= self._until:
                self._failure = self._ask()
                self._until = time.monotonic() + self._fresh
            failure = self._failure
        if failure:
            raise StoreUnavailable(failure)

    def note(self, failure: str) -> None:
        """A write ended, with the text of its StoreUnavailable or with ""."""
        if failure != self._failure:
            self._until = 0.0

    def _ask(self) -> str:
        try:
            self._probe()
        except StoreUnavailable as failure:
            return str(failure)
        return ""
