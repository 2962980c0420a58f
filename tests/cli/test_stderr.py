"""Log lines on their way out."""

import logging
import os
import threading

import pytest

from registrar.cli.logs import JsonLines
from registrar.cli.stderr import Stderr


@pytest.fixture
def log() -> logging.Logger:
    """A logger that writes to stderr, and nowhere else."""
    handler = Stderr()
    handler.setFormatter(JsonLines())
    made = logging.Logger("alone")  # noqa: LOG001  one that pytest does not know
    made.addHandler(handler)
    return made


def test_lines_of_many_threads_stay_whole(log: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    """Eight threads, a thousand lines each."""

    def work(number: int) -> None:
        for count in range(1_000):
            log.info("line %d of %d %s", count, number, "x" * 500)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 8_000
    assert all(line.startswith('{"time": ') and line.endswith("}") for line in lines)


def test_no_text_and_no_broken_line_stops_the_program(log: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    """Half a character is written as an escape; a line that cannot be made is reported as logging does it."""
    log.handlers[0].setFormatter(logging.Formatter())
    log.info("half a character: \ud800")
    log.info("%d", "no number")
    log.info("after")
    lines = capfd.readouterr().err.splitlines()
    assert (lines[0], lines[-1]) == (r"half a character: \ud800", "after")
    assert "--- Logging error ---" in lines


def test_a_stderr_that_is_closed_stops_nothing(log: logging.Logger) -> None:
    """Nobody reads it: the program goes on."""
    kept = os.dup(2)
    os.close(2)
    try:
        log.info("into nothing")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
