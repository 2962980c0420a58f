"""Writes JSON answers."""

import json
from collections.abc import Iterable, Mapping

import falcon

DECISION_ID = "Registrar-Decision-Id"


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
