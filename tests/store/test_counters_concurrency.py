"""Limits under contention: processes, threads, clocks that differ, shards, and a kill in the middle."""

import time
from collections.abc import Sequence

import psycopg
import pytest

from registrar.limits import SHARDS, LimitReachedError, LimitUse
from registrar.store import Store
from tests.postgresql import server_url
from tests.store.attempts import Admitted, attempt, running, work_for
from tests.store.samples import allowed, client, rows

HUNDRED = LimitUse(limit="l/hundred", key="all", rate=100, period=3600)


def clients(url: str) -> int:
    """How many clients there are that have not ended."""
    ((number,),) = rows(url, "SELECT COUNT(*) FROM client WHERE status = 'active'")
    return int(number)


def full(store: Store, number: int, use: LimitUse) -> bool:
    """Whether the limit has no room for one more client."""
    try:
        store.add(client(number), allowed(number), uses=[use], at=time.time())
    except LimitReachedError:
        return True
    return False


@pytest.mark.parametrize(
    ("use", "attempts", "room"),
    [
        (HUNDRED, 2000, 100),
        (LimitUse(limit="l/active", key="all", max_active=100), 800, 100),
        (LimitUse(limit="l/total", key="all", max_total=10), 200, 10),
        (LimitUse(limit="l/burst", key="all", rate=10, period=36_000, burst=3), 200, 3),
        (LimitUse(limit="l/reserve", key="all", rate=100, period=3600, reserve=93), 200, 7),
    ],
    ids=["rate", "active", "total", "burst", "reserve"],
)
def test_eight_processes_admit_as_many_as_there_is_room_for(
    store: Store, store_url: str, use: LimitUse, attempts: int, room: int
) -> None:
    """By clocks that are up to a second apart, with four threads each."""
    assert len(attempt(work_for(store_url, [use], attempts))) == room
    assert clients(store_url) == room
    assert store.verify().breaks == ()
    assert full(store, 9999, use)


def test_a_kill_in_the_middle_changes_nothing(store: Store, store_url: str) -> None:
    """All processes die at once while they register; others go on: a hundred clients, whoever heard of them."""
    with running(work_for(store_url, [HUNDRED], 1000, seconds=4.0)) as processes:
        while clients(store_url) < 40:
            time.sleep(0.005)
        for process in processes:
            process.kill()
    before = clients(store_url)
    assert 40 <= before < 100
    assert len(attempt(work_for(store_url, [HUNDRED], 1000, first=1000))) == 100 - before
    assert clients(store_url) == 100
    assert store.verify().breaks == ()


def test_no_second_has_more_than_its_rate(store: Store, store_url: str) -> None:
    """Five a second for six seconds: no six registrations lie within one, and room keeps coming back."""
    use = LimitUse(limit="l/second", key="all", rate=5, period=1)
    admitted = attempt(work_for(store_url, [use], 800, threads=1, seconds=6.0))
    assert len(admitted) >= 10
    assert not _crowded(admitted, 5, 1.0)


def _crowded(admitted: Sequence[Admitted], rate: int, period: float) -> bool:
    """Whether more than `rate` certainly lie within a `period`, wherever in its time each of them was."""
    ended = sorted(admitted, key=lambda one: one.ended)
    return any(last.ended - first.began < period for first, last in zip(ended, ended[rate:], strict=False))


def test_places_are_neither_lost_nor_doubled(store: Store, store_url: str) -> None:
    """At most a hundred at a time, while clients come and go in every process; in the end exactly as many as are left."""
    use = LimitUse(limit="l/active", key="all", max_active=100)
    seen = []
    with running(work_for(store_url, [use], 800, ends=0.45)) as processes:
        while any(process.poll() is None for process in processes):
            seen.append(clients(store_url))
            time.sleep(0.002)
        assert [process.returncode for process in processes] == [0] * len(processes)
    assert max(seen) <= 100
    left = clients(store_url)
    ((active,),) = rows(store_url, "SELECT SUM(active) FROM counter")
    assert (active, rows(store_url, "SELECT COUNT(*) FROM hold")) == (left, [(left,)])
    for number in range(10_000, 10_000 + 100 - left):
        assert not full(store, number, use)
    assert full(store, 20_000, use)


HOT = LimitUse(limit="l/hot", key="all", rate=600, period=3600, max_active=600)


def test_a_hot_limit_becomes_several_rows_and_stays_exact(postgresql_url: str) -> None:
    """Eight processes meet in one limit of six hundred: it is counted in shards, and six hundred get in."""
    store = Store.open(postgresql_url)
    assert len(attempt(work_for(postgresql_url, [HOT], 800))) == 600
    assert rows(postgresql_url, "SELECT COUNT(*), SUM(active) FROM counter") == [(SHARDS, 600)]
    assert clients(postgresql_url) == 600
    assert full(store, 9999, HOT)
    (counted,) = store.usage(time.time())
    assert (counted.recent, counted.active) == (600, 600)
    store.close()


def test_unlike_ceilings_of_a_hot_limit_are_kept(postgresql_url: str) -> None:
    """Strangers and known clients at once, by the minute and by the hour: neither gets what is the other's."""
    store = Store.open(postgresql_url)
    strangers = LimitUse(limit="l/hot", key="all", rate=600, period=3600, reserve=200)
    known = LimitUse(limit="l/hot", key="all", rate=600, period=3600)
    hosted = LimitUse(limit="l/hot", key="all", rate=500, period=60)
    work = [work_for(postgresql_url, [use], 2400, first=index * 2400) for index, use in enumerate((strangers, known, hosted))]
    admitted = attempt([piece for pieces in work for piece in pieces[:2]])
    assert 400 <= len(admitted) <= 600
    assert len(attempt(work_for(postgresql_url, [known], 1600, first=7200)[:1])) == 600 - len(admitted)
    assert full(store, 9999, strangers)
    store.close()


def test_nobody_waits_for_each_other_in_a_circle(postgresql_url: str) -> None:
    """Many limits, some hot, used in any order, given back meanwhile, and forgotten meanwhile: no deadlock."""
    store = Store.open(postgresql_url)
    uses = [LimitUse(limit=f"l/{index}", key="all", rate=400 + index, period=1, max_active=300) for index in range(4)]
    uses += [LimitUse(limit=f"k/{index}", key="all", rate=100, period=1, burst=100, max_active=100) for index in range(3)]
    before = deadlocks()
    with running(work_for(postgresql_url, uses, 320, ends=0.5)) as processes:
        while any(process.poll() is None for process in processes):
            store.prune_counters(time.time() + 3600)
            time.sleep(0.01)
        assert [process.returncode for process in processes] == [0] * len(processes)
    assert deadlocks() == before
    left = clients(postgresql_url)
    assert rows(postgresql_url, "SELECT DISTINCT sum FROM (SELECT SUM(active) AS sum FROM counter GROUP BY limit_id) AS s") == [
        (left,)
    ]
    store.close()


def deadlocks() -> int:
    """How many deadlocks the server found in the database of the tests."""
    with psycopg.connect(server_url()) as connection:
        row = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])
