"""Both databases, fresh for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registrar.store import Store
from tests.postgresql import fresh_schema


@pytest.fixture(name="sqlite_path")
def _sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "registrar.db"


@pytest.fixture(name="sqlite_url")
def _sqlite_url(sqlite_path: Path) -> str:
    return f"sqlite:///{sqlite_path}"


@pytest.fixture(name="postgresql_url")
def _postgresql_url() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


@pytest.fixture(name="store_url", params=["sqlite", "postgresql"])
def _store_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(name="store")
def _store(store_url: str) -> Iterator[Store]:
    store = Store.open(store_url)
    yield store
    store.close()
