"""Bounds how many requests are worked on at once, and lets a body arrive before its request is one of them."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from queue import SimpleQueue
from typing import Any, TypeAlias

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]

_MAX_DIGITS = 18  # a longer Content-Length is none


class Places:
    """Places for so many requests to be worked on at once.

    Python runs one thread at a time. What more of them would gain, they lose by handing its lock to each other wherever one of
    them enters the system: with 64 places a registration costs twice the processor time that it costs with one or two.
    """

    def __init__(self, number: int) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()  # a semaphore that costs a tenth of threading's
        for _ in range(number):
            self._free.put(None)
        self._own = threading.local()

    def __enter__(self) -> None:
        """Take a place; wait for it."""
        self._free.get()
        self._own.taken = True

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._own.taken = False
        self._free.put(None)

    @contextmanager
    def left(self) -> Iterator[None]:
        """Give the place back while the thread waits for something, if it has one: others work meanwhile."""
        if not getattr(self._own, "taken", False):
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


class Turns:
    """A WSGI app of which no more requests are worked on at once than there are `places`. Others wait for their turn.

    MUST: a request waits for its body before it takes a place, so that clients who send slowly, or stop, keep none from the
    others; each of them keeps a thread of the server, which has one for every connection, and nothing else.
    MUST: at most `max_body` + 1 bytes are read, and none of a body that is announced as larger: the app says what is wrong.
    """

    def __init__(self, app: Application, *, places: Places, max_body: int) -> None:
        self._app = app
        self._places = places
        self._max_body = max_body

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        size = self._expected(environ)
        if size:
            environ["wsgi.input"] = BytesIO(_read(environ["wsgi.input"], size))
        with self._places:
            return self._app(environ, start_response)

    def _expected(self, environ: Environ) -> int:
        """How many bytes to wait for, 0 for none."""
        length = environ.get("CONTENT_LENGTH", "")
        if not length:
            chunked = "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated")
            return self._max_body + 1 if chunked else 0
        if not (length.isascii() and length.isdigit() and len(length) <= _MAX_DIGITS):
            return 0
        return int(length) if int(length) <= self._max_body else 0


def _read(stream: Any, size: int) -> bytes:
    """Up to `size` bytes: a WSGI stream may return less than it was asked for."""
    chunks: list[bytes] = []
    missing = size
    while missing and (chunk := stream.read(missing)):
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)
