"""`examples/adapters/node`: clients looked up over HTTP, by the real server's private app."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.cli.server import register
from tests.examples.adapters.shared import ADAPTERS, ANOTHER_PORT, LOOPBACK, NATIVE, SECRETIVE
from tests.servers import Server, free_port

SCRIPT = """
import { Clients } from "%s";

const clients = new Clients(process.env.PRIVATE, process.env.AS_TOKEN);
const answers = [];
for (const [method, ...rest] of JSON.parse(process.argv[1])) {
  try {
    answers.push((await clients[method](...rest)) ?? null);
  } catch (error) {
    answers.push(`throws: ${error.message}`);
  }
}
console.log(JSON.stringify(answers));
"""
PATIENCE = 60.0  # seconds on a busy machine


@dataclass(frozen=True, slots=True)
class Registrar:
    """A server with its private app, and its settings file."""

    server: Server
    private: str
    config: Path

    def command(self, *arguments: str) -> str:
        """What a command of `registrar` prints, which has to succeed."""
        command = [sys.executable, "-m", "registrar", *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout

    def registered(self, document: object) -> dict[str, Any]:
        """The answer to a registration."""
        answer = register(self.server, document)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registrar]:
    """Under the shipped policies."""
    folder, private = tmp_path_factory.mktemp("served"), f"127.0.0.1:{free_port()}"
    with servers.serve(folder, settings={"private_bind": private}) as server:
        yield Registrar(server, f"http://{private}", folder / "registrar.yaml")


@pytest.fixture(scope="module")
def token(registrar: Registrar) -> str:
    """As the README makes it."""
    return registrar.command("token", "create", "authorization_server", "--name", "my-as").strip()


def asked(registrar: Registrar, token: str, *calls: tuple[str, ...]) -> list[Any]:
    """What the methods of the adapter answer."""
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no node")
        pytest.skip("there is no node")
    script = SCRIPT % (ADAPTERS / "node/clients.mjs").as_uri()
    done = subprocess.run(
        [node, "--input-type=module", "--eval", script, json.dumps(calls)],
        env={"PATH": os.environ["PATH"], "PRIVATE": registrar.private, "AS_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


def test_a_client_is_found_with_what_the_policy_made_of_it(registrar: Registrar, token: str) -> None:
    """Its metadata and its id, and no credential."""
    made = registrar.registered(NATIVE)
    [client] = asked(registrar, token, ("find", made["client_id"]))
    assert client["client_id"] == made["client_id"]
    assert client == {name: made[name] for name in client}
    assert client["token_endpoint_auth_method"] == "none"


def test_redirect_uris_and_secrets_are_compared_by_the_registrar(registrar: Registrar, token: str) -> None:
    made = registrar.registered(SECRETIVE)
    client_id = made["client_id"]
    assert asked(
        registrar,
        token,
        ("allowsRedirect", client_id, LOOPBACK),
        ("allowsRedirect", client_id, ANOTHER_PORT),
        ("allowsRedirect", client_id, "https://evil.example/callback"),
        ("authenticate", client_id, made["client_secret"]),
        ("authenticate", client_id, "guessed"),
    ) == [True, True, False, True, False]


def test_a_use_is_noted(registrar: Registrar, token: str) -> None:
    client_id = registrar.registered(NATIVE)["client_id"]
    assert asked(registrar, token, ("seen", client_id)) == [None]
    shown = json.loads(registrar.command("client", "show", client_id, "--format", "json"))
    assert shown["last_seen_at"] >= shown["issued_at"]


def test_whoever_may_not_be_used_is_no_client(registrar: Registrar, token: str) -> None:
    """Disabled, deleted, never there, or an id that could lead elsewhere."""
    disabled, deleted = (registrar.registered({**NATIVE, "client_name": name})["client_id"] for name in ("one", "two"))
    registrar.command("client", "disable", disabled)
    registrar.command("client", "delete", deleted)
    ids = (disabled, deleted, "nobody", "../../../admin/v1/clients", "a b?c#d")
    assert asked(registrar, token, *(("find", client_id) for client_id in ids)) == [None] * len(ids)
    assert asked(registrar, token, *(("allowsRedirect", client_id, LOOPBACK) for client_id in ids)) == [False] * len(ids)
    assert asked(registrar, token, ("seen", deleted), ("seen", "nobody")) == [None, None]


def test_what_is_no_answer_is_thrown(registrar: Registrar, token: str) -> None:
    """A token that is not valid is no client that does not exist, and neither is a server that is gone."""
    client_id = registrar.registered(NATIVE)["client_id"]
    [refused] = asked(registrar, "guessed", ("find", client_id))
    assert refused.startswith("throws: the registrar answers 401")
    gone = Registrar(registrar.server, f"http://127.0.0.1:{free_port()}", registrar.config)
    [failed] = asked(gone, token, ("find", client_id))
    assert failed.startswith("throws: ")
