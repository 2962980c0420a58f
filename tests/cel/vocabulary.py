"""A scope like the one that policies have, and expressions like those they write."""

from datetime import UTC, datetime
from types import SimpleNamespace

from registrar.cel import BOOL, DYN, INT, STRING, TIMESTAMP, ListType, MapType, RecordType, Scope, StringType

CLIENT = RecordType(
    "client",
    {
        "client_name": StringType(200),
        "client_uri": STRING,
        "scope": STRING,
        "grant_types": ListType(STRING, 20),
        "token_endpoint_auth_method": STRING,
        "redirect_uris": ListType(STRING, 20),
        "software_id": STRING,
        "jwks": MapType(STRING, DYN),
        "dpop_bound_access_tokens": BOOL,
        "localized": MapType(STRING, STRING),
    },
)
REDIRECT = RecordType(
    "redirect",
    {"uri": STRING, "scheme": STRING, "host": STRING, "port": INT, "path": STRING, "loopback": BOOL, "private_use": BOOL},
    attributes=True,
)
SOURCE = RecordType("source", {"ip": STRING, "prefix": STRING, "networks": ListType(STRING, 20)}, attributes=True)
SCOPE = Scope(
    {
        "client": CLIENT,
        "redirects": ListType(REDIRECT, 20),
        "submitted": MapType(STRING, DYN),
        "source": SOURCE,
        "operation": STRING,
        "now": TIMESTAMP,
        "constants": RecordType("constants", {"reserved_names": ListType(STRING, 50), "hosts": ListType(STRING, 10)}),
    }
)
FACTS = {
    "client": {
        "client_name": "My CLI",
        "client_uri": "https://app.example.com/about",
        "scope": "mcp:read mcp:tools",
        "grant_types": ("authorization_code", "refresh_token"),
        "token_endpoint_auth_method": "none",
        "redirect_uris": ("http://127.0.0.1:33418/callback", "https://app.example.com/callback"),
        "software_id": "",
        "jwks": {},
        "dpop_bound_access_tokens": False,
        "localized": {"client_name#fr": "Mon CLI"},
    },
    "redirects": (
        SimpleNamespace(
            uri="http://127.0.0.1:33418/callback",
            scheme="http",
            host="127.0.0.1",
            port=33418,
            path="/callback",
            loopback=True,
            private_use=False,
        ),
        SimpleNamespace(
            uri="https://app.example.com/callback",
            scheme="https",
            host="app.example.com",
            port=443,
            path="/callback",
            loopback=False,
            private_use=False,
        ),
    ),
    "submitted": {"client_name": "My CLI", "scope": "mcp:read mcp:tools", "extra": {"n": 1, "list": [1, 2.5, "x", None, True]}},
    "source": SimpleNamespace(ip="192.0.2.7", prefix="192.0.2.7", networks=("corp",)),
    "operation": "create",
    "now": datetime(2026, 10, 1, 12, 0, tzinfo=UTC),
    "constants": {"reserved_names": ("admin", "support"), "hosts": ("app.example.com", "other.example.net")},
}

_RULES = (
    'operation == "create"',
    "redirects.all(r, r.loopback || r.private_use)",
    '!("mcp:tools" in scopes(client.scope)) || "corp" in source.networks',
    "!constants.reserved_names.exists(n, client.client_name.lowerAscii().contains(n))",
    'client.client_uri == "" || redirects.exists(r, r.host == url(client.client_uri).getHostname())',
    'client.software_id != "" && size(client.software_id) < 100',
    'has(submitted.client_name) && redirects.all(r, r.scheme == "https" && constants.hosts.exists(h, inDomain(r.host, h)))',
    'redirects.exists(r, r.loopback) ? "yes" : "no"',
    'now < timestamp("2030-01-01T00:00:00Z") || cidr("10.0.0.0/8").containsIP(source.ip)',
    'sets.contains(["authorization_code", "refresh_token"], client.grant_types) && client.client_name.matches("^[ -~]+$")',
)
# As many expressions as the shipped policy tree has, all different.
TREE_SIZED = tuple(f"{rule} // {number}" for number in range(4) for rule in _RULES)
