"""Reads the bearer token of a request (RFC 6750 §2)."""

from typing import Final
from urllib.parse import unquote_plus

import falcon

from registrar.service import Refusal
from registrar.wire import ErrorCode

_IN_QUERY: Final = "access_token"


def bearer_token(req: falcon.Request) -> str | None:
    """The token in the Authorization header (RFC 6750 §2.1), None when there is none. Other schemes are not for this server.

    MUST: a token in the query (RFC 6750 §2.3) is refused, whoever it belongs to: it has been written into logs and histories
    already. Raises Refusal: 400, as RFC 6750 §3.1 has it for a method that is not supported.
    """
    if _in_query(req.query_string):
        raise Refusal(400, ErrorCode.INVALID_REQUEST, "a token must be in the Authorization header, never in the URL")
    scheme, _, token = req.get_header("Authorization", default="").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _in_query(query: str) -> bool:
    return any(unquote_plus(part.partition("=")[0]) == _IN_QUERY for part in query.split("&"))
