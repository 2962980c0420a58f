"""Tells how long the database takes, for whoever counts it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import Protocol, TypeVar

import peewee

from registrar.store.access import Backend
from registrar.store.failures import StoreUnavailable
from registrar.store.transaction import Unit

T = TypeVar("T")


class Meter(Protocol):
    """Somebody who counts. MUST: cheap, safe between threads, and raises nothing."""

    def stored(self, work: str, seconds: float, *, available: bool) -> None:
        """The database took `seconds` to "read" or "write", with the waiting for it, or was not `available`."""


class Metered:
    """A backend as it is, whose work is told to a meter."""

    def __init__(self, backend: Backend, meter: Meter) -> None:
        self._backend = backend
        self._meter = meter
        self.statements = backend.statements

    def schema(self, *, create: bool) -> AbstractContextManager[peewee.Database]:
        """As the backend's."""
        return self._backend.schema(create=create)

    def write(self, unit: Unit) -> None:
        """As the backend's."""
        with self._metered("write"):
            self._backend.write(unit)

    def read(self, query: Callable[[peewee.Database], T]) -> T:
        """As the backend's."""
        with self._metered("read"):
            return self._backend.read(query)

    def close(self) -> None:
        """As the backend's."""
        self._backend.close()

    @contextmanager
    def _metered(self, work: str) -> Iterator[None]:
        began, available = perf_counter(), True
        try:
            yield
        except StoreUnavailable:
            available = False
            raise
        finally:
            self._meter.stored(work, perf_counter() - began, available=available)
