"""`examples/adapters/mcp-sdk`: the SDK's authorization server with the registrar's clients, asked over HTTP as clients do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp.server.auth.provider import AccessToken, AuthorizationCode, AuthorizationParams, RefreshToken, construct_redirect_uri
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from starlette.applications import Starlette
from starlette.testclient import TestClient

from registrar.embedded import Embedded
from tests.examples.adapters.shared import (
    ANOTHER_PORT,
    BASIC,
    BRAND,
    CHALLENGE,
    LOOPBACK,
    NATIVE,
    SECRETIVE,
    VERIFIER,
    adapter,
    basic,
)


class CodesAndTokens:
    """What is the provider's own business: codes and tokens in memory, and everybody agrees."""

    def __init__(self) -> None:
        self.codes: dict[str, AuthorizationCode] = {}

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        code = AuthorizationCode(
            code=f"code-{len(self.codes)}",
            scopes=params.scopes or [],
            expires_at=1e12,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), code=code.code, state=params.state)

    async def load_authorization_code(self, client: OAuthClientInformationFull, code: str) -> AuthorizationCode | None:
        return self.codes.get(code)

    async def exchange_authorization_code(self, client: OAuthClientInformationFull, code: AuthorizationCode) -> OAuthToken:
        del self.codes[code.code]
        return OAuthToken(access_token="token")

    async def load_refresh_token(self, client: OAuthClientInformationFull, token: str) -> RefreshToken | None:
        return None

    async def load_access_token(self, token: str) -> AccessToken | None:
        return None


@dataclass
class McpSdk:
    """The SDK's endpoints."""

    http: httpx2.Client

    def registered(self, document: Mapping[str, object]) -> dict[str, Any]:
        """The answer to a registration."""
        answer = self.http.post("/register", json=dict(document))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def authorize(self, client: Mapping[str, Any], redirect_uri: str) -> httpx2.Response:
        """The answer of the authorization endpoint."""
        parameters = {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": redirect_uri,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return self.http.get("/authorize", params=parameters)

    def code(self, client: Mapping[str, Any], redirect_uri: str) -> str:
        """An authorization code."""
        answer = self.authorize(client, redirect_uri)
        assert answer.status_code == 302, answer.text
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    def token(self, client: Mapping[str, Any], code: str, redirect_uri: str) -> httpx2.Response:
        """The answer of the token endpoint to a client that authenticates by its method."""
        form = {
            "grant_type": "authorization_code",
            "client_id": client["client_id"],
            "code": code,
            "code_verifier": VERIFIER,
            "redirect_uri": redirect_uri,
        }
        headers = {}
        if client["token_endpoint_auth_method"] == "client_secret_post":
            form["client_secret"] = client["client_secret"]
        elif client["token_endpoint_auth_method"] == "client_secret_basic":
            headers = basic(client["client_id"], client["client_secret"])
        return self.http.post("/token", data=form, headers=headers)


@pytest.fixture
def ask(embedded: Embedded) -> McpSdk:
    """The server of the README."""
    module = adapter("mcp-sdk/provider.py")

    class Provider(module.RegistrarClients, CodesAndTokens):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            module.RegistrarClients.__init__(self, embedded)
            CodesAndTokens.__init__(self)

    routes = module.auth_routes(Provider(), embedded, "http://127.0.0.1:1", ["mcp:read", "mcp:tools"])
    app = Starlette(routes=routes)
    return McpSdk(TestClient(app, follow_redirects=False, raise_server_exceptions=False))


def test_the_answer_is_what_the_policy_made(ask: McpSdk, embedded: Embedded) -> None:
    """Not what the SDK made up, but for the members that it adds by itself."""
    answer = ask.registered({**NATIVE, "scope": "mcp:read"})
    client = embedded.get_client(answer["client_id"])
    assert client is not None
    assert {name: answer[name] for name in client.metadata} == client.metadata
    assert "client_secret" not in answer
    assert answer["client_id_issued_at"] == client.issued_at


def test_a_refusal_has_the_policys_reason(ask: McpSdk) -> None:
    refused = ask.http.post("/register", json=BRAND)
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_client_metadata"
    assert "known client" in refused.json()["error_description"]


@pytest.mark.parametrize("document", [NATIVE, SECRETIVE, BASIC], ids=["none", "client_secret_post", "client_secret_basic"])
def test_a_client_of_each_method_gets_a_token(ask: McpSdk, document: Mapping[str, object]) -> None:
    """On another port than it registered, as a program on the user's machine does after a restart."""
    client = ask.registered(document)
    assert ask.token(client, ask.code(client, ANOTHER_PORT), ANOTHER_PORT).json() == {
        "access_token": "token",
        "token_type": "Bearer",
    }


def test_a_redirect_uri_of_somebody_else_is_refused(ask: McpSdk) -> None:
    client = ask.registered(NATIVE)
    assert ask.authorize(client, "https://evil.example/callback").json()["error"] == "invalid_request"


@pytest.mark.parametrize("document", [SECRETIVE, BASIC], ids=["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("secret", ["guessed", ""])
def test_a_wrong_secret_is_refused(ask: McpSdk, document: Mapping[str, object], secret: str) -> None:
    client = ask.registered(document)
    refused = ask.token({**client, "client_secret": secret}, ask.code(client, LOOPBACK), LOOPBACK)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_a_registrar_that_cannot_serve_is_no_fault_of_the_client(ask: McpSdk, embedded: Embedded) -> None:
    """Which would give up, where it has to try again."""
    embedded.close()
    assert ask.http.post("/register", json=dict(NATIVE)).status_code == 500


def test_a_deleted_client_is_unknown(ask: McpSdk, delete: Callable[[str], object]) -> None:
    """At the authorization endpoint, and with a code that it got before."""
    client = ask.registered(NATIVE)
    code = ask.code(client, LOOPBACK)
    delete(client["client_id"])
    assert ask.authorize(client, LOOPBACK).status_code == 400
    assert ask.token(client, code, LOOPBACK).status_code == 401
