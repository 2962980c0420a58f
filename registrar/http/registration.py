"""POST /register (RFC 7591 §3.1)."""

from typing import Final

import falcon

from registrar.http.answers import DECISION_ID, set_json, string_list
from registrar.http.body import read_object
from registrar.http.source import SourceReader
from registrar.service import Registrar, RegistrationRequest

_MAX_WARNINGS: Final = 16  # a header has to fit into what proxies let through


class Registrations:
    """The client registration endpoint. `max_body` is in bytes; `max_depth` counts nested arrays and objects."""

    def __init__(self, registrar: Registrar, sources: SourceReader, *, max_body: int, max_depth: int) -> None:
        self._registrar = registrar
        self._sources = sources
        self._max_body = max_body
        self._max_depth = max_depth

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """201 with the whole registration (RFC 7591 §3.2.1); everything else is raised."""
        body = read_object(req, max_body=self._max_body, max_depth=self._max_depth)
        registration = self._registrar.register(
            RegistrationRequest(body=body, source=self._sources.read(req), token=_bearer_token(req))
        )
        resp.status = falcon.HTTP_201
        set_json(resp, registration.client)
        resp.set_header(DECISION_ID, registration.decision_id)
        if registration.warnings:
            resp.set_header("Registrar-Warning", string_list(registration.warnings[:_MAX_WARNINGS]))


def _bearer_token(req: falcon.Request) -> str | None:
    """The initial access token (RFC 6750 §2.1), None when the request has none. Other schemes are not for this server."""
    scheme, _, token = req.get_header("Authorization", default="").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
