"""Notices, in the process that serves, that the policy tree on disk has changed, or that somebody asks for it by SIGHUP."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from watchfiles import watch

from registrar.service import Outcome, Policies

_LOG: Final = logging.getLogger(__name__)

_QUIET: Final = 200  # milliseconds without a further change, after which a burst of them is over
_LONGEST_BURST: Final = 2_000  # milliseconds
_RETRY: Final = 2  # seconds until a tree that could not be taken yet is tried again
_LAST_LOOK: Final = 2.0  # seconds that the end of the process waits for a look at the tree that has begun


class Watcher:
    """One thread that keeps `policies` at what stands in the folder `tree`.

    The operating system's notices only wake it; what counts is the digest of the files, which is compared every `interval`
    seconds at least. So changes are found where no notice of them comes: on network drives, behind symbolic links, under a
    folder that was put in the place of another, past the number of watches that the system allows. With an interval of 0 the
    tree is looked at when somebody asks, and only then.
    """

    def __init__(self, policies: Policies, tree: Path, *, interval: int) -> None:
        self._policies = policies
        self._tree = tree
        self._interval = interval
        self._wake = threading.Event()
        self._asked = False
        self._ended = False
        self._postponed = False
        self._warned = False
        self._thread = threading.Thread(target=self._run, name="policy-watch", daemon=True)

    def start(self) -> None:
        """Begin: in the process that serves, since no thread survives a fork."""
        self._thread.start()

    def ask(self) -> None:
        """Have the tree looked at now."""
        self._asked = True
        self._wake.set()

    def stop(self) -> None:
        """End, after a look that has begun."""
        self._ended = True
        self._wake.set()
        self._thread.join(_LAST_LOOK)

    def _run(self) -> None:
        while not self._ended:
            for _ in self._occasions():
                self._look(self._policies.refresh)
            self._wake.clear()  # before the flags are read: who sets one after that wakes it again
            if self._asked:
                self._asked = False
                self._look(self._policies.reload)

    def _look(self, look: Callable[[], Outcome]) -> None:
        try:
            self._postponed = look() is Outcome.POSTPONED
        except Exception:  # noqa: BLE001 - the thread has to outlive it
            # Whatever it was: what is in force stays in force, and the next change is noticed.
            _LOG.exception("policy tree not looked at")

    def _occasions(self) -> Iterator[None]:
        """Every moment at which the tree may have changed, until this is woken."""
        while not self._wake.is_set():
            try:
                yield from self._notices() if self._interval else self._pause(self._seconds())
            except FileNotFoundError:
                yield from self._pause(_RETRY)  # the tree is gone, which is no news to who looks at it; it may come back
            except (OSError, RuntimeError) as error:
                self._warn(error)
                yield from self._pause(self._seconds())

    def _notices(self) -> Iterator[None]:
        """The operating system's, and one when there was none for a while; until the watch has to be made anew."""
        folders, seconds = _folders(self._tree), self._seconds()
        for _ in watch(
            *folders,
            watch_filter=None,
            recursive=False,
            step=_QUIET,
            debounce=_LONGEST_BURST,
            rust_timeout=seconds * 1000,
            yield_on_timeout=True,
            stop_event=self._wake,
            raise_interrupt=False,
        ):
            yield
            if (_folders(self._tree), self._seconds()) != (folders, seconds):
                return

    def _pause(self, seconds: int) -> Iterator[None]:
        if not self._wake.wait(seconds or None):
            yield

    def _seconds(self) -> int:
        """How long to wait for a notice; 0 for as long as it takes."""
        return min(self._interval or _RETRY, _RETRY) if self._postponed else self._interval

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            fields = {"cause": str(error), "interval": self._interval}
            _LOG.warning("no notice of policy changes", extra={"fields": fields})


def _folders(tree: Path) -> Mapping[Path, tuple[int, int]]:
    """The folders whose entries make the tree, each with what tells it from another that takes its place (device, inode)."""
    found = [tree, *sorted(entry for entry in tree.iterdir() if entry.is_dir() and not entry.name.startswith("."))]
    return {folder: ((status := folder.stat()).st_dev, status.st_ino) for folder in found}


def on_hangup(act: Callable[[], object]) -> None:
    """Call `act` for every SIGHUP from now on, and for one that waits. The signal has to be blocked in every thread.

    In a thread, not in a signal handler: that could interrupt itself in the middle of `act`, and wait for a lock that it holds.
    """
    threading.Thread(target=_listen, args=(act,), name="hangup", daemon=True).start()


def _listen(act: Callable[[], object]) -> None:
    while True:
        signal.sigwait({signal.SIGHUP})
        act()
