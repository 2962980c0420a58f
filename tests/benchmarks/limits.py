"""Registrations per second under one limit that everybody shares, on PostgreSQL: in one row and in shards, in one run.

    python -m tests.benchmarks.limits [MILLISECONDS]

Sixteen connections: four processes, as nodes are, of four threads. Every registration is a transaction of its own: client,
decision and limit. The server is the one of the tests (REGISTRAR_TEST_DATABASE_URL, else the one in a wheel). MILLISECONDS
(default 0; needs a superuser) are added to each commit, for disks and replicas that are slower than this machine's: while it
commits, a registration keeps the row locked that it counted in.
"""

import sys

from registrar.limits import LimitUse
from registrar.store import Store
from tests.postgresql import fresh_schema
from tests.store.attempts import Work, attempt

PROCESSES, THREADS = 4, 4
CLIENTS = 2_000
ROUNDS = 3

NONE: tuple[LimitUse, ...] = ()
SHARDS = (LimitUse(limit="registration/everyone", key="all", rate=1_000_000, period=3600, max_active=1_000_000),)
# A token bucket cannot be divided, so that this one stays in one row.
ONE_ROW = (
    LimitUse(limit="registration/everyone", key="all", rate=1_000_000, period=3600, burst=1_000_000, max_active=1_000_000),
)


def rate(uses: tuple[LimitUse, ...], milliseconds: float) -> float:
    """Registrations per second of all processes together, in a schema of their own."""
    with fresh_schema() as url:
        Store.open(url).close()
        slow = f"%20-ccommit_delay%3D{int(milliseconds * 1000)}%20-ccommit_siblings%3D0" if milliseconds else ""
        each = CLIENTS // PROCESSES
        work = [Work(url=url + slow, uses=uses, attempts=each, first=index * each, threads=THREADS) for index in range(PROCESSES)]
        admitted = attempt(work)
    assert len(admitted) == CLIENTS
    return CLIENTS / (max(one.ended for one in admitted) - min(one.began for one in admitted))


def main() -> None:
    milliseconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    variants = {"no limit": NONE, "one row": ONE_ROW, "shards": SHARDS}
    # In turns, and the best of each, so that other work on the machine shows least.
    rounds = [{name: rate(uses, milliseconds) for name, uses in variants.items()} for _ in range(ROUNDS)]
    best = {name: max(figures[name] for figures in rounds) for name in variants}
    print(f"{PROCESSES * THREADS} connections, {CLIENTS} registrations, {milliseconds:g} ms more for a commit\n")
    print(f"{'':10}{'a second':>10}{'to one row':>12}{'to no limit':>13}")
    for name, figure in best.items():
        print(f"{name:10}{figure:10.0f}{figure / best['one row']:12.2f}{figure / best['no limit']:13.2f}")


if __name__ == "__main__":
    main()
