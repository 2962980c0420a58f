"""Threads that wait for the database leave their place of work to others."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import psycopg
import pytest

from registrar.http.turns import Places
from registrar.store import Store
from tests.store.samples import add, stored


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Somebody else has the database for himself."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
        connection.close()
        return
    with psycopg.connect(url) as server:
        server.execute("LOCK TABLE client, decision IN ACCESS EXCLUSIVE MODE")
        yield


def waiting(places: Places, work: Callable[[], object]) -> None:
    """Do it in a place."""
    with places:
        work()


def test_others_work_while_one_waits_to_write(store_url: str) -> None:
    """One place: it is free while the database is locked, and taken again afterwards."""
    places = Places(1)
    store = Store.open(store_url, patience=20, places=places)
    with ThreadPoolExecutor(8) as pool:
        with locked(store_url):
            writing = [pool.submit(waiting, places, partial(add, store, number)) for number in range(8)]
            for _ in range(20):
                with places:
                    assert not any(future.done() for future in writing)
        for future in writing:
            future.result(20)
    assert stored(store_url)[0] == {f"c{number}" for number in range(8)}
    store.close()


def test_others_work_while_one_waits_for_an_answer(postgresql_url: str) -> None:
    """A server that is far away, or locked, takes its time for reading, too."""
    places = Places(1)
    store = Store.open(postgresql_url, patience=20, places=places)
    with ThreadPoolExecutor(1) as pool:
        with locked(postgresql_url):
            reading = pool.submit(waiting, places, lambda: store.client("c1"))
            with places:
                assert not reading.done()
        reading.result(20)
    store.close()


def test_the_writer_works_in_a_place(sqlite_url: str) -> None:
    """While somebody has the only one, nothing is written; whoever asked without one waits all the same."""
    places = Places(1)
    store = Store.open(sqlite_url, patience=20, places=places)
    done = threading.Event()

    def write() -> None:
        add(store, 1)
        done.set()

    with places:
        thread = threading.Thread(target=write)
        thread.start()
        assert not done.wait(0.2)
    thread.join(20)
    assert done.is_set()
    store.close()


@pytest.mark.parametrize("fails", [False, True])
def test_a_place_is_given_back_whatever_happens(sqlite_url: str, fails: bool) -> None:
    """Also when the client was there before: the next one finds it free."""
    places = Places(1)
    store = Store.open(sqlite_url, places=places)
    if fails:
        add(store, 1)
        with pytest.raises(Exception, match="UNIQUE"):
            waiting(places, lambda: add(store, 1))
    waiting(places, lambda: add(store, 2))
    waiting(places, lambda: add(store, 3))
    store.close()
