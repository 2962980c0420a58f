"""A relay to the PostgreSQL server of the tests that can be cut: a network that fails at the worst moment."""

import socket
import threading
from collections.abc import Callable
from urllib.parse import quote

import psycopg


class Proxy:
    """Relays connections; `url` leads through it. `close` ends it."""

    def __init__(self, url: str) -> None:
        """Listen on a port of this machine, in front of the server of `url`."""
        with psycopg.connect(url) as connection:
            info = connection.info
            self._server = (info.host, info.port)
            user = f"{quote(info.user)}:{quote(info.password)}"
            rest = f"{quote(info.dbname)}?options={quote(info.options)}&sslmode=disable&gssencmode=disable"
        self._links: list[socket.socket] = []
        self._up = True
        self._changing = threading.Lock()
        self._muted: list[socket.socket] = []  # clients that hear no answer any more
        self._threads: list[threading.Thread] = []
        self.at_commit: Callable[[socket.socket, bytes], None] | None = None
        """Called once with the server's socket and the bytes that hold a COMMIT; then that connection is cut."""
        self._listener = self._listen(0)
        self._port: int = self._listener.getsockname()[1]
        self.url = f"postgresql://{user}@127.0.0.1:{self._port}/{rest}"

    def cut(self) -> None:
        """Refuse new connections and hang up the old ones."""
        with self._changing:
            self._up = False
            hang_up(self._listener)
            for link in self._links:
                hang_up(link)

    def mend(self) -> None:
        """Accept connections again."""
        self._up = True
        self._listener = self._listen(self._port)

    def close(self) -> None:
        """Cut, and wait for every relay to end."""
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        self._start(self._accept, listener)
        return listener

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:  # cut
                    return
                self._start(self._serve, near)

    def _serve(self, near: socket.socket) -> None:
        with near, self._reach() as far:
            with self._changing:
                self._links += [near, far]
                if not self._up:  # cut between accepting and here
                    return
            answers = threading.Thread(target=self._answer, args=(far, near), daemon=True)
            answers.start()
            self._ask(near, far)
            answers.join()

    def _reach(self) -> socket.socket:
        host, port = self._server
        if not host.startswith("/"):
            return socket.create_connection(self._server)
        link = socket.socket(socket.AF_UNIX)
        link.connect(f"{host}/.s.PGSQL.{port}")
        return link

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        try:
            while data := near.recv(65_536):
                if b"COMMIT" in data and self.at_commit:
                    cut, self.at_commit = self.at_commit, None
                    self._muted.append(near)
                    cut(far, data)
                    hang_up(near)
                    break
                far.sendall(data)
        except OSError:  # the other side was cut
            pass
        hang_up(far)

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        try:
            while data := far.recv(65_536):
                if near not in self._muted:
                    near.sendall(data)
        except OSError:  # the other side was cut
            pass
        if near not in self._muted:
            hang_up(near)


def hang_up(link: socket.socket) -> None:
    """End a connection, or a listener, whoever else is using it."""
    try:
        link.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended already
        return
