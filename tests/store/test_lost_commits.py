"""A commit whose answer never came: stored or not, it is found out, and nothing is done twice or forgotten."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import peewee
import pytest

from registrar.limits import LimitReachedError, LimitUse
from registrar.store import DuplicateError, OutcomeUnknown, Store, StoreUnavailable, TokenSpentError
from registrar.store.access import Backend
from registrar.store.opening import backend_of, migrate
from registrar.store.transaction import Transaction, Unit
from tests.store.proxy import Proxy, hang_up
from tests.store.samples import add, allowed, denied, digest, event, pair, rows, stored, token

T = TypeVar("T")

AT = 1_790_000_000.5
LIMITS = [
    LimitUse(limit="registration/all", key="all", rate=10, period=3_600, max_active=5),
    LimitUse(limit="registration/token", key="t1", max_total=4),
]


class _UndoneError(Exception):
    """Ends a transaction that was to be lost before its commit."""


class Losing:
    """A database that loses the answers to its first commits: each was stored, or was not."""

    def __init__(self, backend: Backend, *, stored: bool) -> None:
        """`stored`: whether a commit of which the answer is lost happened."""
        self.statements = backend.statements
        self.losing = 0
        self._backend = backend
        self.stored = stored

    def schema(self, *, create: bool) -> AbstractContextManager[peewee.Database]:
        """As ever."""
        return self._backend.schema(create=create)

    def write(self, unit: Unit) -> None:
        """Lose it, while some are to be lost."""
        if not self.losing:
            self._backend.write(unit)
            return
        self.losing -= 1
        if self.stored:
            self._backend.write(unit)
        else:
            self._undo(unit)
        raise OutcomeUnknown("lost")

    def read(self, query: Callable[[peewee.Database], T]) -> T:
        """As ever."""
        return self._backend.read(query)

    def close(self) -> None:
        """As ever."""
        self._backend.close()

    def _undo(self, unit: Unit) -> None:
        def undone(transaction: Transaction) -> None:
            unit.run(transaction)
            raise _UndoneError

        with pytest.raises(_UndoneError):
            self._backend.write(Unit(undone))


@pytest.fixture(name="losing", params=["stored", "not stored"])
def _losing(store_url: str, request: pytest.FixtureRequest) -> Iterator[Losing]:
    migrate(store_url)
    with closing(backend_of(store_url, 5)) as backend:
        yield Losing(backend, stored=request.param == "stored")


def life(store: Store, lose: Callable[[], None]) -> list[object]:
    """A client's life, in which the answer to every commit with an entry in a journal is lost; what was answered instead."""
    store.add_token(token(1, uses_left=9))
    steps: list[Callable[[], object]] = [
        lambda: store.add(*_shared(1), uses=LIMITS, token_id="t1", at=AT),
        lambda: store.add(*pair(2, 2), uses=LIMITS, token_id="t1", at=AT),
        lambda: store.reuse(_found(store, "c1"), _again(3), uses=LIMITS, token_id="t1", at=AT + 80_000),
        lambda: store.record(denied(4)),
        lambda: store.put_secret("c2", digest(5), 0, event(5, "c2"), keep_until=0),
        lambda: store.replace(_found(store, "c2"), replace(_found(store, "c2"), profile="web"), event(6, "c2")),
        lambda: store.switch("c2", "disabled", event(7, "c2")),
        lambda: store.switch("c2", "disabled", event(8, "c2")),
        lambda: store.revoke_management_token("c1", event(9, "c1")),
        lambda: store.end("c1", "deleted", event(10, "c1"), at=int(AT)),
        lambda: store.end("c1", "deleted", event(11, "c1"), at=int(AT)),
    ]
    answers = []
    for step in steps:
        lose()
        answers.append(step())
    return answers


def _shared(number: int) -> tuple[Any, Any]:
    owner, decision = pair(number, number)
    return replace(owner, reuse_key="k", management_token_hash=digest(77), due_at=1_790_086_400), decision


def _again(number: int) -> Any:
    return replace(allowed(number), client_id="c1")


def _found(store: Store, client_id: str) -> Any:
    return store.client(client_id)


def content(url: str) -> list[list[tuple[Any, ...]]]:
    """All that is stored but the chaining, in which a lost journal ends."""
    return [
        rows(url, "SELECT * FROM client ORDER BY client_id"),
        rows(url, "SELECT at, decision_id, result, client_id, record FROM decision ORDER BY decision_id"),
        rows(url, "SELECT id, uses_left FROM token"),
        rows(url, "SELECT * FROM counter ORDER BY limit_id, key, shard"),
        rows(url, "SELECT * FROM hold ORDER BY client_id, limit_id"),
    ]


def test_nothing_is_done_twice_and_nothing_is_forgotten(losing: Losing, store_url: str, tmp_path: Path) -> None:
    """Every answer, and every row, is what it is when nothing is lost."""
    undisturbed = f"sqlite:///{tmp_path}/undisturbed.db"
    with closing(Store.open(undisturbed)) as store:
        expected = life(store, lambda: None)
    disturbed = Store(losing)

    def lose() -> None:
        losing.losing = 1

    assert life(disturbed, lose) == expected
    assert content(store_url) == content(undisturbed)
    assert disturbed.verify().breaks == ()


def test_who_was_lost_may_still_be_refused(losing: Losing, store_url: str) -> None:
    """When it was not stored: by the second attempt's own truth. When it was, there is nothing left to refuse."""
    store = Store(losing)
    store.add_token(token(1, uses_left=1))
    store.add_token(token(2, hash=digest(2), uses_left=0))
    only = [LimitUse(limit="registration/all", key="all", max_total=1)]
    losing.losing = 1
    store.add(*pair(1, 1), uses=only, token_id="t1", at=AT)
    with pytest.raises(LimitReachedError):
        store.add(*pair(2, 2), uses=only, at=AT)
    with pytest.raises(TokenSpentError):
        store.add(*pair(3, 3), token_id="t1", at=AT)
    assert stored(store_url) == ({"c1"}, {"c1"})


def test_what_is_lost_twice_is_unknown(losing: Losing) -> None:
    """Nobody claims that nothing was stored; unless the second attempt collided with the first, which says enough."""
    store = Store(losing)
    losing.losing = 2
    with nullcontext() if losing.stored else pytest.raises(OutcomeUnknown, match="lost"):
        add(store, 1)
    assert (store.client("c1") is not None) is losing.stored


@pytest.fixture(name="proxy")
def _proxy(postgresql_url: str) -> Iterator[Proxy]:
    proxy = Proxy(postgresql_url)
    yield proxy
    proxy.close()


def test_a_commit_whose_answer_is_lost_is_found_to_be_stored(proxy: Proxy, postgresql_url: str) -> None:
    """The server committed, the connection died before it could say so: the caller hears success, and it is true once."""
    store = Store.open(proxy.url)
    add(store, 1)

    def deliver(server: socket.socket, data: bytes) -> None:
        server.sendall(data)
        while "c2" not in stored(postgresql_url)[0]:
            time.sleep(0.005)

    proxy.at_commit = deliver
    add(store, 2)
    assert proxy.at_commit is None
    assert rows(postgresql_url, "SELECT client_id FROM client ORDER BY 1") == [("c1",), ("c2",)]
    assert rows(postgresql_url, "SELECT decision_id FROM decision ORDER BY 1") == [("d1",), ("d2",)]
    add(store, 3)
    assert store.verify().breaks == ()
    store.close()


def test_a_commit_that_never_arrived_is_done_again(proxy: Proxy, postgresql_url: str) -> None:
    """The connection died before the server heard of the commit: it is stored by the second attempt."""
    store = Store.open(proxy.url)
    add(store, 1)
    proxy.at_commit = lambda server, _: hang_up(server)
    add(store, 2)
    assert proxy.at_commit is None
    assert stored(postgresql_url) == ({"c1", "c2"}, {"c1", "c2"})
    assert store.verify().breaks == ()
    store.close()


def test_a_commit_that_cannot_be_looked_up_is_unknown(proxy: Proxy, postgresql_url: str) -> None:
    """The server stays away after a lost answer: nobody claims that nothing was stored."""
    store = Store.open(proxy.url, patience=1)
    add(store, 1)

    def deliver(server: socket.socket, data: bytes) -> None:
        server.sendall(data)
        while "c2" not in stored(postgresql_url)[0]:
            time.sleep(0.005)
        proxy.cut()

    proxy.at_commit = deliver
    with pytest.raises(StoreUnavailable, match="lost during a commit"):
        add(store, 2)
    proxy.mend()
    store.close()


def test_a_commit_that_is_lost_to_somebody_elses_is_a_duplicate(proxy: Proxy, postgresql_url: str) -> None:
    """Between the lost commit and the second attempt another node took the id: nobody is told that theirs was stored."""
    store, other = Store.open(proxy.url), Store.open(postgresql_url)
    add(store, 1)

    def overtake(server: socket.socket, _: bytes) -> None:
        hang_up(server)
        while True:  # the server may hold the lost transaction's id for a moment
            try:
                other.add(*pair(2, 77))
            except StoreUnavailable:
                continue
            return

    proxy.at_commit = overtake
    with pytest.raises(DuplicateError):
        add(store, 2)
    assert store.decision("d2") is None
    assert store.decision("d77") is not None
    store.close()
    other.close()


@pytest.mark.parametrize("fate", ["answer lost", "never arrived"])
def test_a_connection_lost_in_a_commit_consumes_once(
    proxy: Proxy, postgresql_url: str, fate: Literal["answer lost", "never arrived"]
) -> None:
    """The same with a real server behind a real connection that dies."""
    store = Store.open(proxy.url)
    store.add_token(token(1, uses_left=5))
    store.add(*pair(1, 1), uses=LIMITS, token_id="t1", at=AT)

    def deliver(server: socket.socket, data: bytes) -> None:
        server.sendall(data)
        while "c2" not in stored(postgresql_url)[0]:
            time.sleep(0.005)

    proxy.at_commit = deliver if fate == "answer lost" else lambda server, _: hang_up(server)
    usages = store.add(*pair(2, 2), uses=LIMITS, token_id="t1", at=AT)
    assert proxy.at_commit is None
    assert [(usage.measure, usage.used) for usage in usages] == [("rate", 2), ("active", 2), ("total", 2)]
    assert rows(postgresql_url, "SELECT uses_left FROM token") == [(3,)]
    assert rows(postgresql_url, "SELECT COUNT(*) FROM hold") == [(2,)]
    assert stored(postgresql_url) == ({"c1", "c2"}, {"c1", "c2"})
    store.close()
