"""The client configuration endpoint, /register/{client_id} (RFC 7592 §2)."""

import falcon

from registrar.http.answers import set_json, set_registration
from registrar.http.bearer import bearer_token
from registrar.http.body import read_object
from registrar.http.source import SourceReader
from registrar.service import Management, RegistrationRequest


class ClientConfiguration:
    """Where a client reads, replaces and deletes its registration. `max_body` is in bytes; `max_depth` counts nested values."""

    def __init__(self, management: Management, sources: SourceReader, *, max_body: int, max_depth: int) -> None:
        self._management = management
        self._sources = sources
        self._max_body = max_body
        self._max_depth = max_depth

    def on_get(self, req: falcon.Request, resp: falcon.Response, client_id: str) -> None:
        """200 with the registration (RFC 7592 §2.1); everything else is raised."""
        set_json(resp, self._management.read(client_id, bearer_token(req)))

    def on_put(self, req: falcon.Request, resp: falcon.Response, client_id: str) -> None:
        """200 with the registration as it is now (RFC 7592 §2.2); everything else is raised."""
        token = bearer_token(req)
        body = read_object(req, max_body=self._max_body, max_depth=self._max_depth)
        request = RegistrationRequest(body=body, source=self._sources.read(req), token=token)
        set_registration(resp, self._management.replace(client_id, request))

    def on_delete(self, req: falcon.Request, resp: falcon.Response, client_id: str) -> None:
        """204 (RFC 7592 §2.3); everything else is raised."""
        self._management.delete(client_id, bearer_token(req))
        resp.status = falcon.HTTP_204
