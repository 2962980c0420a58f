"""Connections that do nothing, or next to nothing: others are served as before, and memory stays bounded."""

import socket
import time

import pytest

from tests.abuse.crowd import BODY, HEAD, PATIENCE, REQUEST, connections, memory, register, statuses
from tests.servers import Server

AT_ONCE = 5.0  # seconds; a fraction of one where the machine is not shared
IDLE = pytest.param(10_000, marks=pytest.mark.slow)
STALLED = pytest.param(900, marks=pytest.mark.slow)


@pytest.mark.parametrize("number", [700, IDLE])
def test_idle_connections_cost_a_little_memory_each(server: Server, number: int) -> None:
    """Nothing was ever sent over them. Less than 16 KiB each; where the server cannot keep all, they make room for who speaks."""
    assert register(server) < PATIENCE
    before = memory(server)
    with connections(server, number) as idle:
        assert max(register(server) for _ in range(5)) < PATIENCE / 2
        assert max(register(server) for _ in range(5)) < AT_ONCE
        assert memory(server) - before < 32 + len(idle) / 64
        if number <= 700:  # not three quarters of settings.connections: nobody has to make room
            idle[-1].sendall(REQUEST)
            assert idle[-1].recv(4096).startswith(b"HTTP/1.1 201 ")
    assert register(server) < PATIENCE


@pytest.mark.slow
def test_heads_that_never_end_are_cut_off(server: Server) -> None:
    """One byte a second would keep a connection for ever; the head has ten seconds. The others do not notice."""
    with connections(server, 200) as dripping:
        for connection in dripping:
            connection.sendall(b"POST /register HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        while time.monotonic() - began < 13:
            assert register(server) < AT_ONCE
            for connection in dripping[:100]:
                try:
                    connection.sendall(b"a")
                except OSError:
                    break
            time.sleep(0.5)
        assert all(_closed(connection) for connection in dripping)


@pytest.mark.parametrize("number", [200, STALLED])
def test_bodies_that_do_not_come_keep_nothing_from_the_others(server: Server, number: int) -> None:
    """Each keeps a waiting thread, less than 256 KiB, and its connection until request_timeout, but no place to work in."""
    before = memory(server)
    with connections(server, number) as stalled:
        for connection in stalled:
            connection.sendall(HEAD + b"\r\n" + BODY[:9])
        time.sleep(1)
        assert max(register(server) for _ in range(5)) < AT_ONCE
        assert memory(server) - before < 32 + len(stalled) / 4
    assert register(server) < PATIENCE


@pytest.mark.parametrize(
    "length",
    [
        b"Content-Length: 0000000000000001000",
        b"Content-Length: 70000\r\nContent_Length: 1000",
        b"Content_Length: 1000",
        b"Transfer-Encoding: chunked\r\nContent_Length: 1000",
        b"Content-Length: 10\r\nTransfer_Encoding: chunked",
    ],
    ids=["zeros", "another length", "no length", "chunks and a length", "a length and no chunks"],
)
def test_a_length_in_disguise_keeps_nothing_from_the_others(server: Server, length: bytes) -> None:
    """However a client writes how much will come, what does not come is waited for outside the places to work in."""
    head, _, _ = HEAD.partition(b"Content-Length")
    with connections(server, 1) as [stalled]:
        stalled.sendall(head + length + b"\r\n\r\n{")
        time.sleep(0.5)
        assert max(register(server) for _ in range(3)) < AT_ONCE


def test_who_does_not_read_answers_keeps_nothing_from_the_others(server: Server) -> None:
    """Requests without end, and not one answer taken."""
    before = memory(server)
    with connections(server, 50) as deaf:
        for connection in deaf:
            connection.settimeout(0.2)
            try:
                for _ in range(200):
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            except TimeoutError:
                continue
        assert register(server) < AT_ONCE
        assert memory(server) - before < 96


def test_pipelined_requests_are_answered_in_their_order(server: Server) -> None:
    """A hundred in one packet, with one that is none in the middle: nothing behind that is taken for a request."""
    with connections(server, 1) as [connection]:
        health, unknown = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.sendall((health + REQUEST + unknown) * 33 + b"nonsense\r\n\r\n" + REQUEST)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    assert statuses(answer)[:99] == [200, 201, 404] * 33
    assert 201 not in statuses(answer)[99:]
    assert register(server) < PATIENCE


def _closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True
