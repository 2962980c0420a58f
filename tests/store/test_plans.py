"""How the databases find what a verb asks for: by an index, however large a table grows."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, is_dataclass
from itertools import count, islice

import psycopg
import pytest

from registrar.store import Store
from registrar.store.statements import Statements
from tests.store.samples import digest, event, rows

# What is asked for everything, or keeps a handful of rows.
WHOLE = {"select_activations", "select_journals", "select_tally", "select_tokens", "probe"}
# Tables that stay as small as there are policy revisions, or nodes: read whole is read fastest.
SMALL = {"release_lease", "select_last_activation", "select_revision", "select_revision_files"}
ASKED = re.compile(
    "CO-ROUTINE|MATERIALIZE|SCAN wanted|SCAN ([0-9]+ )?CONSTANT ROWS?|USE TEMP B-TREE"
)  # the values of the question
SORTED_SHARDS = "counters.lock_"  # the few rows of one limit under one key, in an order that no index has


def queries(statements: object, room: str = "") -> Iterator[tuple[str, str]]:
    """Every statement that looks for rows, by name."""
    for field in fields(statements):  # type: ignore[arg-type]
        name, sql = f"{room}{field.name}", getattr(statements, field.name)
        if is_dataclass(sql):
            yield from queries(sql, f"{name}.")
        elif name not in WHOLE and re.match("SELECT|DELETE|UPDATE", sql) and not field.name.startswith("update"):
            yield name, sql


def shared_queries(statements: Statements) -> Iterator[tuple[str, str]]:
    """Those that look for what several units of work need, for one and for as many as one statement asks for."""
    for number in (1, 16):
        yield "counters.lock_together", statements.counters.lock(number)
        yield "share_clients", statements.share_clients(number)
        yield "select_holders", statements.select_holders(number)


def sqlite_scans(store: Store, url: str) -> dict[str, list[str]]:
    """The plans that read a table from end to end, or sort."""
    found = {}
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        for name, sql in (*queries(store._sql), *shared_queries(store._sql)):
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))]
            indexed = all("USING" in step or name == "select_last_activation" for step in plan if not ASKED.match(step))
            if not indexed or any("TEMP B-TREE" in step and not name.startswith(SORTED_SHARDS) for step in plan):
                found[name] = plan
    return found


def postgresql_scans(store: Store, url: str, *settings: str) -> dict[str, list[str]]:
    """The same, of the plans that are made for any values, as for statements that the driver has prepared."""
    found = {}
    with psycopg.connect(url) as server:
        for setting in ("plan_cache_mode = force_generic_plan", *settings):
            server.execute(f"SET {setting}".encode())
        for name, sql in (*queries(store._sql), *shared_queries(store._sql)):
            plan = generic_plan(server, sql)
            scanned = any("Seq Scan" in step or ("Sort" in step and not name.startswith(SORTED_SHARDS)) for step in plan)
            if scanned or not any("Index" in step for step in plan):
                found[name] = plan
    return found


def generic_plan(server: psycopg.Connection, sql: str) -> list[str]:
    """How PostgreSQL runs the statement when it does not know the values."""
    marks = iter(range(1, 100))
    text = re.sub("%s", lambda _: f"${next(marks)}", sql)
    values = f"({', '.join(['NULL'] * sql.count('%s'))})" if "%s" in sql else ""
    server.execute(f"PREPARE look AS {text}".encode())
    plan = [row[0] for row in server.execute(f"EXPLAIN EXECUTE look {values}".encode())]
    server.execute("DEALLOCATE look")
    return plan


def test_every_query_has_an_index_on_sqlite(sqlite_url: str) -> None:
    """Which gives the rows in the order that they are asked for in."""
    with closing(Store.open(sqlite_url)) as store:
        assert len(list(queries(store._sql))) > 30
        assert sqlite_scans(store, sqlite_url) == {}


def test_every_query_has_an_index_on_postgresql(postgresql_url: str) -> None:
    """A table as small as this one would be read whole, or by a bitmap and sorted, were that not forbidden here."""
    with closing(Store.open(postgresql_url)) as store:
        assert postgresql_scans(store, postgresql_url, "enable_seqscan = off", "enable_bitmapscan = off") == {}


MANY = 1_000_000
# A life long since: most have ended, a few are due, some are shared; refusals between the registrations.
NUMBERS = f"WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {MANY})"
FILL = f"""
    INSERT INTO client {NUMBERS} SELECT
        'c' || (10000000 + i), '{{}}', CASE WHEN i % 50000 = 0 THEN 'rare' ELSE 'p' || (i % 5) END, 'sha256:1',
        'd' || (10000000 + i), '192.0.2.7', '', '', NULL, 0, CASE WHEN i > 700000 THEN DIGEST END,
        1790000000 + i / 10, 0, 0, 86400,
        CASE WHEN i % 100000 = 7 THEN 'disabled' WHEN i > 700000 THEN 'active' WHEN i % 7 = 0 THEN 'deleted' ELSE 'expired' END,
        NULL, NULL, 0, CASE WHEN i > 990000 THEN 'k' || i END, FALSE,
        CASE WHEN i > 700000 THEN 1790000000 + i / 10 + 86400 ELSE 0 END, 0 FROM numbers;
    INSERT INTO decision {NUMBERS} SELECT
        'bulk', i, 1790000000 + i / 10, 'd' || (10000000 + i), CASE WHEN i % 1000 = 0 THEN 'error' WHEN i % 2 = 0 THEN 'deny' ELSE
        'allow' END, CASE WHEN i % 2 = 0 THEN '' ELSE 'c' || (10000000 + i) END, '{{}}', DIGEST, DIGEST FROM numbers;
    INSERT INTO counter {NUMBERS} SELECT
        'limits/' || (i % 5), 'k' || i, 0, '', 0, 1, 1, CASE WHEN i % 2 = 0 THEN 0 ELSE 1790000000 + i END FROM numbers;
    INSERT INTO hold {NUMBERS} SELECT 'c' || (10000000 + i), 'limits/' || (i % 5), 'k' || i, 0 FROM numbers;
    INSERT INTO token {NUMBERS} SELECT
        't' || i, DIGEST, 'initial_access', '', '[]', '{{}}', 5, 1790000000, 0, 0 FROM numbers WHERE i <= 1000"""


def fill(url: str, random_bytes: str) -> None:
    """A million rows in every table that grows, as after a long time; PostgreSQL has then looked at what is in them."""
    for statement in FILL.replace("DIGEST", random_bytes).split(";"):
        rows(url, statement)
    if not url.startswith("sqlite"):
        rows(url, "ANALYZE")


def slow_verbs(store: Store) -> dict[str, float]:
    """The verbs that take more than half a second, which is less than reading a million rows does (seconds)."""
    last = f"c{10_000_000 + MANY}"
    turns = count()
    verbs: dict[str, Callable[[], object]] = {
        "client": lambda: store.client(last),
        "shared": lambda: store.shared(f"k{MANY}"),
        "holder_of": lambda: store.holder_of(digest(1)),
        "due": lambda: store.due(1_790_000_000 + 200_000, 100),
        "page": lambda: store.page(limit=100),
        "page far back": lambda: store.page(after="c10000200", limit=100),
        "page of a status": lambda: store.page(status="disabled", limit=100),
        "page of a profile": lambda: store.page(profile="rare", limit=100),
        "page of both": lambda: store.page(profile="p1", status="active", limit=100),
        "decisions": lambda: list(islice(store.decisions(), 100)),
        "decisions of a rare result": lambda: list(islice(store.decisions(results=["error"]), 100)),
        "decisions of a result that there is none of": lambda: list(islice(store.decisions(results=["event"]), 100)),
        "decisions of a client": lambda: store.decisions_of("c10000001"),
        "clients": lambda: list(islice(store.clients(), 100)),
        "token_of": lambda: store.token_of(digest(1)),
        "seen": lambda: store.seen(last, 1_800_000_000),
        "end": lambda: store.end(last, "deleted", event(next(turns), last), at=5),
        "prune_counters": lambda: store.prune_counters(1_790_000_100, 100),
    }
    return {name: seconds for name, verb in verbs.items() if (seconds := _best(verb)) > 0.5}


def _best(verb: Callable[[], object]) -> float:
    """The best of three: other work on the machine is no finding."""
    durations = []
    for _ in range(3):
        started = time.perf_counter()
        verb()
        durations.append(time.perf_counter() - started)
    return min(durations)


@pytest.mark.slow
def test_a_million_rows_on_sqlite(sqlite_url: str) -> None:
    """Nothing is scanned, and no verb takes long."""
    with closing(Store.open(sqlite_url)) as store:
        fill(sqlite_url, "randomblob(32)")
        assert sqlite_scans(store, sqlite_url) == {}
        assert slow_verbs(store) == {}
        assert sum(store.tally().values()) == MANY


@pytest.mark.slow
def test_a_million_rows_on_postgresql(postgresql_url: str) -> None:
    """As its planner chooses freely, knowing how many rows there are."""
    with closing(Store.open(postgresql_url)) as store:
        fill(postgresql_url, "sha256(random()::text::bytea)")
        assert set(postgresql_scans(store, postgresql_url)) <= SMALL
        assert slow_verbs(store) == {}
        assert sum(store.tally().values()) == MANY
