"""The MCP TypeScript SDK, in both major versions, discovers the server, registers, and gets to the authorization page."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients.shipped import ADMITTED
from tests.servers import METADATA, Server

HERE = Path(__file__).parent
SCRIPT = HERE / "typescript_sdk.mjs"
INSTALL = "npm install --prefix tests/clients"
PACKAGES = ("@modelcontextprotocol/sdk", "@modelcontextprotocol/client")
OLDEST_NODE = 20

LOOPBACK = "http://127.0.0.1:43210/callback"
NATIVE = {"client_name": "Simple OAuth MCP Client", "redirect_uris": [LOOPBACK]}


@dataclass(frozen=True, slots=True)
class TypeScriptSDK:
    """One major version of the SDK, under Node."""

    node: str
    modules: Path
    version: int

    def run(self, step: str, **given: object) -> Any:
        """What the script answers to a step."""
        argument = json.dumps({"version": self.version, "step": step, **given})
        done = subprocess.run(
            [self.node, "--input-type=module", "-", argument],
            input=SCRIPT.read_text(encoding="utf-8"),
            cwd=self.modules.parent,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where the SDKs are: in REGISTRAR_TEST_NODE_MODULES, else beside this file. Skips, in CI fails, without."""
    modules = Path(os.environ.get("REGISTRAR_TEST_NODE_MODULES") or HERE / "node_modules").absolute()
    missing = [package for package in PACKAGES if not (modules / package / "package.json").is_file()]
    if missing:
        _cannot_run(f"{modules} has no {' and no '.join(missing)}; to install: {INSTALL}")
    return modules


@pytest.fixture(scope="session")
def node() -> str:
    """The Node executable. Skips, in CI fails, without."""
    found = shutil.which("node")
    if found is None:
        _cannot_run(f"there is no node; install Node {OLDEST_NODE} or later, then: {INSTALL}")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        _cannot_run(f"node is {version.strip()}; install Node {OLDEST_NODE} or later, then: {INSTALL}")
    return found


def _cannot_run(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(params=[1, 2], ids=["version_1", "version_2"])
def sdk(request: pytest.FixtureRequest, node: str, node_modules: Path) -> TypeScriptSDK:
    """Each major version of the SDK."""
    return TypeScriptSDK(node, node_modules, request.param)


def test_the_sdk_discovers_the_server(sdk: TypeScriptSDK, either_server: Server) -> None:
    """The document passes the SDK's own schema, and says what the SDK decides by."""
    metadata = sdk.run("discover", issuer=either_server.issuer)
    assert metadata["issuer"] == either_server.issuer
    assert metadata["registration_endpoint"] == f"{either_server.issuer}/register"
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert "none" in metadata["token_endpoint_auth_methods_supported"]
    assert "client_id_metadata_document_supported" not in metadata


def test_a_native_client_registers_and_reaches_the_authorization_page(sdk: TypeScriptSDK, resource: str) -> None:
    """A client connects to an MCP server that wants authorization, and ends at the authorization page with a registration."""
    came = sdk.run("connect", resource=resource, document={**NATIVE, "token_endpoint_auth_method": "none"})
    assert came["error"]["error"] == "UnauthorizedError", came  # the SDK's way to say: now it is a person's turn

    client, page = came["client"], came["page"]
    assert page.startswith(f"{METADATA['authorization_endpoint']}?")
    asked = {name: value for name, [value] in parse_qs(urlsplit(page).query, strict_parsing=True).items()}
    assert asked["client_id"] == client["client_id"]
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == LOOPBACK
    assert asked["resource"] == resource
    assert client["redirect_uris"] == [LOOPBACK]
    assert "client_secret" not in client
    assert came["method"] == "none"


def test_a_client_that_asks_for_a_secret_can_use_it(sdk: TypeScriptSDK, resource: str) -> None:
    """The SDK picks the method that it registered, since discovery lists it and there is a secret."""
    came = sdk.run("connect", resource=resource, document={**NATIVE, "token_endpoint_auth_method": "client_secret_post"})
    assert came["page"], came
    assert came["client"]["client_secret"]
    assert came["client"]["client_secret_expires_at"] == 0
    assert came["method"] == "client_secret_post"


@pytest.mark.parametrize(
    ("redirect_uri", "description"),
    [
        pytest.param(
            "https://203.0.113.7/callback", "redirect URIs must be on a host with a public name", id="host_is_an_address"
        ),
        pytest.param("https://claude.ai/not/the/callback", "redirect_uris", id="known_host_with_another_path"),
    ],
)
def test_a_refusal_is_shown_to_the_developer(sdk: TypeScriptSDK, resource: str, redirect_uri: str, description: str) -> None:
    """Our reason reaches whoever reads the SDK's error, and the client keeps nothing."""
    came = sdk.run("connect", resource=resource, document={"client_name": "Stranger", "redirect_uris": [redirect_uri]})
    assert description in came["error"]["message"]
    assert not {"client", "page"} & came.keys()
    if sdk.version > 1:  # the first version has no place for a code that it does not know
        assert came["error"]["status"] == 400
        assert json.loads(came["error"]["body"])["error"] == "invalid_redirect_uri"


def test_the_sdk_reads_the_answer_to_every_shipping_client(sdk: TypeScriptSDK, server: Server) -> None:
    """Many of the clients are built on this SDK; its schema refuses an answer for a null, an empty URL, or a time in quotes."""
    documents = [client.document for client in ADMITTED.values()]
    answers = sdk.run("register", issuer=server.issuer, documents=documents)
    refused = {name: answer for name, answer in zip(ADMITTED, answers, strict=True) if "error" in answer}
    assert refused == {}
    assert [answer["redirect_uris"] for answer in answers] == [document["redirect_uris"] for document in documents]
    assert all(re.fullmatch(r"[!-~]+", answer["client_id"]) for answer in answers)
