"""Registrations per second of the real server, beside the floor: the same server and database, parsing and inserting only.

Both run on loopback, each as a process of its own, and take turns under load (registrar, floor, registrar, floor, ...), so that
what slows the machine down slows both. The documents are those of shipping clients, with other ports and names each time. The
ratio of a round is the registrar's rate over the floor's. `floor` says exactly what the floor does.

    python -m tests.benchmarks.registration [--seconds 20] [--connections 32]
"""

import argparse
import os
import platform
import sqlite3
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.documents import varied
from tests.benchmarks.load import Generator, Measured, generator
from tests.servers import Server, configure, run, serve

_ROUNDS = 4
_WARM_UP = 1  # seconds for each server
_DOCUMENTS = 50_000  # more than a turn of a few seconds uses: hardly a document comes twice in it


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of each."""

    registrar: Measured
    floor: Measured

    @property
    def ratio(self) -> float:
        """What the registrar reaches of the floor's rate."""
        return self.registrar.rate / self.floor.rate


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Server, Server]]:
    """The registrar and the floor, with their state in `folder`."""
    ours, floors = folder / "registrar", folder / "floor"
    ours.mkdir()
    floors.mkdir()
    issuer, config = configure(floors)
    with serve(ours) as registrar, run([sys.executable, "-m", "tests.benchmarks.floor", str(config)], floors, issuer) as floor:
        yield registrar, floor


def measure(load: Generator, folder: Path, *, rounds: int, turn: int, connections: int) -> list[Round]:
    """So many rounds with turns of `turn` seconds, after one to warm up."""
    with servers(folder) as pair:
        _take_turns(load, pair, folder, _WARM_UP, connections, seed=0)
        return [_take_turns(load, pair, folder, turn, connections, seed=number) for number in range(1, rounds + 1)]


def _take_turns(load: Generator, pair: tuple[Server, Server], folder: Path, turn: int, connections: int, *, seed: int) -> Round:
    documents = folder / "documents.jsonl"
    documents.write_text("\n".join(varied(_DOCUMENTS, seed)), encoding="utf-8")
    return Round(*(load(f"{server.origin}/register", documents, turn, connections) for server in pair))


def _table(rounds: list[Round]) -> Iterator[str]:
    yield f"{'round':8}{'registrar/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'floor/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'ratio':>8}"
    for number, one in enumerate(rounds, 1):
        yield _row(str(number), [one])
    yield _row("median", rounds)


def _row(name: str, rounds: list[Round]) -> str:
    """The medians of `rounds`."""
    columns = [f"{name:8}"]
    for side in ([one.registrar for one in rounds], [one.floor for one in rounds]):
        columns.append(f"{statistics.median(one.rate for one in side):12.0f}")
        columns += [
            f"{statistics.median(latencies):9.1f}" for latencies in zip(*((one.p50, one.p99) for one in side), strict=True)
        ]
    return "".join([*columns, f"{statistics.median(one.ratio for one in rounds):8.2f}"])


def main() -> None:
    """Measure, and print a table. Exits with 1 when any request failed: the figures would be those of refusals."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.registration", description="Registrations per second.")
    parser.add_argument(
        "--seconds", type=int, default=20, help="how long to put load on, in all; at least 10 (default: %(default)s)"
    )
    parser.add_argument("--connections", type=int, default=32, help="connections at once (default: %(default)s)")
    options = parser.parse_args()
    turn = max(1, (options.seconds - 2 * _WARM_UP) // (2 * _ROUNDS))
    name, load = generator()
    with TemporaryDirectory(prefix="registrar-benchmark-") as folder:
        rounds = measure(load, Path(folder), rounds=_ROUNDS, turn=turn, connections=options.connections)
    print(
        f"{options.connections} connections, load from {name}; Python {platform.python_version()}, Granian {version('granian')}, "
        f"SQLite {sqlite3.sqlite_version}, {os.cpu_count()} processors\n"
    )
    print(*_table(rounds), sep="\n")
    failed = sum(one.registrar.failed + one.floor.failed for one in rounds)
    if failed:
        sys.exit(f"{failed} requests failed")


if __name__ == "__main__":
    main()
