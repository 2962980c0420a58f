"""Registrations per second that the store takes on SQLite: one fsync for each, against group commit, in one run.

    python -m tests.benchmarks store [FOLDER]

The disk decides: FOLDER (default: a temporary one) should be on the disk that will hold the database. The floor is the bare
driver in one thread, two inserts of the same size a commit and no index but the primary keys.
"""

import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from registrar.store import Store
from registrar.store.groupcommit import LARGEST_BATCH
from registrar.store.journal import canonical
from registrar.store.sqlite import SqliteBackend
from tests.store.samples import METADATA, add, allowed

THREADS = (1, 8, 32)
CLIENTS = 3_000
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """Registrations per second, and milliseconds that half and 99 % of them took at most."""

    rate: float
    p50: float
    p99: float


def stored(folder: Path, *, threads: int, largest_batch: int) -> Figures:
    """Store CLIENTS clients in a new database, from `threads` threads at once."""
    path = folder / f"{threads}-{largest_batch}-{time.monotonic_ns()}.db"
    Store.open(f"sqlite:///{path}").close()
    durations: list[float] = []
    with closing(Store(SqliteBackend(path, patience=30, largest_batch=largest_batch))) as store:

        def work(lane: int) -> None:
            for number in range(lane, CLIENTS, threads):
                started = time.perf_counter()
                add(store, number)
                durations.append(time.perf_counter() - started)

        workers = [threading.Thread(target=work, args=(lane,)) for lane in range(threads)]
        started = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        elapsed = time.perf_counter() - started
    durations.sort()
    return Figures(CLIENTS / elapsed, durations[len(durations) // 2] * 1e3, durations[len(durations) * 99 // 100] * 1e3)


def floor(folder: Path) -> float:
    """Commits per second of the bare driver."""
    document, record = canonical(METADATA), canonical(allowed(1).record)
    with closing(sqlite3.connect(folder / f"floor-{time.monotonic_ns()}.db", isolation_level=None)) as database:
        for statement in (
            "PRAGMA journal_mode = wal",
            "PRAGMA synchronous = full",
            "CREATE TABLE client (client_id TEXT PRIMARY KEY, metadata TEXT)",
            "CREATE TABLE decision (seq INTEGER PRIMARY KEY, record TEXT)",
        ):
            database.execute(statement)
        started = time.perf_counter()
        for number in range(CLIENTS):
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO client VALUES (?, ?)", (f"c{number}", document))
            database.execute("INSERT INTO decision VALUES (?, ?)", (number, record))
            database.execute("COMMIT")
        return CLIENTS / (time.perf_counter() - started)


def best(folder: Path, threads: int, largest_batch: int) -> Figures:
    """The best of several rounds, so that other work on the machine shows least."""
    rounds = [stored(folder, threads=threads, largest_batch=largest_batch) for _ in range(ROUNDS)]
    return max(rounds, key=lambda figures: figures.rate)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        bare = max(floor(folder) for _ in range(ROUNDS))
        print(f"bare driver, one thread, an fsync for each: {bare:.0f} a second\n")
        print(f"{'':10}{'an fsync for each':>30}{'group commit':>34}")
        print(f"{'threads':10}{'a second':>12}{'p50 ms':>9}{'p99 ms':>9}{'a second':>16}{'p50 ms':>9}{'p99 ms':>9}{'times':>8}")
        for threads in THREADS:
            single, group = best(folder, threads, 1), best(folder, threads, LARGEST_BATCH)
            print(f"{threads:<10}{single.rate:12.0f}{single.p50:9.2f}{single.p99:9.2f}", end="")
            print(f"{group.rate:16.0f}{group.p50:9.2f}{group.p99:9.2f}{group.rate / single.rate:8.1f}")


if __name__ == "__main__":
    main()
