"""Where threads work: so many of them at once, as whoever opens a store may say."""

import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Wait(Protocol):
    """A thread's wait for another one, without its place, if it has one; when the wait is over it has a place again."""

    def within(self, seconds: float) -> bool:
        """Wait at most so long: whether it was over by then. To be asked again where it was not; by one thread only."""

    def over(self) -> None:
        """End it, from another thread. To be called once."""


class Places(Protocol):
    """So many places; a thread that enters has one until it leaves. MUST: safe between threads."""

    def __enter__(self) -> None:
        """Take a place; wait for it."""

    def __exit__(self, *error: object) -> None:
        """Give it back."""

    def left(self) -> AbstractContextManager[None]:
        """Give the place back while the thread waits for something, if it has one."""

    def wait(self) -> Wait:
        """A wait of this thread, which somebody else will end."""


class Unlimited:
    """As many places as there are threads."""

    def __enter__(self) -> None:
        """There is one."""

    def __exit__(self, *error: object) -> None:
        """Nobody waits for it."""

    def left(self) -> AbstractContextManager[None]:
        """Nobody waits for it."""
        return nullcontext()

    def wait(self) -> Wait:
        """For as long as it takes."""
        return _Lock()


class _Lock:
    """Held until the wait is over: half the cost of an Event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def within(self, seconds: float) -> bool:
        return self._lock.acquire(timeout=seconds)

    def over(self) -> None:
        self._lock.release()
