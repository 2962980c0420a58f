"""The life of clients on both databases."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from registrar.store import Store
from tests.postgresql import fresh_schema
from tests.service.lives import Lives


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/registrar.db"
    else:
        with fresh_schema() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty one."""
    with _database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def lives(database: str) -> Iterator[Lives]:
    """Without rotation."""
    with _alive(database, rotate=False) as found:
        yield found


@pytest.fixture
def rotating(database: str) -> Iterator[Lives]:
    """With rotation of tokens and of secrets."""
    with _alive(database, rotate=True) as found:
        yield found


@contextmanager
def _alive(database: str, *, rotate: bool) -> Iterator[Lives]:
    with closing(Store.open(database)) as store:
        found = Lives(store, rotate=rotate)
        yield found
        found.refusals.close()


@pytest.fixture
def either(database: str) -> Iterator[Store]:
    """The database, open."""
    with closing(Store.open(database)) as store:
        yield store
