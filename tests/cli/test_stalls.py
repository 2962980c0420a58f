"""Clients that send slowly, or stop: they keep nothing from the others, and are cut off in the end."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.cli.server import PATIENCE, register, serving
from tests.servers import Server

NATIVE = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
BODY = json.dumps(NATIVE).encode()
HEAD = b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SIZED = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n"
SOON = {"REGISTRAR_REQUEST_TIMEOUT": "5"}

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a connection was last used")


@contextmanager
def connections(server: Server, number: int) -> Iterator[list[socket.socket]]:
    """So many connections of one client."""
    host, _, port = server.address.partition(":")
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE)) for _ in range(number)]


def ended(connection: socket.socket) -> bool:
    """Whether the server ends the connection without an answer, in time."""
    try:
        return connection.recv(4096) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("start", [SIZED + BODY[:9], SIZED, CHUNKED + BODY[:9]], ids=["half a body", "no body", "chunks"])
def test_many_stalled_bodies_keep_nothing_from_the_others(tmp_path: Path, start: bytes) -> None:
    """Five times as many as requests are worked on at once; who sends all is answered in a moment, or a few on a busy machine.

    Also the one of many that Granian gives no thread before the next one comes: the server itself is the next one.
    """
    with serving(tmp_path, REGISTRAR_THREADS="64") as server, connections(server, 320) as stalled:
        for connection in stalled:
            connection.sendall(start)
        time.sleep(1)
        times = []
        for number in range(9):
            began = time.monotonic()
            assert register(server, {**NATIVE, "client_name": f"cli {number}"}).status_code == 201
            times.append(time.monotonic() - began)
        assert max(times) < 5
        if start.startswith(SIZED):
            rest = (SIZED + BODY).removeprefix(start)
            stalled[0].sendall(rest)
            assert stalled[0].recv(4096).startswith(b"HTTP/1.1 201 ")


@ON_LINUX
def test_the_server_asks_itself_while_a_request_waits(tmp_path: Path) -> None:
    """And only then: a connection that was answered and is kept open waits for nothing."""
    with serving(tmp_path, REGISTRAR_LOG_LEVEL="debug") as server, connections(server, 2) as (idle, stalled):
        idle.sendall(SIZED + BODY)
        assert idle.recv(4096).startswith(b"HTTP/1.1 201 ")
        time.sleep(3.5)
        assert not asked_itself(server)
        stalled.sendall(SIZED + BODY[:9])
        time.sleep(3.5)
        assert asked_itself(server)
        assert server.stop() == 0


def asked_itself(server: Server) -> bool:
    """Whether its log has a request that nobody else sends."""
    return 'method="HEAD" path="/healthz"' in server.log.read_text()


@ON_LINUX
def test_a_body_that_does_not_come_is_cut_off(tmp_path: Path) -> None:
    """Whether it stalls or drips; a connection that is used, and one whose body comes slowly but in time, are not.

    Nor are those to the database, and the looking leaves no files open.
    """
    with serving(tmp_path, **SOON) as server:
        assert register(server, NATIVE).status_code == 201
        before = files(server)
        cut_off(server)
        assert files(server) <= before + 5
        assert register(server, {**NATIVE, "client_name": "another"}).status_code == 201
        assert server.stop() == 0
    assert "stalled connections cut" in server.log.read_text()


def files(server: Server) -> int:
    """How many files the process that serves has open."""
    (worker,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return len(list(Path(f"/proc/{worker}/fd").iterdir()))


def cut_off(server: Server) -> None:
    """Stall and drip until the server has had enough of it."""
    with connections(server, 12) as open_connections:
        *stalled, dripping, slow = open_connections
        for connection in open_connections:
            connection.sendall(SIZED + BODY[:9])
        began = time.monotonic()
        with httpx2.Client(base_url=server.origin, trust_env=False, timeout=PATIENCE) as client:
            for second in range(9):
                assert client.get("/healthz").status_code == 200
                if second < 4:
                    dripping.sendall(b" ")
                if second == 3:
                    slow.sendall(BODY[9:])
                    assert slow.recv(4096).startswith(b"HTTP/1.1 201 ")
                time.sleep(1)
            assert all(map(ended, [*stalled, dripping]))
            assert time.monotonic() - began < 12


@ON_LINUX
@pytest.mark.slow
def test_connections_that_are_all_taken_come_back(tmp_path: Path) -> None:
    """Whoever takes every connection there is keeps them for the time of one request."""
    with serving(tmp_path, REGISTRAR_CONNECTIONS="32", **SOON) as server, connections(server, 64) as stalled:
        for connection in stalled:
            connection.sendall(SIZED + BODY[:9])
        time.sleep(14)  # two rounds of it
        assert register(server, NATIVE).status_code == 201


@ON_LINUX
def test_who_connects_and_says_nothing_makes_room(tmp_path: Path) -> None:
    """Many times as many connections as there may be, again and again: a client that asks is answered in a few seconds."""
    with serving(tmp_path, REGISTRAR_CONNECTIONS="32") as server, connections(server, 400):
        for number in range(3):
            with connections(server, 20):
                began = time.monotonic()
                assert register(server, {**NATIVE, "client_name": f"cli {number}"}).status_code == 201
                assert time.monotonic() - began < 10
