"""Writes JSON answers."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

import falcon

from registrar.service import Registration

DECISION_ID: Final = "Registrar-Decision-Id"
_MAX_WARNINGS: Final = 16  # a header has to fit into what proxies let through


def set_registration(resp: falcon.Response, registration: Registration) -> None:
    """Make a client that was admitted the answer, with the decision that did it and what its developer is to be warned of."""
    set_json(resp, registration.client)
    resp.set_header(DECISION_ID, registration.decision_id)
    resp.set_headers(dict(registration.headers))
    if registration.warnings:
        resp.set_header("Registrar-Warning", string_list(registration.warnings[:_MAX_WARNINGS]))


def set_json(resp: falcon.Response, document: Mapping[str, object]) -> None:
    """Make `document` the body. It is all ASCII: JSON escapes the rest."""
    resp.data = encode(document)
    resp.content_type = falcon.MEDIA_JSON


def encode(document: Mapping[str, object]) -> bytes:
    """`document` as compact ASCII JSON."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


def string_list(items: Iterable[str]) -> str:
    """`items` as a structured field: a list of strings (RFC 9651 §3.1, §3.3.3). What no header may hold becomes `?`."""
    return ", ".join(f'"{_header_text(item)}"' for item in items)


def _header_text(text: str) -> str:
    printable = "".join(char if " " <= char <= "~" else "?" for char in text)
    return printable.replace("\\", "\\\\").replace('"', '\\"')
