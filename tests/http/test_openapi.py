"""The OpenAPI documents say what the apps do: every route, every answer, and nothing else."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from falcon import inspect, testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from registrar.app import create_public_app, open_store
from registrar.bundled import bundled
from registrar.store import TokenKind
from registrar.wire import ErrorCode
from tests.http import served
from tests.http.private_app import Private, private

CHECKS = [
    allow_header_conformance,
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
EXAMPLES = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], database=None
)
ROLES: Mapping[str, TokenKind] = {"authorizationServer": "authorization_server", "admin": "admin", "auditor": "auditor"}
METHODS = ("get", "put", "post", "delete")


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((bundled("schemas") / f"{name}.openapi.json").read_text(encoding="utf-8"))
    return loaded


def operations(name: str) -> list[tuple[str, str]]:
    return [(method, path) for path, item in document(name)["paths"].items() for method in METHODS if method in item]


@pytest.fixture(name="apps", scope="module")
def _apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    """Both apps, over a store that has a client of every kind."""
    with private(tmp_path_factory.mktemp("openapi"), metadata=served.METADATA) as running:
        yield running


@pytest.fixture(name="known", scope="module")
def _known(apps: Private) -> Mapping[str, list[str]]:
    """Ids that there are, by the name of the path parameter."""
    with_secret, public, disabled, deleted = (apps.register(token_endpoint_auth_method=method) for method in METHOD_OF_EACH)
    for client, method, action in ((disabled, "POST", "/disable"), (deleted, "DELETE", "")):
        assert apps.ask("admin", method, f"/admin/v1/clients/{client['client_id']}{action}").status_code == 204
    (revision,) = apps.store.activations()
    return {
        "client_id": [client["client_id"] for client in (with_secret, public, disabled, deleted)],
        "decision_id": [decision.decision_id for decision, _ in apps.store.decisions()],
        "revision": [revision.revision],
    }


METHOD_OF_EACH = ("client_secret_post", "none", "none", "client_secret_post")


def routes(app: Any) -> set[tuple[str, str]]:
    """Every method and path of an app, but for what Falcon answers by itself, and HEAD, which is GET without the body."""
    return {
        (method.method.lower(), route.path)
        for route in inspect.inspect_routes(app)
        for method in route.methods
        if not method.internal and method.method != "HEAD"
    }


def test_every_public_route_is_described_and_no_other(apps: Private) -> None:
    """The client configuration endpoint too."""
    assert routes(apps.public.app) == set(operations("public"))


def test_every_private_route_is_described_and_no_other(apps: Private, known: Mapping[str, list[str]]) -> None:
    """A client id may have slashes: what stands below a client is one route, with what is asked at its end."""
    described = {(method, re.sub(r"\{client_id\}.*", "{rest:path}", path)) for method, path in operations("private")}
    assert routes(apps.client.app) == described
    for method, path in operations("private"):
        if method == "post":
            role: TokenKind = "admin" if path.startswith("/admin") else "authorization_server"
            answer = apps.ask(role, "POST", path.replace("{client_id}", known["client_id"][0]))
            assert answer.status_code in {200, 204, 415}


@pytest.mark.parametrize("name", ["public", "private"])
def test_every_method_of_a_route_is_refused_or_described(apps: Private, name: str) -> None:
    """405 with Allow for the rest."""
    app = apps.public if name == "public" else apps.client
    for path, item in document(name)["paths"].items():
        answer = app.simulate_request("PATCH", path.replace("{", "").replace("}", ""))
        assert answer.status_code == 405
        allowed = set(answer.headers["allow"].lower().split(", ")) - {"options", "head"}
        assert set(METHODS) & set(item) <= allowed


@pytest.mark.parametrize(("name", "missing"), [("public", {"unknown_client", "client_gone"}), ("private", set())])
def test_every_error_code_is_described(name: str, missing: set[str]) -> None:
    """All that the app may answer."""
    codes = document(name)["components"]["schemas"]["Error"]["properties"]["error"]["enum"]
    assert set(codes) == set(map(str, ErrorCode)) - missing


@pytest.mark.parametrize(("method", "path"), operations("public"))
def test_public_answers_are_as_described(apps: Private, known: Mapping[str, list[str]], method: str, path: str) -> None:
    """Whatever is asked, fitting the description or not: documented status, headers and body."""
    registered = apps.register(client_name="manages itself")
    own = {"client_id": [registered["client_id"]]} if path.endswith("{client_id}") else known
    right = registered["registration_access_token"]
    check(apps.public, method, path, own, [right, right, None, "rgt_" + "x" * 43, apps.tokens["initial_access"]])


@pytest.mark.parametrize(("method", "path"), operations("private"))
def test_private_answers_are_as_described(apps: Private, known: Mapping[str, list[str]], method: str, path: str) -> None:
    """With a right token, a wrong one, and none."""
    security = document("private")["paths"][path][method]["security"]
    right = [apps.tokens[ROLES[name]] for one in security for name in one]
    check(apps.client, method, path, known, [*right, *right, apps.tokens["initial_access"], None])


def check(client: testing.TestClient, method: str, path: str, known: Mapping[str, list[str]], tokens: list[str | None]) -> None:
    """Ask with generated parameters and bodies, and hold every answer to the document that is served."""
    operation = schemathesis.openapi.from_wsgi("/openapi.json", client.app)[path][method.upper()]
    modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])

    @EXAMPLES
    @given(case=modes.flatmap(lambda mode: operation.as_strategy(generation_mode=mode)), data=st.data())
    def hold(case: schemathesis.Case[Any], data: st.DataObject) -> None:
        for name, ids in known.items():
            if name in (case.path_parameters or {}) and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(ids))
        token = data.draw(st.sampled_from(tokens))
        case.headers.pop("Authorization", None)
        case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"} if token else {})

    hold()


@pytest.mark.parametrize(
    ("issuer", "server", "root"),
    [
        ("https://as.example", "https://as.example", None),
        ("https://as.example/", "https://as.example", None),
        ("https://as.example/tenants/one", "https://as.example/tenants/one", "https://as.example"),
        ("https://as.example/one/", "https://as.example/one", "https://as.example"),
    ],
)
def test_urls_come_from_the_issuer(tmp_path: Path, issuer: str, server: str, root: str | None) -> None:
    """Every described path is served below its server, whatever path the issuer has; Host says nothing."""
    chosen = served.settings(tmp_path, issuer=issuer, metadata=served.METADATA)
    with closing(open_store(chosen)) as store:
        client = testing.TestClient(create_public_app(chosen, store=store))
        told = client.simulate_get("/openapi.json", headers={"Host": "evil.example"}).json
        assert told["servers"] == [{"url": server}]
        assert told["paths"]["/healthz"].get("servers") == (root and [{"url": root}])
        for path, item in told["paths"].items():
            below = item.get("servers", told["servers"])[0]["url"].removeprefix("https://as.example")
            if "get" in item and "{" not in path:
                assert client.simulate_get(below + path).status_code == 200
            if path == "/register":
                assert client.simulate_post(below + path, json=served.NATIVE).status_code == 201


@pytest.mark.parametrize("name", ["public", "private"])
def test_the_documents_are_openapi(apps: Private, name: str) -> None:
    """By the schema of OpenAPI 3.1, as they are served."""
    client = apps.public if name == "public" else apps.client
    served_document = client.simulate_get("/openapi.json").json
    assert served_document["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(served_document).validate()


def test_what_is_not_served_is_not_described(tmp_path: Path) -> None:
    """The client configuration endpoint is a setting."""
    chosen = served.settings(tmp_path, management=False)
    with closing(open_store(chosen)) as store:
        client = testing.TestClient(create_public_app(chosen, store=store))
        assert "/register/{client_id}" not in client.simulate_get("/openapi.json").json["paths"]


def test_the_documents_are_whole(apps: Private) -> None:
    """What is served refers to nothing outside of itself; the schemas of the shipped files are in it."""
    for client in (apps.public, apps.client):
        answer = client.simulate_get("/openapi.json")
        assert answer.headers["content-type"] == "application/json"
        assert ".schema.json" not in answer.text
    request = json.loads((bundled("schemas") / "registration-request.schema.json").read_text(encoding="utf-8"))
    schemas = apps.public.simulate_get("/openapi.json").json["components"]["schemas"]
    assert schemas["ClientMetadata"]["properties"] == request["properties"]
