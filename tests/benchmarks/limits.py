"""Registrations per second under one limit that everybody shares, on PostgreSQL: in one row and in shards, in one run.

    python -m tests.benchmarks.limits [MILLISECONDS]

Sixteen registrations at once: four processes, as nodes are, of four threads, whose registrations share a transaction: clients,
decisions and limit. The server is the one of the tests (REGISTRAR_TEST_DATABASE_URL, else the one in a wheel). MILLISECONDS
(default 0; needs a superuser) are added to each commit, for disks and replicas that are slower than this machine's: while it
commits, a registration keeps the row locked that it counted in.
"""

import sys
from dataclasses import replace

from registrar.limits import LimitUse
from registrar.store import Store
from tests.postgresql import fresh_schema
from tests.store.attempts import Work, attempt

PROCESSES, THREADS = 4, 4
CLIENTS = 2_000
ROUNDS = 2

EVERYONE = LimitUse(limit="registration/everyone", key="all", rate=1_000_000, period=3600, max_active=1_000_000)
VARIANTS: dict[str, tuple[LimitUse, ...]] = {
    "no limit": (),
    "own rows": (replace(EVERYONE, key="{lane}"),),  # what counting costs when nobody meets
    "one row": (replace(EVERYONE, burst=1_000_000),),  # a token bucket cannot be divided
    "shards": (EVERYONE,),
}


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
    # In turns, and the best of each, so that other work on the machine shows least.
    rounds = [{name: rate(uses, milliseconds) for name, uses in VARIANTS.items()} for _ in range(ROUNDS)]
    best = {name: max(figures[name] for figures in rounds) for name in VARIANTS}
    print(f"{PROCESSES * THREADS} connections, {CLIENTS} registrations, {milliseconds:g} ms more for a commit\n")
    print(f"{'':10}{'a second':>10}{'to one row':>12}{'to own rows':>13}")
    for name, figure in best.items():
        print(f"{name:10}{figure:10.0f}{figure / best['one row']:12.2f}{figure / best['own rows']:13.2f}")


if __name__ == "__main__":
    main()
