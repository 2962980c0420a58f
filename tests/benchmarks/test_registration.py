"""The benchmarks measure what they say."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.benchmarks.contenders import FLOOR, REGISTRAR
from tests.benchmarks.growth import by_rules, fill, steps
from tests.benchmarks.load import generator
from tests.benchmarks.registration import measure, table


@pytest.mark.slow
def test_every_request_of_the_benchmark_registers_a_client(tmp_path: Path) -> None:
    """Figures of refusals would be worth nothing, and a registrar faster than its floor would mean that the floor is none."""
    _, load = generator()
    turns = measure(load, tmp_path, (REGISTRAR, FLOOR), rounds=1, turn=1, connections=8)
    [registrar], [floor] = turns[REGISTRAR], turns[FLOOR]
    assert (registrar.failed, floor.failed) == (0, 0)
    assert 0 < registrar.rate < floor.rate
    assert 0 < registrar.p50 <= registrar.p99
    assert [line.split()[0] for line in table(turns)][1:] == ["registrar", "floor"]


def test_growth_goes_in_steps() -> None:
    assert list(steps(1_000_000, 10)) == [10**power for power in range(7)]
    assert list(steps(300, 3)) == [1, 3, 9, 27, 81, 243, 300]


def test_a_table_grows_by_copies_with_ids_of_their_own(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sample.db")) as database:
        database.execute("CREATE TABLE client (client_id TEXT PRIMARY KEY, secret_hash BLOB, profile TEXT)")
        database.execute("INSERT INTO client VALUES ('first', NULL, 'native')")
        fill(database, "client", 5)
        [row] = database.execute("SELECT COUNT(DISTINCT client_id), MIN(profile), MAX(secret_hash) FROM client")
    assert tuple(row) == (5, "native", None)


def test_rules_are_in_the_decision_that_is_measured() -> None:
    [none, one] = list(by_rules(1))
    assert (none[0], one[0]) == (0, 1)
    assert min(none[1], one[1]) > 0
