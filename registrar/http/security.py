"""Headers that every answer carries."""

from typing import Final

import falcon

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
# RFC 7591 §3.2: answers with credentials are not stored; the rest follows, unless a resource says how long it keeps.
_NOT_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class SecurityHeaders:
    """Middleware: the document is no page, is sniffed as none, and is not stored unless its resource allows that."""

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool) -> None:  # noqa: ARG002
        """Put the headers on."""
        resp.set_headers(_HEADERS)
        if not resp.get_header("Cache-Control"):
            resp.set_headers(_NOT_STORED)
