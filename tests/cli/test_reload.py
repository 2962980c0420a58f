"""`registrar serve` while its policy tree changes on disk, as an operator and a client meet it: a real process, real files."""

import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from registrar.policy import load
from registrar.schema import Schema
from registrar.store import Store
from tests.cli.server import DOORS, PATIENCE, ask, register, run, serving
from tests.servers import Server

NATIVE = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
SOON = 15.0  # seconds until a change is in force on a busy machine
NOTICED = {"REGISTRAR_WATCH_INTERVAL": "3600"}  # what is seen within seconds was told by the operating system
POLLED = {"REGISTRAR_WATCH_INTERVAL": "1"}
UNWATCHED = {"REGISTRAR_WATCH_INTERVAL": "0"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of its own, which admits NATIVE."""
    return Path(shutil.copytree(DOORS, tmp_path / "tree"))


@contextmanager
def serving_tree(folder: Path, tree: Path, **environ: str) -> Iterator[Server]:
    """A server of `tree`, with state in `folder`."""
    with serving(folder, "--policies", str(tree), **environ) as server:
        yield server


def database(folder: Path) -> str:
    """The URL of the embedded database of a server whose HOME is `folder`."""
    return f"sqlite:///{folder}/.local/state/registrar/registrar.db"


def rewrite(file: Path, old: str, new: str) -> None:
    """Edit a file as an editor saves it: a new one, renamed over the old one."""
    before = file.read_text(encoding="utf-8")
    assert old in before
    aside = file.with_name(f".{file.name}.swp")
    aside.write_text(before.replace(old, new), encoding="utf-8")
    aside.rename(file)


def revision(tree: Path) -> str:
    """The revision of the tree on disk."""
    return load(tree, Schema.load("policy")).revision


def policy(server: Server) -> Mapping[str, Any]:
    """What /readyz says about the policy."""
    answer = ask(server, "GET", "/readyz")
    assert answer.status_code == 200
    found: Mapping[str, Any] = answer.json()["policy"]
    return found


def soon(condition: Callable[[], object]) -> None:
    """Wait until `condition` is true."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def in_force(server: Server, tree: Path) -> None:
    """Wait until the tree on disk is in force."""
    wanted = revision(tree)
    soon(lambda: policy(server)["revision"] == wanted)


def test_an_edit_decides_within_seconds(tmp_path: Path, tree: Path) -> None:
    """The next registrations are decided by the new revision, whose files and time the store has; discovery follows."""
    metadata = tmp_path / "registrar.yaml"
    metadata.write_text(
        "metadata: {authorization_endpoint: https://as.example/authorize, token_endpoint: https://as.example/token}\n",
        encoding="utf-8",
    )
    with serving_tree(tmp_path, tree, REGISTRAR_CONFIG=str(metadata), **NOTICED) as server:
        first = policy(server)["revision"]
        admitted = register(server, NATIVE)
        rewrite(tree / "guardrails/names.yaml", '"acme"', '"my cli"')
        rewrite(tree / "policyset.yaml", "mcp:tools, offline_access", "mcp:tools, mcp:more")
        in_force(server, tree)
        refused = register(server, NATIVE)
        document = ask(server, "GET", "/.well-known/oauth-authorization-server").json()
    assert (admitted.status_code, refused.status_code) == (201, 400)
    assert document["scopes_supported"] == ["mcp:read", "mcp:tools", "mcp:more"]
    with closing(Store.open(database(tmp_path))) as store:
        activated = [one.revision for one in store.activations()]
        assert (activated[0], activated[-1]) == (first, revision(tree))
        assert store.revision(revision(tree)) == files(tree)
        decisions = [store.decision(answer.headers["registrar-decision-id"]) for answer in (admitted, refused)]
    assert [one.record["revision"] for one in decisions if one] == [first, revision(tree)]
    assert "policy activated" in server.log.read_text()


def files(tree: Path) -> dict[str, bytes]:
    """The files of a tree, by path."""
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*.yaml")}


def test_a_broken_edit_keeps_what_is_in_force(tmp_path: Path, tree: Path) -> None:
    """It is told with its place on stderr, once, and in /readyz by its size alone; mended, the tree is taken."""
    with serving_tree(tmp_path, tree, **POLLED) as server:
        first = policy(server)["revision"]
        rewrite(tree / "guardrails/names.yaml", "lowerAscii", "lowerASCII")
        soon(lambda: "rejected" in policy(server))
        told = policy(server)
        time.sleep(2.5)  # longer than two intervals
        assert register(server, NATIVE).status_code == 201
        rewrite(tree / "guardrails/names.yaml", "lowerASCII", "upperAscii")
        in_force(server, tree)
        assert "rejected" not in policy(server)
    assert told["revision"] == first
    assert set(told["rejected"]) == {"at", "revision", "problems"}
    assert told["rejected"]["problems"] == 2
    assert told["rejected"]["revision"].startswith("sha256:")
    assert abs(told["rejected"]["at"] - time.time()) < 60
    lines = server.log.read_text().splitlines()
    assert sum(" error policy rejected " in line for line in lines) == 1
    problems = [line for line in lines if " error policy problem " in line]
    places = [f"{tree}/guardrails/names.yaml:{line}:" for line in (7, 11)]
    assert [place in problem for place, problem in zip(places, problems, strict=True)] == [True, True]


def test_sighup_has_the_tree_read(tmp_path: Path, tree: Path) -> None:
    """With the watching off nothing happens by itself; a signal to the main process is enough, and an answer is in the log."""
    with serving_tree(tmp_path, tree, **UNWATCHED) as server:
        first = policy(server)["revision"]
        rewrite(tree / "guardrails/names.yaml", '"acme"', '"my cli"')
        time.sleep(1.5)
        assert policy(server)["revision"] == first
        server.process.send_signal(signal.SIGHUP)
        in_force(server, tree)
        assert register(server, NATIVE).status_code == 400

        rewrite(tree / "guardrails/names.yaml", "lowerAscii", "lowerASCII")
        server.process.send_signal(signal.SIGHUP)
        soon(lambda: "rejected" in policy(server))
        rewrite(tree / "guardrails/names.yaml", "lowerASCII", "lowerAscii")
        server.process.send_signal(signal.SIGHUP)
        soon(lambda: "rejected" not in policy(server))
        server.process.send_signal(signal.SIGHUP)
        soon(lambda: "policy unchanged" in server.log.read_text())


def test_signals_in_a_row_end_nothing(tmp_path: Path, tree: Path) -> None:
    """A hundred of them, to every process of the server, while clients register; the last edit is in force afterwards."""
    with serving_tree(tmp_path, tree, **UNWATCHED) as server:
        for number in range(100):
            os.killpg(server.process.pid, signal.SIGHUP)
            if number % 20 == 0:
                assert register(server, NATIVE).status_code == 201
        rewrite(tree / "guardrails/names.yaml", '"acme"', '"my cli"')
        os.killpg(server.process.pid, signal.SIGHUP)
        in_force(server, tree)


def test_a_tree_waits_for_the_store(tmp_path: Path, tree: Path) -> None:
    """While the database is locked the old revision stays; then the new one is taken without another signal."""
    with serving_tree(tmp_path, tree, **UNWATCHED) as server:
        file = database(tmp_path).removeprefix("sqlite:///")
        with closing(sqlite3.connect(file, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            rewrite(tree / "guardrails/names.yaml", '"acme"', '"my cli"')
            server.process.send_signal(signal.SIGHUP)
            soon(lambda: "policy postponed" in server.log.read_text())
            lock.execute("ROLLBACK")
        in_force(server, tree)


def test_a_config_map_is_swapped(tmp_path: Path) -> None:
    """Kubernetes: each entry is a link through `..data`, which is renamed over; the old files are removed after that."""
    mount = tmp_path / "mount"
    shutil.copytree(DOORS, mount / "..2026_1")
    (mount / "..data").symlink_to("..2026_1")
    for entry in ("policyset.yaml", "profiles", "guardrails"):
        (mount / entry).symlink_to(f"..data/{entry}")
    with serving_tree(tmp_path, mount, **NOTICED) as server:
        for number in (2, 3):
            new = mount / f"..2026_{number}"
            shutil.copytree(DOORS, new)
            rewrite(new / "guardrails/names.yaml", '"acme"', f'"name {number}"')
            (mount / "..data_tmp").symlink_to(new.name)
            (mount / "..data_tmp").rename(mount / "..data")
            shutil.rmtree(mount / f"..2026_{number - 1}")
            in_force(server, mount)
            assert register(server, {**NATIVE, "client_name": f"name {number}"}).status_code == 400
            assert "rejected" not in policy(server)


def test_a_release_is_put_in_the_place_of_another(tmp_path: Path) -> None:
    """The tree is a link that is set anew: no notice comes of that, and the digest is compared every interval."""
    for name in ("one", "two"):
        shutil.copytree(DOORS, tmp_path / name)
    rewrite(tmp_path / "two/guardrails/names.yaml", '"acme"', '"my cli"')
    current = tmp_path / "current"
    current.symlink_to("one")
    with serving_tree(tmp_path, current, **POLLED) as server:
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(current)
        in_force(server, current)
        rewrite(tmp_path / "two/guardrails/names.yaml", '"my cli"', '"my app"')
        in_force(server, current)
        shutil.move(tmp_path / "two", tmp_path / "three")
        soon(lambda: "rejected" in policy(server))
        shutil.move(tmp_path / "three", tmp_path / "two")
        soon(lambda: "rejected" not in policy(server))


def test_a_tree_that_is_gone_may_come_back(tmp_path: Path, tree: Path) -> None:
    """Removed and cloned again: no notice comes of a folder that is not there."""
    with serving_tree(tmp_path, tree, **NOTICED) as server:
        shutil.rmtree(tree)
        soon(lambda: "rejected" in policy(server))
        assert register(server, NATIVE).status_code == 201
        shutil.copytree(DOORS, tmp_path / "clone")
        rewrite(tmp_path / "clone/guardrails/names.yaml", '"acme"', '"my cli"')
        (tmp_path / "clone").rename(tree)
        in_force(server, tree)
        rewrite(tree / "guardrails/names.yaml", '"my cli"', '"my app"')
        in_force(server, tree)


def test_a_new_folder_is_watched(tmp_path: Path, tree: Path) -> None:
    """A folder that was not there at the start, and then a file in it."""
    shutil.rmtree(tree / "guardrails")
    with serving_tree(tmp_path, tree, **NOTICED) as server:
        (tree / "guardrails").mkdir()
        time.sleep(1)
        shutil.copy(DOORS / "guardrails/names.yaml", tree / "guardrails/names.yaml")
        in_force(server, tree)
        assert register(server, {**NATIVE, "client_name": "acme"}).status_code == 400


def demand_that_nobody_is_admitted(tree: Path) -> None:
    """A suite of the tree that its policies fail."""
    (tree / "tests").mkdir()
    (tree / "tests/native_test.yaml").write_text(
        "apiVersion: registrar/v1\n"
        "kind: TestSuite\n"
        "metadata: {name: native}\n"
        "tests:\n"
        "  - name: nobody is admitted\n"
        '    request: {client_name: my cli, redirect_uris: ["http://127.0.0.1/callback"]}\n'
        "    expect: {decision: deny}\n",
        encoding="utf-8",
    )


def test_the_trees_tests_can_stand_before_the_start(tmp_path: Path, tree: Path) -> None:
    """With `reload_tests`, nothing is served by a tree whose suites fail; without it they are no matter."""
    demand_that_nobody_is_admitted(tree)
    ended = run(tmp_path, "serve", "--policies", str(tree), REGISTRAR_RELOAD_TESTS="true")
    assert ended.returncode == 4
    assert "fails its tests:" in ended.stderr
    assert "tests/native_test.yaml:5:11: test nobody is admitted: decision is allow, expected deny" in ended.stderr
    with serving_tree(tmp_path, tree, **NOTICED) as server:
        assert register(server, NATIVE).status_code == 201


def test_a_tree_without_tests_passes_none(tmp_path: Path, tree: Path) -> None:
    """With `reload_tests`, whoever takes the suites away does not get past them."""
    shutil.rmtree(tree / "tests", ignore_errors=True)
    ended = run(tmp_path, "serve", "--policies", str(tree), REGISTRAR_RELOAD_TESTS="true")
    assert ended.returncode == 4
    assert f"{tree}:1:1: has no tests, of which some have to pass" in ended.stderr


def test_the_trees_tests_can_stand_before_a_reload(tmp_path: Path, tree: Path) -> None:
    """With `reload_tests`, a suite that fails rejects the tree."""
    demand_that_nobody_is_admitted(tree)
    rewrite(tree / "tests/native_test.yaml", "deny", "allow")
    with serving_tree(tmp_path, tree, REGISTRAR_RELOAD_TESTS="true", **NOTICED) as server:
        first = policy(server)["revision"]
        rewrite(tree / "tests/native_test.yaml", "allow", "deny")
        soon(lambda: "rejected" in policy(server))
        assert policy(server)["revision"] == first
        rewrite(tree / "tests/native_test.yaml", "decision: deny", "decision: allow, violations: []")
        in_force(server, tree)
    assert "test nobody is admitted: decision is allow, expected deny" in server.log.read_text()


def test_the_commit_of_a_reload_is_recorded(tmp_path: Path, tree: Path) -> None:
    """Also that the tree had been changed before it was committed."""
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "tree")
    git(tmp_path, "commit", "-q", "-m", "policies")
    first = git(tmp_path, "rev-parse", "HEAD")
    with serving_tree(tmp_path, tree, **NOTICED) as server:
        rewrite(tree / "guardrails/names.yaml", '"acme"', '"my cli"')
        in_force(server, tree)
        git(tmp_path, "commit", "-q", "-a", "-m", "one name more")
        shutil.copy(DOORS / "guardrails/names.yaml", tree / "guardrails/names.yaml")
        in_force(server, tree)
    second = git(tmp_path, "rev-parse", "HEAD")
    with closing(Store.open(database(tmp_path))) as store:
        assert [(one.commit, one.dirty) for one in store.activations()] == [(first, False), (first, True), (second, True)]


def git(folder: Path, *arguments: str) -> str:
    """Runs git in `folder`, as somebody."""
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Load:
    """Threads that register one client after the other, until they are stopped: the status and decision of each."""

    def __init__(self, server: Server, threads: int) -> None:
        self.answers: list[tuple[int, str]] = []
        self._server = server
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._register) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _register(self) -> None:
        with httpx2.Client(base_url=self._server.origin, trust_env=False, timeout=PATIENCE) as client:
            while not self._ended.is_set():
                answer = client.post("/register", json=NATIVE)
                self.answers.append((answer.status_code, answer.headers.get("registrar-decision-id", "")))


def renamed(tree: Path, there: Path, constant: str) -> Path:
    """A copy of `tree` whose constant has another name, so that no file of the one loads with files of the other."""
    shutil.copytree(tree, there)
    for file in there.rglob("*.yaml"):
        text = (
            file.read_text(encoding="utf-8")
            .replace("scopes: [", f"{constant}: [")
            .replace("constants.scopes", f"constants.{constant}")
        )
        file.write_text(text, encoding="utf-8")
    return there


def test_a_tree_rewritten_file_by_file_under_load(tmp_path: Path, tree: Path) -> None:
    """No request fails, and each is decided by one of the two trees, whole: their files are in the store for an auditor."""
    other = renamed(tree, tmp_path / "other", "grantable")
    trees = {revision(tree): files(tree), revision(other): files(other)}
    copies = [other, Path(shutil.copytree(tree, tmp_path / "first"))]
    with serving_tree(tmp_path, tree, **POLLED) as server, Load(server, 4) as load:
        for source in copies * 2:
            for name, content in files(source).items():
                (tree / name).write_bytes(content[:40] + b"\n[")  # in place, and for a while no YAML at all
                time.sleep(0.1)
                (tree / name).write_bytes(content)
                time.sleep(0.3)
            in_force(server, tree)
    assert {status for status, _ in load.answers} == {201}
    with closing(Store.open(database(tmp_path))) as store:
        decisions = [store.decision(decision_id) for _, decision_id in load.answers]
        decided = Counter(one.record["revision"] for one in decisions if one)
        assert sum(decided.values()) == len(load.answers)
        assert set(decided) == set(trees)
        assert {name: store.revision(name) for name in trees} == trees
        assert {one.revision for one in store.activations()} == set(trees)
