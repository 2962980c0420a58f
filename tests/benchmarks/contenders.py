"""The servers that the benchmark of registrations measures: the registrar, its floor, and what a user would pick instead.

The peers run as their documentation starts them, keep clients in memory, and judge next to nothing; `peers/` has each of them.
Those of Node need `npm install --prefix tests/benchmarks/peers`, and are left out without it.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx2

from tests.benchmarks.policies import with_room
from tests.clients.shipped import ADMITTED
from tests.postgresql import fresh_schema
from tests.servers import Server, configure, free_port, run, serve

_PEERS = Path(__file__).with_name("peers")
_MODULES = _PEERS / "node_modules"


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under a name. `start` serves it with its state in a folder; `path` is where it registers clients."""

    name: str
    start: Callable[[Path], AbstractContextManager[Server]]
    path: str = "/register"
    package: str = ""

    @property
    def title(self) -> str:
        """The name, with the version of what is measured."""
        return f"{self.name} {_version(self.package)}" if self.package else self.name


@contextmanager
def registrar(folder: Path) -> Iterator[Server]:
    """`registrar serve` with the shipped policies, in whose limits there is room."""
    with serve(folder, settings={"policies": str(with_room(folder))}) as server:
        yield server


@contextmanager
def _on_postgresql(folder: Path) -> Iterator[Server]:
    with fresh_schema() as url, serve(folder, settings={"policies": str(with_room(folder)), "database_url": url}) as server:
        yield server


@contextmanager
def _floor(folder: Path) -> Iterator[Server]:
    issuer, config = configure(folder)
    with run([sys.executable, "-m", "tests.benchmarks.floor", str(config)], folder, issuer) as server:
        yield server


@contextmanager
def _mcp_python(folder: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.peers.mcp_python", str(port)]
    with run(command, folder, f"http://127.0.0.1:{port}") as server:
        yield server


def _node(script: str) -> Callable[[Path], AbstractContextManager[Server]]:
    @contextmanager
    def start(folder: Path) -> Iterator[Server]:
        port = free_port()
        with run(["node", str(_PEERS / script), str(port)], folder, f"http://127.0.0.1:{port}") as server:
            yield server

    return start


REGISTRAR = Contender("registrar", registrar)
ON_POSTGRESQL = Contender("registrar on PostgreSQL", _on_postgresql)
FLOOR = Contender("floor", _floor)
_PYTHON = Contender("MCP Python SDK", _mcp_python, package="mcp")
_NODE = (
    Contender("MCP TypeScript SDK", _node("mcp_typescript.mjs"), package="@modelcontextprotocol/sdk"),
    Contender("node-oidc-provider", _node("oidc_provider.mjs"), "/reg", package="oidc-provider"),
)


def peers() -> tuple[Contender, ...]:
    """The peers that this machine can start."""
    there = shutil.which("node") is not None
    return (_PYTHON, *(peer for peer in _NODE if there and (_MODULES / peer.package).is_dir()))


def _version(package: str) -> str:
    if package == _PYTHON.package:
        return version(package)
    return str(json.loads((_MODULES / package / "package.json").read_bytes())["version"])


def accepted_everywhere(urls: list[str]) -> list[str]:
    """The shipping clients whose document every one of the servers registers."""
    with httpx2.Client(trust_env=False) as client:

        def registered(name: str, url: str) -> bool:
            return client.post(url, json=dict(ADMITTED[name].document)).status_code == httpx2.codes.CREATED

        return [name for name in ADMITTED if all(registered(name, url) for url in urls)]
