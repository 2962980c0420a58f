"""Whether the database takes writes: asked rarely, and believed only while nothing says otherwise."""

import threading
import time

import pytest

from registrar.store import Store, StoreUnavailable
from registrar.store.health import Health
from tests.store.samples import add, rows


class Disk:
    """Counts the probes that reach it; fails while it has a reason to."""

    def __init__(self, failure: str = "") -> None:
        """`failure`: why it takes nothing."""
        self.failure = failure
        self.probes = 0
        self.gate = threading.Event()
        self.gate.set()

    def probe(self) -> None:
        """Wait at the gate, then write or fail."""
        self.probes += 1
        self.gate.wait()
        if self.failure:
            raise StoreUnavailable(self.failure)


def test_who_asks_often_probes_once_a_second(store: Store, store_url: str) -> None:
    """A thousand questions are not a thousand commits, nor none."""
    started = time.monotonic()
    for _ in range(1_000):
        store.check()
    ((writes,),) = rows(store_url, "SELECT writes FROM probe")
    assert 1 <= writes <= time.monotonic() - started + 1


def test_an_answer_grows_old() -> None:
    disk = Disk()
    health = Health(disk.probe, fresh=0.05)
    health.check()
    health.check()
    assert disk.probes == 1
    time.sleep(0.06)
    disk.failure = "full"
    with pytest.raises(StoreUnavailable, match="full"):
        health.check()
    assert disk.probes == 2


def test_a_failure_stands_as_long_as_a_success() -> None:
    disk = Disk("full")
    health = Health(disk.probe, fresh=60)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="full"):
            health.check()
    assert disk.probes == 1


@pytest.mark.parametrize(("first", "noted"), [("", "full"), ("full", ""), ("full", "locked")])
def test_a_write_that_ends_otherwise_is_believed(first: str, noted: str) -> None:
    """The next who asks has it probed again."""
    disk = Disk(first)
    health = Health(disk.probe, fresh=60)
    for failure in (first, noted):
        disk.failure = failure
        health.note(failure)
        if failure:
            with pytest.raises(StoreUnavailable, match=failure):
                health.check()
        else:
            health.check()
    assert disk.probes == 2


def test_a_write_that_ends_the_same_way_changes_nothing() -> None:
    disk = Disk()
    health = Health(disk.probe, fresh=60)
    for _ in range(3):
        health.check()
        health.note("")
    assert disk.probes == 1


def test_who_comes_during_a_probe_gets_its_answer() -> None:
    """While the database hangs, those who ask wait together and do not queue up behind it one by one."""
    disk = Disk("slow")
    disk.gate.clear()
    health = Health(disk.probe, fresh=60)
    heard: list[str] = []

    def ask() -> None:
        try:
            health.check()
        except StoreUnavailable as failure:
            heard.append(str(failure))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    while not disk.probes:
        time.sleep(0.001)
    disk.gate.set()
    for thread in threads:
        thread.join()
    assert (heard, disk.probes) == (["slow"] * 8, 1)


def test_a_registration_that_fails_is_seen_at_once(store: Store, store_url: str) -> None:
    """Ready a moment ago is not ready now."""
    store.check()
    rows(store_url, "ALTER TABLE probe RENAME TO gone")
    store.check()
    rows(store_url, "ALTER TABLE decision RENAME TO lost")
    with pytest.raises(StoreUnavailable):
        add(store, 1)
    with pytest.raises(StoreUnavailable):
        store.check()
    rows(store_url, "ALTER TABLE gone RENAME TO probe")
    rows(store_url, "ALTER TABLE lost RENAME TO decision")
    add(store, 1)
    store.check()
