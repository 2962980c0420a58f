"""`registrar serve` with its private app and with several workers: one parent, real processes, both databases."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest

from registrar.app import create_tokens
from registrar.store import Store, TokenKind
from tests import servers
from tests.cli.server import DOORS, PATIENCE, ask, register, run, serving
from tests.postgresql import fresh_schema
from tests.servers import Server, free_port

NATIVE = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
SOON = 15.0  # seconds until a change is in force on a busy machine
WORKERS = 3

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@contextmanager
def serving_both(folder: Path, *arguments: str, **environ: str) -> Iterator[tuple[Server, Server]]:
    """The public app, and the private one of the same process."""
    address = f"127.0.0.1:{free_port()}"
    with serving(folder, "--private-bind", address, *arguments, **environ) as public:
        private = Server(f"http://{address}", address, public.log, public.process)
        soon(lambda: listens(private))
        yield public, private


def listens(server: Server) -> bool:
    """Whether it answers."""
    try:
        return ask(server, "GET", "/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def soon(condition: Callable[[], object]) -> None:
    """Wait until `condition` is true."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def database(folder: Path) -> str:
    """The URL of the embedded database of a server whose HOME is `folder`."""
    return f"sqlite:///{folder}/.local/state/registrar/registrar.db"


def bearer(url: str, kind: TokenKind) -> dict[str, str]:
    """The header with a new token."""
    with closing(Store.open(url)) as store:
        text, _ = create_tokens(store).create(kind)
    return {"Authorization": f"Bearer {text}"}


def workers_of(server: Server) -> list[int]:
    """The processes that serve (Linux)."""
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_two_ports_two_apps(tmp_path: Path) -> None:
    """What is on one is not on the other; a client that registers on the one is looked up and ended on the other."""
    with serving_both(tmp_path) as (public, private):
        client_id = register(public, NATIVE).json()["client_id"]
        asking, admin = bearer(database(tmp_path), "authorization_server"), bearer(database(tmp_path), "admin")
        path = f"/as/v1/clients/{client_id}"
        assert ask(private, "GET", path).status_code == 401
        assert ask(private, "GET", path, headers=asking).json()["status"] == "active"
        assert ask(private, "POST", f"{path}/seen", headers=asking).status_code == 204
        assert ask(private, "DELETE", f"/admin/v1/clients/{client_id}", headers=admin).status_code == 204
        assert ask(private, "GET", path, headers=asking).status_code == 410
        assert ask(private, "POST", "/register", NATIVE).status_code == 404
        assert ask(public, "GET", path, headers=asking).status_code == 404
        assert ask(private, "GET", "/readyz").json()["policy"] == ask(public, "GET", "/readyz").json()["policy"]
        assert public.stop() == 0
    facts = dict(line.split(maxsplit=1) for line in public.log.read_text().splitlines()[1:8])
    assert facts["listening"] == f"http://{public.address}"
    assert facts["private"] == f"http://{private.address}"


def test_a_private_app_that_others_can_reach_is_pointed_out(tmp_path: Path) -> None:
    """It has no TLS; tokens would cross the network in the clear."""
    with serving(tmp_path, "--private-bind", f"0.0.0.0:{free_port()}") as server:
        assert server.stop() == 0
    assert re.search(r"^  private +http://0\.0\.0\.0:\d+ \(other machines can reach it", server.log.read_text(), re.MULTILINE)


def test_the_private_app_can_be_off(tmp_path: Path) -> None:
    """Then nothing but the public port listens, and the banner says so."""
    with serving(tmp_path) as server:
        assert server.stop() == 0
    assert "\n  private     off\n" in server.log.read_text()


@ON_LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_end_at_one_signal(tmp_path: Path, number: int) -> None:
    """With 0, soon, and nobody is left; SIGINT comes from a terminal to every process."""
    with serving_both(tmp_path) as (public, _):
        workers = workers_of(public)
        assert len(workers) == 2
        began = time.monotonic()
        (os.killpg if number == signal.SIGINT else os.kill)(public.process.pid, number)
        assert public.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 10
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


@ON_LINUX
@pytest.mark.parametrize("which", [0, 1])
def test_the_end_of_either_ends_the_server(tmp_path: Path, which: int) -> None:
    """With exit code 1, for the supervisor to see."""
    with pytest.raises(AssertionError, match="exit code 1"), serving_both(tmp_path) as (public, _):  # noqa: PT012 - at its end
        workers = workers_of(public)
        os.kill(workers[which], signal.SIGKILL)
        assert public.process.wait(PATIENCE) == 1
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert "Unexpected exit from worker" in public.log.read_text()


def test_a_stalled_request_on_either_port_holds_the_end_for_the_grace_once(tmp_path: Path) -> None:
    """The grace of both runs at the same time."""
    with serving_both(tmp_path, REGISTRAR_SHUTDOWN_GRACE="3") as (public, private), httpx2.Client(trust_env=False) as client:
        head = {"Content-Type": "application/json", "Content-Length": "100"}
        with ThreadPoolExecutor(2) as pool:
            for server, path in ((public, "/register"), (private, "/as/v1/clients/x/authenticate")):
                pool.submit(stall, client, f"{server.origin}{path}", head)
            time.sleep(1)
            began = time.monotonic()
            assert public.stop() == 0
            assert time.monotonic() - began < 5.5


def stall(client: httpx2.Client, url: str, headers: dict[str, str]) -> None:
    """Send half a request and wait."""

    def parts() -> Iterator[bytes]:
        yield b"{"
        time.sleep(6)

    with suppress(httpx2.TransportError, httpx2.ProtocolError):
        client.post(url, content=parts(), headers=headers, timeout=20)


@pytest.mark.parametrize("flag", ["--bind", "--private-bind"])
def test_a_private_port_in_use_is_one_clear_line(tmp_path: Path, flag: str) -> None:
    """As a public one: exit 1 before anything is started."""
    with serving(tmp_path) as server:
        second = run(
            tmp_path / "second", "serve", "--policies", str(DOORS), "--bind", f"127.0.0.1:{free_port()}", flag, server.address
        )
        assert second.returncode == 1
        assert second.stderr == f"registrar: cannot listen on {server.address}: another process uses it\n"
        assert second.stdout == ""


@ON_LINUX
@pytest.mark.parametrize(("soft", "hard", "granted"), [(300, 4096, 4096), (300, 500, 500)])
def test_as_many_files_as_connections_need(tmp_path: Path, soft: int, hard: int, granted: int) -> None:
    """A shell's usual limit is raised as far as the system lets it; where that is too little, a line says so."""
    limited = ["prlimit", f"--nofile={soft}:{hard}", sys.executable, "-m", "registrar", "serve", "--config"]
    issuer, config = servers.configure(tmp_path)
    with servers.run([*limited, str(config)], tmp_path, issuer) as server:
        (worker,) = workers_of(server)
        limits = Path(f"/proc/{worker}/limits").read_text(encoding="ascii")
    assert re.search(rf"^Max open files +{granted} +{hard} ", limits, re.MULTILINE)
    assert ("the system allows 500 open files, the setting connections needs 1280" in server.log.read_text()) == (granted == 500)


def test_several_workers_on_sqlite_are_a_wrong_setting(tmp_path: Path) -> None:
    """Exit 2, and why."""
    ended = run(tmp_path, "serve", "--policies", str(DOORS), "--workers", "2")
    assert ended.returncode == 2
    assert "--workers: several workers need PostgreSQL" in ended.stderr


def test_the_metrics_are_those_of_all_processes(tmp_path: Path) -> None:
    """What the public one counted, the private one tells, with what it counted itself; their files go with the server."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    with serving_both(tmp_path, TMPDIR=str(folder)) as (public, private):
        assert register(public, NATIVE).status_code == 201
        assert register(public, {**NATIVE, "client_name": "acme"}).status_code == 400
        told = ask(private, "GET", "/metrics", headers=bearer(database(tmp_path), "auditor")).text
        assert list(folder.iterdir())
        assert public.stop() == 0
    assert 'registrar_registrations_total{profile="native",result="registered"} 1.0' in told
    assert 'registrar_registrations_total{profile="native",result="denied"} 1.0' in told
    assert 'registrar_refusals_total{rule="names/not-reserved"} 1.0' in told
    assert 'registrar_clients{status="active"} 1.0' in told
    assert 'app="private",method="GET",route="/healthz",status="200"' in told
    assert not list(folder.iterdir())


@ON_LINUX
def test_a_machine_without_room_for_metrics_is_one_clear_line(tmp_path: Path) -> None:
    """Exit 1, and what to set."""
    options = ["serve", "--policies", str(DOORS), "--bind", f"127.0.0.1:{free_port()}", "--private-bind", ""]
    command = [sys.executable, "-c", WITHOUT_ROOM, *options]
    ended = subprocess.run(command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("registrar: cannot make a folder for metrics (TMPDIR can name another place): ")
    assert ended.stderr.count("\n") == 1


WITHOUT_ROOM = "import tempfile; tempfile.tempdir = '/nowhere/at/all'; from registrar.cli import main; main()"


@pytest.fixture(name="several")
def _several(tmp_path: Path) -> Iterator[tuple[Server, Server, str, Path]]:
    """A server with several workers on PostgreSQL, its private app, the URL of the database, and a tree of its own."""
    tree = Path(shutil.copytree(DOORS, tmp_path / "tree"))
    with (
        fresh_schema() as url,
        serving_both(tmp_path, "--policies", str(tree), "--workers", str(WORKERS), "--database-url", url) as (public, private),
    ):
        yield public, private, url, tree


def revisions(*servers: Server) -> set[str]:
    """The revisions that the workers tell, each asked several times: the system chooses the worker of a connection."""
    return {policy["revision"] for server in servers for policy in policies(server)}


def policies(server: Server) -> Iterator[Mapping[str, str]]:
    """What is in force in one process after another: each time over a connection of its own."""
    for _ in range(24):
        with closing(HTTPConnection(server.address, timeout=PATIENCE)) as connection:
            connection.request("GET", "/readyz")
            yield json.load(connection.getresponse())["policy"]


@ON_LINUX
def test_several_workers_share_the_load_and_the_database(several: tuple[Server, Server, str, Path]) -> None:
    """Every one of them registers clients, all of which are there."""
    public, private, url, _ = several
    assert len(workers_of(public)) == WORKERS + 1
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: register(public, {**NATIVE, "client_name": f"cli {number}"}), range(120)))
    assert {answer.status_code for answer in answers} == {201}
    told = ask(private, "GET", "/metrics", headers=bearer(url, "admin")).text
    assert 'registrar_registrations_total{profile="native",result="registered"} 120.0' in told
    with closing(Store.open(url)) as store:
        heads = store.verify().heads
    writers = [head for head in heads if head.seq]
    assert len(writers) >= 2  # a journal for each process that wrote
    assert f"listening   http://{public.address}, {WORKERS} workers" in public.log.read_text()


@ON_LINUX
def test_every_worker_follows_the_policy_tree(several: tuple[Server, Server, str, Path]) -> None:
    """An edit, a mistake, its correction, and many edits in a row: in the end all are on the same revision."""
    public, private, url, tree = several
    rules = tree / "guardrails/names.yaml"
    before = rules.read_text(encoding="utf-8")
    (first,) = revisions(public)
    rules.write_text(before.replace('"acme"', '"my cli"'), encoding="utf-8")
    soon(lambda: first not in revisions(public, private))
    (second,) = revisions(public, private)
    assert {register(public, NATIVE).status_code for _ in range(20)} == {400}

    rules.write_text(before.replace("lowerAscii", "lowerASCII"), encoding="utf-8")
    auditor = bearer(url, "auditor")
    soon(lambda: "registrar_policy_rejected 1.0" in ask(private, "GET", "/metrics", headers=auditor).text)
    assert revisions(public) == {second}

    for number in range(30):
        rules.write_text(before.replace('"acme"', f'"name {number}"'), encoding="utf-8")
        time.sleep(0.05)
    rules.write_text(before, encoding="utf-8")
    soon(lambda: revisions(public, private) == {first})
    time.sleep(2)
    assert revisions(public, private) == {first}
    told = ask(private, "GET", "/metrics", headers=auditor).text
    assert re.search(rf'registrar_policy_info{{name="[^"]+",revision="{first}"}} 1.0', told)
    assert "registrar_policy_rejected 0.0" in told
    with closing(Store.open(url)) as store:
        assert store.activations()[-1].revision == first


@ON_LINUX
def test_a_signal_has_every_worker_read_the_tree(tmp_path: Path) -> None:
    """With the watching off, SIGHUP to the parent reaches all of them, and the private one."""
    tree = Path(shutil.copytree(DOORS, tmp_path / "tree"))
    rules = tree / "guardrails/names.yaml"
    options = ("--policies", str(tree), "--workers", str(WORKERS))
    with (
        fresh_schema() as url,
        serving_both(tmp_path, *options, "--database-url", url, REGISTRAR_WATCH_INTERVAL="0") as (public, private),
    ):
        (first,) = revisions(public, private)
        rules.write_text(rules.read_text(encoding="utf-8").replace('"acme"', '"my cli"'), encoding="utf-8")
        time.sleep(1)
        assert revisions(public, private) == {first}
        public.process.send_signal(signal.SIGHUP)
        soon(lambda: first not in revisions(public, private))
        assert len(revisions(public, private)) == 1
        told = [line for line in public.log.read_text().splitlines() if " policy activated " in line]
        assert sorted(line.rpartition(" ")[2] for line in told) == ['app="private"', *['app="public"'] * WORKERS]


def test_both_processes_write_to_sqlite(tmp_path: Path) -> None:
    """Registrations go on while an authorization server notes uses and an administrator ends clients: nothing is lost."""
    with serving_both(tmp_path) as (public, private), ThreadPoolExecutor(8) as pool:
        admin = bearer(database(tmp_path), "admin")

        def come_and_go(number: int) -> list[int]:
            client_id = register(public, {**NATIVE, "client_name": f"cli {number}"}).json()["client_id"]
            deeds = [ask(private, "POST", f"/admin/v1/clients/{client_id}/disable", headers=admin)]
            if number % 2:
                deeds.append(ask(private, "DELETE", f"/admin/v1/clients/{client_id}", headers=admin))
            return [answer.status_code for answer in deeds]

        assert {code for codes in pool.map(come_and_go, range(60)) for code in codes} == {204}
        assert public.stop() == 0
    with closing(sqlite3.connect(database(tmp_path).removeprefix("sqlite:///"))) as connection:
        found = dict(connection.execute("select status, count(*) from client group by status"))
    assert found == {"disabled": 30, "deleted": 30}
    with closing(Store.open(database(tmp_path))) as store:
        assert not store.verify().breaks
