"""Cuts connections that get nowhere: the server has a time for the head of a request, and none for its body."""

import logging
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Final

_LOG: Final = logging.getLogger(__name__)

_FILES: Final = Path("/proc/self/fd")
_LOOKS: Final = 5  # in the time that is allowed: a connection lasts that part of it longer, at most
_LAST_LOOK: Final = 1.0  # seconds that the end of the process waits for a look that has begun

# struct tcp_info of Linux: the state is its first byte, tcpi_last_data_sent the ninth 32-bit number behind the first eight bytes.
_INFO: Final = struct.Struct("=B43xI")
_LISTENING: Final = 10


class Stalls:
    """One thread that ends the connections to `port` over which this process has sent nothing for `seconds`.

    A connection that was answered is idle for less (the server itself closes it), so what is ended is a request that has not
    arrived or been answered in that time: a body that stalls or drips, or a client that does not take its answer. Linux alone
    tells when a connection was last used; elsewhere nothing is ended.
    """

    def __init__(self, port: int, *, seconds: int) -> None:
        self._port = port
        self._seconds = seconds
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
        while not self._ended.wait(self._seconds / _LOOKS):
            try:
                cut = sum(self._cut(int(file.name)) for file in _FILES.iterdir())
            except Exception:  # noqa: BLE001 - the thread has to outlive it
                _LOG.exception("connections not looked at")
                continue
            if cut:
                _LOG.info("stalled connections cut", extra={"fields": {"connections": cut, "seconds": self._seconds}})

    def _cut(self, descriptor: int) -> bool:
        """End the connection behind a file descriptor, if it is one and stalls."""
        try:
            # A duplicate stays what it is, though the server may close the descriptor and open another of its number at any time.
            with socket.socket(fileno=os.dup(descriptor)) as connection:
                if not self._stalls(connection):
                    return False
                connection.shutdown(socket.SHUT_RDWR)
                return True
        except OSError:  # no socket, or closed already
            return False

    def _stalls(self, connection: socket.socket) -> bool:
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.getsockname()[1] != self._port:
            return False
        state, silent = _INFO.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
        return bool(state != _LISTENING and silent > self._seconds * 1000)
