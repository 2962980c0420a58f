"""The floor under the registrar: what the same server and the same database do when nothing is decided.

A WSGI callable without a framework, under Granian with the options of `registrar serve` (one process; threads, backlog and limits
from the same kind of settings file). For each POST it reads the body, parses it with `json.loads`, inserts it as it came as one
row of one table (an integer key, the document as text), and answers 201 with `{"client_id": "<key>"}` once the row is durable.
SQLite runs as in the registrar's store: WAL, `synchronous=FULL`, one writing thread, and group commit, so that requests that wait
together share a transaction and its fsync.

It does nothing else: no schema, no policy, no facts about redirect URIs, no decision record, no hash chain, no secret, no echo,
no look at the content type, no log line.

    python -m tests.benchmarks.floor SETTINGS_FILE
"""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from registrar.settings import Settings

_LARGEST_BATCH = 256  # as in registrar.store.groupcommit

WSGIApp = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]


class Documents:
    """A table of documents in one SQLite file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keys = count(1)
        self._waiting: SimpleQueue[tuple[int, str, Lock]] = SimpleQueue()
        Thread(target=self._write, name="writer", daemon=True).start()

    def add(self, document: str) -> int:
        """Store a document durably: its key."""
        key, stored = next(self._keys), Lock()
        stored.acquire()
        self._waiting.put((key, document, stored))
        stored.acquire()
        return key

    def _write(self) -> None:
        connection = sqlite3.connect(self._file, isolation_level=None)
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("CREATE TABLE document (key INTEGER PRIMARY KEY, document TEXT NOT NULL)")
        while True:
            batch = [self._waiting.get()]
            while len(batch) < _LARGEST_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())  # nobody else takes from it
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO document VALUES (?, ?)", [(key, document) for key, document, _ in batch])
            connection.execute("COMMIT")
            for _, _, stored in batch:
                stored.release()


def create_app(file: Path) -> WSGIApp:
    """The app, in the process that serves it."""
    documents = Documents(file)

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"ready"]
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        json.loads(body)
        key = documents.add(body.decode())
        start_response("201 Created", [("Content-Type", "application/json")])
        return [b'{"client_id":"%d"}' % key]

    return app


def main(config: Path) -> None:
    """Serve until SIGTERM."""
    settings = Settings.load(config, {}, {})
    settings.state_dir.mkdir()
    server = MPServer(
        "tests.benchmarks.floor:create_app",
        address=settings.bind.host,
        port=settings.bind.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=1,
        blocking_threads=settings.connections,
        backlog=settings.backlog,
        backpressure=settings.connections,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=65_536),
        log_level=LogLevels.error,
        workers_kill_timeout=settings.shutdown_grace,
    )
    server.serve(target_loader=partial(create_app, settings.state_dir / "floor.db"), wrap_loader=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
