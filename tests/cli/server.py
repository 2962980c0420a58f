"""The real server, as a process of its own."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import free_port

DOORS = Path(__file__).parent.parent / "cases/policies/doors"
_PATIENCE = 20.0  # seconds for a start or a stop on a busy machine


@dataclass
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    json: Any


@dataclass
class Server:
    """A running server. It writes into files: nobody reads a pipe while it runs, and a full one would stop it."""

    process: subprocess.Popen[bytes]
    port: int
    out: Path
    err: Path

    @property
    def stdout(self) -> str:
        """What it has printed."""
        return self.out.read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """What it has logged."""
        return self.err.read_text(encoding="utf-8")

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)

    def request(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            sent = {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            return read(connection)
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end, return the exit code."""
        return self.process.wait(_PATIENCE)


def read(connection: http.client.HTTPConnection) -> Answer:
    """The answer to what was sent on `connection`."""
    response = connection.getresponse()
    content = response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, json.loads(content) if content else None)


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """An environment without settings, whose state folder is below `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRAR_", "XDG_"))}
    return {**kept, "HOME": str(folder), "PYTHONWARNINGS": "error", **extra}


def command(*arguments: str) -> list[str]:
    """The command line of `registrar ...`."""
    return [sys.executable, "-m", "registrar", *arguments]


def run(folder: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        command(*arguments), env=environment(folder, **extra), capture_output=True, text=True, timeout=_PATIENCE, check=False
    )


@contextmanager
def serving(folder: Path, *arguments: str, **extra: str) -> Iterator[Server]:
    """A server on a free port with its state below `folder`; killed at the end if it still runs."""
    port = free_port()
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as printed, err.open("wb") as logged:
        process = subprocess.Popen(
            command("serve", "--bind", f"127.0.0.1:{port}", "--policies", str(DOORS), *arguments),
            env=environment(folder, **extra),
            stdout=printed,
            stderr=logged,
        )
    server = Server(process, port, out, err)
    try:
        _wait_until_it_answers(server)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                server.wait()
            except subprocess.TimeoutExpired:
                process.kill()
                server.wait()


def _wait_until_it_answers(server: Server) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended with {server.process.returncode}: {server.stdout}{server.stderr}")
        try:
            if server.request("GET", "/healthz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")
