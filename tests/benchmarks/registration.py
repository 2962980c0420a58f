"""Registrations per second of the real server, beside its floor, and beside what a user would pick instead.

All run on loopback, each as processes of its own, and take turns under load (registrar, floor, peers, registrar, floor, ...), so
that what slows the machine down slows all. The documents are those of shipping clients that every server takes, with other ports
and names each time. `floor` says exactly what the floor does, `contenders` how the peers run. Processor time is that of all of a
server's processes and threads: it tells more than the rate where other work keeps the machine busy.

    python -m tests.benchmarks registration [--seconds 60] [--connections 32] [--peers] [--postgresql]

`--postgresql` measures the registrar on the server of the tests, too (REGISTRAR_TEST_DATABASE_URL, else the one in a wheel); the
server's own processor time is not counted.
"""

import argparse
import os
import platform
import sqlite3
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.contenders import FLOOR, ON_POSTGRESQL, REGISTRAR, Contender, accepted_everywhere, peers
from tests.benchmarks.documents import varied
from tests.benchmarks.load import Generator, Measured, generator, measured
from tests.servers import Server

_ROUNDS = 5
_WARM_UP = 2  # seconds for each server
_DOCUMENTS = 50_000  # more than a turn of a few seconds uses: hardly a document comes twice in it

Turns = Mapping[Contender, Sequence[Measured]]


def measure(load: Generator, folder: Path, contenders: Sequence[Contender], *, rounds: int, turn: int, connections: int) -> Turns:
    """What each contender did in so many turns of `turn` seconds, after one to warm up."""
    with ExitStack() as stack:
        servers = {one: stack.enter_context(one.start(_made(folder / one.name))) for one in contenders}
        clients = accepted_everywhere([_url(one, server) for one, server in servers.items()])
        documents = folder / "documents.jsonl"

        def take_turns(seconds: int, seed: int) -> list[Measured]:
            documents.write_text("\n".join(varied(_DOCUMENTS, seed, clients)), encoding="utf-8")
            return [
                measured(server.process.pid, partial(load, _url(one, server), documents, seconds, connections))
                for one, server in servers.items()
            ]

        take_turns(_WARM_UP, seed=0)
        turns = [take_turns(turn, seed) for seed in range(1, rounds + 1)]
    return dict(zip(contenders, zip(*turns, strict=True), strict=True))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _url(contender: Contender, server: Server) -> str:
    return f"{server.origin}{contender.path}"


def table(turns: Turns) -> Iterator[str]:
    """The medians of each contender's turns, and the median of what the registrar reaches of its rate in the same round."""
    yield f"{'':30}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}{'registrar':>11}{'failed':>8}"
    for contender, own in turns.items():
        ratio = statistics.median(ours.rate / other.rate for ours, other in zip(turns[REGISTRAR], own, strict=True))
        figures = (statistics.median(getattr(one, name) for one in own) for name in ("rate", "p50", "p99", "processor"))
        rate, p50, p99, processor = figures
        failed = sum(one.failed for one in own)
        yield f"{contender.title:30}{rate:10.0f}{p50:9.1f}{p99:9.1f}{processor:9.0f}{ratio:10.2f}x{failed:8}"


def main() -> None:
    """Measure, and print a table. Exits with 1 when any request failed: the figures would be those of refusals."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks registration", description="Registrations per second.")
    parser.add_argument("--seconds", type=int, default=60, help="how long to put load on, in all (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="connections at once (default: %(default)s)")
    parser.add_argument("--peers", action="store_true", help="measure what a user would pick instead, too")
    parser.add_argument("--postgresql", action="store_true", help="measure the registrar on PostgreSQL, too")
    options = parser.parse_args()
    contenders = (REGISTRAR, *([ON_POSTGRESQL] if options.postgresql else []), FLOOR, *(peers() if options.peers else ()))
    turn = max(1, (options.seconds - _WARM_UP * len(contenders)) // (_ROUNDS * len(contenders)))
    name, load = generator()
    with TemporaryDirectory(prefix="registrar-benchmark-") as folder:
        turns = measure(load, Path(folder), contenders, rounds=_ROUNDS, turn=turn, connections=options.connections)
    print(
        f"{options.connections} connections, {_ROUNDS} turns of {turn} s, load from {name}; Python {platform.python_version()}, "
        f"Granian {version('granian')}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} processors\n"
    )
    print(*table(turns), sep="\n")
    failed = sum(one.failed for own in turns.values() for one in own)
    if failed:
        sys.exit(f"{failed} requests failed")


if __name__ == "__main__":
    main()
