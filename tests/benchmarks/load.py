"""Puts load on a registration endpoint on loopback: by wrk where it is installed, else by threads of this process.

wrk (https://github.com/wg/wrk) is a package of most systems: `apt install wrk`, `brew install wrk`.
"""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

_SCRIPT = Path(__file__).with_name("register.lua")
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of some seconds of load. Latencies are in milliseconds; `failed` counts answers that are errors or never came.

    `processor` is the processor time that a request took from the server, in microseconds; 0 where nobody can tell.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int
    processor: float = 0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


Generator = Callable[[str, Path, int, int], Measured]
"""Posts the lines of a file to a URL, over and over, for some seconds on so many connections at once, each kept open."""


def measured(session: int, load: Callable[[], Measured]) -> Measured:
    """What `load` finds, with the processor time of the processes of a session (`Popen.pid` of one that was started as one)."""
    before = _processor_seconds(session)
    found = load()
    return replace(found, processor=(_processor_seconds(session) - before) / max(found.requests, 1) * 1e6)


def _processor_seconds(session: int) -> float:
    """User and system time of all processes of a session together, as Linux counts it (proc(5)); 0 elsewhere."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = file.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12]) if int(fields[3]) == session else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def generator() -> tuple[str, Generator]:
    """The load generator of this machine, and its name."""
    return ("wrk", _wrk) if shutil.which("wrk") else ("threads of Python, which take processor time from the servers", _threads)


def _wrk(url: str, documents: Path, seconds: int, connections: int) -> Measured:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_SCRIPT), url, "--", str(documents)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
    [result] = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    requests, microseconds, p50, p99, failed = map(float, result.split()[1:])
    return Measured(int(requests), microseconds / 1e6, p50 / 1e3, p99 / 1e3, int(failed))


def _threads(url: str, documents: Path, seconds: int, connections: int) -> Measured:
    bodies = documents.read_bytes().splitlines()
    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        parts = [bodies[first::connections] for first in range(connections)]
        runs = list(pool.map(lambda part: _post(url, part, began + seconds), parts))
    latencies = [latency for run, _ in runs for latency in run]
    percentiles = statistics.quantiles(latencies, n=_PERCENT)
    failed = sum(failed for _, failed in runs)
    return Measured(len(latencies), time.perf_counter() - began, percentiles[49] * 1e3, percentiles[98] * 1e3, failed)


def _post(url: str, bodies: list[bytes], until: float) -> tuple[list[float], int]:
    """The latency of each request in seconds, and how many failed, on one connection."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    latencies: list[float] = []
    failed = 0
    for body in cycle(bodies):
        began = time.perf_counter()
        if began >= until:
            break
        connection.request("POST", parts.path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        latencies.append(time.perf_counter() - began)
        failed += not 200 <= response.status < 300
    connection.close()
    return latencies, failed
