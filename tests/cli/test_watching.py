"""The thread that keeps the policies at what stands on disk, where a process of its own would be too much."""

import logging
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registrar.cli.watching import Watcher
from registrar.policy import load
from registrar.schema import Schema
from registrar.service import Policies, PolicyTree
from registrar.service.policies import Look
from registrar.store import Store
from tests.cli.server import DOORS

SCHEMA = Schema.load("policy")
SOON = 15.0  # seconds


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of its own."""
    return Path(shutil.copytree(DOORS, tmp_path / "tree"))


@contextmanager
def watching(tree: Path, *, interval: int, disk: PolicyTree | None = None) -> Iterator[tuple[Policies, Watcher]]:
    """Policies of `tree`, and a watcher that has not been started."""
    with closing(Store.open(f"sqlite:///{tree}.db")) as store:
        policies = Policies(
            load(tree, SCHEMA), disk or PolicyTree(tree, SCHEMA), store, clock=lambda: datetime.now(UTC), settled=0.01
        )
        watcher = Watcher(policies, tree, interval=interval)
        try:
            yield policies, watcher
        finally:
            watcher.stop()


def edit(tree: Path, new: str) -> None:
    """Reserve another name."""
    file = tree / "guardrails/names.yaml"
    file.write_text((DOORS / "guardrails/names.yaml").read_text(encoding="utf-8").replace("acme", new), encoding="utf-8")


def soon(condition: Callable[[], object]) -> None:
    """Wait until `condition` is true."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def taken(policies: Policies, tree: Path) -> bool:
    """Whether the tree on disk is in force."""
    return policies.current().revision == load(tree, SCHEMA).revision


def test_it_ends_at_once(tree: Path) -> None:
    """Whether it waits for notices or to be asked; and it looks at nothing after that."""
    for interval in (3600, 0):
        with watching(tree, interval=interval) as (policies, watcher):
            watcher.start()
            time.sleep(0.3)
            began = time.monotonic()
            watcher.stop()
            assert time.monotonic() - began < 1.5
            edit(tree, f"ended {interval}")
            watcher.ask()
            time.sleep(0.5)
            assert not taken(policies, tree)


def test_it_looks_when_it_is_asked(tree: Path) -> None:
    """Also when that was before the start, and as often as it is asked."""
    with watching(tree, interval=0) as (policies, watcher):
        edit(tree, "before")
        watcher.ask()
        watcher.start()
        soon(lambda: taken(policies, tree))
        for name in ("first", "second"):
            edit(tree, name)
            watcher.ask()
            soon(lambda: taken(policies, tree))


def test_without_notices_it_compares_digests(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The system gives the process no further file, hence no notices: it is told once, and heals by itself."""
    with watching(tree, interval=1) as (policies, watcher):
        with no_more_files():
            watcher.start()
            soon(lambda: "no notice of policy changes" in caplog.messages)
            time.sleep(1.5)
        edit(tree, "later")
        soon(lambda: taken(policies, tree))
        assert policies.in_force.rejected is None
    assert caplog.messages.count("no notice of policy changes") == 1


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Haunted(PolicyTree):
    """A tree whose look has a fault that nobody foresaw, once."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, SCHEMA)
        self.faults = 1

    def look(self) -> Look:
        """What is there, the second time."""
        if self.faults:
            self.faults -= 1
            raise ZeroDivisionError
        return super().look()


def test_a_fault_of_the_program_does_not_end_it(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its trace; the next look goes on."""
    with watching(tree, interval=1, disk=Haunted(tree)) as (policies, watcher):
        watcher.start()
        edit(tree, "anything")
        soon(lambda: taken(policies, tree))
    (line,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert line.getMessage() == "policy tree not looked at"
    assert line.exc_info is not None
