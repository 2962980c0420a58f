"""Starts the program as an operator does, as a process of its own, waits until it serves, and ends it by SIGTERM."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

METADATA: Mapping[str, object] = {
    "authorization_endpoint": "https://as.example/authorize",
    "token_endpoint": "https://as.example/token",
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
}
"""A metadata document as an operator writes it: what the policy knows itself is not in it."""

_START = 60.0  # seconds until a slow machine has to be ready
_END = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves on loopback. `issuer` is its base URL; what it printed stands in `log`."""

    issuer: str
    address: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def origin(self) -> str:
        """The issuer without its path."""
        return f"http://{self.address}"

    def stop(self) -> int:
        """SIGTERM, and the exit code. What does not end in time is killed, with all its children."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_END)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process and its children at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_END)


@contextmanager
def serve(folder: Path, *, path: str = "", settings: Mapping[str, object] | None = None) -> Iterator[Server]:
    """`registrar serve` with state in `folder`, an issuer whose path is `path`, and further `settings`; it has to exit with 0."""
    issuer, config = configure(folder, path=path, settings=settings)
    with run([sys.executable, "-m", "registrar", "serve", "--config", str(config)], folder, issuer) as server:
        yield server


def configure(folder: Path, *, path: str = "", settings: Mapping[str, object] | None = None) -> tuple[str, Path]:
    """Write a settings file with a free port into `folder`: the issuer, and the file."""
    address = f"127.0.0.1:{free_port()}"
    issuer = f"http://{address}{path}"
    given = {
        "bind": address,
        "private_bind": "",
        "issuer": issuer,
        "state_dir": str(folder / "state"),
        "metadata": METADATA,
        **(settings or {}),
    }
    config = folder / "registrar.yaml"
    config.write_text(json.dumps(given), encoding="utf-8")  # YAML 1.2 is a superset of JSON
    return issuer, config


@contextmanager
def run(command: list[str], folder: Path, issuer: str) -> Iterator[Server]:
    """A server of any kind at `issuer`, once /readyz answers 200 there; it has to end by SIGTERM with exit code 0."""
    address = issuer.removeprefix("http://").partition("/")[0]
    log = folder / "server.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRAR_")}
    environ = {**kept, "PYTHONWARNINGS": "error"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ, start_new_session=True)
    server = Server(issuer, address, log, process)
    try:
        _wait(server)
        yield server
    except BaseException:
        if process.poll() is None:
            server.kill()
        raise
    code = server.stop()
    assert code == 0, f"exit code {code}: {log.read_text()}"


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: Server) -> None:
    deadline = time.monotonic() + _START
    with httpx2.Client(base_url=server.origin, trust_env=False) as client:
        while time.monotonic() < deadline:
            if server.process.poll() is not None:
                raise AssertionError(f"ended with {server.process.returncode}: {server.log.read_text()}")
            try:
                if client.get("/readyz").status_code == httpx2.codes.OK:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.05)
    raise AssertionError(f"not ready after {_START:g} s: {server.log.read_text()}")
