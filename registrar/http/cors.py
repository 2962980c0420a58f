"""Lets browsers read the answers (wire contract 14 and 32), on errors too, never with credentials."""

from collections.abc import Sequence
from typing import Final

import falcon

_METHODS: Final = "GET, HEAD, POST, PUT, DELETE, OPTIONS"  # a client in a browser may manage its registration, too
# The star covers what clients invent (MCP-Protocol-Version); Authorization is never covered by it (Fetch Standard).
_REQUEST_HEADERS: Final = "*, Authorization"
_EXPOSED: Final = ", ".join(
    (
        "Registrar-Decision-Id",
        "Registrar-Warning",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "WWW-Authenticate",
    )
)
_MAX_AGE: Final = "7200"  # seconds; browsers keep a preflight no longer


class Cors:
    """Middleware. `origins` is ("*",) or the origins, in lower case, that may read the answers."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = tuple(origins) == ("*",)
        self._origins = frozenset(origins)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer a preflight before routing, so that the real request gets its own 404 or 405 and a script can read it."""
        if req.method == "OPTIONS" and req.get_header("Origin") and req.get_header("Access-Control-Request-Method"):
            resp.status = falcon.HTTP_204
            if self._allows(req):
                resp.set_header("Access-Control-Allow-Methods", _METHODS)
                resp.set_header("Access-Control-Allow-Headers", _REQUEST_HEADERS)
                resp.set_header("Access-Control-Max-Age", _MAX_AGE)
            resp.complete = True

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool) -> None:  # noqa: ARG002
        """Open the answer, whatever it is."""
        if not self._any:
            resp.append_header("Vary", "Origin")
        if self._allows(req):
            resp.set_header("Access-Control-Allow-Origin", "*" if self._any else req.get_header("Origin", default=""))
            resp.set_header("Access-Control-Expose-Headers", _EXPOSED)

    def _allows(self, req: falcon.Request) -> bool:
        return self._any or req.get_header("Origin", default="").lower() in self._origins
