"""Contract 14, 24, 30 and 32: what clients read before they register, and what browsers may."""

import json
from pathlib import Path

import pytest

from tests.http.served import METADATA, NATIVE, Served, served

BOTH = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]


@pytest.mark.parametrize("path", BOTH)
def test_contract_24_the_document_is_the_operators_completed_from_the_policy(tmp_path: Path, path: str) -> None:
    """registration_endpoint and what the policy governs are added; the rest is the operator's."""
    metadata = {**METADATA, "scopes_supported": ["all"], "grant_types_supported": ["implicit"], "acr_values_supported": ["x"]}
    with served(tmp_path, metadata=metadata) as app:
        result = app.client.simulate_get(path)
    assert result.status_code == 200
    assert result.headers["content-type"] == "application/json"
    assert result.json == {
        **METADATA,
        "acr_values_supported": ["x"],
        "issuer": "https://as.example",
        "registration_endpoint": "https://as.example/register",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt", "client_secret_post", "none"],
        "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "scopes_supported": ["mcp:read", "mcp:tools", "offline_access"],
    }


def test_contract_30_urls_come_from_the_issuer_alone(tmp_path: Path) -> None:
    """Neither Host nor a forwarding header changes a byte of the document."""
    with served(tmp_path, metadata=METADATA) as app:
        plain = app.client.simulate_get(BOTH[0])
        headers = {
            "Host": "evil.example",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "http",
            "Forwarded": "host=evil.example",
        }
        assert app.client.simulate_get(BOTH[0], headers=headers).content == plain.content
        assert "client_id_metadata_document_supported" not in plain.json


@pytest.mark.parametrize(
    ("issuer", "served_at", "not_at"),
    [
        ("https://as.example", BOTH, ["/tenant" + BOTH[1], BOTH[0] + "/tenant", BOTH[0] + "/"]),
        ("https://as.example/", BOTH, [BOTH[0] + "/"]),
        (
            "https://as.example/tenant/one",
            [BOTH[0] + "/tenant/one", BOTH[1] + "/tenant/one", "/tenant/one" + BOTH[1], "/tenant/one" + BOTH[0]],
            [*BOTH, BOTH[0] + "/tenant", "/tenant" + BOTH[1]],
        ),
        ("https://as.example/tenant/", [BOTH[0] + "/tenant", "/tenant" + BOTH[1]], BOTH),
    ],
)
def test_contract_24_where_an_issuer_is_looked_for(tmp_path: Path, issuer: str, served_at: list[str], not_at: list[str]) -> None:
    """RFC 8414 §3.1 inserts the well-known part, OpenID Connect Discovery §4 appends it; the issuer comes back byte for byte."""
    with served(tmp_path, issuer=issuer, metadata=METADATA) as app:
        for path in served_at:
            document = app.client.simulate_get(path).json
            assert document["issuer"] == issuer
            assert document["registration_endpoint"] == issuer.rstrip("/") + "/register"
        for path in not_at:
            assert app.client.simulate_get(path).status_code == 404


def test_contract_24_without_metadata_the_answer_says_what_to_configure(app: Served) -> None:
    """404 in the shape of OAuth, so that a client goes on to its fallback."""
    result = app.client.simulate_get(BOTH[0])
    assert result.status_code == 404
    assert result.json["error"] == "invalid_request"
    assert "metadata in the settings" in result.json["error_description"]


def test_the_document_may_be_kept_a_minute(tmp_path: Path) -> None:
    """It changes with the policy only; HEAD tells the same without a body."""
    with served(tmp_path, metadata=METADATA) as app:
        got, head = app.client.simulate_get(BOTH[0]), app.client.simulate_head(BOTH[0])
    assert got.headers["cache-control"] == "public, max-age=60"
    assert "pragma" not in got.headers
    assert head.content == b""
    assert head.headers == got.headers


def preflight(app: Served, path: str, origin: str = "https://inspector.example", method: str = "POST") -> dict[str, str]:
    """The headers that answer a preflight."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "mcp-protocol-version",
    }
    result = app.client.simulate_options(path, headers=headers)
    assert result.status_code == 204
    assert result.content == b""
    return {name: value for name, value in result.headers.items() if name.startswith("access-control-") or name == "vary"}


@pytest.mark.parametrize("path", ["/register", *BOTH, "/nowhere"])
def test_contract_14_a_preflight_is_answered_for_any_origin(app: Served, path: str) -> None:
    """Also where the request itself will be a 404, which a script has to be able to read."""
    headers = preflight(app, path)
    assert headers["access-control-allow-origin"] == "*"
    assert "POST" in headers["access-control-allow-methods"]
    assert headers["access-control-allow-headers"] == "*, Authorization"
    assert headers["access-control-max-age"] == "7200"
    assert "access-control-allow-credentials" not in headers


def test_contract_14_what_scripts_may_read(app: Served) -> None:
    """The headers of this server's own are exposed on every answer."""
    exposed = app.post().headers["access-control-expose-headers"].split(", ")
    assert {
        "Registrar-Decision-Id",
        "Registrar-Warning",
        "Retry-After",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
    } <= set(exposed)


def test_contract_14_origins_can_be_listed(tmp_path: Path) -> None:
    """Then each gets its own name back, and nobody else gets anything; caches are told to tell them apart."""
    with served(tmp_path, cors_origins=("https://a.example", "http://localhost:6274")) as app:
        assert preflight(app, "/register", "https://a.example")["access-control-allow-origin"] == "https://a.example"
        assert preflight(app, "/register", "https://evil.example") == {"vary": "Origin"}
        for origin, allowed in (
            ("http://localhost:6274", "http://localhost:6274"),
            ("https://a.example.evil.example", None),
            ("null", None),
            (None, None),
        ):
            result = app.client.simulate_post("/register", json=NATIVE, headers={"Origin": origin} if origin else {})
            assert result.status_code == 201
            assert result.headers.get("access-control-allow-origin") == allowed
            assert result.headers["vary"] == "Origin"


def test_options_without_a_preflight_names_the_methods(app: Served) -> None:
    """RFC 9110 §9.3.7."""
    result = app.client.simulate_options("/register")
    assert result.status_code == 200
    assert "POST" in result.headers["allow"]


def test_every_answer_has_the_security_headers(app: Served) -> None:
    """It is no page, and is not sniffed for one."""
    for result in (
        app.post(),
        app.client.simulate_get("/healthz"),
        app.client.simulate_get("/nowhere"),
        app.client.simulate_options("/register"),
    ):
        assert result.headers["x-content-type-options"] == "nosniff"
        assert result.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert result.headers["referrer-policy"] == "no-referrer"


def test_health_and_readiness(tmp_path: Path) -> None:
    """Alive stays alive without a database; ready does not."""
    with served(tmp_path) as app:
        assert app.client.simulate_get("/healthz").json == {"status": "ok"}
        ready = app.client.simulate_get("/readyz")
        assert ready.json == {
            "status": "ready",
            "policy": {"name": "doors", "revision": app.policies.revision, "profiles": ["machines", "hosted", "native"]},
            "database": "ok",
        }
        assert app.client.simulate_head("/readyz").status_code == 200
        app.store.close()
        assert app.post().status_code == 503  # a write that fails is noticed at once; what went well stands for a second
        assert app.client.simulate_get("/healthz").status_code == 200
        broken = app.client.simulate_get("/readyz")
    assert broken.status_code == 503
    assert broken.json["error"] == "temporarily_unavailable"
    assert broken.headers["retry-after"] == "5"
    assert str(tmp_path) not in json.dumps(broken.json)
