"""/as/v1: what an authorization server asks of the clients that it serves."""

from collections.abc import Callable, Mapping
from typing import Final

import falcon

from registrar.http.answers import set_json
from registrar.http.body import read_object
from registrar.http.lengths import SMALL
from registrar.http.private.documents import client_document
from registrar.http.private.guard import Guard
from registrar.http.private.paths import split_action
from registrar.service import Clients, Refusal
from registrar.wire import ErrorCode

_MAX_BODY: Final = SMALL  # bytes: a redirect URI of 2,048 characters, each escaped, is not that long
_MAX_DEPTH: Final = 4


class Lookups:
    """/as/v1/clients/{client_id}, and what is asked below it: the last segment of a POST is the question, the rest the id."""

    def __init__(self, guard: Guard, clients: Clients) -> None:
        self._guard = guard
        self._clients = clients
        self._questions: Mapping[str, Callable[[falcon.Request, falcon.Response, str], None]] = {
            "authenticate": self._authenticate,
            "redirect": self._redirect,
            "seen": self._seen,
        }

    def on_get(self, req: falcon.Request, resp: falcon.Response, rest: str) -> None:
        """200 with the client, which is active or disabled; 404 for one that never was, 410 for one that is no more."""
        self._guard.admit(req)
        set_json(resp, client_document(self._clients.get(rest)))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, rest: str) -> None:
        """200 or 204 with the answer to a question about the client."""
        self._guard.admit(req)
        client_id, ask = split_action(rest, self._questions)
        ask(req, resp, client_id)

    def _authenticate(self, req: falcon.Request, resp: falcon.Response, client_id: str) -> None:
        """Whether this is the client's secret. A client that is unknown, gone or disabled authenticates with none."""
        secret = _only_member(req, "client_secret")
        set_json(resp, {"authenticated": self._clients.authenticate(client_id, secret)})

    def _redirect(self, req: falcon.Request, resp: falcon.Response, client_id: str) -> None:
        """Whether this is a redirect URI of the client (wire contract 22)."""
        uri = _only_member(req, "redirect_uri")
        set_json(resp, {"allowed": self._clients.allows_redirect(client_id, uri)})

    def _seen(self, req: falcon.Request, resp: falcon.Response, client_id: str) -> None:  # noqa: ARG002
        self._clients.seen(client_id)
        resp.status = falcon.HTTP_204


def _only_member(req: falcon.Request, name: str) -> str:
    """The text that is the one member of the body. Raises Refusal."""
    body = read_object(req, max_body=_MAX_BODY, max_depth=_MAX_DEPTH)
    value = body.get(name)
    if not isinstance(value, str) or len(body) != 1:
        raise Refusal(400, ErrorCode.INVALID_REQUEST, f"the body must have the member {name}, a string, and no other")
    return value
