"""How many requests are worked on at once, and what their bodies wait for."""

import io
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from registrar.http.turns import Places, Turns

MAX_BODY = 100


class Stream(io.BytesIO):
    """A body that comes in small pieces, and counts what was read of it."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7, size or 0) if size is None or size >= 0 else 7)


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """An app that answers what it reads."""
    stream = environ["wsgi.input"]
    return iter(lambda: stream.read(1000), b"")


def body(environ: dict[str, Any], app: Any = echo) -> bytes:
    """What the app reads."""
    return b"".join(Turns(app, places=Places(1), max_body=MAX_BODY)(environ, None))


def test_a_body_is_there_whole_when_its_request_is_worked_on() -> None:
    """However it came, by its length or in chunks."""
    sent = bytes(range(100))
    assert body({"CONTENT_LENGTH": "100", "wsgi.input": Stream(sent)}) == sent
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert body({**chunked, "wsgi.input": Stream(sent)}) == sent
    assert body({"CONTENT_LENGTH": "50", "wsgi.input": Stream(sent)}) == sent[:50]
    assert body({"CONTENT_LENGTH": "100", "wsgi.input": Stream(sent[:60])}) == sent[:60]


@pytest.mark.parametrize(
    ("announced", "read"),
    [
        ({"CONTENT_LENGTH": "101"}, 0),
        ({"CONTENT_LENGTH": "9" * 5000}, 0),
        ({"CONTENT_LENGTH": "-1"}, 0),
        ({"CONTENT_LENGTH": "+10"}, 0),
        ({"CONTENT_LENGTH": "1_0"}, 0),
        ({"CONTENT_LENGTH": "٣"}, 0),
        ({"CONTENT_LENGTH": "x"}, 0),
        ({"CONTENT_LENGTH": "0"}, 0),
        ({}, 0),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 0),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}, 101),
        ({"CONTENT_LENGTH": "100"}, 100),
    ],
)
def test_no_more_is_waited_for_than_can_be_right(announced: dict[str, Any], read: int) -> None:
    """Not one byte of a body that is announced as too large, or with a length that is none: that is for the app to refuse."""
    stream = Stream(b"x" * 200)
    read_before = body({**announced, "wsgi.input": stream}, lambda *_: [b"%d" % stream.tell()])
    assert int(read_before) == read


def test_at_most_so_many_are_worked_on_at_once() -> None:
    """The others wait, and none is lost."""
    working, most = 0, 0
    lock = threading.Lock()

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0.01)
        with lock:
            working -= 1
        return [b"done"]

    turns = Turns(slow, places=Places(3), max_body=MAX_BODY)
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda _: turns({}, None), range(60))) == [[b"done"]] * 60
    assert most == 3


def test_a_body_on_its_way_takes_no_place_and_a_failure_gives_it_back() -> None:
    """One place is enough for the others while one body stalls."""
    arriving, arrived = threading.Event(), threading.Event()

    class Stalled(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            arriving.set()
            arrived.wait(10)
            return super().read(size)

    def failing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if "fail" in environ:
            raise RuntimeError("failed")
        return [b"done"]

    turns = Turns(failing, places=Places(1), max_body=MAX_BODY)
    with ThreadPoolExecutor(1) as pool:
        stalled = pool.submit(turns, {"CONTENT_LENGTH": "3", "wsgi.input": Stalled(b"abc")}, None)
        assert arriving.wait(10)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="failed"):
                turns({"fail": True}, None)
            assert turns({}, None) == [b"done"]
        arrived.set()
        assert stalled.result(10) == [b"done"]


def test_who_waits_leaves_the_place_to_others() -> None:
    """One place; two requests that meet while both wait, but never while both work. A thread without a place just waits."""
    places = Places(1)
    meeting = threading.Barrier(2, timeout=10)
    working, most = 0, 0

    def meets(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        nonlocal working, most
        for _ in range(50):
            working += 1
            most = max(most, working)
            time.sleep(0.0001)
            working -= 1
            with places.left():
                meeting.wait()
        return [b"done"]

    turns = Turns(meets, places=places, max_body=MAX_BODY)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: turns({}, None), range(2))) == [[b"done"]] * 2
    assert most == 1
    with places.left():
        assert _free(places) == 1


def test_a_failure_while_waiting_takes_the_place_again() -> None:
    """Or the next request would find one place too many."""
    places = Places(1)
    with pytest.raises(RuntimeError), places, places.left():
        raise RuntimeError("lost")
    with places, places.left(), places:
        pass
    assert _free(places) == 1


def _free(places: Places) -> int:
    return places._free.qsize()  # nothing else tells
