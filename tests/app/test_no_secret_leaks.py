"""A whole life on a real server, and then a look through everything that it wrote for every secret that it saw."""

import base64
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from tests import servers
from tests.servers import Server, free_port

MANAGED = Path(__file__).parent.parent / "cases/policies/managed"
PATIENCE = 60.0  # seconds for a command on a busy machine
PART = 16  # characters: who logs the beginning or the end of a secret logs too much
NATIVE: Mapping[str, object] = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
SECRETIVE: Mapping[str, object] = {**NATIVE, "token_endpoint_auth_method": "client_secret_post"}
HOSTED: Mapping[str, object] = {"client_name": "my app", "redirect_uris": ["https://app.example/callback"]}
PARTNER: Mapping[str, object] = {"client_name": "partner", "redirect_uris": ["https://partner.example/callback"]}
STRANGER: Mapping[str, object] = {"client_name": "stranger", "redirect_uris": ["https://stranger.example/callback"]}
STATIC = """\
apiVersion: registrar/v1
kind: StaticClients
clients:
  - client_id: batch
    metadata: {client_name: batch, redirect_uris: ["https://app.example/batch"]}
"""


@dataclass
class Life:
    """A server, and every secret that was on its way to it or from it; `ids` are what has to be found, for comparison."""

    server: Server
    private: str
    folder: Path
    seen: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)

    def guess(self) -> str:
        """A secret that somebody tries: it may be right elsewhere."""
        return self.note(secrets.token_urlsafe(32))

    def note(self, secret: str) -> str:
        self.seen.add(secret)
        return secret

    def command(self, *arguments: str) -> str:
        """What a command prints, which has to succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "registrar", *arguments, "--config", str(self.folder / "registrar.yaml")],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with (self.folder / "commands.log").open("a", encoding="utf-8") as log:
            log.write(done.stderr)
        return done.stdout

    def token(self, kind: str, *options: str) -> str:
        """A new token of a kind."""
        return self.note(self.command("token", "create", kind, *options).strip())

    def ask(
        self,
        expected: int,
        method: str,
        url: str,
        *,
        token: str = "",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> dict[str, Any]:
        """The document that is answered, with the status that is expected; its secrets are noted."""
        given = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        content = {"content": raw} if raw is not None else {"json": body} if body is not None else {}
        answer = httpx2.request(method, url, headers=given, trust_env=False, timeout=PATIENCE, **content)
        assert answer.status_code == expected, (method, url, answer.status_code, answer.text)
        document: dict[str, Any] = answer.json() if answer.content else {}
        for name in ("client_secret", "registration_access_token"):
            if name in document:
                self.note(document[name])
        if "client_id" in document:
            self.ids.add(document["client_id"])
        return document

    def register(self, expected: int, body: object, **others: Any) -> dict[str, Any]:
        """POST /register."""
        return self.ask(expected, "POST", f"{self.server.issuer}/register", body=body, **others)

    def lookup(self, expected: int, method: str, path: str, **others: Any) -> dict[str, Any]:
        """A request to the private app."""
        return self.ask(expected, method, f"{self.private}{path}", **others)


@contextmanager
def living(folder: Path) -> Iterator[Life]:
    """A server that says all that it ever says, and rotates what can be rotated."""
    private = f"127.0.0.1:{free_port()}"
    settings = {
        "private_bind": private,
        "policies": str(MANAGED),
        "log_level": "debug",
        "log_format": "json",  # every field, also those that the other format leaves out
        "rotate_registration_token": True,
        "rotate_client_secret": True,
        "sweep_interval": 1,
    }
    with servers.serve(folder, settings=settings) as server:
        yield Life(server, f"http://{private}", folder)


def manage(life: Life) -> None:
    """RFC 7591 and 7592: registered, read, changed, rotated, disputed, deleted."""
    made = life.register(201, HOSTED)
    uri, first, second = made["registration_client_uri"], made["registration_access_token"], made["client_secret"]
    document = {**HOSTED, "client_id": made["client_id"]}
    life.ask(200, "GET", uri, token=first)
    changed = life.ask(200, "PUT", uri, token=first, body={**document, "client_name": "changed", "client_secret": second})
    later = changed["registration_access_token"]
    life.ask(401, "GET", uri, token=life.guess())
    life.ask(401, "GET", uri, headers={"Authorization": f"Basic {life.note(secrets.token_urlsafe(32))}"})
    life.ask(400, "GET", f"{uri}?access_token={later}")
    life.ask(400, "PUT", uri, token=later, body={**document, "client_secret": life.guess()})
    life.ask(400, "PUT", uri, token=later, body={**document, "registration_access_token": life.guess()})
    life.ask(400, "PUT", uri, token=later, body={**document, **STRANGER})
    other = life.register(201, SECRETIVE)
    life.ask(401, "GET", uri, token=other["registration_access_token"])
    life.ask(204, "DELETE", uri, token=later)
    life.ask(401, "GET", uri, token=later)


def refuse(life: Life) -> None:
    """Credentials where nobody asked for them, in every kind of request that is refused, and in some that are not."""
    unasked = {"client_secret": life.guess(), "registration_access_token": life.guess(), "password": life.guess()}
    life.register(201, {**NATIVE, **unasked})
    life.register(401, {**STRANGER, **unasked})
    life.register(400, {"redirect_uris": 5, **unasked})
    life.register(400, {**NATIVE, "client_name": {"client_secret": life.guess()}})
    life.register(
        400, None, raw=b'{"client_secret": "%s", ' % life.guess().encode(), headers={"Content-Type": "application/json"}
    )
    life.register(415, None, raw=life.guess().encode(), headers={"Content-Type": "text/plain"})
    private_key = {"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": life.guess(), "p": life.guess()}
    life.register(400, {**NATIVE, "jwks": {"keys": [private_key]}})
    life.register(401, NATIVE, token=life.guess())
    life.register(401, NATIVE, token=f"rgt_{life.guess()}")
    life.register(401, NATIVE, token="x" * 300 + life.guess())
    life.ask(400, "POST", f"{life.server.issuer}/register?access_token={life.guess()}", body=NATIVE)
    life.register(201, NATIVE, headers={"Cookie": f"session={life.guess()}", "X-Api-Key": life.guess()})


def admit(life: Life) -> None:
    """With an initial access token, once; and with one that is revoked."""
    token = life.token("initial_access", "--uses", "1", "--scope", "partner")
    life.register(201, PARTNER, token=token)
    life.register(401, PARTNER, token=token)
    revoked = life.token("initial_access")
    [found] = json.loads(life.command("token", "list", "--format", "json"))["tokens"]
    life.command("token", "revoke", found["id"])
    life.register(401, PARTNER, token=revoked)


def serve(life: Life) -> None:
    """The private app, for each role and for none."""
    server, admin, auditor = life.token("authorization_server"), life.token("admin"), life.token("auditor")
    made = life.register(201, SECRETIVE)
    client = f"/as/v1/clients/{made['client_id']}"
    life.lookup(200, "GET", client, token=server)
    for secret in (made["client_secret"], life.guess(), ""):
        life.lookup(200, "POST", f"{client}/authenticate", token=server, body={"client_secret": secret})
    life.lookup(400, "POST", f"{client}/authenticate", token=server, body={"client_secret": life.guess(), "more": 1})
    life.lookup(400, "POST", f"{client}/authenticate", token=server, body={"secret": life.guess()})
    life.lookup(204, "POST", f"{client}/seen", token=server)
    life.lookup(401, "GET", client, token=life.guess())
    life.lookup(400, "GET", f"{client}?access_token={server}")
    life.lookup(403, "GET", client, token=auditor)
    managed = f"/admin/v1/clients/{made['client_id']}"
    rotated = life.lookup(200, "POST", f"{managed}/rotate-secret", token=admin)
    life.lookup(200, "POST", f"{client}/authenticate", token=server, body={"client_secret": rotated["client_secret"]})
    life.lookup(204, "POST", f"{managed}/disable", token=admin)
    life.lookup(200, "GET", managed, token=admin)
    life.lookup(200, "GET", "/audit/v1/decisions", token=auditor)
    life.lookup(204, "DELETE", managed, token=admin)


def operate(life: Life) -> None:
    """The command line, and a reload."""
    file = life.folder / "clients.yaml"
    file.write_text(STATIC, encoding="utf-8")
    [brought] = json.loads(life.command("client", "import", str(file), "--format", "json"))["clients"]
    life.note(brought["client_secret"])
    life.command("client", "show", "batch")
    life.command("client", "disable", "batch")
    life.command("sweep")
    os.kill(life.server.process.pid, signal.SIGHUP)
    time.sleep(1)


def break_down(life: Life) -> None:
    """While the database is locked, everything is an error, with whatever belongs to it in the log."""
    database = life.folder / "state/registrar.db"
    with closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        life.register(503, {**NATIVE, "client_secret": life.guess()}, token="")
        lock.execute("ROLLBACK")


def test_nothing_that_is_written_has_a_secret_in_it(tmp_path: Path) -> None:
    """Logs at their most talkative, and every file that the server made, the database among them."""
    with living(tmp_path) as life:
        for chapter in (manage, refuse, admit, serve, operate, break_down):
            chapter(life)
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    names = {path.name for path in written}
    assert {"server.log", "commands.log", "registrar.db"} <= names
    assert len(life.seen) > 30
    for client_id in life.ids - {"batch"}:  # so that whoever looks would find
        assert client_id.encode() in written[tmp_path / "server.log"]
    assert any(next(iter(life.ids)).encode() in data for path, data in written.items() if path.name.startswith("registrar.db"))
    found = {(path.name, form) for path, data in written.items() for form in forms(life.seen) if form.encode() in data}
    assert not found


def forms(seen: set[str]) -> Iterator[str]:
    """How a secret may stand somewhere: in part, in base64, in a URL."""
    for secret in seen:
        bare = secret.removeprefix("rgt_").removeprefix("x" * 300)
        yield bare[:PART]
        yield bare[-PART:]
        yield quote(bare, safe="")
        yield base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
