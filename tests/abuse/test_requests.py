"""Requests that are wrong, large or many: each is answered, shortly, and the next client is served."""

import json
import random
import sqlite3
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from itertools import cycle, product
from pathlib import Path
from string import ascii_lowercase

import httpx2
import pytest

from registrar.bundled import bundled
from registrar.errors import LoadError
from registrar.policy import compile_tree, read_files
from registrar.schema import Schema
from tests.abuse.crowd import BODY, PATIENCE, REQUEST, exchange, headers, memory, register, statuses
from tests.servers import Server, serve

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# Of every kind that a stranger can send: no JSON, no object, hostile JSON, a wrong shape, a refusal of the policy.
WRONG = [
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}',
    b"[" * 10_000,
    b'{"client_name":' + b"9" * 5_000 + b"}",
    b'{"redirect_uris":["javascript:alert(1)"]}',
    b'{"redirect_uris":["https://*.example.com/cb"]}',
    json.dumps({"redirect_uris": ["http://127.0.0.1/cb"], "client_name": "x" * 5_000}).encode(),
    json.dumps({"redirect_uris": [f"https://h{n}.example/" for n in range(51)]}).encode(),
    json.dumps({"redirect_uris": ["https://claude.ai/cb", "https://evil.example/cb"], "client_name": "Claude"}).encode(),
    json.dumps({"redirect_uris": ["https://evil.example/cb"], "client_name": "ChatGPT"}).encode(),
]
RANDOM = random.Random(7)


def _name(labels: int, length: int) -> str:
    """A name of Hangul syllables, of which Punycode makes the most."""
    return ".".join("".join(chr(RANDOM.randint(0xAC00, 0xD7A2)) for _ in range(length)) for _ in range(labels))


# As many mistakes as fit into a body of 64 kB. `junk` is what a document of that size costs that is right.
LARGE = {"redirect_uris": ["http://127.0.0.1/cb"], "junk": "x" * 60_000}
CROWDED: Mapping[str, Mapping[str, object]] = {
    "redirect URIs that are numbers": {"redirect_uris": [1] * 30_000},
    "empty redirect URIs": {"redirect_uris": [""] * 20_000},
    "grant types that are numbers": {"grant_types": [1] * 30_000},
    "control characters": {"contacts": ["\x01"] * 7_000},
    "keys that are numbers": {"jwks": {"keys": [1] * 30_000}},
    "keys without sense": {"jwks": {"keys": [{"kty": 1, "kid": 2}] * 3_000}},
    "labels without an end": {"redirect_uris": [f"https://{_name(1, 250)}/" for _ in range(50)]},
    "names": {"redirect_uris": [f"https://{_name(3, 15)}/" for _ in range(50)]},
    "languages": {f"client_name#{''.join(tag)}": 1 for tag in product(ascii_lowercase[:14], repeat=3)},
    "absent languages": {"scope": 1, **{f"tos_uri#{''.join(tag)}": None for tag in product(ascii_lowercase[:13], repeat=3)}},
}
FLOOD = [pytest.param(2, 100), pytest.param(30, 1_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("seconds", "least"), FLOOD)
def test_a_flood_of_wrong_requests_stops_nobody(tmp_path: Path, seconds: int, least: int) -> None:
    """All are refused, valid clients are served meanwhile; neither memory nor database grows with the number."""
    with serve(tmp_path, settings={"log_level": "error"}) as server, ThreadPoolExecutor(8) as pool:
        assert register(server) < PATIENCE
        before, until = memory(server), time.monotonic() + seconds
        floods = [pool.submit(_flood, server, until) for _ in range(8)]
        served = []
        while time.monotonic() < until:
            served.append(register(server))
            time.sleep(0.2)
        answers = [status for flood in floods for status in flood.result()]
        assert set(answers) == {400}
        assert len(answers) > least * seconds / 4  # the machine may be slow, and be shared
        assert max(served) < PATIENCE / 2
        assert memory(server) - before < 64
    with closing(sqlite3.connect(tmp_path / "state" / "registrar.db")) as database:
        [refusals] = database.execute("SELECT COUNT(*) FROM decision WHERE result = 'deny'").fetchone()
    assert refusals < 200 + 2 * seconds


def _flood(server: Server, until: float) -> list[int]:
    """Wrong requests, one after the other over one connection: their status codes."""
    codes: list[int] = []
    with closing(HTTPConnection(server.address, timeout=PATIENCE)) as connection:
        for body in cycle(WRONG):
            if time.monotonic() > until:
                return codes
            connection.request("POST", "/register", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            codes.append(answer.status)
    return codes


@pytest.mark.parametrize("document", CROWDED.values(), ids=CROWDED)
def test_thousands_of_mistakes_cost_no_more_than_a_large_document(server: Server, document: Mapping[str, object]) -> None:
    """Others wait meanwhile: what a refusal costs must not grow with what is wrong. Each mistake in words takes 50 µs or more."""
    usual = min(_answered(server, LARGE, httpx2.codes.CREATED) for _ in range(4))
    assert min(_answered(server, document, httpx2.codes.BAD_REQUEST) for _ in range(4)) < 20 * usual


def _answered(server: Server, document: Mapping[str, object], status: int) -> float:
    """The seconds until `document` is answered."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    assert len(body) < 65_536
    with closing(HTTPConnection(server.address, timeout=PATIENCE)) as connection:
        connection.connect()
        began = time.perf_counter()
        connection.request("POST", "/register", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        return time.perf_counter() - began


@pytest.mark.parametrize(
    "head",
    [
        b"X-Large: " + b"a" * 400_000 + b"\r\n",
        b"".join(b"X-%d: a\r\n" % number for number in range(20_000)),
        b"Cookie: " + b"a=b; " * 100_000 + b"\r\n",
        b"a" * 400_000,
    ],
    ids=["one large header", "many headers", "cookies", "a name without end"],
)
def test_oversized_heads_are_refused(server: Server, head: bytes) -> None:
    """No application sees them, and the memory that they took is given back."""
    before = memory(server)
    for _ in range(20):
        answer = exchange(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
        assert all(400 <= status < 500 for status in statuses(answer)), answer[:200]
    assert memory(server) - before < 32
    assert register(server) < PATIENCE


def test_an_oversized_target_is_refused(server: Server) -> None:
    answer = exchange(server, b"GET /" + b"a" * 400_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert all(400 <= status < 500 for status in statuses(answer))
    assert register(server) < PATIENCE


@pytest.mark.parametrize(
    "request_line",
    [
        b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + REQUEST,
        b"POST /register HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
        b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
        b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nabc",
        b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        bytes(range(256)) * 64,
    ],
    ids=["two lengths", "length and chunks", "endless chunk", "huge length", "negative length", "version", "TLS", "noise"],
)
def test_what_is_no_request_registers_nobody(server: Server, request_line: bytes) -> None:
    """Smuggled, malformed or no HTTP at all: refused or closed, never answered with a client."""
    assert 201 not in statuses(exchange(server, request_line))
    assert register(server) < PATIENCE


@pytest.mark.parametrize(
    ("request_line", "body", "sent", "status"),
    [
        ("POST /register", BODY, {"Content-Type": "application/json"}, 201),
        ("POST /register", b"{", {"Content-Type": "application/json"}, 400),
        ("POST /register", BODY, {"Content-Type": "application/json", "Authorization": "Bearer nobody"}, 401),
        ("POST /register", BODY, {"Content-Type": "text/plain"}, 415),
        ("POST /register", BODY + b" " * 100_000, {"Content-Type": "application/json"}, 413),
        ("DELETE /register", None, {}, 405),
        ("GET /register/nobody", None, {}, 401),
        ("GET /nothing", None, {}, 404),
        ("GET /healthz", None, {}, 200),
        ("OPTIONS /register", None, {"Origin": "https://x.example", "Access-Control-Request-Method": "POST"}, 204),
    ],
    ids=lambda value: str(value)[:24] if isinstance(value, (str, int)) else "",
)
def test_every_answer_has_the_security_headers(
    server: Server, request_line: str, body: bytes | None, sent: dict[str, str], status: int
) -> None:
    """Of whatever kind: no script runs in it, it is sniffed as nothing else, stored nowhere, and sends no referrer."""
    method, path = request_line.split()
    with httpx2.Client(trust_env=False, timeout=PATIENCE) as client:
        answer = client.request(method, server.origin + path, content=body, headers=sent)
    assert (answer.status_code, headers(answer)) == (status, HEADERS)


@pytest.mark.parametrize("host", ["*.com", "*.co.uk", "*.github.io", "*.vercel.app", "*.xn--p1ai", "*.unknown-tld"])
def test_wildcards_over_public_suffixes_do_not_load(host: str) -> None:
    """Anybody could register a name under them: no policy with one is ever in force."""
    files = dict(read_files(bundled("policies")))
    profile = "profiles/hosted-clients.yaml"
    files[profile] = files[profile].replace(b"[chatgpt.com]", f'["{host}"]'.encode())
    with pytest.raises(LoadError, match="is a wildcard over a public suffix"):
        compile_tree(files, Schema.load("policy"))
