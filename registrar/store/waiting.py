"""Lets others work while a thread waits for the database."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias, TypeVar

import peewee

from registrar.store.access import Backend
from registrar.store.transaction import Unit

Pause: TypeAlias = Callable[[], AbstractContextManager[None]]
"""The context in which a thread waits. It raises nothing."""

T = TypeVar("T")


class Waiting:
    """A backend as it is, for which threads wait in a context of somebody else's."""

    def __init__(self, backend: Backend, pause: Pause) -> None:
        self._backend = backend
        self._pause = pause
        self.statements = backend.statements
        self.remote = backend.remote

    def schema(self, *, create: bool) -> AbstractContextManager[peewee.Database]:
        """As the backend's."""
        return self._backend.schema(create=create)

    def write(self, unit: Unit) -> None:
        """As the backend's."""
        with self._pause():
            self._backend.write(unit)

    def read(self, query: Callable[[peewee.Database], T]) -> T:
        """As the backend's. An embedded database answers sooner than anybody else could begin."""
        if not self.remote:
            return self._backend.read(query)
        with self._pause():
            return self._backend.read(query)

    def close(self) -> None:
        """As the backend's."""
        self._backend.close()
