"""Fixtures of tests that let real clients loose on the real server."""

from collections.abc import Iterator

import pytest

from tests.clients.resource import protected_resource
from tests.servers import Server, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server under the shipped policies, whose issuer is its origin."""
    with serve(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def server_below_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same with an issuer that has a path, which moves the well-known documents (RFC 8414 §3.1)."""
    with serve(tmp_path_factory.mktemp("server"), path="/acme") as running:
        yield running


@pytest.fixture(params=["server", "server_below_path"])
def either_server(request: pytest.FixtureRequest) -> Server:
    """Each of the two."""
    running: Server = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def resource(either_server: Server) -> Iterator[str]:
    """The URL of an MCP server that sends its clients to `either_server`."""
    with protected_resource(either_server.issuer) as url:
        yield url
