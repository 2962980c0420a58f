"""Cuts connections that get nowhere: the server has a time for the head of a request, and none for its body."""

import logging
import os
import socket
import stat
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_LOG: Final = logging.getLogger(__name__)

_FILES: Final = Path("/proc/self/fd")
_LOOK: Final = 1.0  # seconds between two looks: a connection lasts that much longer, at most
_CROWDED_LOOK: Final = 0.2  # seconds; a look at a thousand connections takes ten milliseconds
_LAST_LOOK: Final = 1.0  # seconds that the end of the process waits for a look that has begun
_PRESSURE: Final = 0.75  # of the connections that there may be
_TOLD: Final = 10.0  # seconds between two lines in the log
_MUTE: Final = 1  # seconds under pressure, after which who has said nothing yet makes room

# struct tcp_info of Linux: tcpi_state, tcpi_last_data_sent and tcpi_last_data_recv (at bytes 44 and 52, milliseconds),
# tcpi_bytes_received (at byte 128).
_INFO: Final = struct.Struct("=B43xI4xI72xQ")
_LISTENING: Final = 10

_HEARD: Final = 0.2  # seconds in which it surely got to the server; where all connections are taken it never does
_NUDGE: Final = b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Stalls:
    """One thread that ends the connections to `port` over which this process has sent nothing for `seconds`.

    A connection that was answered is idle for less (the server itself closes it), so what is ended is a request that has not
    arrived or been answered in that time: a body that stalls or drips, or a client that does not take its answer. When three
    quarters of the `connections` that there may be are open, those that have not said a word since they were are ended as well.

    It also asks something itself while any request waits for longer than a second: Granian (2.8.7) may give one of many that
    come at once no thread before the next one comes. Linux alone tells all that; elsewhere nothing is done.
    """

    def __init__(self, port: int, *, seconds: int, connections: int) -> None:
        self._port = port
        self._seconds = seconds
        self._crowd = connections * _PRESSURE
        self._open = 0
        self._crowded = False
        self._waits: tuple[str, int] | None = None  # where one of the requests that wait came in
        self._untold = 0
        self._told_at = -_TOLD
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stalls", daemon=True)

    def start(self) -> None:
        """Begin: in the process that serves, since no thread survives a fork."""
        if _FILES.is_dir():
            self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_LOOK)

    def _run(self) -> None:
        while not self._ended.wait(_CROWDED_LOOK if self._crowded else _LOOK):
            self._crowded, self._open, self._waits = self._open >= self._crowd, 0, None
            try:
                self._report(sum(self._cut(int(file.name)) for file in _FILES.iterdir()))
                if self._waits:
                    _nudge(self._waits)
            except Exception:  # noqa: BLE001 - the thread has to outlive it
                _LOG.exception("connections not looked at")

    def _report(self, cut: int) -> None:
        self._untold += cut
        if self._untold and time.monotonic() >= self._told_at + _TOLD:
            _LOG.info("stalled connections cut", extra={"fields": {"connections": self._untold, "open": self._open}})
            self._untold, self._told_at = 0, time.monotonic()

    def _cut(self, descriptor: int) -> bool:
        """End the connection behind a file descriptor, if it is one and stalls."""
        try:
            # Sockets alone: whoever closes a duplicate of a file gives up this process's locks on it (fcntl(2)), SQLite's too.
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return False
            # A duplicate stays what it is, though the server may close the descriptor and open another of its number at any time.
            with socket.socket(fileno=os.dup(descriptor)) as connection:
                if not self._stalls(connection):
                    return False
                connection.shutdown(socket.SHUT_RDWR)
                return True
        except OSError:  # closed meanwhile
            return False

    def _stalls(self, connection: socket.socket) -> bool:
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.getsockname()[1] != self._port:
            return False
        state, silent, unheard, received = _INFO.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
        if state == _LISTENING:
            return False
        self._open += 1
        if unheard < silent and silent > _LOOK * 1000:
            self._waits = connection.getsockname()[:2]
        allowed = _MUTE if self._crowded and not received else self._seconds
        return bool(silent > allowed * 1000)


def _nudge(address: tuple[str, int]) -> None:
    """Ask the server something, and wait for no more than that it has heard it: the next look must not come late."""
    with suppress(OSError), socket.create_connection(address, timeout=_HEARD) as connection:
        connection.sendall(_NUDGE)
        connection.recv(1)
