"""One server for all abuse that it survives, so that what is left of one kind shows under the next."""

from collections.abc import Iterator

import pytest

from tests.servers import Server, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server under the shipped policies, with the settings that it has by itself."""
    with serve(tmp_path_factory.mktemp("abuse"), settings={"log_level": "error"}) as running:
        yield running
