"""The one error mapping: whatever goes wrong is answered as OAuth-shaped JSON, and what is unknown as a constant."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import falcon

from registrar.errors import RegistrarError
from registrar.http.answers import DECISION_ID, set_json
from registrar.service import DecisionFailedError, GoneError, NoSecretError, Refusal, UnknownClientError
from registrar.store import StoreUnavailable
from registrar.wire import ErrorCode

_LOG: Final = logging.getLogger(__name__)

_SERVER_ERROR: Final = Refusal(500, ErrorCode.SERVER_ERROR, "the server failed; its log says why")
_UNAVAILABLE: Final = Refusal(
    503, ErrorCode.TEMPORARILY_UNAVAILABLE, "the database does not answer; try again later", headers={"Retry-After": "5"}
)
_ABOUT_CLIENTS: Final[Mapping[type[RegistrarError], tuple[int, ErrorCode]]] = {
    UnknownClientError: (404, ErrorCode.UNKNOWN_CLIENT),
    GoneError: (410, ErrorCode.CLIENT_GONE),
    NoSecretError: (409, ErrorCode.INVALID_REQUEST),
}
# Falcon's own texts are not passed on: some of them quote the request.
_DESCRIPTIONS: Final[Mapping[int, str]] = {
    404: "there is nothing at this path",
    405: "this path does not take this method",
}


def install_error_handlers(app: falcon.App[Any, Any]) -> None:
    """Route every exception of `app` through this mapping."""
    app.add_error_handler(Exception, _answer_unexpected)
    app.add_error_handler(falcon.HTTPError, _answer_falcon)
    app.add_error_handler(Refusal, _answer_refusal)
    app.add_error_handler(StoreUnavailable, _answer_unavailable)
    for kind in _ABOUT_CLIENTS:
        app.add_error_handler(kind, _answer_about_client)


def _answer_refusal(req: falcon.Request, resp: falcon.Response, error: Refusal, params: Mapping[str, object]) -> None:  # noqa: ARG001
    _answer(req, resp, error)


def _answer_falcon(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: Mapping[str, object]) -> None:
    """Falcon's own: no such path, no such method (with Allow), malformed headers."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _answer_unexpected(req, resp, error, params)
        return
    description = _DESCRIPTIONS.get(error.status_code, "the request is malformed")
    _answer(req, resp, Refusal(error.status_code, ErrorCode.INVALID_REQUEST, description))
    if error.headers:
        resp.set_headers(error.headers)


def _answer_about_client(
    req: falcon.Request,
    resp: falcon.Response,
    error: RegistrarError,
    params: Mapping[str, object],  # noqa: ARG001
) -> None:
    """Somebody who is no client asked about one that is not there, or for what this one cannot have."""
    status, code = _ABOUT_CLIENTS[type(error)]
    _answer(req, resp, Refusal(status, code, str(error)))


def _answer_unavailable(
    req: falcon.Request,
    resp: falcon.Response,
    error: StoreUnavailable,
    params: Mapping[str, object],  # noqa: ARG001
) -> None:
    """The database cannot serve, and no decision was on the way."""
    _LOG.error("store unavailable", extra={"fields": {"path": req.uri_template or "", "cause": str(error)}})
    _answer(req, resp, _UNAVAILABLE)


def _answer_unexpected(req: falcon.Request, resp: falcon.Response, error: Exception, params: Mapping[str, object]) -> None:  # noqa: ARG001
    """A bug. The client gets a constant; the log gets the trace; both get the decision id when a decision was made."""
    decision_id = error.decision_id if isinstance(error, DecisionFailedError) else ""
    fields = {"method": req.method, "path": req.uri_template or "", "decision_id": decision_id}
    _LOG.error("unexpected failure", exc_info=error, extra={"fields": fields})
    _answer(req, resp, _SERVER_ERROR, decision_id)


def _answer(req: falcon.Request, resp: falcon.Response, refusal: Refusal, decision_id: str = "") -> None:
    """RFC 7591 §3.2.2, RFC 6749 §5.2."""
    req.context.refusal = refusal  # for the log
    resp.status = refusal.status
    set_json(resp, {"error": str(refusal.code), "error_description": refusal.description})
    resp.set_headers(dict(refusal.headers))
    if decision := decision_id or refusal.decision_id:
        resp.set_header(DECISION_ID, decision)
