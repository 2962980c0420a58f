"""Units of work that share a transaction come out as they would alone, one after the other."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registrar.store import Store
from registrar.store.postgresql import PostgresqlBackend
from registrar.store.sqlite import SqliteBackend
from tests.store.samples import allowed, client, denied, rows, token
from tests.store.test_counters import NOW, end, use

Work = Callable[[Store], object]

_USES = (
    use(rate=4, period=3600),
    use("192.0.2.1", "registration/per-source", rate=2, period=3600, burst=1),
    use("192.0.2.2", "registration/per-source", rate=2, period=3600, burst=1),
    use("agent", "registration/places", max_active=2),
    use("agent", "registration/ever", max_total=3),
)
_TABLES = {
    "client": "client_id, status, reuse_key",
    "decision": "seq, decision_id, client_id, hash",
    "counter": "limit_id, key, shard, slices, tat, active, total, expires_at",
    "hold": "client_id, limit_id, key, shard",
    "token": "id, uses_left",
}

_ENDING = 8  # clients before this one may end, and share no key: whoever finds a key taken looks again, later than he would alone
_numbers = st.integers(0, 12)


def _registers(number: int, uses: Sequence[int], *, shared: bool, with_token: bool) -> Work:
    chosen = [_USES[index] for index in uses]
    found = client(number, reuse_key="same" if shared and number >= _ENDING else None)
    return lambda store: store.add(found, allowed(number), uses=chosen, token_id="t1" if with_token else "", at=NOW)


_works = st.one_of(
    st.builds(
        _registers,
        _numbers,
        st.lists(st.sampled_from(range(len(_USES))), unique=True),
        shared=st.booleans(),
        with_token=st.booleans(),
    ),
    st.builds(lambda number: lambda store: store.record(denied(number)), _numbers),
    st.builds(lambda number: lambda store: end(store, number), st.integers(0, _ENDING - 1)),
)


# By the ids that a registrar gives nothing collides, so that nobody has to begin again, in some order.
_together = st.lists(
    st.one_of(
        st.builds(
            lambda uses, shared: lambda number: _registers(_ENDING + number, uses, shared=shared, with_token=False),
            st.lists(st.sampled_from(range(len(_USES))), unique=True),
            st.booleans(),
        ),
        st.just(lambda number: lambda store: store.record(denied(100 + number))),
    ),
    min_size=1,
    max_size=24,
).map(lambda makers: [make(number) for number, make in enumerate(makers)])


@settings(max_examples=60, deadline=None)
@given(st.lists(_works, min_size=1, max_size=24))
def test_a_batch_is_as_one_after_the_other(works: Sequence[Work]) -> None:
    """Whatever of it fails: the same answers, the same rows, the same chain of decisions."""
    with TemporaryDirectory() as folder:
        together = Path(folder) / "together.db"
        alone = Path(folder) / "alone.db"
        answers = _at_once(together, works)
        with closing(_made(f"sqlite:///{alone}")) as store:
            assert answers == [_outcome(store, work) for work in works]
        for table, names in _TABLES.items():
            sql = f"SELECT {names} FROM {table} ORDER BY {names}"
            assert rows(f"sqlite:///{together}", sql) == rows(f"sqlite:///{alone}", sql)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_together)
def test_a_batch_on_postgresql_is_as_one_after_the_other(postgresql_url: str, works: Sequence[Work]) -> None:
    """Likewise, of what shares a transaction there: the same answers, the same rows, and a chain of its own."""
    _made(postgresql_url).close()
    for table in _TABLES:
        rows(postgresql_url, f"DELETE FROM {table}")
    with TemporaryDirectory() as folder:
        alone = f"sqlite:///{folder}/alone.db"
        answers = _behind_a_lock(postgresql_url, works)
        with closing(_made(alone)) as store:
            assert answers == [_outcome(store, work) for work in works]
        for table, names in _TABLES.items():
            if table != "token":
                sql = f"SELECT {names.replace(', hash', '')} FROM {table} ORDER BY {names}"
                assert sorted(rows(postgresql_url, sql), key=str) == sorted(rows(alone, sql), key=str)
    with closing(Store.open(postgresql_url)) as store:
        assert not store.verify().breaks


def test_a_hot_limit_has_room_for_all_of_a_batch_in_one_shard(postgresql_url: str) -> None:
    """Whether that is so is known before anything is locked for good; where it is not, all shards are looked at."""
    hot = use(rate=320, period=3600, max_active=320)
    _made(postgresql_url).close()
    store = Store.open(postgresql_url)
    store.add(client(0), allowed(0), uses=[hot], at=NOW)
    with psycopg.connect(postgresql_url) as node:  # which uses it, too: so it becomes several rows
        node.execute("SELECT * FROM counter FOR UPDATE")
        thread = threading.Thread(target=store.add, args=(client(1), allowed(1)), kwargs={"uses": [hot], "at": NOW})
        thread.start()
        while not _waits_for(node):
            time.sleep(0.001)
    thread.join()
    works = [_registers_under(number, hot) for number in range(2, 42)]
    assert not [answer for answer in _behind_a_lock(postgresql_url, works) if isinstance(answer, str)]
    assert rows(postgresql_url, "SELECT COUNT(*), SUM(active) FROM counter") == [(16, 42)]
    works = [_registers_under(number, hot) for number in range(42, 442)]
    refused = [_outcome(store, work) for work in works].count("LimitReachedError")
    assert refused == 400 - (320 - 42)
    store.close()


def test_who_waits_for_another_node_keeps_nobody(postgresql_url: str) -> None:
    """Somebody has the counter of one of those who share a transaction, for long: the others are stored without him."""
    slow, quick = use("slow", rate=9, period=60), use("quick", rate=9, period=60)
    store = Store.open(postgresql_url, patience=3)
    for number, one in enumerate((slow, quick)):
        store.add(client(number), allowed(number), uses=[one], at=NOW)
    with psycopg.connect(postgresql_url) as node:
        node.execute("SELECT * FROM counter WHERE key = 'slow' FOR UPDATE")
        threads = [threading.Thread(target=_outcome, args=(store, _registers_under(2, slow)))]
        threads += [threading.Thread(target=_outcome, args=(store, _registers_under(number, quick))) for number in range(3, 9)]
        for thread in threads:
            thread.start()
        for thread in threads[1:]:
            thread.join()
        assert threads[0].is_alive()
        assert rows(postgresql_url, "SELECT COUNT(*) FROM client") == [(2 + 6,)]
    threads[0].join()
    assert rows(postgresql_url, "SELECT COUNT(*) FROM client") == [(2 + 7,)]
    store.close()


def test_many_rows_are_written_in_parts(tmp_path: Path) -> None:
    """More than one statement holds, and not a power of two."""
    file = tmp_path / "registrar.db"
    everyone = use(rate=100, period=3600)
    works = [_registers_under(number, everyone) for number in range(45)]
    used = sorted(answer[0].used for answer in _at_once(file, works))  # type: ignore[index]  # what `add` answers
    assert used == list(range(1, 46))
    with closing(Store.open(f"sqlite:///{file}")) as store:
        assert store.verify().records == 45
        assert not store.verify().breaks


def _waits_for(node: psycopg.Connection) -> bool:
    """Whether somebody waits for the locks of this connection."""
    # Not pg_stat_activity, which stays what it was when a transaction looked first.
    sql = "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    return node.execute(sql).fetchone() is not None


def _registers_under(number: int, *uses: object) -> Work:
    return lambda store: store.add(client(number), allowed(number), uses=uses, at=NOW)  # type: ignore[arg-type]  # uses of limits


def _made(url: str) -> Store:
    store = Store.open(url)
    if store.applied:
        store.add_token(token(1, uses_left=5))
    return store


def _at_once(file: Path, works: Sequence[Work]) -> list[object]:
    """What comes of each, when all of them wait, in this order, for a database that is locked."""
    _made(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        return _in_order(SqliteBackend(file, patience=20), works, lambda: other.execute("ROLLBACK"))


def _behind_a_lock(url: str, works: Sequence[Work]) -> list[object]:
    """What comes of each, when the first waits for a table that is locked, and the others, in this order, for the first."""
    with psycopg.connect(url) as node:
        node.execute("LOCK TABLE client, decision IN ACCESS EXCLUSIVE MODE")
        backend = PostgresqlBackend(url, patience=60)
        return _in_order(backend, works, node.rollback, claimed=lambda: _waits_for(node))


def _in_order(
    backend: SqliteBackend | PostgresqlBackend,
    works: Sequence[Work],
    begin: Callable[[], object],
    *,
    claimed: Callable[[], bool] | None = None,
) -> list[object]:
    """Let all of them wait, one after the other, then `begin`. `claimed`: whether the first has begun, and is held up there."""
    store = Store(backend)
    outcomes: list[object] = [None] * len(works)

    def run(index: int) -> None:
        outcomes[index] = _outcome(store, works[index])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for index, thread in enumerate(threads):
        before = backend._queue.waiting  # nothing else tells that it waits
        thread.start()
        while thread.is_alive() and not (backend._queue.waiting > before if index or claimed is None else claimed()):
            time.sleep(0.0005)
    begin()
    for thread in threads:
        thread.join()
    store.close()
    return outcomes


def _outcome(store: Store, work: Work) -> object:
    try:
        return work(store)
    except Exception as error:  # noqa: BLE001  # of whatever kind, the other one must be as well
        return type(error).__name__


def test_limits_that_another_node_uses_for_the_first_time_too(postgresql_url: str) -> None:
    """Its rows are waited for, and counted in: nobody counts from nothing beside somebody else."""
    store = Store.open(postgresql_url, patience=30)
    keys = [use(key, rate=9, period=60) for key in ("a", "b", "c", "d")]
    store.add(client(1), allowed(1), uses=[keys[0], keys[3]], at=NOW)
    ((state,),) = rows(postgresql_url, "SELECT slices FROM counter WHERE key = 'a'")
    insert = "INSERT INTO counter VALUES ('registration/everyone', %s, 0, %s, 0, 0, 0, 9999999999)"
    with psycopg.connect(postgresql_url) as node:
        node.execute(insert, ("c", state))
        used: list[int] = []
        thread = threading.Thread(
            target=lambda: used.extend(one.used for one in store.add(client(2), allowed(2), uses=keys, at=NOW))
        )
        thread.start()
        while not _waits_for(node):
            time.sleep(0.001)
        assert thread.is_alive()
    thread.join()
    assert used == [2, 1, 2, 2]
    store.close()


def test_a_limit_whose_row_another_node_takes_back(postgresql_url: str) -> None:
    """It was not stored after all: the limit was never used."""
    store = Store.open(postgresql_url, patience=30)
    with psycopg.connect(postgresql_url) as node:
        node.execute("INSERT INTO counter VALUES ('registration/everyone', 'all', 0, '', 0, 7, 7, 0)")
        used: list[int] = []
        thread = threading.Thread(
            target=lambda: used.extend(
                one.used for one in store.add(client(1), allowed(1), uses=[use(rate=9, period=60)], at=NOW)
            )
        )
        thread.start()
        while not _waits_for(node):
            time.sleep(0.001)
        node.rollback()
    thread.join()
    assert used == [1]
    store.close()
