"""POST /register (RFC 7591 §3.1)."""

import falcon

from registrar.http.answers import set_registration
from registrar.http.bearer import bearer_token
from registrar.http.body import read_object
from registrar.http.source import SourceReader
from registrar.service import Registrar, RegistrationRequest


class Registrations:
    """The client registration endpoint. `max_body` is in bytes; `max_depth` counts nested arrays and objects."""

    def __init__(self, registrar: Registrar, sources: SourceReader, *, max_body: int, max_depth: int) -> None:
        self._registrar = registrar
        self._sources = sources
        self._max_body = max_body
        self._max_depth = max_depth

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """201 with the whole registration (RFC 7591 §3.2.1); everything else is raised."""
        token, source = bearer_token(req), self._sources.read(req)
        # A flood from where there is no room is turned away before its documents are read.
        self._registrar.shed(source, token)
        body = read_object(req, max_body=self._max_body, max_depth=self._max_depth)
        registration = self._registrar.register(RegistrationRequest(body=body, source=source, token=token))
        resp.status = falcon.HTTP_201
        set_registration(resp, registration)
