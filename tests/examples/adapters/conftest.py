"""The registrar that the adapters are tried on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import registrar
from registrar.app import create_clients
from registrar.embedded import Embedded
from registrar.store import Store


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    """As the adapters' READMEs open it."""
    with registrar.open({"state_dir": tmp_path, "management": False}) as opened:
        yield opened


@pytest.fixture
def delete(tmp_path: Path, embedded: Embedded) -> Iterator[Callable[[str], object]]:
    """What an administrator does, in another process as far as the adapter can see."""
    store = Store.open(f"sqlite:///{tmp_path}/registrar.db")
    yield lambda client_id: create_clients(store).delete(client_id, by="a test")
    store.close()
