"""What abuses a server, and what it must not do to it: raw connections, memory, and a client that is served meanwhile."""

import json
import resource
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.clients.shipped import ADMITTED
from tests.servers import Server

PATIENCE = 20.0  # seconds that a valid request may take while the machine is busy with the abuse itself
BODY = json.dumps(dict(ADMITTED["claude-code"].document)).encode()
HEAD = b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)
REQUEST = HEAD + b"\r\n" + BODY

_KEPT_FREE = 256  # file descriptors for everything else
_MEGABYTE = 1 << 20


def register(server: Server) -> float:
    """Register a client as anybody does: the seconds that it took, or PATIENCE without an answer."""
    began = time.monotonic()
    with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
        try:
            answer = client.post(f"{server.origin}/register", json=json.loads(BODY))
        except httpx2.ReadTimeout:
            return PATIENCE
    assert answer.status_code == httpx2.codes.CREATED, answer.text
    return time.monotonic() - began


def memory(server: Server) -> float:
    """The resident memory of all of a server's processes together, in MiB (proc(5)). Skips where there is no /proc."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("only Linux tells how much memory another process has")
    pages = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            session = (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[3]
            pages += int((folder / "statm").read_text().split()[1]) if int(session) == server.process.pid else 0
    return pages * resource.getpagesize() / _MEGABYTE


@contextmanager
def connections(server: Server, number: int) -> Iterator[list[socket.socket]]:
    """So many connections of one client, or as many as this process may have."""
    host, _, port = server.address.partition(":")
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE))
            for _ in range(min(number, _allowed()))
        ]


def _allowed() -> int:
    """How many connections this process may have; its soft limit is raised as far as it may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard - _KEPT_FREE


def exchange(server: Server, data: bytes) -> bytes:
    """What comes back over a connection of its own on which `data` is sent, until the server closes it or is silent."""
    with connections(server, 1) as [connection]:
        answer = b""
        with suppress(ConnectionResetError, BrokenPipeError, TimeoutError):
            connection.sendall(data)
            connection.settimeout(3)
            while part := connection.recv(65_536):
                answer += part
        return answer


def statuses(answer: bytes) -> list[int]:
    """The status codes of the answers that came over one connection, in their order."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def headers(answer: httpx2.Response) -> Mapping[str, str]:
    """The headers that every answer carries, as one has them."""
    names = ("X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cache-Control")
    return {name: answer.headers.get(name, "") for name in names}
