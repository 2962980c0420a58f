"""Bounds how many requests are worked on at once, and lets a body arrive before its request is one of them."""

from collections.abc import Callable, Iterable
from io import BytesIO
from queue import SimpleQueue
from typing import Any, TypeAlias

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]

_MAX_DIGITS = 18  # a longer Content-Length is none


class Turns:
    """A WSGI app of which at most `places` requests are worked on at once. Others wait for their turn.

    MUST: a request waits for its body before it takes a place, so that clients who send slowly, or stop, keep none from the
    others; each of them keeps a thread of the server, which has one for every connection, and nothing else.
    MUST: at most `max_body` + 1 bytes are read, and none of a body that is announced as larger: the app says what is wrong.
    """

    def __init__(self, app: Application, *, places: int, max_body: int) -> None:
        self._app = app
        self._places: SimpleQueue[None] = SimpleQueue()  # a semaphore that costs a tenth of threading's
        for _ in range(places):
            self._places.put(None)
        self._max_body = max_body

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        size = self._expected(environ)
        if size:
            environ["wsgi.input"] = BytesIO(_read(environ["wsgi.input"], size))
        self._places.get()
        try:
            return self._app(environ, start_response)
        finally:
            self._places.put(None)

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
