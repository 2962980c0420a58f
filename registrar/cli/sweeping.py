"""Sweeps, in the processes that serve, from time to time."""

import logging
import random
import threading
from typing import Final

from registrar.service import Sweeper
from registrar.store import StoreUnavailable

_LOG: Final = logging.getLogger(__name__)

_LAST_CLIENT: Final = 2.0  # seconds that the end of the process waits for the client that is being ended


class Sweeping:
    """One thread that has `sweeper` sweep about every `interval` seconds; none for an interval of 0.

    Every process has one, and the lease lets one of them work: which one, chance decides each time, so that the end of any node
    ends nothing.
    """

    def __init__(self, sweeper: Sweeper, *, interval: int) -> None:
        self._sweeper = sweeper
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        """Begin: in the process that serves, since no thread survives a fork."""
        if self._interval:
            self._thread.start()

    def stop(self) -> None:
        """End, after the client that is being ended."""
        self._ended.set()
        if self._interval:
            self._thread.join(_LAST_CLIENT)

    def _run(self) -> None:
        while not self._ended.wait(self._interval * random.uniform(0.5, 1.0)):  # noqa: S311 - to spread the work
            try:
                self._sweeper.run_once(self._ended.is_set)
            except StoreUnavailable as error:
                _LOG.warning("sweep postponed", extra={"fields": {"cause": str(error)}})
            except Exception:  # noqa: BLE001 - the thread has to outlive it
                _LOG.exception("sweep failed")
