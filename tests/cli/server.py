"""`registrar serve` and other commands, with flags and an environment of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests import servers
from tests.servers import Server, free_port

DOORS = Path(__file__).parent.parent / "cases/policies/doors"
PATIENCE = 20.0  # seconds for a command or an answer on a busy machine


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself, with HOME in `folder` and no settings but those of `environ`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRAR_", "XDG_"))}
    return subprocess.run(
        [sys.executable, "-m", "registrar", *arguments],
        env={**kept, "HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def serving(folder: Path, *arguments: str, **environ: str) -> Iterator[Server]:
    """A server on a free port with HOME in `folder`; it has to end with exit code 0. It has no private app unless asked for."""
    address = f"127.0.0.1:{free_port()}"
    variables = [f"{name}={value}" for name, value in {"HOME": str(folder), "REGISTRAR_PRIVATE_BIND": "", **environ}.items()]
    flags = ["--bind", address, "--policies", str(DOORS), *arguments]
    command = ["env", "-u", "XDG_STATE_HOME", *variables, sys.executable, "-m", "registrar", "serve", *flags]
    with servers.run(command, folder, f"http://{address}") as server:
        yield server


def ask(server: Server, method: str, path: str, json: object = None, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    """One request on a connection of its own, past every proxy."""
    with httpx2.Client(base_url=server.origin, trust_env=False, timeout=PATIENCE) as client:
        return client.request(method, path, json=json, headers=headers)


def register(server: Server, document: object, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    """POST /register."""
    return ask(server, "POST", "/register", document, headers)
