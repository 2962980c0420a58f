"""The registrars in examples/: each tree passes its own suite, and serves what its original promises."""

import hashlib
import json
import re
import shutil
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from falcon import testing

from registrar.app import create_public_app, create_refusals, load_policies, open_policies, open_store
from registrar.cli import main
from registrar.policy import load_with_tests
from registrar.schema import Schema
from registrar.service import Clients
from registrar.settings import Settings
from registrar.store import Client, Store

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TREES = ("mcp-sdk", "claude-connector", "team-memory", "oauth21-registry", "public-only")

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
ISSUED_AT = int(NOW.timestamp())
DAY = 86_400  # seconds
RESPONSE = Schema.load("registration-response")
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

WEB: Mapping[str, object] = {"client_name": "my agent", "redirect_uris": ["https://agent.example/callback"]}
CLI: Mapping[str, object] = {"client_name": "my cli", "redirect_uris": ["http://localhost:8080/callback"]}
BOTH_GRANTS = ["authorization_code", "refresh_token"]
MEMORY_SCOPES = "memories:read memories:write entities:read entities:write"


@dataclass(frozen=True, slots=True)
class Running:
    """An example that is served: its app, the store behind it, and the names of the members that its policy declares."""

    client: testing.TestClient
    store: Store
    extensions: frozenset[str]

    def post(self, body: Mapping[str, object], **options: Any) -> testing.Result:
        """POST /register."""
        return self.client.simulate_post("/register", json=dict(body), **options)

    def registered(self, body: Mapping[str, object]) -> dict[str, Any]:
        """The answer to a registration that succeeds: as RFC 7591 has it, and beside that only what the policy declares."""
        result = self.post(body)
        assert result.status_code == 201, result.text
        answer: dict[str, Any] = result.json
        assert RESPONSE.problems({name: answer[name] for name in answer.keys() - self.extensions}, echo=True) == []
        return answer

    def stored(self, client_id: str) -> Client:
        """The client under this id."""
        found = self.store.client(client_id)
        assert found is not None
        return found


@contextmanager
def serving(folder: Path, state: Path) -> Iterator[Running]:
    """The app as `registrar serve --config FOLDER/registrar.yaml` makes it, with its state elsewhere and a clock that stands."""
    settings = Settings.load(folder / "registrar.yaml", {"HOME": str(state)}, {"state_dir": str(state / "state")})
    policies = load_policies(settings)
    store = open_store(settings)
    refusals = create_refusals(settings, store, clock=lambda: NOW)
    try:
        in_force = open_policies(settings, store, first=policies, clock=lambda: NOW)
        app = create_public_app(settings, policies=in_force, store=store, refusals=refusals, clock=lambda: NOW)
        yield Running(testing.TestClient(app), store, frozenset(policies.extensions))
    finally:
        refusals.close()
        store.close()


@dataclass(frozen=True, slots=True)
class Promise:
    """What an original promises for one document: the whole answer but for what is minted, which is said beside it.

    `secret_days`: how long the secret lives, 0 for ever; None for a client that has none. `managed`: the client is told where it
    can change itself (RFC 7592).
    """

    tree: str
    body: Mapping[str, object]
    answer: Mapping[str, object]
    prefix: str = ""
    secret_days: int | None = None
    managed: bool = False

    @property
    def minted(self) -> set[str]:
        """The members that the server makes up."""
        secret = set() if self.secret_days is None else {"client_secret", "client_secret_expires_at"}
        management = {"registration_client_uri", "registration_access_token"} if self.managed else set()
        return {"client_id", "client_id_issued_at", *secret, *management}


PROMISES: Mapping[str, Promise] = {
    "mcp-sdk, without a method": Promise(
        "mcp-sdk",
        WEB,
        {
            **WEB,
            "token_endpoint_auth_method": "client_secret_post",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        },
        secret_days=30,
    ),
    "mcp-sdk, public": Promise(
        "mcp-sdk",
        {**CLI, "token_endpoint_auth_method": "none", "scope": "any:scope"},
        {
            **CLI,
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "scope": "any:scope",
        },
    ),
    "claude-connector, without a method": Promise(
        "claude-connector",
        {**WEB, "scope": "claudeai"},
        {**WEB, "token_endpoint_auth_method": "none", "grant_types": BOTH_GRANTS, "response_types": ["code"]},
    ),
    "claude-connector, with a secret": Promise(
        "claude-connector",
        {**WEB, "token_endpoint_auth_method": "client_secret_post"},
        {**WEB, "token_endpoint_auth_method": "client_secret_post", "grant_types": BOTH_GRANTS, "response_types": ["code"]},
        secret_days=0,
    ),
    "team-memory, with nothing but a redirect URI": Promise(
        "team-memory",
        {"redirect_uris": ["https://claude.ai/api/mcp/auth_callback"]},
        {
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
            "client_name": "MCP Client (Auto-registered)",
            "token_endpoint_auth_method": "client_secret_post",
            "grant_types": BOTH_GRANTS,
            "response_types": ["code"],
            "scope": MEMORY_SCOPES,
        },
        secret_days=0,
    ),
    "team-memory, public": Promise(
        "team-memory",
        {**CLI, "token_endpoint_auth_method": "none", "scope": "memories:read"},
        {
            **CLI,
            "token_endpoint_auth_method": "none",
            "grant_types": BOTH_GRANTS,
            "response_types": ["code"],
            "scope": "memories:read",
        },
    ),
    "oauth21-registry, with nothing but a redirect URI": Promise(
        "oauth21-registry",
        {"redirect_uris": ["https://agent.example/callback"]},
        {
            "redirect_uris": ["https://agent.example/callback"],
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "scope": "read write",
            "mcp_version": "2024-11-05",
            "mcp_capabilities": ["resources", "tools", "prompts"],
            "code_challenge_method": "S256",
        },
        prefix="mcp-client-",
        secret_days=90,
        managed=True,
    ),
    "oauth21-registry, public, with the members of MCP": Promise(
        "oauth21-registry",
        {**CLI, "token_endpoint_auth_method": "none", "mcp_version": "2026-07-28", "mcp_capabilities": ["tools", "roots"]},
        {
            **CLI,
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "scope": "read write",
            "mcp_version": "2026-07-28",
            "mcp_capabilities": ["tools", "roots"],
            "code_challenge_method": "S256",
        },
        prefix="mcp-client-",
        managed=True,
    ),
    "public-only, though it asks for a secret": Promise(
        "public-only",
        {**WEB, "token_endpoint_auth_method": "client_secret_basic"},
        {**WEB, "token_endpoint_auth_method": "none", "grant_types": BOTH_GRANTS, "response_types": ["code"]},
    ),
}


@dataclass(frozen=True, slots=True)
class Denial:
    """A document that a tree refuses, and the whole answer."""

    tree: str
    body: Mapping[str, object]
    error: str
    description: str


DENIALS: Mapping[str, Denial] = {
    "mcp-sdk, a host that only begins like localhost": Denial(
        "mcp-sdk",
        {**CLI, "redirect_uris": ["http://localhost.evil.example/callback"]},
        "invalid_redirect_uri",
        "redirect_uris[0] must use https: http is only for loopback addresses",
    ),
    "claude-connector, script": Denial(
        "claude-connector",
        {**CLI, "redirect_uris": ["javascript://localhost/"]},
        "invalid_redirect_uri",
        "redirect_uris[0] must not use a scheme that can run script or open files",
    ),
    "team-memory, a private-use scheme": Denial(
        "team-memory",
        {**CLI, "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback"]},
        "invalid_redirect_uri",
        "redirect_uris[0] is not allowed here",
    ),
    "oauth21-registry, the password grant": Denial(
        "oauth21-registry",
        {**WEB, "grant_types": ["authorization_code", "password"]},
        "invalid_client_metadata",
        "grant_types[1] is not allowed here, possible: authorization_code, refresh_token",
    ),
    "public-only, without a name": Denial(
        "public-only",
        {"redirect_uris": ["https://agent.example/callback"]},
        "invalid_client_metadata",
        "client_name is required",
    ),
}

METHODS: Mapping[str, list[str]] = {
    "mcp-sdk": ["client_secret_post", "client_secret_basic", "none"],
    "claude-connector": ["none", "client_secret_post", "client_secret_basic"],
    "team-memory": ["client_secret_post", "client_secret_basic", "none"],
    "oauth21-registry": ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "none"],
    "public-only": ["none"],
}


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("command", [["check", "--strict"], ["test", "--coverage", "--min", "100"]], ids=["check", "test"])
def test_a_tree_passes_its_own_suite_with_every_rule_seen_both_ways(tree: str, command: list[str]) -> None:
    """By the commands that an operator would run."""
    result = CliRunner().invoke(main, ["policy", *command, str(EXAMPLES / tree / "policies")])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("promise", PROMISES.values(), ids=list(PROMISES))
def test_a_registration_is_what_the_original_promises(promise: Promise, tmp_path: Path) -> None:
    """Every member of the answer; a public client has no secret, and a secret never comes without its end."""
    with serving(EXAMPLES / promise.tree, tmp_path) as running:
        answer = running.registered(promise.body)
    minted = {name: answer.pop(name) for name in promise.minted}
    assert answer == promise.answer
    assert minted["client_id_issued_at"] == ISSUED_AT
    assert minted["client_id"].startswith(promise.prefix)
    assert ID.fullmatch(minted["client_id"].removeprefix(promise.prefix))
    if promise.secret_days is not None:
        assert minted["client_secret_expires_at"] == (ISSUED_AT + promise.secret_days * DAY if promise.secret_days else 0)


@pytest.mark.parametrize("denial", DENIALS.values(), ids=list(DENIALS))
def test_a_refusal_says_why_and_leaves_no_client(denial: Denial, tmp_path: Path) -> None:
    """In the codes of RFC 7591 §3.2.2."""
    with serving(EXAMPLES / denial.tree, tmp_path) as running:
        result = running.post(denial.body)
    assert result.status_code == 400
    assert result.json == {"error": denial.error, "error_description": denial.description}
    assert result.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("tree", TREES)
def test_discovery_announces_what_the_policy_allows(tree: str, tmp_path: Path) -> None:
    """Under the issuer of the example's settings, not the address that was asked."""
    with serving(EXAMPLES / tree, tmp_path) as running:
        announced = running.client.simulate_get("/.well-known/oauth-authorization-server").json
    assert announced["registration_endpoint"] == f"{announced['issuer']}/register"
    assert announced["issuer"].startswith("https://")
    assert announced["token_endpoint_auth_methods_supported"] == METHODS[tree]
    assert announced["grant_types_supported"] == BOTH_GRANTS
    assert announced["response_types_supported"] == ["code"]
    assert announced["code_challenge_methods_supported"] == ["S256"]


@pytest.mark.parametrize("body", [WEB, {}], ids=["admitted", "refused"])
def test_mcp_sdk_answers_scripts_of_every_origin_and_no_cache(body: Mapping[str, object], tmp_path: Path) -> None:
    """On errors too."""
    with serving(EXAMPLES / "mcp-sdk", tmp_path) as running:
        headers = running.post(body, headers={"Origin": "https://inspector.example"}).headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"] == "no-store"


def test_mcp_sdk_answers_a_preflight(tmp_path: Path) -> None:
    """A browser asks before it posts JSON."""
    asked = {"Origin": "https://inspector.example", "Access-Control-Request-Method": "POST"}
    with serving(EXAMPLES / "mcp-sdk", tmp_path) as running:
        result = running.client.simulate_options("/register", headers=asked)
    assert result.status_code == 204
    assert result.headers["access-control-allow-origin"] == "*"
    assert "POST" in result.headers["access-control-allow-methods"]


def test_mcp_sdk_takes_post_only(tmp_path: Path) -> None:
    """405 with what it takes instead (RFC 9110 §15.5.6)."""
    with serving(EXAMPLES / "mcp-sdk", tmp_path) as running:
        result = running.client.simulate_get("/register")
    assert result.status_code == 405
    assert "POST" in result.headers["allow"]


def test_mcp_sdk_has_an_option_for_secrets_that_never_expire(tmp_path: Path) -> None:
    """The one that the comment in its profile names: the SDK's clientSecretExpirySeconds: 0."""
    shutil.copytree(EXAMPLES / "mcp-sdk", tmp_path / "mcp-sdk")
    profile = tmp_path / "mcp-sdk/policies/profiles/open.yaml"
    text = profile.read_text(encoding="utf-8")
    assert text.count("{client_secret: 30d}") == 1
    profile.write_text(text.replace("{client_secret: 30d}", "{client_secret: 0}"), encoding="utf-8")
    with serving(tmp_path / "mcp-sdk", tmp_path) as running:
        assert running.registered(WEB)["client_secret_expires_at"] == 0


@pytest.mark.parametrize("tree", ["mcp-sdk", "claude-connector", "team-memory", "oauth21-registry"])
def test_a_secret_has_32_random_bytes_and_only_its_hash_is_stored(tree: str, tmp_path: Path) -> None:
    """Two clients have two secrets."""
    body = {**WEB, "token_endpoint_auth_method": "client_secret_post"}
    with serving(EXAMPLES / tree, tmp_path) as running:
        first, second = running.registered(body), running.registered(body)
        stored = running.stored(first["client_id"])
    assert first["client_secret"] != second["client_secret"]
    assert len(urlsafe_b64decode(first["client_secret"] + "=")) == 32
    assert stored.secret_hash == hashlib.sha256(first["client_secret"].encode()).digest()
    assert first["client_secret"] not in repr(stored)


def test_team_memory_records_the_user_agent(tmp_path: Path) -> None:
    """With the decision that admitted the client, in the same transaction; the client is not told."""
    with serving(EXAMPLES / "team-memory", tmp_path) as running:
        result = running.post(CLI, headers={"User-Agent": "Claude-User/1.0"})
        decision = running.store.decision(result.headers["registrar-decision-id"])
    assert decision is not None
    assert decision.client_id == result.json["client_id"]
    assert decision.record["annotations"] == {"member/user-agent": "Claude-User/1.0"}
    assert "Claude-User" not in result.text


def test_oauth21_registry_stores_the_members_of_mcp_with_the_client(tmp_path: Path) -> None:
    """So that the authorization server finds them there, and S256 whatever the client sent."""
    with serving(EXAMPLES / "oauth21-registry", tmp_path) as running:
        answer = running.registered({**WEB, "mcp_capabilities": ["tools"], "code_challenge_method": "plain"})
        metadata = running.stored(answer["client_id"]).metadata
    assert metadata["mcp_version"] == "2024-11-05"
    assert metadata["mcp_capabilities"] == ["tools"]
    assert metadata["code_challenge_method"] == "S256"


def test_oauth21_registry_lets_a_client_read_and_delete_itself(tmp_path: Path) -> None:
    """With the token that it got, under the issuer of the example's settings (RFC 7592)."""
    with serving(EXAMPLES / "oauth21-registry", tmp_path) as running:
        answer = running.registered(WEB)
        issuer, _, path = answer["registration_client_uri"].partition("/register/")
        headers = {"Authorization": f"Bearer {answer['registration_access_token']}"}
        read = running.client.simulate_get(f"/register/{path}", headers=headers)
        deleted = running.client.simulate_delete(f"/register/{path}", headers=headers)
    assert issuer == "https://as.example.com"
    assert read.json["client_name"] == WEB["client_name"]
    assert deleted.status_code == 204


@pytest.mark.parametrize(("tree", "admitted"), [("mcp-sdk", 20), ("public-only", 5)])
def test_a_source_finds_room_as_often_as_the_original_says(tree: str, admitted: int, tmp_path: Path) -> None:
    """At once, before an hour or a part of it has passed; another source is not told of it."""
    with serving(EXAMPLES / tree, tmp_path) as running:
        answers = [running.post(WEB, remote_addr="192.0.2.7") for _ in range(admitted + 1)]
        elsewhere = running.post(WEB, remote_addr="192.0.2.8")
    assert [answer.status_code for answer in answers] == [201] * admitted + [429]
    assert answers[-1].json["error"] == "too_many_requests"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert elsewhere.status_code == 201


@pytest.mark.parametrize("tree", TREES)
def test_a_client_that_nobody_registered_has_no_redirect_uri(tree: str, tmp_path: Path) -> None:
    """And one that somebody did has its own only."""
    with serving(EXAMPLES / tree, tmp_path) as running:
        client_id = running.registered(WEB)["client_id"]
        clients = Clients(running.store, clock=lambda: NOW, new_id=str, new_secret=str)
        assert clients.allows_redirect(client_id, "https://agent.example/callback")
        assert not clients.allows_redirect(client_id, "https://evil.example/callback")
        assert not clients.allows_redirect("mcp-client-1", "https://agent.example/callback")


def test_public_only_stores_a_deadline_and_no_secret(tmp_path: Path) -> None:
    """A client that nobody uses for 30 days is stale."""
    with serving(EXAMPLES / "public-only", tmp_path) as running:
        stored = running.stored(running.registered(WEB)["client_id"])
    assert stored.unused == 30 * DAY
    assert stored.secret_hash is None


@pytest.mark.parametrize("tree", TREES)
def test_a_readme_shows_what_the_server_really_answers(tree: str, tmp_path: Path) -> None:
    """The document after -d gets the JSON below it, but for what is minted."""
    text = readme(tree)
    assert f"\nregistrar serve --config examples/{tree}/registrar.yaml\n" in text
    (sent,) = re.findall(r"^  -d '(.*)'$", text, re.MULTILINE)
    (shown,) = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    with serving(EXAMPLES / tree, tmp_path) as running:
        answer = running.registered(json.loads(sent))
    assert lasting(answer) == lasting(json.loads(shown))


def lasting(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with what is minted replaced by what every such registration has: the id's prefix and the secret's life."""
    kept = {**answer, "client_id": ID.sub("", answer["client_id"]), "client_id_issued_at": 0}
    if "registration_access_token" in answer:
        uri = answer["registration_client_uri"].replace(answer["client_id"], "")
        kept |= {"registration_access_token": len(answer["registration_access_token"]), "registration_client_uri": uri}
    if "client_secret" in answer:
        kept["client_secret"] = len(answer["client_secret"])
    if answer.get("client_secret_expires_at"):
        kept["client_secret_expires_at"] = answer["client_secret_expires_at"] - answer["client_id_issued_at"]
    return kept


@pytest.mark.parametrize("tree", TREES)
def test_a_readme_names_tests_that_exist(tree: str) -> None:
    """Every row of the table of faults says which test shows that it is not copied."""
    _, tests = load_with_tests(EXAMPLES / tree / "policies", Schema.load("policy"))
    there = {f"{test.suite}/{test.name}" for test in tests} | {name for name in globals() if name.startswith("test_")}
    _, _, table = readme(tree).partition("| shown by |\n|---|---|\n")
    rows = table.partition("\n\n")[0].strip().splitlines()
    assert rows
    for row in rows:
        shown = row.rstrip(" |").rpartition(" | ")[2]
        named = re.findall(r"`([^`]+)`", shown)
        assert named or shown.startswith("no test: "), row
        assert set(named) <= there, row


def readme(tree: str) -> str:
    """The README of an example."""
    return (EXAMPLES / tree / "README.md").read_text(encoding="utf-8")
