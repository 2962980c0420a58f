"""Contract 11, 12 and 31: every failure is JSON in the shape of OAuth, with the headers that belong to it."""

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from registrar.app import open_store
from registrar.http import well_known_paths
from tests.http.served import HOSTED, NATIVE, Served, served, settings

ASCII_DESCRIPTION = set(map(chr, range(0x20, 0x7F))) - {'"', "\\"}  # RFC 6749 §5.2


def assert_oauth_shaped(result: testing.Result, status: int, error: str) -> str:
    """The parts that every error has. Returns the description."""
    assert result.status_code == status, result.text
    assert result.headers["content-type"] == "application/json"
    assert result.headers["cache-control"] == "no-store"
    assert result.headers["pragma"] == "no-cache"
    assert result.headers["x-content-type-options"] == "nosniff"
    assert set(result.json) == {"error", "error_description"}
    assert result.json["error"] == error
    description: str = result.json["error_description"]
    assert description
    assert set(description) <= ASCII_DESCRIPTION
    return description


def test_contract_1_another_media_type_is_415(app: Served) -> None:
    """Only application/json, whatever the body looks like."""
    body = json.dumps(NATIVE)
    for content_type in (
        "application/x-www-form-urlencoded",
        "text/json",
        "application/jsonp",
        "application/json, text/html",
        "",
    ):
        result = app.client.simulate_post("/register", body=body, headers={"Content-Type": content_type})
        assert_oauth_shaped(result, 415, "invalid_request")
    assert_oauth_shaped(app.client.simulate_post("/register", body=body), 415, "invalid_request")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON ; Charset="UTF-8"',
        "application/json;charset=utf8;profile=x",
        "application/json;",
    ],
)
def test_contract_1_parameters_of_the_media_type_are_allowed(app: Served, content_type: str) -> None:
    """Clients send charset, some in capitals or quotes."""
    result = app.client.simulate_post("/register", body=json.dumps(NATIVE), headers={"Content-Type": content_type})
    assert result.status_code == 201


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=latin-1",
        "application/json; charset=no-such-charset",
        "application/json; charset",
        "application/json; =x",
        "application/json; charset=utf-8 x",
    ],
)
def test_contract_1_other_charsets_and_broken_parameters_are_415(app: Served, content_type: str) -> None:
    """JSON is UTF-8 (RFC 8259 §8.1); an unknown charset is no LookupError."""
    result = app.client.simulate_post("/register", body=json.dumps(NATIVE), headers={"Content-Type": content_type})
    assert_oauth_shaped(result, 415, "invalid_request")


def test_contract_1_a_content_coding_is_415(app: Served) -> None:
    """No decompression: its output would not be bounded by what was sent."""
    assert_oauth_shaped(app.post(headers={"Content-Encoding": "gzip"}), 415, "invalid_request")
    assert app.post(headers={"Content-Encoding": "identity"}).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b'{"a":1}{"b":2}',
        b'{"redirect_uris":["https://app.example/"],"redirect_uris":["https://evil.example/"]}',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 30000,
    ],
    ids=lambda body: str(body[:24]),
)
def test_contract_1_what_is_no_json_object_is_invalid_client_metadata(app: Served, body: bytes) -> None:
    """All the traps of the platform's own JSON parser included; nothing of the body comes back."""
    result = app.client.simulate_post("/register", body=body, headers={"Content-Type": "application/json"})
    description = assert_oauth_shaped(result, 400, "invalid_client_metadata")
    assert "evil" not in description
    assert "registrar-decision-id" not in result.headers


def test_contract_12_a_body_over_the_cap_is_413(tmp_path: Path) -> None:
    """The cap counts bytes: at the cap is read, one more is not."""
    with served(tmp_path, max_body=1024) as app:

        def post(size: int) -> testing.Result:
            filled = {**NATIVE, "unknown": ""}
            filled["unknown"] = "x" * (size - len(json.dumps(filled)))
            return app.client.simulate_post("/register", body=json.dumps(filled), headers={"Content-Type": "application/json"})

        assert post(1024).status_code == 201
        assert_oauth_shaped(post(1025), 413, "invalid_request")


class Unreadable:
    """A body that fails the test when anybody reads it."""

    def read(self, size: int = -1) -> bytes:
        """Must not be called."""
        raise AssertionError(f"read {size} bytes of a body that is too large")


class Counting:
    """An endless body, in chunks of another size than what was asked for, that counts what was read of it."""

    def __init__(self) -> None:
        self.total = 0

    def read(self, size: int = -1) -> bytes:
        """At most 100 bytes."""
        assert size > 0
        self.total += min(size, 100)
        return b"x" * min(size, 100)


def raw(app: Served, stream: object, **environ: Any) -> testing.Result:
    """POST /register with a hand-made WSGI environment."""
    made = testing.create_environ("/register", method="POST", headers={"Content-Type": "application/json"})
    made.pop("CONTENT_LENGTH", None)
    made |= {"wsgi.input": stream, **environ}
    answer = testing.StartResponseMock()
    body = app.client.app(made, answer)
    return testing.Result(body, answer.status or "", answer.headers or [])


def test_contract_12_a_claimed_length_over_the_cap_is_413_without_reading(app: Served) -> None:
    """Not one byte is read of what is announced as too large."""
    assert_oauth_shaped(raw(app, Unreadable(), CONTENT_LENGTH="65537"), 413, "invalid_request")
    assert_oauth_shaped(raw(app, Unreadable(), CONTENT_LENGTH="9" * 5000), 413, "invalid_request")


def test_contract_12_zeros_before_a_length_say_nothing(app: Served) -> None:
    """RFC 9110 §8.6: 1*DIGIT. However many digits, 100 is 100 and 65537 is too large."""
    assert_oauth_shaped(raw(app, io.BytesIO(b"[]"), CONTENT_LENGTH="0" * 30 + "2"), 400, "invalid_client_metadata")
    assert_oauth_shaped(raw(app, Unreadable(), CONTENT_LENGTH="0" * 30 + "65537"), 413, "invalid_request")


def test_a_header_that_only_looks_like_the_length_is_none(app: Served) -> None:
    """A client's `Content_Length` has the name in WSGI that Content-Length would have if it were a header like others."""
    result = raw(app, Unreadable(), CONTENT_LENGTH="70000", HTTP_CONTENT_LENGTH="1000")
    assert_oauth_shaped(result, 413, "invalid_request")


def test_contract_12_a_chunked_body_is_read_up_to_the_cap(app: Served) -> None:
    """A body without a length is given up one byte after the cap."""
    endless = Counting()
    result = raw(app, endless, **{"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"})
    assert_oauth_shaped(result, 413, "invalid_request")
    assert endless.total == 65537


def test_a_body_without_an_end_is_not_waited_for(app: Served) -> None:
    """Where the server does not mark the end, a request without Content-Length has no body."""
    assert_oauth_shaped(raw(app, Unreadable()), 400, "invalid_client_metadata")


class Short:
    """A body that ends before its Content-Length."""

    def __init__(self) -> None:
        self.left = [b'{"redirect_uris"', b""]

    def read(self, size: int = -1) -> bytes:
        """A part, then nothing."""
        return self.left.pop(0)


def test_a_body_shorter_than_its_length_is_400(app: Served) -> None:
    """A connection that broke off is no document."""
    assert_oauth_shaped(raw(app, Short(), CONTENT_LENGTH="100"), 400, "invalid_request")


@pytest.mark.parametrize("length", ["-1", "abc", "1_0", "0x10", "+1", "١"])
def test_a_malformed_length_is_400(app: Served, length: str) -> None:
    """A server might let it through."""
    result = raw(app, Unreadable(), CONTENT_LENGTH=length)
    assert_oauth_shaped(result, 400, "invalid_request")


@pytest.mark.parametrize(
    "path", ["/", "/REGISTER", "/register/x/y", "/register%2fx%2fy", "/.well-known/", "/%00", "/\udcff", "/registerx"]
)
def test_an_unknown_path_is_404(app: Served, path: str) -> None:
    """In the same shape as every error, echoing no path."""
    description = assert_oauth_shaped(
        app.client.simulate_get(path.encode("utf-8", "surrogateescape").decode("latin-1")), 404, "invalid_request"
    )
    assert description == "there is nothing at this path"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_contract_12_another_method_is_405_with_allow(app: Served, method: str) -> None:
    """Registration takes POST and OPTIONS only."""
    result = app.client.simulate_request(method, "/register")
    assert result.status_code == 405
    assert set(result.headers["allow"].split(", ")) == {"POST", "OPTIONS"}
    if method != "HEAD":
        assert_oauth_shaped(result, 405, "invalid_request")


def test_a_method_that_is_none_is_400(app: Served) -> None:
    """Falcon knows the methods of HTTP only."""
    assert (
        app.client.simulate_request("POST", "/register", headers={"Content-Type": "application/json"}, body="{}").status_code
        == 400
    )
    made = testing.create_environ("/register", method="GET")
    made["REQUEST_METHOD"] = "BREW"
    answer = testing.StartResponseMock()
    body = app.client.app(made, answer)
    assert_oauth_shaped(testing.Result(body, answer.status or "", answer.headers or []), 400, "invalid_request")


def test_contract_12_a_bearer_token_that_nobody_issued_is_401(app: Served) -> None:
    """RFC 6750 §3.1; another scheme is not for this server."""
    for header in ("Bearer abc", "bearer   abc", "Bearer", "BEARER x y"):
        result = app.post(headers={"Authorization": header})
        assert_oauth_shaped(result, 401, "invalid_token")
        assert result.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert app.post(headers={"Authorization": "Basic abc"}).status_code == 201


def test_contract_11_a_malformed_document_is_told_all_its_faults(app: Served) -> None:
    """The first one's member chooses the code; values are not echoed; no decision was made."""
    result = app.post({**NATIVE, "redirect_uris": "s3cret-value", "grant_types": 7})
    description = assert_oauth_shaped(result, 400, result.json["error"])
    assert "redirect_uris" in description
    assert "grant_types" in description
    assert "s3cret-value" not in description
    assert "registrar-decision-id" not in result.headers


def test_contract_11_redirect_uris_that_are_none_have_their_own_code(app: Served) -> None:
    """All of them are named, by position."""
    result = app.post({"redirect_uris": ["https://app.example/#", "https://app.example/", "javascript:alert(1)"]})
    description = assert_oauth_shaped(result, 400, "invalid_redirect_uri")
    assert "redirect_uris[0]" in description
    assert "redirect_uris[1]" not in description
    assert "redirect_uris[2]" in description
    assert "alert" not in description


KEY = {"kty": "EC", "crv": "P-256", "x": "x" * 43, "y": "y" * 43}


@pytest.mark.parametrize(
    ("document", "error", "member"),
    [
        ({"grant_types": ["client_credentials", "authorization_code"]}, "invalid_redirect_uri", "redirect_uris"),  # 3
        ({**HOSTED, "grant_types": ["client_credentials"], "response_types": ["code"]}, "invalid_client_metadata", "types"),  # 5
        ({**HOSTED, "jwks": {"keys": [KEY]}, "jwks_uri": "https://app.example/jwks"}, "invalid_client_metadata", "jwks"),  # 5
        ({**HOSTED, "jwks": {"keys": [{**KEY, "d": "s3cret"}]}}, "invalid_client_metadata", "jwks"),  # 5
        ({**HOSTED, "token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata", "jwks"),  # 5
        ({**NATIVE, "scope": 'a"b'}, "invalid_client_metadata", "scope"),  # 6
        ({**NATIVE, "scope": ["mcp:read"]}, "invalid_client_metadata", "scope"),  # 2
        ({"redirect_uris": ["http://app.example/"]}, "invalid_redirect_uri", "redirect_uris"),  # 21
        ({"redirect_uris": ["http://localhost.evil.example/"]}, "invalid_redirect_uri", "redirect_uris"),  # 21
        ({"redirect_uris": ["https://user@app.example/"]}, "invalid_redirect_uri", "redirect_uris"),  # 20
        ({"redirect_uris": ["https://app.example/#"]}, "invalid_redirect_uri", "redirect_uris"),  # 20
        ({"redirect_uris": ["https://app.example\\@evil.example/"]}, "invalid_redirect_uri", "redirect_uris"),  # 20
    ],
)
def test_contract_31_the_code_fits_the_member_that_is_wrong(app: Served, document: object, error: str, member: str) -> None:
    """Clients show an error only when it is a 400 with a code of RFC 7591; the description names the member, not its value."""
    description = assert_oauth_shaped(app.post(document), 400, error)
    assert member in description
    assert "s3cret" not in description
    assert "evil" not in description


def test_contract_11_a_denied_client_is_told_every_enforced_message(app: Served) -> None:
    """The first violation's code, all messages, each once, with the member; the decision is on record."""
    result = app.post({**NATIVE, "client_name": "acme evil"})
    description = assert_oauth_shaped(result, 400, "invalid_client_metadata")
    assert description == "client_name uses a reserved name; client_name is on the list"
    record = app.decision(result)
    assert record["result"] == "deny"
    assert record["client_id"] == ""
    assert [found["rule"] for found in record["violations"]] == ["names/not-reserved", "names/not-evil"]
    assert record["profile"] == "native"
    assert record["facts"]["metadata"]["client_name"] == "acme evil"


def test_a_rule_that_breaks_is_500_with_the_decision_id(app: Served) -> None:
    """The operator is at fault; the client learns nothing but the id, under which the rule is on record."""
    result = app.post({**NATIVE, "software_version": "breaks"})
    description = assert_oauth_shaped(result, 500, "server_error")
    assert "never shown" not in description
    record = app.decision(result)
    assert record["result"] == "error"
    assert [(found["rule"], found["errored"]) for found in record["violations"]] == [("names/breaks", True)]


def test_contract_12_an_unavailable_store_is_503(tmp_path: Path) -> None:
    """Nothing is stored, neither for a client that was admitted nor for one that was refused."""
    with served(tmp_path) as app:
        app.store.close()
        for body in (NATIVE, {**NATIVE, "client_name": "acme"}):
            result = app.post(body)
            description = assert_oauth_shaped(result, 503, "temporarily_unavailable")
            assert int(result.headers["retry-after"]) > 0
            assert "registrar-decision-id" in result.headers
            assert "client" not in description


class Exploding:
    """A store that fails in a way that nobody expected."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def add(self, *_arguments: object) -> None:
        """Fails with a text that no client may see."""
        raise RuntimeError("s3cret of the database")

    def record(self, *_arguments: object) -> None:
        """Fails as well, in a way that has no type of its own."""
        raise RecursionError


@pytest.mark.parametrize("body", [NATIVE, {**NATIVE, "client_name": "acme"}])
def test_contract_12_a_bug_is_a_constant_500_with_the_decision_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, body: object
) -> None:
    """The trace goes to the log under the same id; the client gets neither trace nor text, and CORS headers as always."""
    store: Any = Exploding(open_store(settings(tmp_path)))
    with served(tmp_path, store=store) as app, caplog.at_level(logging.ERROR):
        result = app.post(body)
    assert_oauth_shaped(result, 500, "server_error")
    assert "s3cret" not in result.text
    assert result.headers["access-control-allow-origin"] == "*"
    (logged,) = [record for record in caplog.records if record.message == "unexpected failure"]
    assert logged.exc_info is not None
    assert logged.__dict__["fields"]["decision_id"] == result.headers["registrar-decision-id"]


def test_contract_32_browsers_can_read_every_error(app: Served) -> None:
    """CORS headers are on 400, 401, 404, 405, 413 and 415 too, never with credentials."""
    answers = [
        app.post({}),
        app.post({**HOSTED, "client_name": "acme"}),
        app.post(headers={"Authorization": "Bearer x"}),
        app.client.simulate_get("/nowhere"),
        app.client.simulate_put("/register"),
        app.post({"x": "x" * 70000}),
        app.client.simulate_post("/register", body="x"),
        app.client.simulate_get(well_known_paths("https://as.example")[0]),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 401, 404, 405, 413, 415, 404]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Registrar-Decision-Id" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
