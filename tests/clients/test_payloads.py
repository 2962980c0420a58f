"""What shipping clients send, replayed byte for byte over HTTP; and what their parsers need of the answer."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx2
import pytest

from registrar.schema import Schema
from tests.clients.shipped import ADMITTED, DOUBTFUL, SHIPPED, ShippedClient
from tests.servers import Server

RESPONSE = Schema.load("registration-response")
RFC_7591_CODES = {
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "invalid_software_statement",
    "unapproved_software_statement",
}
OF_ONE_REGISTRATION = (
    *("client_id", "client_id_issued_at", "client_secret"),
    *("registration_client_uri", "registration_access_token"),
)


@pytest.fixture(params=ADMITTED.values(), ids=list(ADMITTED))
def admitted(request: pytest.FixtureRequest) -> ShippedClient:
    """Each client that has to get in."""
    client: ShippedClient = request.param
    return client


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx2.Client]:
    """Speaks to the server; adds nothing of the environment."""
    with httpx2.Client(base_url=server.issuer, trust_env=False, timeout=10) as client:
        yield client


def register(http: httpx2.Client, client: ShippedClient) -> httpx2.Response:
    """What the server answers `client`."""
    return http.post("/register", content=client.body, headers=dict(client.headers))


def answer(http: httpx2.Client, client: ShippedClient) -> dict[str, Any]:
    """The registration of a client that gets in."""
    response = register(http, client)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document


def leaves(value: object) -> Iterator[object]:
    """Every value in a JSON document that is no container."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def test_a_shipping_client_registers(http: httpx2.Client, admitted: ShippedClient) -> None:
    """The whole registration comes back, in the shape that every parser takes (wire contract 8, 9, 25, 28)."""
    registered = answer(http, admitted)
    assert RESPONSE.problems(registered, echo=True) == []
    assert None not in leaves(registered)
    assert "" not in leaves(registered)
    assert registered["redirect_uris"] == admitted.document["redirect_uris"]
    assert registered.get("client_name") == admitted.document.get("client_name")


def test_times_are_written_as_whole_numbers(http: httpx2.Client, admitted: ShippedClient) -> None:
    """The Go and C# SDKs cannot read 1.0 or 1e9."""
    times = re.findall(r'"client_(?:id_issued|secret_expires)_at":([^,}]+)', register(http, admitted).text)
    assert times
    assert all(re.fullmatch(r"[0-9]+", time) for time in times)


def test_every_flow_that_a_client_is_given_is_one_that_it_asked_for(http: httpx2.Client, admitted: ShippedClient) -> None:
    """A grant, a response type or a secret that a client does not know of is one that its parser may refuse."""
    registered = answer(http, admitted)
    asked_grants = set(admitted.document.get("grant_types", ["authorization_code", "refresh_token"]))
    assert set(registered["grant_types"]) == asked_grants & {"authorization_code", "refresh_token"}
    assert registered["response_types"] == ["code"]
    assert registered["token_endpoint_auth_method"] == admitted.document.get("token_endpoint_auth_method", "none")


@pytest.mark.parametrize("client", SHIPPED, ids=lambda client: client.name)
def test_every_answer_can_be_read_by_a_browser_and_kept_by_no_cache(http: httpx2.Client, client: ShippedClient) -> None:
    """On success and on errors alike (wire contract 8, 11, 14, 32)."""
    headers = register(http, client).headers
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["pragma"] == "no-cache"
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers
    exposed = {name.strip() for name in headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"Registrar-Decision-Id", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}


def test_an_answer_names_its_decision(http: httpx2.Client, admitted: ShippedClient) -> None:
    """So that an operator finds the record of what a user reports (wire contract 12)."""
    first, second = (register(http, admitted).headers["registrar-decision-id"] for _ in range(2))
    assert first
    assert first != second


@pytest.mark.parametrize("client", DOUBTFUL.values(), ids=list(DOUBTFUL))
def test_a_document_that_nobody_has_to_admit_is_refused_in_form(http: httpx2.Client, client: ShippedClient) -> None:
    """An RFC 7591 error that the client can show, or 415 for a media type that is none; never the server's fault."""
    response = register(http, client)
    error = response.json()
    assert set(error) == {"error", "error_description"}
    assert error["error_description"].isascii()
    if client.headers["content-type"] == "application/json":
        assert response.status_code == 400
        assert error["error"] in RFC_7591_CODES
    else:
        assert response.status_code == 415


@pytest.mark.parametrize(("name", "shared"), [("claude-ai", False), ("claude-code", True), ("cursor-2026", False)])
def test_the_same_document_twice_at_once(http: httpx2.Client, name: str, *, shared: bool) -> None:
    """Claude registers from two addresses within one attempt (wire contract 29): both get a client that works.

    A native client without a secret gets the id of its like, so that two installations are one client.
    """
    together = Barrier(2)

    def attempt(_: int) -> dict[str, Any]:
        together.wait(timeout=10)
        return answer(http, ADMITTED[name])

    with ThreadPoolExecutor(max_workers=2) as pool:
        first, second = pool.map(attempt, range(2))
    assert (first["client_id"] == second["client_id"]) is shared
    if "client_secret" in first:
        assert first["client_secret"] != second["client_secret"]
    for registered in (first, second):
        for member in OF_ONE_REGISTRATION:
            registered.pop(member, None)
    assert first == second


def test_a_browser_may_register(http: httpx2.Client) -> None:
    """The Inspector's preflight, with the header that it invents (wire contract 14, 32)."""
    asked = {
        "Origin": "http://localhost:6274",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,mcp-protocol-version",
    }
    response = http.options("/register", headers=asked)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert "POST" in response.headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")}
    assert "*" in allowed or allowed >= {"content-type", "mcp-protocol-version"}
    assert "access-control-allow-credentials" not in response.headers
