"""Units of work that share a transaction come out as they would alone, one after the other."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.store import Store
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


@settings(max_examples=60, deadline=None)
@given(st.lists(_works, min_size=1, max_size=24))
def test_a_batch_is_as_one_after_the_other(works: Sequence[Work]) -> None:
    """Whatever of it fails: the same answers, the same rows, the same chain of decisions."""
    with TemporaryDirectory() as folder:
        together = Path(folder) / "together.db"
        alone = Path(folder) / "alone.db"
        answers = _at_once(together, works)
        with closing(_made(alone)) as store:
            assert answers == [_outcome(store, work) for work in works]
        for table, names in _TABLES.items():
            sql = f"SELECT {names} FROM {table} ORDER BY {names}"
            assert rows(f"sqlite:///{together}", sql) == rows(f"sqlite:///{alone}", sql)


def test_many_rows_are_written_in_parts(tmp_path: Path) -> None:
    """More than one statement holds, and not a power of two."""
    file = tmp_path / "registrar.db"
    everyone = use(rate=100, period=3600)
    works = [_registers_under(number, everyone) for number in range(45)]
    used = sorted(answer[0].used for answer in _at_once(file, works))  # type: ignore[index]  # what `add` answers
    assert used == list(range(1, 46))
    with closing(_made(file)) as store:
        assert store.verify().records == 45
        assert not store.verify().breaks


def _registers_under(number: int, *uses: object) -> Work:
    return lambda store: store.add(client(number), allowed(number), uses=uses, at=NOW)  # type: ignore[arg-type]  # uses of limits


def _made(file: Path) -> Store:
    store = Store.open(f"sqlite:///{file}")
    if store.applied:
        store.add_token(token(1, uses_left=5))
    return store


def _at_once(file: Path, works: Sequence[Work]) -> list[object]:
    """What comes of each, when all of them wait, in this order, for a database that is locked."""
    _made(file).close()
    backend = SqliteBackend(file, patience=20)
    store = Store(backend)
    outcomes: list[object] = [None] * len(works)

    def run(index: int) -> None:
        outcomes[index] = _outcome(store, works[index])

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
        for thread in threads:
            before = backend._queue.waiting  # nothing else tells that it waits
            thread.start()
            while thread.is_alive() and backend._queue.waiting == before:
                time.sleep(0.0005)
        other.execute("ROLLBACK")
        for thread in threads:
            thread.join()
    store.close()
    return outcomes


def _outcome(store: Store, work: Work) -> object:
    try:
        return work(store)
    except Exception as error:  # noqa: BLE001  # of whatever kind, the other one must be as well
        return type(error).__name__
