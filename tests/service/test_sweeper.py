"""Ending the clients whose time is over."""

import logging
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest

from registrar.service import GoneError
from registrar.store import DecisionRecord, Store, StoreUnavailable
from tests.http.managed import DAY, HOSTED, NATIVE
from tests.service.lives import Lives, together

LEASE = 120  # seconds that a node that died keeps the others waiting


def test_what_is_due_is_expired_and_nothing_else(lives: Lives) -> None:
    """To the second; the tombstone has no credentials, and the journal says who did it, and why."""
    forgotten, forever = lives.register(HOSTED), lives.register(NATIVE)
    lives.clock.pass_by(DAY - 1)
    later = lives.register(HOSTED)
    assert lives.sweeper().run_once() == 0
    lives.clock.pass_by(1)
    assert lives.sweeper().run_once() == 1
    assert lives.sweeper().run_once() == 0
    stored = lives.stored(forgotten)
    assert (stored.status, stored.ended_at, stored.secret_hash) == ("expired", lives.clock.seconds, None)
    assert stored.management_token_hash is None
    assert [lives.stored(client).status for client in (forever, later)] == ["active", "active"]
    assert lives.events(forgotten) == [{"version": 1, "event": "expired", "by": "sweeper", "reason": "the client was not used"}]
    with pytest.raises(GoneError):
        lives.clients.get(forgotten["client_id"])


def test_a_client_that_is_used_to_its_end_expires_by_its_lifetime(lives: Lives) -> None:
    """Ninety days after it was registered; the journal says that it was not for want of use."""
    client = lives.register()
    for _ in range(180):
        lives.clients.seen(client["client_id"])
        lives.clock.pass_by(DAY // 2)
    assert lives.sweeper().run_once() == 1
    assert lives.events(client)[-1]["reason"] == "the client's lifetime is over"


def test_a_disabled_client_is_swept_too(lives: Lives) -> None:
    """Its time runs."""
    client = lives.register()
    lives.clients.disable(client["client_id"], by="admin:7")
    lives.clock.pass_by(DAY)
    assert lives.sweeper().run_once() == 1
    assert lives.stored(client).status == "expired"


def test_a_provisioned_client_is_never_swept(lives: Lives) -> None:
    """An operator brought it: only an operator ends it."""
    client = lives.register()
    old = lives.stored(client)
    note = DecisionRecord(decision_id="provisioned", at=0, result="event", client_id=old.client_id, record={})
    lives.store.replace(old, replace(old, provisioned=True, due_at=0), note)
    lives.clock.pass_by(1_000 * DAY)
    assert lives.sweeper().run_once() == 0
    assert lives.clients.get(client["client_id"]).status == "active"


def test_a_sweep_that_is_stopped_is_gone_on_with(lives: Lives) -> None:
    """More clients than a batch has; each end is whole, and the next sweep has the rest."""
    clients = [lives.register() for _ in range(130)]
    lives.clock.pass_by(DAY)
    asked = iter(range(1_000))
    assert lives.sweeper().run_once(lambda: next(asked) >= 40) < 45
    ended = [client for client in clients if lives.stored(client).status == "expired"]
    assert 30 < len(ended) < 45
    assert lives.sweeper().run_once() == 130 - len(ended)
    assert {lives.stored(client).status for client in clients} == {"expired"}
    assert all(len(lives.events(client)) == 1 for client in clients)


def test_a_node_that_died_keeps_the_others_waiting_until_its_lease_runs_out(lives: Lives) -> None:
    """Two minutes. The clients are gone for everybody meanwhile."""
    client = lives.register()
    lives.clock.pass_by(DAY)
    assert lives.store.lease("sweep", "a node that died", lives.clock.seconds, LEASE)
    lives.clock.pass_by(LEASE - 1)
    assert lives.sweeper().run_once() == 0
    assert lives.stored(client).status == "active"
    lives.clock.pass_by(2)
    assert lives.sweeper().run_once() == 1


def test_a_lease_is_given_back(lives: Lives) -> None:
    """Another node may sweep at once, also after one that failed."""
    lives.sweeper("one").run_once()
    client = lives.register()
    lives.clock.pass_by(DAY)

    def stumble() -> bool:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        lives.sweeper("one").run_once(stumble)
    assert lives.sweeper("another").run_once() == 1
    assert lives.stored(client).status == "expired"


def test_many_nodes_end_each_client_once(lives: Lives, database: str) -> None:
    """Four of them at the same moment, with stores of their own: one event for each client."""
    clients = [lives.register() for _ in range(60)]
    lives.clock.pass_by(DAY)
    swept: list[int] = []

    def sweep(number: int) -> None:
        with closing(Store.open(database)) as store:
            node = Lives(store)
            node.clock.pass_by(DAY)
            swept.extend(node.sweeper(f"node {number}").run_once() for _ in range(3))

    together([partial(sweep, number) for number in range(4)])
    assert sum(swept) == 60
    assert all(len(lives.events(client)) == 1 for client in clients)


def test_sweeping_during_use_ends_nobody_who_is_used(lives: Lives, database: str) -> None:
    """Each client is seen, or authenticates, while it is about to be swept: whoever was told yes is there afterwards."""
    clients = [lives.register() for _ in range(60)]
    lives.clock.pass_by(DAY - 1)
    used: list[str] = []

    def use() -> None:
        used.extend(one["client_id"] for one in clients if lives.clients.authenticate(one["client_id"], one["client_secret"]))

    def sweep() -> None:
        with closing(Store.open(database)) as store:
            node = Lives(store)
            node.clock.pass_by(DAY)
            for _ in range(10):
                node.sweeper("another node").run_once()

    together([use, sweep])
    for client in clients:
        assert lives.stored(client).status == ("active" if client["client_id"] in used else "expired")


def test_a_sweep_says_what_it_did_in_one_line(lives: Lives, caplog: pytest.LogCaptureFixture) -> None:
    """With counts; one that did nothing is of interest to nobody."""
    caplog.set_level(logging.INFO)
    lives.sweeper().run_once()
    assert not caplog.records
    for _ in range(3):
        lives.register()
    caplog.clear()
    lives.clock.pass_by(DAY)
    lives.sweeper("this node").run_once()
    (line,) = caplog.records
    assert line.message == "swept"
    assert line.fields == {"expired": 3, "counters": 0, "holder": "this node"}  # type: ignore[attr-defined]


def test_a_database_that_takes_no_writes_is_told(lives: Lives, database: str) -> None:
    """The thread in the server tries again; the command says so."""
    lives.register()
    reading = Store.open_to_read(database)
    with closing(reading), pytest.raises(StoreUnavailable):
        Lives(reading).sweeper().run_once()
