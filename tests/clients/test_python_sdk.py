"""The MCP Python SDK discovers the server, registers, and gets as far as the authorization page."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider, OAuthRegistrationError
from mcp.client.auth.oauth2 import OAuthContext
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    create_oauth_metadata_request,
    handle_auth_metadata_response,
    validate_metadata_issuer,
)
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthMetadata, OAuthToken

from tests.servers import METADATA, Server

LOOPBACK = "http://127.0.0.1:43210/callback"


class Arrived(Exception):  # noqa: N818 - a way out of the flow, no error
    """The client stands at the authorization page."""


@dataclass
class Person:
    """Who runs the client: keeps its credentials, and looks at the authorization page without going on."""

    client: OAuthClientInformationFull | None = None
    pages: list[str] = field(default_factory=list)

    async def get_tokens(self) -> OAuthToken | None:
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        raise AssertionError("no flow gets that far")

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def show(self, url: str) -> None:
        self.pages.append(url)

    async def consent(self) -> AuthorizationCodeResult:
        raise Arrived


def connect(resource: str, person: Person, **metadata: object) -> None:
    """Let a client with this metadata ask for `resource`. Raises Arrived at the authorization page, or what the SDK raises."""
    provider = OAuthClientProvider(resource, OAuthClientMetadata.model_validate(metadata), person, person.show, person.consent)

    async def ask() -> None:
        async with httpx2.AsyncClient(auth=provider, trust_env=False, timeout=10) as client:
            await client.get(resource)

    asyncio.run(ask())


def arrive(resource: str, **metadata: object) -> Person:
    """Let a client with this metadata get to the authorization page, and be the person who stands there."""
    person = Person()
    with pytest.raises(Arrived):
        connect(resource, person, **metadata)
    return person


def query(url: str) -> dict[str, str]:
    """The query parameters of `url`, each of which stands there once."""
    return {name: value for name, [value] in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def registered(person: Person) -> OAuthClientInformationFull:
    """The registration that `person` holds."""
    assert person.client is not None
    return person.client


async def _discover(url: str) -> OAuthMetadata | None:
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
        served, metadata = await handle_auth_metadata_response(await client.send(create_oauth_metadata_request(url)))
    assert served
    return metadata


def test_every_place_where_the_sdk_looks_has_the_metadata(either_server: Server) -> None:
    """The SDK takes the first document that it finds, and rejects one whose issuer is not the one it asked (RFC 8414 §3.3)."""
    issuer = either_server.issuer
    urls = build_oauth_authorization_server_metadata_discovery_urls(issuer, "https://mcp.example/mcp")
    found = {url: asyncio.run(_discover(url)) for url in urls}

    assert len(found) >= 2
    for metadata in found.values():
        assert metadata is not None
        validate_metadata_issuer(metadata, issuer)
        assert str(metadata.registration_endpoint) == f"{issuer}/register"
        assert str(metadata.authorization_endpoint) == METADATA["authorization_endpoint"]
        assert metadata.code_challenge_methods_supported == ["S256"]
        assert set(metadata.token_endpoint_auth_methods_supported or ()) == {"none", "client_secret_basic", "client_secret_post"}
        assert set(metadata.grant_types_supported or ()) == {"authorization_code", "refresh_token"}
        assert metadata.response_types_supported == ["code"]
        assert "mcp:tools" in (metadata.scopes_supported or ())
        assert metadata.client_id_metadata_document_supported is None


def test_a_native_client_registers_and_reaches_the_authorization_page(resource: str) -> None:
    """With nothing but a loopback redirect URI and a name, as the SDK's own examples have it."""
    person = arrive(resource, redirect_uris=[LOOPBACK], client_name="Simple Auth Client")

    client, [page] = registered(person), person.pages
    assert page.startswith(f"{METADATA['authorization_endpoint']}?")
    asked = query(page)
    assert asked["client_id"] == client.client_id
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == LOOPBACK
    assert asked["resource"] == resource
    assert client.token_endpoint_auth_method == "none"
    assert client.client_secret is None
    assert [str(uri) for uri in client.redirect_uris or ()] == [LOOPBACK]
    # The SDK asks for every scope that discovery names; each of them has to be one that the client was registered with.
    assert client.validate_scope(asked["scope"])


def test_a_client_that_asks_for_a_secret_can_use_it(resource: str) -> None:
    """client_secret_post: the SDK checks that it got a secret, and sends it in the body of the token request."""
    metadata = {"redirect_uris": [LOOPBACK], "client_name": "With Secret", "token_endpoint_auth_method": "client_secret_post"}
    client = registered(arrive(resource, **metadata))

    assert client.token_endpoint_auth_method == "client_secret_post"
    assert client.client_secret
    assert client.client_secret_expires_at == 0
    context = OAuthContext(resource, OAuthClientMetadata.model_validate(metadata), Person(), None, None, client_info=client)
    assert context.prepare_token_auth({}, {}) == ({"client_id": client.client_id, "client_secret": client.client_secret}, {})


def test_a_second_connection_finds_its_client_again(resource: str) -> None:
    """Clients that keep nothing come again with the same document; without a secret they get the same client."""
    first, second = (registered(arrive(resource, redirect_uris=[LOOPBACK], client_name="Twice")) for _ in range(2))
    assert first.client_id == second.client_id


@pytest.mark.parametrize(
    ("redirect_uri", "description"),
    [
        pytest.param(
            "https://203.0.113.7/callback", "redirect URIs must be on a host with a public name", id="host_is_an_address"
        ),
        pytest.param("https://claude.ai/not/the/callback", "redirect_uris", id="known_host_with_another_path"),
    ],
)
def test_a_refusal_is_shown_to_the_developer(resource: str, redirect_uri: str, description: str) -> None:
    """The SDK raises its registration error, with our code and our reason in it, and keeps no client."""
    person = Person()
    with pytest.raises(OAuthRegistrationError, match=r'400 .*"error":"invalid_redirect_uri"') as caught:
        connect(resource, person, redirect_uris=[redirect_uri], client_name="Stranger")
    assert description in str(caught.value)
    assert person == Person()
