"""Sweeping in the process that serves."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from registrar.cli.sweeping import Sweeping
from registrar.store import Store
from tests.cli.server import ask, register, serving
from tests.http.managed import DAY, HOSTED, MANAGED, NATIVE
from tests.service.lives import Lives


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """On a database of its own."""
    with closing(Store.open(f"sqlite:///{tmp_path}/registrar.db")) as store:
        yield Lives(store)


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within ten seconds."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_a_server_sweeps_again_and_again(lives: Lives) -> None:
    """Each time for what has become due since."""
    sweeping = Sweeping(lives.sweeper(), interval=1)
    sweeping.start()
    try:
        for _ in range(2):
            client = lives.register()
            lives.clock.pass_by(DAY)
            assert eventually(lambda client=client: lives.stored(client).status == "expired")  # type: ignore[misc]
    finally:
        sweeping.stop()


def test_a_server_that_does_not_sweep_has_no_thread_for_it(lives: Lives) -> None:
    """An interval of 0: `registrar sweep` does it."""
    sweeping = Sweeping(lives.sweeper(), interval=0)
    sweeping.start()
    assert "sweep" not in {thread.name for thread in threading.enumerate()}
    sweeping.stop()


def test_stopping_does_not_wait_for_the_next_sweep(lives: Lives) -> None:
    """Nor for the rest of the one that is going on."""
    sweeping = Sweeping(lives.sweeper(), interval=3_600)
    sweeping.start()
    before = time.monotonic()
    sweeping.stop()
    assert time.monotonic() - before < 1
    assert "sweep" not in {thread.name for thread in threading.enumerate()}


def test_sweeping_outlives_a_database_that_is_away_and_a_bug(lives: Lives, caplog: pytest.LogCaptureFixture) -> None:
    """Both are logged; the next sweep is tried."""
    lives.store.close()
    sweeping = Sweeping(lives.sweeper(), interval=1)
    sweeping.start()
    try:
        assert eventually(lambda: [record.message for record in caplog.records].count("sweep postponed") >= 2)
    finally:
        sweeping.stop()
    broken = lives.sweeper()
    broken._store = None  # type: ignore[assignment]  # a bug
    sweeping = Sweeping(broken, interval=1)
    sweeping.start()
    try:
        assert eventually(lambda: "sweep failed" in [record.message for record in caplog.records])
    finally:
        sweeping.stop()
    assert logging.ERROR in [record.levelno for record in caplog.records if record.message == "sweep failed"]


def test_a_real_server_lets_clients_manage_themselves_and_sweeps(tmp_path: Path) -> None:
    """`registrar serve`: RFC 7592 from registration to deletion, and a client that nobody used ends by itself."""
    policies = tmp_path / "policies"
    shutil.copytree(MANAGED, policies)
    hosted = policies / "profiles/hosted.yaml"
    hosted.write_text(hosted.read_text(encoding="utf-8").replace("unused: 24h", "unused: 2s"), encoding="utf-8")
    database = f"sqlite:///{tmp_path}/registrar.db"
    flags = ("--policies", str(policies), "--database-url", database)
    with serving(tmp_path, *flags, REGISTRAR_SWEEP_INTERVAL="1") as server:
        client, forgotten = register(server, NATIVE).json(), register(server, HOSTED).json()
        path = client["registration_client_uri"].removeprefix(server.origin)
        headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
        assert ask(server, "GET", path, headers=headers).json() == client
        renamed = {**NATIVE, "client_id": client["client_id"], "client_name": "renamed"}
        assert ask(server, "PUT", path, renamed, headers).json()["client_name"] == "renamed"
        assert ask(server, "DELETE", path, headers=headers).status_code == 204
        assert ask(server, "GET", path, headers=headers).status_code == 401
        with closing(Store.open_to_read(database)) as store:
            statuses = [partial(status, store, one["client_id"]) for one in (client, forgotten)]
            assert eventually(lambda: [read() for read in statuses] == ["deleted", "expired"])


def status(store: Store, client_id: str) -> str:
    """What has become of a client."""
    found = store.client(client_id)
    return found.status if found else ""
