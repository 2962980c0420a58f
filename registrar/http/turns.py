"""Bounds how many requests are worked on at once, and lets a body arrive before its request is one of them."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, TypeAlias

from registrar.http.lengths import SMALL, announced_length, read_at_most

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]


class Places:
    """Places for so many requests to be worked on at once.

    Python runs one thread at a time. What more of them would gain, they lose by handing its lock to each other wherever one of
    them enters the system. For the same reason a place is passed on: whoever waits sleeps until it is his, and wakes up once.
    Those who have worked already go before those who have not begun.
    """

    def __init__(self, number: int) -> None:
        self._changing = threading.Lock()  # for all of the following
        self._free = number
        self._begun: deque[threading.Lock] = deque()
        self._new: deque[threading.Lock] = deque()
        self._own = threading.local()

    def __enter__(self) -> None:
        """Take a place; wait for it."""
        self._take(self._new)
        self._own.taken = True

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._own.taken = False
        self._pass_on()

    @contextmanager
    def left(self) -> Iterator[None]:
        """Give the place back while the thread waits for something, if it has one: others work meanwhile."""
        if not self.taken:
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self._take(self._begun)
            self._own.taken = True

    def wait(self) -> "Wait":
        """A wait of this thread, which somebody else will end."""
        return Wait(self)

    @property
    def taken(self) -> bool:
        """Whether this thread has a place."""
        return getattr(self._own, "taken", False)

    def _take(self, waiting: deque[threading.Lock]) -> None:
        with self._changing:
            if self._free:
                self._free -= 1
                return
            waiting.append(gate := _closed())
        gate.acquire()

    def _pass_on(self) -> None:
        with self._changing:
            waiting = self._begun or self._new
            if not waiting:
                self._free += 1
                return
            gate = waiting.popleft()
        gate.release()


class Wait:
    """A thread's wait for another one. It leaves its place to others, if it has one, and has one again when the wait is over."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._gate = _closed()
        self._leaves = places.taken
        self._left = False
        self._over = False

    def within(self, seconds: float) -> bool:
        """Wait at most so long: whether it was over by then. To be asked again where it was not; by one thread only."""
        if not self._leaves:
            return self._gate.acquire(timeout=seconds)
        with self._places._changing:  # noqa: SLF001  both are one mechanism
            if self._over:
                return True
            self._left = True
        self._places._pass_on()  # noqa: SLF001
        if self._gate.acquire(timeout=seconds):
            return True
        with self._places._changing:  # noqa: SLF001
            self._left = False
            over = self._over
        if over:  # just now, and a place is on its way
            self._gate.acquire()
        else:
            self._places._take(self._places._begun)  # noqa: SLF001
        return over

    def over(self) -> None:
        """End it, from another thread. To be called once."""
        with self._places._changing:  # noqa: SLF001
            self._over = True
            if self._left and not self._places._free:  # noqa: SLF001
                self._places._begun.append(self._gate)  # noqa: SLF001
                return
            self._places._free -= self._left  # noqa: SLF001
        self._gate.release()


def _closed() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


class Turns:
    """A WSGI app of which no more requests are worked on at once than there are `places`. Others wait for their turn.

    MUST: a request waits for its body before it takes a place, so that clients who send slowly, or stop, keep none from the
    others; each of them keeps a thread of the server, which has one for every connection, and nothing else.
    MUST: the app never sees the stream of the connection: what was not waited for here, nobody waits for in a place.
    MUST: at most `max_body` + 1 bytes are read, and none of a body that is announced as larger: the app says what is wrong. A
    `max_body` below SMALL counts as SMALL.
    """

    def __init__(self, app: Application, *, places: Places, max_body: int) -> None:
        self._app = app
        self._places = places
        self._max_body = max(max_body, SMALL)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        size = self._expected(environ)
        environ["wsgi.input"] = BytesIO(read_at_most(environ["wsgi.input"], size) if size else b"")
        with self._places:
            return self._app(environ, start_response)

    def _expected(self, environ: Environ) -> int:
        """How many bytes to wait for, 0 for none."""
        try:
            length = announced_length(environ)
        except ValueError:
            return 0
        if length is None:
            chunked = "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated")
            return self._max_body + 1 if chunked else 0
        return length if length <= self._max_body else 0
