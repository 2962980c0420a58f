"""What a registration costs as things grow: clients that are stored already, rules of the policy, connections at once.

    python -m tests.benchmarks growth [--clients 1000000] [--rules 300] [--connections 64] [--seconds 5]

Clients are put into the database in bulk, as copies of one that the server has registered, with ids and hashes of their own, in
the order in which a server would have stored them. Rules are validations of guardrails, each true of every client.
"""

import argparse
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from registrar.bundled import bundled
from registrar.policy import Facts, compile_tree, read_files, take_in
from registrar.schema import Schema
from tests.benchmarks.cel import best
from tests.benchmarks.contenders import registrar
from tests.benchmarks.documents import varied
from tests.benchmarks.load import Generator, Measured, generator, measured
from tests.clients.shipped import ADMITTED
from tests.servers import Server

_TYPICAL = "claude-code"
_CHUNK = 10_000
_OF_ONE = 100
_ROUNDS = 3
# What is unique in a row; everything else of a copy is as in the row that it was copied from.
_FRESH: Mapping[str, Callable[[int, Any], object]] = {
    "client_id": lambda number, _: f"00000000-{number:012x}",
    "decision_id": lambda number, _: f"00000000-{number:012x}-d",
    "fingerprint": lambda number, _: f"v1:{number:064x}",
    "management_token_hash": lambda _, value: value and token_bytes(32),
    "secret_hash": lambda _, value: value and token_bytes(32),
    "reuse_key": lambda number, value: value and f"{number:064x}",
    "seq": lambda number, _: number + 1,
    "hash": lambda *_: token_bytes(32),
}


def steps(most: int, factor: int) -> Iterator[int]:
    """1, or `factor`, times itself until `most`, and `most`."""
    size = 1
    while size < most:
        yield size
        size *= factor
    yield most


def fill(database: sqlite3.Connection, table: str, number: int) -> None:
    """Copy the last row of `table` until it has `number` rows."""
    database.row_factory = sqlite3.Row
    row = dict(database.execute(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1").fetchone())
    [there] = database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
    insert = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
    copies = (
        tuple(_FRESH[name](count, value) if name in _FRESH else value for name, value in row.items())
        for count in range(there, number)
    )
    while chunk := list(islice(copies, _CHUNK)):
        with database:
            database.executemany(insert, chunk)


def by_clients(load: Generator, folder: Path, most: int, seconds: int) -> Iterator[tuple[int, Measured]]:
    """Under load with 32 connections, by the number of clients there are."""
    (folder / "clients").mkdir()
    for size in [size for size in steps(most, 10) if size >= min(1_000, most)]:
        with registrar(folder / "clients") as server:
            httpx2.post(f"{server.origin}/register", json=dict(ADMITTED[_TYPICAL].document)).raise_for_status()
        with closing(sqlite3.connect(folder / "clients" / "state" / "registrar.db")) as database:
            for table in ("client", "decision"):
                fill(database, table, size)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with registrar(folder / "clients") as server:
            yield size, under_load(load, server, folder, seconds, 32)


def by_connections(load: Generator, folder: Path, most: int, seconds: int) -> Iterator[tuple[int, Measured]]:
    """By the number of connections at once."""
    (folder / "connections").mkdir()
    with registrar(folder / "connections") as server:
        under_load(load, server, folder, 1, 8)
        for connections in steps(most, 2):
            yield connections, under_load(load, server, folder, seconds, connections)


def under_load(load: Generator, server: Server, folder: Path, seconds: int, connections: int) -> Measured:
    """The best of a few turns of the full path, so that other work on the machine shows least."""
    documents = folder / "documents.jsonl"
    documents.write_text("\n".join(varied(50_000, connections)), encoding="utf-8")
    run = partial(load, f"{server.origin}/register", documents, seconds, connections)
    turns = [measured(server.process.pid, run) for _ in range(_ROUNDS)]
    return max(turns, key=lambda turn: turn.rate)


def by_rules(most: int) -> Iterator[tuple[int, float, float]]:
    """Microseconds of a whole decision, and of each of the rules in it, by the number of rules beside the shipped ones."""
    request, policy = Schema.load("registration-request"), Schema.load("policy")
    body = ADMITTED[_TYPICAL].document
    bare = 0.0
    for number in [0, *steps(most, 3)]:
        policies = compile_tree({**read_files(bundled("policies")), **_guardrails(number)}, policy)

        def decide() -> bool:
            intake = take_in(body, request, policies.extensions)  # noqa: B023
            facts = Facts(datetime.now(UTC), intake.metadata, intake.redirects, body)
            return policies.decide(facts).allowed  # noqa: B023

        assert decide()
        taken = best(decide)
        bare = bare or taken
        yield number, taken, (taken - bare) / max(number, 1)


def _guardrails(rules: int) -> Mapping[str, bytes]:
    """So many rules in documents of at most _OF_ONE each, as files of a tree."""
    files = {}
    for first in range(0, rules, _OF_ONE):
        validations = [
            {
                "id": f"rule-{number}",
                "expression": f'!client.client_name.contains("nobody {number}")',
                "message": "is not allowed",
            }
            for number in range(first, min(first + _OF_ONE, rules))
        ]
        name = f"grown-{first}"
        head = {"apiVersion": "registrar/v1", "kind": "Guardrail", "metadata": {"name": name}}
        files[f"guardrails/{name}.yaml"] = json.dumps({**head, "spec": {"validations": validations}}).encode()
    return files


def _print(title: str, rows: Iterator[tuple[int, Measured]]) -> None:
    print(f"\n{title:>20}{'a second':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}{'failed':>8}")
    for size, one in rows:
        print(f"{size:20,}{one.rate:12.0f}{one.p50:9.1f}{one.p99:9.1f}{one.processor:9.0f}{one.failed:8}", flush=True)


def main() -> None:
    """Measure, and print a table for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks growth", description="Cost against growth.")
    parser.add_argument("--clients", type=int, default=1_000_000, help="most stored clients; 0: none (default: %(default)s)")
    parser.add_argument("--rules", type=int, default=300, help="most rules; 0: none (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=64, help="most connections; 0: none (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="of load for each size (default: %(default)s)")
    options = parser.parse_args()
    turn = max(1, options.seconds // _ROUNDS)
    _, load = generator()
    if options.rules:
        print(f"{'rules more':>20}{'decision µs':>13}{'a rule µs':>11}")
        for number, whole, each in by_rules(options.rules):
            print(f"{number:20,}{whole:13.1f}{each:11.2f}", flush=True)
    with TemporaryDirectory(prefix="registrar-growth-") as folder:
        if options.connections:
            _print("connections", by_connections(load, Path(folder), options.connections, turn))
        if options.clients:
            _print("stored clients", by_clients(load, Path(folder), options.clients, turn))


if __name__ == "__main__":
    main()
