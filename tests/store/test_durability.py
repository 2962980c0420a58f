"""kill -9 under load: every acknowledged client is there, and no half of one."""

import random
import signal
import subprocess
import sys
import time

import pytest

from registrar.store import Store
from tests.store.samples import stored

# Eight threads that write without pause; a line tells each client id once the store has acknowledged it.
WRITER = """
import itertools, os, sys, threading
from registrar.store import Store
from tests.store.samples import add

store = Store.open(sys.argv[1])
first = int(sys.argv[2])

def write(lane):
    for turn in itertools.count():
        number = first + turn * 8 + lane
        add(store, number)
        os.write(1, b"c%d\\n" % number)

for lane in range(8):
    threading.Thread(target=write, args=(lane,)).start()
"""


def _write_until_killed(url: str, first: int, seconds: float) -> set[str]:
    """The client ids that a process acknowledged before it was killed, `seconds` after its first."""
    with subprocess.Popen([sys.executable, "-c", WRITER, url, str(first)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline()]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.readlines()
    return {line.decode().strip() for line in acknowledged if line.endswith(b"\n")}


def _survives(url: str, rounds: int) -> None:
    acknowledged: set[str] = set()
    for turn in range(rounds):
        acknowledged |= _write_until_killed(url, turn * 1_000_000, random.uniform(0, 0.25))
        clients, decisions = stored(url)
        assert acknowledged <= clients
        assert clients == decisions
    clients, _ = stored(url)
    store = Store.open(url)
    verification = store.verify()
    assert verification.breaks == ()
    assert verification.records >= len(clients)  # a server may still be finishing what the killed process asked for
    store.close()


def test_a_killed_process_loses_nothing_that_it_acknowledged(store_url: str) -> None:
    """At ten moments, each time on what the last round left."""
    _survives(store_url, 10 if store_url.startswith("sqlite") else 3)


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing(store_url: str) -> None:
    """The same a hundred times."""
    _survives(store_url, 100)
