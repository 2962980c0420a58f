"""`registrar serve`, as an operator and a client meet it: a real process on a real port."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

import registrar
from registrar.app import Checkout
from registrar.cli.checkout import find_checkout
from registrar.store import Store
from tests.cli.server import DOORS, PATIENCE, ask, register, run, serving
from tests.servers import Server, free_port

NATIVE = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
WITH_SECRET = {**NATIVE, "token_endpoint_auth_method": "client_secret_post"}

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc and sets limits of another process")


def database(folder: Path) -> Path:
    """The embedded database of a server whose HOME is `folder`."""
    return folder / ".local/state/registrar/registrar.db"


def test_a_registration_and_a_refusal(tmp_path: Path) -> None:
    """The server says what it serves, admits one client and refuses another, and logs both without a secret."""
    with serving(tmp_path) as server:
        admitted = register(server, WITH_SECRET)
        refused = register(server, {**NATIVE, "client_name": "acme"})
        ready = ask(server, "GET", "/readyz")
        assert server.stop() == 0
    assert (admitted.status_code, refused.status_code, ready.status_code) == (201, 400, 200)
    assert refused.json() == {"error": "invalid_client_metadata", "error_description": "client_name uses a reserved name"}

    lines = server.log.read_text().splitlines()
    told = lines[:8]
    assert told[0] == f"registrar {registrar.__version__}: POST http://{server.address}/register"
    facts = dict(line.split(maxsplit=1) for line in told[1:])
    assert facts["policies"] == str(DOORS)
    assert facts["revision"].startswith(ready.json()["policy"]["revision"])
    assert facts["profiles"] == "machines, hosted, native"
    assert facts["database"] == f"sqlite:///{database(tmp_path)}"
    assert facts["discovery"].startswith("off")

    decisions = lines[8:]
    assert [line.split()[1:3] for line in decisions] == [["info", "decision"]] * 2
    assert admitted.headers["registrar-decision-id"] in decisions[0]
    assert f'client_id="{admitted.json()["client_id"]}"' in decisions[0]
    assert 'result="deny"' in decisions[1]
    assert 'rules=["names/not-reserved"]' in decisions[1]
    assert admitted.json()["client_secret"] not in server.log.read_text()


def test_the_state_folder_is_private(tmp_path: Path) -> None:
    """It is made for the operator alone."""
    with serving(tmp_path):
        assert database(tmp_path).parent.stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in database(tmp_path).parent.iterdir()} == {0o600}


def test_clients_outlive_the_server(tmp_path: Path) -> None:
    """What was answered with 201 is there after a restart."""
    with serving(tmp_path) as server:
        client_id = register(server, NATIVE).json()["client_id"]
    with serving(tmp_path):
        rows = sqlite3.connect(f"file:{database(tmp_path)}?mode=ro", uri=True).execute("select client_id from client").fetchall()
    assert rows == [(client_id,)]


def connect(server: Server) -> socket.socket:
    """A connection on which a test writes what it wants."""
    host, _, port = server.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def worker_of(server: Server) -> int:
    """The id of the process that serves (Linux)."""
    (worker,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return int(worker)


def start_slow_request(server: Server) -> tuple[socket.socket, bytes]:
    """A registration whose body is half sent. Returns the connection and the other half."""
    body = json.dumps(NATIVE).encode()
    connection = connect(server)
    head = f"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body[:20])
    time.sleep(0.3)
    return connection, body[20:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_requests_in_flight(tmp_path: Path, number: int) -> None:
    """A client that is half through gets its registration; then the process ends with 0."""
    with serving(tmp_path) as server:
        connection, rest = start_slow_request(server)
        server.process.send_signal(number)
        time.sleep(0.5)
        assert server.process.poll() is None
        connection.sendall(rest)
        assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")
        connection.close()
        assert server.process.wait(PATIENCE) == 0


def test_ctrl_c_ends_the_server_at_once(tmp_path: Path) -> None:
    """A terminal sends SIGINT to every process of the server, not to the first one only."""
    with serving(tmp_path) as server:
        began = time.monotonic()
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 10


@ON_LINUX
def test_a_worker_that_dies_ends_the_server(tmp_path: Path) -> None:
    """With exit code 1, for the supervisor to see, and a line in the log."""
    with pytest.raises(AssertionError, match="exit code 1"), serving(tmp_path) as server:  # noqa: PT012 - at its end, too
        os.kill(worker_of(server), signal.SIGKILL)
        assert server.process.wait(PATIENCE) == 1
    assert "Unexpected exit from worker" in server.log.read_text()


def test_a_client_that_never_finishes_does_not_hold_the_server(tmp_path: Path) -> None:
    """After the grace it is cut off, and the exit code is still 0."""
    with serving(tmp_path, REGISTRAR_SHUTDOWN_GRACE="1") as server:
        connection, _ = start_slow_request(server)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        connection.close()


def test_slow_clients_do_not_stop_the_others(tmp_path: Path) -> None:
    """As long as they are fewer than the threads."""
    with serving(tmp_path, REGISTRAR_THREADS="8") as server:
        slow = [start_slow_request(server)[0] for _ in range(6)]
        assert register(server, NATIVE).status_code == 201
        for connection in slow:
            connection.close()


def test_bodies_in_chunks(tmp_path: Path) -> None:
    """A chunked body is read like another, and cut off at the cap like another."""
    with serving(tmp_path) as server, httpx2.Client(base_url=server.origin, trust_env=False, timeout=PATIENCE) as client:
        for body, status in ((json.dumps(NATIVE).encode(), 201), (b"x" * 70_000, 413), (b"", 400)):
            answer = client.post("/register", content=iter([body[:9], body[9:]]), headers={"Content-Type": "application/json"})
            assert answer.request.headers["transfer-encoding"] == "chunked"
            assert answer.status_code == status


def test_a_body_that_is_announced_as_too_large_is_refused_at_once(tmp_path: Path) -> None:
    """The answer comes before the body, and the server goes on."""
    with serving(tmp_path) as server:
        connection = connect(server)
        connection.sendall(
            b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
        assert register(server, NATIVE).status_code == 201
        connection.close()


def test_many_clients_at_once(tmp_path: Path) -> None:
    """Every answer of 40 parallel registrations is a client of its own, with the name that was asked."""
    names = [f"cli {index}" for index in range(40)]
    with serving(tmp_path) as server, ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda name: register(server, {**NATIVE, "client_name": name}).json(), names))
    assert [answer["client_name"] for answer in answers] == names
    assert len({answer["client_id"] for answer in answers}) == 40


def test_contract_12_a_locked_database_is_503(tmp_path: Path) -> None:
    """Nothing is stored, readiness says so, and the server recovers when the lock is gone."""
    with serving(tmp_path) as server:
        lock = sqlite3.connect(database(tmp_path), isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        refused = register(server, NATIVE)
        assert refused.status_code == 503
        assert refused.json()["error"] == "temporarily_unavailable"
        assert refused.headers["retry-after"]
        assert ask(server, "GET", "/readyz").status_code == 503
        assert ask(server, "GET", "/healthz").status_code == 200
        lock.execute("ROLLBACK")
        assert lock.execute("select count(*) from client").fetchone() == (0,)
        lock.close()
        assert register(server, NATIVE).status_code == 201
        assert server.stop() == 0
    assert "store unavailable" in server.log.read_text()


@ON_LINUX
def test_contract_12_a_full_disk_is_503(tmp_path: Path) -> None:
    """The database may grow no further: refused with 503, one after the other, and the process lives."""
    with serving(tmp_path) as server:
        limit = sum(file.stat().st_size for file in database(tmp_path).parent.iterdir())
        worker = worker_of(server)
        subprocess.run(["prlimit", f"--pid={worker}", f"--fsize={limit}:"], check=True)
        answers = [register(server, {**NATIVE, "client_name": "x" * 70, "contacts": ["y" * 200]}).status_code for _ in range(300)]
        assert set(answers) == {201, 503}
        assert answers[-1] == 503
        assert ask(server, "GET", "/healthz").status_code == 200
        subprocess.run(["prlimit", f"--pid={worker}", "--fsize=unlimited:"], check=True)
        assert register(server, NATIVE).status_code == 201


def test_log_lines_in_json(tmp_path: Path) -> None:
    """One object a line, with the fields; a client writes no line of its own."""
    with serving(tmp_path, "--log-format", "json", "--log-level", "debug") as server:
        register(server, {**NATIVE, "client_name": 'acme "{}"'}, {"User-Agent": "a\tb"})
        ask(server, "GET", "/x%0Aforged%1b[31m")
        assert server.stop() == 0
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    (decision,) = [line for line in lines if line["message"] == "decision"]
    assert (decision["result"], decision["profile"], decision["rules"]) == ("deny", "native", ["names/not-reserved"])
    assert decision["source"] == "127.0.0.1"
    assert any(line.get("path") == "/x\nforged\x1b[31m" for line in lines)


def test_log_lines_in_text_are_one_line_each(tmp_path: Path) -> None:
    """Control characters of a client are escaped, and a long path is cut."""
    with serving(tmp_path) as server:
        ask(server, "GET", "/x%0Aforged%1b[31m")
        ask(server, "GET", "/" + "x" * 5000)
        assert server.stop() == 0
    lines = server.log.read_text().splitlines()
    assert len(lines) == 10
    assert len(lines[9]) < 500
    assert r'path="/x\nforged\u001b[31m"' in lines[8]
    assert 'error="invalid_request"' in lines[8]


def test_the_environment_of_the_server_is_no_header(tmp_path: Path) -> None:
    """HTTP_* variables of the process are not taken for what a client sent."""
    with serving(tmp_path, HTTP_AUTHORIZATION="Bearer x", HTTP_CONTENT_ENCODING="gzip", CONTENT_TYPE="text/plain") as server:
        assert register(server, NATIVE).status_code == 201


def test_settings_come_from_all_three_places(tmp_path: Path) -> None:
    """File, environment, flags; discovery is on with metadata."""
    file = tmp_path / "registrar.yaml"
    file.write_text(
        "issuer: https://as.example/t\n"
        "max_body: 2048\n"
        "metadata: {authorization_endpoint: https://as.example/authorize, token_endpoint: https://as.example/token}\n",
        encoding="utf-8",
    )
    with serving(tmp_path, REGISTRAR_CONFIG=str(file), REGISTRAR_MAX_BODY="1024") as server:
        document = ask(server, "GET", "/.well-known/oauth-authorization-server/t").json()
        assert document["registration_endpoint"] == "https://as.example/t/register"
        assert register(server, {"x": "x" * 1100}).status_code == 413
        assert server.stop() == 0
    assert "discovery   https://as.example/.well-known/oauth-authorization-server/t" in server.log.read_text()


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    """Exit 1, no traceback, and the first server goes on."""
    with serving(tmp_path) as server:
        second = run(tmp_path / "second", "serve", "--policies", str(DOORS), "--bind", f"{server.address}")
        assert second.returncode == 1
        assert second.stderr == f"registrar: cannot listen on {server.address}: another process uses it\n"
        assert second.stdout == ""
        assert ask(server, "GET", "/healthz").status_code == 200


def test_an_address_that_is_not_here_is_one_clear_line(tmp_path: Path) -> None:
    """An address of another machine (TEST-NET-1)."""
    ended = run(tmp_path, "serve", "--policies", str(DOORS), "--bind", "192.0.2.1:8000", "--issuer", "https://as.example")
    assert ended.returncode == 1
    assert ended.stderr.startswith("registrar: cannot listen on 192.0.2.1:8000: ")
    assert ended.stderr.count("\n") == 1


def test_a_tree_that_does_not_load_is_told_whole(tmp_path: Path) -> None:
    """Exit 3, every mistake with file, line and column."""
    (tmp_path / "tree/profiles").mkdir(parents=True)
    (tmp_path / "tree/policyset.yaml").write_text(
        "apiVersion: registrar/v1\nkind: PolicySet\nmetadata: {name: broken}\nspec:\n  profles: [a]\n  profiles: [one, two]\n",
        encoding="utf-8",
    )
    (tmp_path / "tree/profiles/one.yaml").write_text(
        "apiVersion: registrar/v1\nkind: Profile\nmetadata: {name: uno}\nspec: {}\n", encoding="utf-8"
    )
    ended = run(tmp_path, "serve", "--policies", str(tmp_path / "tree"), "--bind", f"127.0.0.1:{free_port()}")
    assert ended.returncode == 3
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert lines[0] == f"registrar: the policy tree {tmp_path}/tree does not load:"
    assert any("policyset.yaml:5:3" in line and 'did you mean "profiles"' in line for line in lines)
    assert any("profiles/one.yaml:3:" in line for line in lines)
    assert not database(tmp_path).exists()


def test_wrong_settings_are_told_whole(tmp_path: Path) -> None:
    """Exit 2, every mistake with its place."""
    ended = run(tmp_path, "serve", "--bind", "nowhere", "--log-level", "loud", REGISTRAR_MAX_BODI="1")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == "registrar: the settings are wrong:"
    for place in ("--bind", "--log-level", "environment REGISTRAR_MAX_BODI"):
        assert f"\n  {place}: " in ended.stderr


def test_a_service_of_the_same_name_in_kubernetes_stops_no_command(tmp_path: Path) -> None:
    """Its variables have the prefix of settings."""
    variables = {"REGISTRAR_SERVICE_HOST": "10.96.0.7", "REGISTRAR_PORT": "tcp://10.96.0.7:8000"}
    ended = run(tmp_path, "serve", "--bind", "nowhere", **variables)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 2
    assert "\n  --bind: " in ended.stderr


def test_a_database_that_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    """Exit 1; a password is not shown."""
    (tmp_path / "no.db").write_bytes(b"this is no database, whatever its name says" * 100)
    ended = run(
        tmp_path,
        "serve",
        "--policies",
        str(DOORS),
        "--database-url",
        f"sqlite:///{tmp_path}/no.db",
        "--bind",
        f"127.0.0.1:{free_port()}",
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"registrar: cannot open the database sqlite:///{tmp_path}/no.db: ")
    assert ended.stderr.count("\n") == 1
    secret = run(
        tmp_path,
        "serve",
        "--policies",
        str(DOORS),
        "--database-url",
        "postgresql://u:hunter2@127.0.0.1:1/r",
        "--bind",
        f"127.0.0.1:{free_port()}",
    )
    assert secret.returncode == 1
    assert "hunter2" not in secret.stderr


def test_a_database_that_takes_no_writes_is_one_clear_line(tmp_path: Path) -> None:
    """Before anything says that the server listens."""
    Store.open(f"sqlite:///{tmp_path}/registrar.db").close()
    with closing(sqlite3.connect(tmp_path / "registrar.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        options = ["--policies", str(DOORS), "--database-url", f"sqlite:///{tmp_path}/registrar.db"]
        ended = run(tmp_path, "serve", *options, "--bind", f"127.0.0.1:{free_port()}", "--private-bind", "")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("registrar: cannot open the database sqlite:///")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["serve", "--port", "1"], ["serve", "extra"], ["sevre"], ["--bind"]])
def test_unknown_flags_and_words_are_usage_errors(tmp_path: Path, arguments: list[str]) -> None:
    """Exit 2."""
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 2
    assert "Usage:" in ended.stderr


def test_version(tmp_path: Path) -> None:
    """One line."""
    assert run(tmp_path, "--version").stdout == f"registrar {registrar.__version__}\n"


def git(folder: Path, *arguments: str) -> str:
    """Runs git in `folder`, as somebody."""
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_what_git_knows_about_a_tree(tmp_path: Path) -> None:
    """The commit and whether the tree differs from it; nothing for a tree that git does not track."""
    tree = tmp_path / "repository/policies"
    shutil.copytree(DOORS, tree)
    assert find_checkout(tree) == Checkout()
    git(tree.parent, "init", "-q")
    assert find_checkout(tree) == Checkout()
    git(tree.parent, "add", "policies")
    assert find_checkout(tree) == Checkout()
    git(tree.parent, "commit", "-q", "-m", "policies")
    commit = git(tree.parent, "rev-parse", "HEAD")
    assert find_checkout(tree) == Checkout(commit, dirty=False)
    (tree.parent / "README").write_text("not in the tree", encoding="utf-8")
    assert find_checkout(tree) == Checkout(commit, dirty=False)
    (tree / "guardrails/names.yaml").unlink()
    assert find_checkout(tree) == Checkout(commit, dirty=True)


def test_a_tree_that_is_only_tried_out_is_told(tmp_path: Path) -> None:
    """Nobody notices it in the answers."""
    tree = Path(shutil.copytree(DOORS, tmp_path / "tree"))
    head = tree / "policyset.yaml"
    head.write_text(head.read_text(encoding="utf-8").replace("mode: enforce", "mode: audit"), encoding="utf-8")
    with serving(tmp_path, "--policies", str(tree)) as server:
        assert register(server, {**NATIVE, "client_name": "acme"}).status_code == 201
        assert server.stop() == 0
    assert "\n  mode        audit: rules that do not say otherwise refuse nobody\n" in server.log.read_text()


def test_the_commit_is_told_and_recorded(tmp_path: Path) -> None:
    """In the banner, and with the activation of the revision."""
    tree = tmp_path / "repository/policies"
    shutil.copytree(DOORS, tree)
    git(tree.parent, "init", "-q")
    git(tree.parent, "add", "policies")
    git(tree.parent, "commit", "-q", "-m", "policies")
    commit = git(tree.parent, "rev-parse", "HEAD")
    with serving(tmp_path, "--policies", str(tree)) as server:
        assert server.stop() == 0
    assert f", git {commit[:12]}\n" in server.log.read_text()
    with closing(Store.open(f"sqlite:///{database(tmp_path)}")) as store:
        (activation,) = store.activations()
    assert (activation.commit, activation.dirty) == (commit, False)
