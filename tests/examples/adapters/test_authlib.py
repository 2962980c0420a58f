"""`examples/adapters/authlib`: `query_client` under Authlib's own authorization server, with its code grant and PKCE."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request, grants  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload  # type: ignore[import-untyped]
from authlib.oauth2.rfc6750 import BearerTokenGenerator  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import CodeChallenge  # type: ignore[import-untyped]

from registrar.embedded import Embedded
from tests.examples.adapters.shared import ANOTHER_PORT, BASIC, CHALLENGE, LOOPBACK, NATIVE, SECRETIVE, VERIFIER, adapter, basic

ISSUER = "https://as.example"


class AuthlibServer(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """Authlib's server where requests are plain values, which the integrations make of a framework's."""

    def __init__(self, query_client: Callable[[str], Any]) -> None:
        super().__init__()
        self.query_client = query_client
        self.codes: dict[str, Code] = {}

    def save_token(self, token: object, request: object) -> None:
        """Nobody looks."""

    def send_signal(self, *arguments: object, **named: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, dict[str, str]]:
        return status, body, dict(headers)

    def authorize(self, client_id: str, redirect_uri: str) -> str:
        """The code for a person who agrees. Raises AssertionError with the error."""
        parameters = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        request = _request("GET", f"{ISSUER}/authorize?{urlencode(parameters)}", parameters, {})
        status, body, headers = self.create_authorization_response(
            request, grant_user="alice", grant=self.get_authorization_grant(request)
        )
        assert status == 302, body
        return parse_qs(urlsplit(str(headers["Location"])).query)["code"][0]

    def token(self, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, Any]:
        """Status and body of the token endpoint."""
        given = {"grant_type": "authorization_code", **form}
        status, body, _ = self.create_token_response(_request("POST", f"{ISSUER}/token", given, headers))
        return status, body


class _Request(OAuth2Request):  # type: ignore[misc]
    """A request whose parameters are known."""

    @property
    def args(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.payload.data
        return found

    form = args


def _request(method: str, uri: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> OAuth2Request:
    request = _Request(method, uri, headers=headers)
    request.payload = BasicOAuth2Payload(parameters)
    return request


@dataclass
class Code:
    """An authorization code as Authlib wants it."""

    client_id: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """Codes in memory."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        self.server.codes[code] = Code(
            request.client.get_client_id(),
            data["redirect_uri"],
            request.client.get_allowed_scope(request.scope),
            data["code_challenge"],
            data["code_challenge_method"],
        )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        found: Code | None = self.server.codes.get(code)
        return found if found and found.client_id == client.get_client_id() else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        self.server.codes.clear()

    def authenticate_user(self, authorization_code: Code) -> str:
        return "alice"


@pytest.fixture
def server(embedded: Embedded) -> AuthlibServer:
    """The server that the README begins, without a web framework."""
    server = AuthlibServer(adapter("authlib/clients.py").query_client(embedded))
    server.register_grant(CodeGrant, [CodeChallenge(required=True)])
    generator = BearerTokenGenerator(lambda **_: "token")
    server.register_token_generator("default", generator)
    return server


@pytest.mark.parametrize("document", [NATIVE, SECRETIVE, BASIC], ids=["none", "client_secret_post", "client_secret_basic"])
def test_a_client_of_each_method_gets_a_token(embedded: Embedded, server: AuthlibServer, document: Mapping[str, object]) -> None:
    made = embedded.register(document)
    code = server.authorize(made.client_id, ANOTHER_PORT)
    form = {"client_id": made.client_id, "redirect_uri": ANOTHER_PORT, "code": code, "code_verifier": VERIFIER}
    headers = {}
    if document is SECRETIVE:
        form["client_secret"] = made.secret
    elif document is BASIC:
        headers = basic(made.client_id, made.secret)
    status, body = server.token(form, headers)
    assert (status, body["access_token"], body["scope"]) == (200, "token", made.answer["scope"])


def test_a_redirect_uri_of_somebody_else_is_refused(embedded: Embedded, server: AuthlibServer) -> None:
    made = embedded.register(NATIVE)
    with pytest.raises(AssertionError, match="invalid_request"):
        server.authorize(made.client_id, "https://evil.example/callback")


def test_a_wrong_secret_and_a_wrong_method_are_refused(embedded: Embedded, server: AuthlibServer) -> None:
    """A confidential client cannot come as a public one."""
    made = embedded.register(SECRETIVE)
    form = {"client_id": made.client_id, "redirect_uri": LOOPBACK, "code_verifier": VERIFIER}
    for extra in ({"client_secret": "guessed"}, {}):
        code = server.authorize(made.client_id, LOOPBACK)
        status, body = server.token({**form, "code": code, **extra}, {})
        assert (status, body["error"]) == (401, "invalid_client")


def test_a_deleted_client_is_unknown(embedded: Embedded, server: AuthlibServer, delete: Callable[[str], object]) -> None:
    made = embedded.register(NATIVE)
    delete(made.client_id)
    with pytest.raises(AssertionError, match="invalid_client"):
        server.authorize(made.client_id, LOOPBACK)


def test_a_client_is_asked_for_what_it_is_registered_with(embedded: Embedded) -> None:
    query = adapter("authlib/clients.py").query_client(embedded)
    made = embedded.register(NATIVE)
    client = query(made.client_id)
    assert client.get_client_id() == made.client_id
    assert client.get_default_redirect_uri() == LOOPBACK
    assert client.get_allowed_scope("mcp:read unknown") == "mcp:read"
    assert client.get_allowed_scope("") == made.answer["scope"]
    assert client.check_grant_type("refresh_token")
    assert not client.check_grant_type("client_credentials")
    assert not client.check_response_type("token")
    assert query("nobody") is None
