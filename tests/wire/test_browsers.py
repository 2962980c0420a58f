"""What the program reads in a redirect URI is what a browser goes to: compared with the URL parser of Node (WHATWG URL)."""

import json
import random
import shutil
import subprocess

import pytest

from registrar.wire import RedirectUri, RedirectUriError, parse_redirect_uri

NODE = shutil.which("node")
PIECES = [
    *(
        "//",
        "/",
        "\\",
        "@",
        ":",
        "?",
        ".",
        "..",
        "%2e",
        "%",
        "[",
        "]",
        ":80",
        ":443",
        ":8080",
        ":0",
        "\t",
        "--",
        "-",
        "_",
        ";",
        "!",
        "'",
        "~",
    ),
    *(
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[2001:DB8::1]",
        "2130706433",
        "0x7f",
        "0x",
        "0",
        "09",
        "1",
        "client.example",
        "Client",
        "a",
    ),
    *(
        "bücher.example",
        "ｌocalhost",
        "ü",
        "ß",
        "ﬀ",
        "İ",
        "℀",
        "。",
        "．",
        "①",
        "²",
        "ſ",
        "\u200d",
        "\u00a0",
        "日本",
        "א",
        "ا",
        "𝓁",
        "xn--",
        "xn--bcher-kva",
    ),
]
SCRIPT = """
const rows = JSON.parse(require("fs").readFileSync(0, "utf8"));
const read = (uri) => {
  try {
    const url = new URL(uri);
    return [url.protocol, url.hostname.replace(/^\\[|\\]$/g, ""), url.port, url.pathname, url.search];
  } catch { return null; }
};
console.log(JSON.stringify(rows.map(read)));
"""


def accepted(count: int) -> list[RedirectUri]:
    """The http and https URIs that the program takes among `count` made of pieces, the same ones in every run."""
    chance = random.Random(7)
    found = {}
    for _ in range(count):
        uri = chance.choice(["https://", "http://", "HTTPS://"]) + "".join(chance.choices(PIECES, k=chance.randint(1, 5)))
        try:
            found[uri] = parse_redirect_uri(uri)
        except RedirectUriError:
            continue
    return list(found.values())


def as_browsers_tell_it(redirect: RedirectUri) -> list[str]:
    """The facts in the form of a URL object: a default port is not shown, an empty path is `/`, a quote in a query is escaped."""
    default = {"http": 80, "https": 443}[redirect.scheme]
    port = "" if redirect.port == default else str(redirect.port)
    query = "?" + redirect.query.replace("'", "%27") if redirect.query else ""
    return [f"{redirect.scheme}:", redirect.host, port, redirect.path or "/", query]


@pytest.mark.skipif(NODE is None, reason="needs Node")
def test_20_21_browsers_read_accepted_uris_as_the_program_does() -> None:
    """Contract 20 and 21: same scheme, host, port, path and query, for every URI that gets through."""
    redirects = accepted(60_000)
    assert len(redirects) > 2_000
    told = subprocess.run(
        [str(NODE), "-e", SCRIPT],
        input=json.dumps([redirect.uri for redirect in redirects]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    for redirect, read in zip(redirects, json.loads(told.stdout), strict=True):
        assert read == as_browsers_tell_it(redirect), redirect.uri
