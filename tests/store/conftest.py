"""Both databases, fresh for every test."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from registrar.store import Store

POSTGRESQL = os.environ.get("REGISTRAR_TEST_DATABASE_URL", "")


@contextmanager
def fresh_schema() -> Iterator[str]:
    """The URL of a schema of its own in the PostgreSQL database of the tests; skips when there is none."""
    if not POSTGRESQL:
        pytest.skip("REGISTRAR_TEST_DATABASE_URL is not set: PostgreSQL is not tested")
    name = f"registrar_{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{name}"')
        try:
            yield f"{POSTGRESQL}{'&' if '?' in POSTGRESQL else '?'}options=-csearch_path%3D{name}"
        finally:
            connection.execute(f'DROP SCHEMA "{name}" CASCADE')


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
