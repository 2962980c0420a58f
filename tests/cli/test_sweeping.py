"""Sweeping in the process that serves."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from registrar.cli.sweeping import Sweeping
from registrar.store import Store
from tests.http.managed import DAY
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
