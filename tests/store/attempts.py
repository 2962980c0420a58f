"""Processes that register clients under limits, all at once: `python -m tests.store.attempts JSON`."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from registrar.limits import LimitReachedError, LimitUse
from registrar.store import DecisionRecord, Store
from tests.store.samples import allowed, client

PROCESSES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one process does. Its clients are `c<first>` and up; its clock is `wrong` by so many seconds."""

    url: str
    uses: Sequence[LimitUse]
    """`{lane}` in a key becomes another for each thread."""
    attempts: int
    first: int = 0
    threads: int = 4
    wrong: float = 0.0
    seconds: float = 0.0
    """How long the attempts are spread over."""
    ends: float = 0.0
    """How likely an attempt is followed by the end of a client that this thread registered."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """When a registration began and had been answered (true epoch seconds)."""

    began: float
    ended: float


def work_for(url: str, uses: Sequence[LimitUse], attempts: int, *, first: int = 0, **options: Any) -> list[Work]:
    """`attempts` divided among PROCESSES processes, whose clocks are up to a second apart."""
    each = attempts // PROCESSES
    return [
        Work(url=url, uses=uses, attempts=each, first=first + index * each, wrong=index / (PROCESSES - 1) - 0.5, **options)
        for index in range(PROCESSES)
    ]


@contextmanager
def running(work: Sequence[Work]) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes, which begin together. Whoever is not through at the end is killed."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.attempts", json.dumps(asdict(piece))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for piece in work
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def attempt(work: Sequence[Work]) -> list[Admitted]:
    """Run the processes to their end: all that was admitted."""
    with running(work) as processes:
        answers = [process.communicate(timeout=300)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes)
    return [Admitted(*pair) for answer in answers for pair in json.loads(answer)]


def main() -> None:
    """Say that it is ready, wait for a line, do the work, print what was admitted."""
    values = json.loads(sys.argv[1])
    work = Work(**(values | {"uses": [LimitUse(**use) for use in values["uses"]]}))
    with closing(Store.open(work.url, patience=60)) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        admitted: list[tuple[float, float]] = []
        threads = [threading.Thread(target=_lane, args=(store, work, lane, admitted)) for lane in range(work.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(json.dumps(admitted))


def _lane(store: Store, work: Work, lane: int, admitted: list[tuple[float, float]]) -> None:
    chance = random.Random(work.first + lane)
    uses = [replace(use, key=use.key.format(lane=work.first + lane)) for use in work.uses]
    mine: list[int] = []
    for number in range(work.first + lane, work.first + work.attempts, work.threads):
        began = time.time()
        try:
            store.add(client(number), allowed(number), uses=chance.sample(uses, len(uses)), at=began + work.wrong)
        except LimitReachedError:
            pass
        else:
            admitted.append((began, time.time()))
            mine.append(number)
        if mine and chance.random() < work.ends:
            end(store, mine.pop(chance.randrange(len(mine))))
        time.sleep(work.seconds / work.attempts * work.threads)


def end(store: Store, number: int) -> None:
    """Delete client `c<number>`."""
    event = DecisionRecord(
        decision_id=f"e{number}", at=int(time.time()), result="event", client_id=f"c{number}", record={"event": "deleted"}
    )
    assert store.end(f"c{number}", "deleted", event, int(time.time()))


if __name__ == "__main__":
    main()
