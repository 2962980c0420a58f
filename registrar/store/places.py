"""Where threads work: so many of them at once, as whoever opens a store may say."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Places(Protocol):
    """So many places; a thread that enters has one until it leaves. MUST: safe between threads."""

    def __enter__(self) -> None:
        """Take a place; wait for it."""

    def __exit__(self, *error: object) -> None:
        """Give it back."""

    def left(self) -> AbstractContextManager[None]:
        """Give the place back while the thread waits for something, if it has one."""


class Unlimited:
    """As many places as there are threads."""

    def __enter__(self) -> None:
        """There is one."""

    def __exit__(self, *error: object) -> None:
        """Nobody waits for it."""

    def left(self) -> AbstractContextManager[None]:
        """Nobody waits for it."""
        return nullcontext()
