"""kill -9 under load: every acknowledged client is there, whole, counted once; and no half of one."""

import random
import signal
import subprocess
import sys
import time
import uuid

import pytest

from registrar.limits import LimitUse
from registrar.store import Store
from tests.store.samples import rows, stored, token

USES = 10**9
LIMITS = [
    LimitUse(limit="registration/all", key="all", rate=10**9, period=86_400, max_active=10**9),
    LimitUse(limit="registration/ever", key="all", max_total=10**9),
]

# Eight threads that write without pause; a line tells each client id once the store has acknowledged it, or its end.
WRITER = """
import itertools, os, sys, threading
from registrar.store import Store
from tests.store.samples import event, pair
from tests.store.test_durability import LIMITS

store = Store.open(sys.argv[1], patience=30)
first = int(sys.argv[2])

def write(lane):
    for turn in itertools.count():
        number = first + turn * 8 + lane
        store.add(*pair(number, number), uses=LIMITS, token_id="t1")
        os.write(1, b"c%d\\n" % number)
        if turn % 3 == 0:
            store.end(f"c{number}", "deleted", event(number + 500_000_000, f"c{number}"), at=5)
            os.write(1, b"-c%d\\n" % number)

for lane in range(8):
    threading.Thread(target=write, args=(lane,)).start()
"""


def _write_until_killed(url: str, first: int, seconds: float) -> set[str]:
    """What a process acknowledged before it was killed, `seconds` after its first: a client's id, "-" and the id for its end."""
    with subprocess.Popen([sys.executable, "-c", WRITER, url, str(first)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline()]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.readlines()
    return {line.decode().strip() for line in acknowledged if line.endswith(b"\n")}


def _settled(url: str, writer: str) -> None:
    """Wait for what a server may still be doing for a process that is gone."""
    while not url.startswith("sqlite") and rows(url, f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{writer}'"):
        time.sleep(0.01)


def _hold(url: str, acknowledged: set[str]) -> None:
    """Everything acknowledged is there, and what there is of one is all of it."""
    clients, decisions = stored(url)
    assert {name for name in acknowledged if not name.startswith("-")} <= clients
    assert clients == decisions
    ended = {name for (name,) in rows(url, "SELECT client_id FROM client WHERE status = 'deleted'")}
    assert {name.removeprefix("-") for name in acknowledged if name.startswith("-")} <= ended
    assert {name for (name,) in rows(url, "SELECT client_id FROM decision WHERE result = 'event'")} == ended
    assert {name for (name,) in rows(url, "SELECT client_id FROM hold")} == clients - ended
    counted = rows(url, "SELECT limit_id, SUM(active), SUM(total) FROM counter GROUP BY limit_id ORDER BY limit_id")
    assert [tuple(map(int, row[1:])) for row in counted] == [(len(clients - ended), 0), (0, len(clients))]
    assert rows(url, "SELECT uses_left FROM token") == [(USES - len(clients),)]


def _survives(url: str, rounds: int) -> None:
    store = Store.open(url)
    store.add_token(token(1, uses_left=USES))
    store.close()
    acknowledged: set[str] = set()
    writer = f"writer-{uuid.uuid4().hex}"
    named = url if url.startswith("sqlite") else f"{url}&application_name={writer}"
    for turn in range(rounds):
        acknowledged |= _write_until_killed(named, turn * 1_000_000, random.uniform(0, 0.25))
        _settled(url, writer)
        _hold(url, acknowledged)
    store = Store.open(url)
    assert store.verify().breaks == ()
    store.close()


def test_a_killed_process_loses_nothing_that_it_acknowledged(store_url: str) -> None:
    """At several moments, each time on what the last round left."""
    _survives(store_url, 5 if store_url.startswith("sqlite") else 3)


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing(store_url: str) -> None:
    """The same a hundred times."""
    _survives(store_url, 100)
