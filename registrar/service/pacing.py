"""How often one client may change itself: each change is recorded for good, and no limit of the policy counts it."""

import math
import threading
from typing import Final

_EVERY: Final = 60.0  # seconds in which a client gets room for one more change
_AT_ONCE: Final = 60
_MOST_CLIENTS: Final = 10_000  # that are remembered: some hundred bytes each


class Pace:
    """Room for 60 changes of a client at once, and for one more every minute. Of this process alone, in bounded memory.

    Safe to share between threads. Where more clients change than it remembers, it forgets those that began first: they have
    more room then, never less.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._full_at: dict[str, float] = {}  # when (epoch seconds) a client has all of its room again

    def wait(self, client_id: str, now: float) -> int:
        """0, and the change is counted; or the seconds until there is room for it."""
        with self._lock:
            full_at = max(self._full_at.get(client_id, now), now) + _EVERY
            missing = full_at - now - _EVERY * _AT_ONCE
            if missing > 0:
                return math.ceil(missing)
            if client_id not in self._full_at and len(self._full_at) >= _MOST_CLIENTS:
                self._forget(now)
            self._full_at[client_id] = full_at
            return 0

    def _forget(self, now: float) -> None:
        busy = [(client_id, full_at) for client_id, full_at in self._full_at.items() if full_at > now]
        self._full_at = dict(busy[-(_MOST_CLIENTS // 2) :])
