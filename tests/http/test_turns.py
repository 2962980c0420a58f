"""How many requests are worked on at once, and what their bodies wait for."""

import io
import random
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from registrar.http.turns import Places, Turns, Wait

MAX_BODY = 10_000


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
        ({"CONTENT_LENGTH": "10001"}, 0),
        ({"CONTENT_LENGTH": "9" * 5000}, 0),
        ({"CONTENT_LENGTH": "-1"}, 0),
        ({"CONTENT_LENGTH": "+10"}, 0),
        ({"CONTENT_LENGTH": "1_0"}, 0),
        ({"CONTENT_LENGTH": "٣"}, 0),
        ({"CONTENT_LENGTH": "x"}, 0),
        ({"CONTENT_LENGTH": "0"}, 0),
        ({}, 0),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 0),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}, 10_001),
        ({"CONTENT_LENGTH": "100"}, 100),
        ({"CONTENT_LENGTH": "0" * 5000 + "100"}, 100),
        ({"CONTENT_LENGTH": "100", "HTTP_CONTENT_LENGTH": "50"}, 100),
        ({"CONTENT_LENGTH": "10000"}, 10_000),
    ],
)
def test_no_more_is_waited_for_than_can_be_right(announced: dict[str, Any], read: int) -> None:
    """Not one byte of a body that is announced as too large, or with a length that is none: that is for the app to refuse."""
    stream = Stream(b"x" * 20_000)
    read_before = body({**announced, "wsgi.input": stream}, lambda *_: [b"%d" % stream.tell()])
    assert int(read_before) == read


@pytest.mark.parametrize("announced", [{}, {"CONTENT_LENGTH": "10001"}, {"CONTENT_LENGTH": "x"}, {"CONTENT_LENGTH": "0"}])
def test_what_was_not_waited_for_is_not_there(announced: dict[str, Any]) -> None:
    """Or the app would wait for it in a place, whatever it thinks of the length."""
    stream = Stream(b"x" * 20_000)
    assert body({**announced, "wsgi.input": stream}) == b""
    assert stream.tell() == 0


def test_a_small_cap_leaves_small_bodies_alone() -> None:
    """`max_body` is about registrations; what the private app is asked is smaller than any of these, and has a cap of its own."""
    turns = Turns(echo, places=Places(1), max_body=1)
    assert b"".join(turns({"CONTENT_LENGTH": "8192", "wsgi.input": Stream(b"x" * 8192)}, None)) == b"x" * 8192


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
    with places, places.left(), places.left():
        assert not places.taken
        assert _free(places) == 1
    assert _free(places) == 1


def _free(places: Places) -> int:
    return places._free  # nothing else tells


@pytest.mark.parametrize("number", [1, 3])
def test_waits_that_end_early_late_or_just_then_lose_no_place(number: int) -> None:
    """Sixteen threads work and wait, some for longer than they have patience; never more of them work than there are places."""
    places, lock = Places(number), threading.Lock()
    working, most = 0, 0

    def work() -> None:
        nonlocal working, most
        assert places.taken
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0)
        with lock:
            working -= 1

    def works_and_waits(seed: int) -> None:
        chances = random.Random(seed)
        for _ in range(60):
            with places:
                work()
                wait = places.wait()
                others.submit(ends, wait, chances.choice([0, 0, 0.0005, 0.001, 0.002]))
                while not wait.within(chances.choice([0.0005, 0.001, 0.0015])):
                    work()
                work()
                with places.left():
                    pass

    def ends(wait: Wait, after: float) -> None:
        time.sleep(after)
        wait.over()

    with ThreadPoolExecutor(16) as others, ThreadPoolExecutor(16) as pool:
        assert list(pool.map(works_and_waits, range(16), timeout=60)) == [None] * 16
    assert most == number
    assert _free(places) == number


def test_who_has_no_place_waits_without_one() -> None:
    """A wait that is over before it begins, one that ends, and one that takes too long; the only place is somebody else's."""
    places = Places(1)
    with places:

        def waits() -> list[bool]:
            wait, late = places.wait(), places.wait()
            wait.over()
            threading.Timer(0.01, late.over).start()
            return [wait.within(10), places.wait().within(0.001), late.within(10), places.taken]

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(waits).result(10) == [True, False, True, False]


def test_who_has_worked_already_goes_before_who_has_not_begun() -> None:
    """One place: of one that was waited for and one that is new, whoever came first, the former is finished first."""
    places, order = Places(1), list[str]()
    begun = threading.Event()
    waits: list[Wait] = []

    def old() -> None:
        with places:
            waits.append(places.wait())
            begun.set()
            waits[0].within(10)
            order.append("old")

    def new() -> None:
        with places:
            order.append("new")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(old)
        assert begun.wait(10)
        with places:
            second = pool.submit(new)
            while not places._new:
                time.sleep(0.001)
            waits[0].over()
        first.result(10)
        second.result(10)
    assert order == ["old", "new"]
