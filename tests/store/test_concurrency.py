"""Many at once: threads through the group commit, processes on one database, and who gives up waiting."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from registrar.store import DuplicateError, OutcomeUnknown, Store, StoreUnavailable
from registrar.store.groupcommit import GroupCommit
from registrar.store.postgresql import PostgresqlBackend
from registrar.store.transaction import Transaction, Unit
from tests.store.samples import add, client, denied, pair, rows, stored, token


def at_once(number: int, work: Callable[[int], object]) -> list[Exception]:
    """Run `work(0)` … `work(number - 1)` in threads that start together; what they raised."""
    barrier = threading.Barrier(number)
    raised: list[Exception] = []

    def run(index: int) -> None:
        barrier.wait()
        try:
            work(index)
        except Exception as error:  # noqa: BLE001  # the test looks at it
            raised.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_threads_store_side_by_side(store: Store, store_url: str) -> None:
    """Thirty-two threads, twenty clients each: all there, chained, and read while others write."""

    def work(index: int) -> None:
        for number in range(index * 20, index * 20 + 20):
            add(store, number)
            assert store.client(f"c{number}") == client(number)

    assert at_once(32, work) == []
    everyone = {f"c{number}" for number in range(640)}
    assert stored(store_url) == (everyone, everyone)
    verification = store.verify()
    assert (verification.records, verification.breaks) == (640, ())


def test_one_failure_in_a_batch_fails_nobody_else(store: Store, store_url: str) -> None:
    """Duplicates, refusals and registrations mixed: each gets its own answer."""
    for number in range(8):
        add(store, number)

    def work(index: int) -> None:
        for turn in range(10):
            number = 100 + index * 10 + turn
            with pytest.raises(DuplicateError):
                store.add(*pair(index % 8, number + 1000))
            add(store, number)
            store.record(denied(number + 2000))

    assert at_once(16, work) == []
    everyone = {f"c{number}" for number in (*range(8), *range(100, 260))}
    assert stored(store_url) == (everyone, everyone)
    verification = store.verify()
    assert (verification.records, verification.breaks) == (8 + 160 + 160, ())


def test_one_of_many_with_the_same_id_is_stored(store: Store, store_url: str) -> None:
    """Sixteen threads race for one client id; fifteen are told."""
    raised = at_once(16, lambda index: store.add(*pair(1, index)))
    assert [type(error) for error in raised] == [DuplicateError] * 15
    assert rows(store_url, "SELECT COUNT(*) FROM decision") == [(1,)]


PROCESS = """
import sys
from registrar.store import Store
from tests.store.samples import add
store = Store.open(sys.argv[1], patience=20)
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 100):
    add(store, number)
store.close()
"""


def test_processes_share_a_database(store: Store, store_url: str) -> None:
    """Three processes write while this one reads: on SQLite they take turns, and every journal is whole."""
    command = [sys.executable, "-c", PROCESS, store_url]
    processes = [subprocess.Popen([*command, str(start)]) for start in (0, 1000, 2000)]
    while any(process.poll() is None for process in processes):
        assert store.verify().breaks == ()
        time.sleep(0.01)
    assert [process.returncode for process in processes] == [0, 0, 0]
    everyone = {f"c{start + number}" for start in (0, 1000, 2000) for number in range(100)}
    assert stored(store_url) == (everyone, everyone)
    verification = store.verify()
    assert (verification.records, verification.breaks) == (300, ())


def test_who_gives_up_waiting_is_never_stored(sqlite_url: str, sqlite_path: Path) -> None:
    """While another process holds the lock, every waiter hears 503 in time; when it lets go, none of them appears."""
    store = Store.open(sqlite_url, patience=0.3)
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        raised = at_once(8, lambda index: add(store, index))
        assert time.monotonic() - started < 2
        other.execute("ROLLBACK")
    assert [type(error) for error in raised] == [StoreUnavailable] * 8
    add(store, 100)
    assert stored(sqlite_url) == ({"c100"}, {"c100"})
    store.close()


def test_giving_up_races_with_the_lock_being_freed(sqlite_url: str, sqlite_path: Path) -> None:
    """Whatever the moment: a registration is stored if and only if its caller heard so."""
    store = Store.open(sqlite_url, patience=0.05)
    stored_by_answer: set[str] = set()
    unknown: set[str] = set()  # a commit took longer than the patience: so their callers were told

    def work(index: int) -> None:
        try:
            add(store, index)
        except OutcomeUnknown:
            unknown.add(f"c{index}")
        except StoreUnavailable:
            return
        else:
            stored_by_answer.add(f"c{index}")

    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as other:
        for turn in range(30):
            other.execute("BEGIN IMMEDIATE")
            threads = [threading.Thread(target=work, args=(turn * 4 + lane,)) for lane in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(0.03 + turn / 1000)  # around both bounds: the lock's and the turn's
            other.execute("ROLLBACK")
            for thread in threads:
                thread.join()
    found, decided = stored(sqlite_url)
    assert found == decided
    assert found - unknown == stored_by_answer
    store.close()


class Stalling:
    """A database in memory whose begin and commit wait for a gate: a disk that does not answer."""

    def __init__(self) -> None:
        """Both gates start open."""
        self.begin_gate = threading.Event()
        self.commit_gate = threading.Event()
        self.begin_gate.set()
        self.commit_gate.set()
        self.committing = threading.Event()
        self.batches: list[int] = []

    def store(self, claim: Callable[[], Sequence[Unit]]) -> list[Exception | None]:
        """Wait at the first gate, claim, wait at the second, then note how many were in the batch."""
        self.begin_gate.wait()
        units = claim()
        self.committing.set()
        self.commit_gate.wait()
        self.batches.append(len(units))
        return [None] * len(units)


NOTHING = Unit(lambda _: None)


def test_those_who_wait_together_share_a_commit() -> None:
    """What gathers during one commit is one batch, and one fsync."""
    database = Stalling()
    queue = GroupCommit(database, patience=10)
    database.commit_gate.clear()
    threads = [threading.Thread(target=queue.run, args=(NOTHING,)) for _ in range(20)]
    threads[0].start()
    database.committing.wait()
    for thread in threads[1:]:
        thread.start()
    while queue.waiting < 19:
        time.sleep(0.001)
    database.commit_gate.set()
    for thread in threads:
        thread.join()
    queue.close()
    assert database.batches == [1, 19]


def test_a_commit_that_does_not_come_back_is_unknown() -> None:
    """Not "nothing was stored": once the commit runs, only its end could say so."""
    database = Stalling()
    queue = GroupCommit(database, patience=0.05)
    database.commit_gate.clear()
    with pytest.raises(OutcomeUnknown, match="running for more than"):
        queue.run(NOTHING)
    with pytest.raises(StoreUnavailable, match="did not get to this") as caught:
        queue.run(NOTHING)
    assert not isinstance(caught.value, OutcomeUnknown)
    database.commit_gate.set()
    queue.close()
    assert database.batches == [1]


def test_a_slow_commit_is_waited_for() -> None:
    """Once it is claimed, the answer is the commit's, though it comes later than the patience for a turn."""
    database = Stalling()
    queue = GroupCommit(database, patience=0.5)
    database.commit_gate.clear()
    opener = threading.Timer(0.7, database.commit_gate.set)
    opener.start()
    queue.run(NOTHING)
    assert database.batches == [1]
    queue.close()
    opener.join()


def test_closing_finishes_what_waits() -> None:
    """A drained server loses nobody, and takes nobody new."""
    database = Stalling()
    queue = GroupCommit(database, patience=10)
    database.begin_gate.clear()
    threads = [threading.Thread(target=queue.run, args=(NOTHING,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    while queue.waiting < 5:
        time.sleep(0.001)
    closing_thread = threading.Thread(target=queue.close)
    closing_thread.start()
    database.begin_gate.set()
    for thread in (*threads, closing_thread):
        thread.join()
    assert sum(database.batches) == 5
    with pytest.raises(StoreUnavailable, match="closed"):
        queue.run(NOTHING)


def test_a_writer_outlives_a_database_that_breaks_its_promises() -> None:
    """An error that nobody foresaw fails its batch, and the next is served."""

    class Surprising(Stalling):
        def store(self, claim: Callable[[], Sequence[Unit]]) -> list[Exception | None]:
            """Fail the first time."""
            errors = super().store(claim)
            if len(self.batches) == 1:
                raise RuntimeError("surprise")
            return errors

    queue = GroupCommit(Surprising(), patience=10)
    with pytest.raises(StoreUnavailable, match="surprise"):
        queue.run(NOTHING)
    queue.run(NOTHING)
    queue.close()


def test_a_serialization_failure_is_tried_again(postgresql_url: str) -> None:
    """Two transactions that read what the other writes: PostgreSQL refuses one, which then goes through."""
    Store.open(postgresql_url).close()
    with closing(PostgresqlBackend(postgresql_url, patience=10)) as backend:
        together = threading.Barrier(2)

        def work(index: int) -> None:
            attempts = []

            def unit(transaction: Transaction) -> None:
                attempts.append(index)
                transaction.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                transaction.fetch("SELECT COUNT(*) FROM revision")
                if len(attempts) == 1:
                    together.wait()
                transaction.execute("INSERT INTO revision VALUES (%s)", (f"r{index}",))

            backend.write(Unit(unit))
            tries.append(len(attempts))

        tries: list[int] = []
        assert at_once(2, work) == []
    assert sorted(tries) == [1, 2]
    assert rows(postgresql_url, "SELECT revision FROM revision ORDER BY 1") == [("r0",), ("r1",)]


@pytest.mark.parametrize("isolation", ["serializable", "repeatable%20read"])
def test_a_server_that_isolates_more_than_is_needed(postgresql_url: str, isolation: str) -> None:
    """A row that all want is waited for, and nobody fails for having waited, whatever the server does by default."""
    url = f"{postgresql_url}%20-cdefault_transaction_isolation%3D{isolation.replace('%20', '%5C%20')}"
    assert rows(url, "SHOW default_transaction_isolation") == [(isolation.replace("%20", " "),)]
    with closing(Store.open(url, patience=30)) as store:
        store.add_token(token(1, uses_left=100))
        assert at_once(20, lambda index: store.add(*pair(index, index), token_id="t1")) == []
    assert rows(postgresql_url, "SELECT uses_left FROM token") == [(80,)]


def test_retries_end(postgresql_url: str) -> None:
    """A row that somebody keeps locked answers 503 within the patience, and nothing is stored."""
    store = Store.open(postgresql_url, patience=0.3)
    with psycopg.connect(postgresql_url) as holder:
        holder.execute("LOCK TABLE client IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="statement timeout"):
            add(store, 1)
        assert time.monotonic() - started < 2
    assert stored(postgresql_url) == (set(), set())
    add(store, 1)
    store.close()


def test_more_threads_than_connections_take_turns(postgresql_url: str) -> None:
    """Forty threads on the pool's ten connections: all are served."""
    store = Store.open(postgresql_url)
    assert at_once(40, lambda index: add(store, index)) == []
    heads = store.verify().heads
    assert len(heads) <= 10
    assert sum(head.seq for head in heads) == 40
    store.close()
