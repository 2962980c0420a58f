"""How the databases find what a verb asks for: by an index, however large a table grows."""

import re
from collections.abc import Iterator
from dataclasses import fields

import psycopg

from registrar.store import Store
from tests.store.samples import rows

# What is asked for everything, or keeps a handful of rows; the rest of the SQL has one place for each value, here literals.
WHOLE = {"select_activations", "select_journals", "select_tally", "select_tokens", "probe"}
VALUES = {
    "free_reuse_key": ["'k'", "1"],
    "select_clients": ["''", "0", "'active'", "'disabled'", "'expired'", "'deleted'"],
    "select_decisions": ["1", "''", "0", "'allow'", "'deny'", "'error'", "'event'"],
    "select_decisions_of": ["'c1'", "1", "''"],
    "select_due": ["1"],
    "select_links": ["''", "1"],
    "select_page": ["1", "'c1'", "0"],
    "select_page of a profile": ["'p'", "1", "'c1'", "0"],
    "select_page of a status": ["'active'", "1", "'c1'", "0"],
    "select_page of a status and a profile": ["'active'", "'p'", "1", "'c1'", "0"],
    "select_token_uses": ["'t1'", "1"],
    "use_token": ["'t1'", "1"],
    "revoke_token": ["1", "'t1'"],
    "release_lease": ["'sweep'", "'me'"],
}
EMPTY = ["''"]


def queries(store: Store) -> Iterator[tuple[str, str]]:
    """Every statement that looks for rows, by name."""
    for field in fields(store._sql):
        sql = getattr(store._sql, field.name)
        if isinstance(sql, dict):
            for (status, profile), text in sql.items():
                asked = " and".join([" a status"] * status + [" a profile"] * profile)
                yield field.name + (asked and f" of{asked}"), text
        elif isinstance(sql, str) and field.name not in WHOLE and not field.name.startswith(("insert_", "update_", "take_")):
            yield field.name, sql


def filled_in(name: str, sql: str) -> str:
    """The statement with values for its placeholders, and its chunk of one row."""
    text = re.sub(r"LIMIT (\?|%s)", "LIMIT 1", sql).replace("%s", "?")
    for value in VALUES.get(name, EMPTY):
        text = text.replace("?", value, 1)
    assert "?" not in text, f"{name} asks for more values: {text}"
    return text


def test_every_query_has_an_index_on_sqlite(sqlite_url: str) -> None:
    """Which gives the rows in the order that they are asked for in."""
    store = Store.open(sqlite_url)
    for name, sql in queries(store):
        plan = [row[3] for row in rows(sqlite_url, f"EXPLAIN QUERY PLAN {filled_in(name, sql)}")]
        assert all("USING" in step or name == "select_last_activation" for step in plan), (name, plan)
        assert not any("TEMP B-TREE" in step for step in plan), (name, plan)
    store.close()


def test_every_query_has_an_index_on_postgresql(postgresql_url: str) -> None:
    """The same, of the plans that are made for any values, as for statements that the driver has prepared."""
    store = Store.open(postgresql_url)
    with psycopg.connect(postgresql_url) as server:
        # A table as small as this one would be read whole, or by a bitmap and sorted.
        for setting in ("enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan"):
            server.execute(f"SET {setting}")
        for name, sql in queries(store):
            plan = generic_plan(server, name, sql)
            assert any("Index" in step for step in plan), (name, plan)
            assert not any("Seq Scan" in step or "Sort" in step for step in plan), (name, plan)
    store.close()


def generic_plan(server: psycopg.Connection, name: str, sql: str) -> list[str]:
    """How PostgreSQL runs the statement when it does not know the values."""
    marks = iter(range(1, 100))
    text = re.sub(r"LIMIT %s", "LIMIT 1", sql)
    text = re.sub("%s", lambda _: f"${next(marks)}", text)
    values = f"({', '.join(VALUES.get(name, EMPTY))})" if "$1" in text else ""
    server.execute(f"PREPARE look AS {text}".encode())
    plan = [row[0] for row in server.execute(f"EXPLAIN EXECUTE look {values}".encode())]
    server.execute("DEALLOCATE look")
    return plan
