"""One log line for each request."""

import logging
from http import HTTPStatus
from time import perf_counter
from typing import Final

import falcon

from registrar.http.answers import DECISION_ID
from registrar.http.source import SourceReader

_LOG: Final = logging.getLogger(__name__)
_MAX_PATH: Final = 200  # characters of a path that are logged: a client chooses its length


class RequestLog:
    """Middleware. Requests that a decision line reports already, and health checks, are logged at debug level."""

    def __init__(self, sources: SourceReader) -> None:
        self._sources = sources

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Note when it began."""
        req.context.began = perf_counter()

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool) -> None:  # noqa: ARG002
        """Log what was asked and answered: never a header's value or a body."""
        level = logging.DEBUG if resp.status_code < HTTPStatus.BAD_REQUEST or resp.get_header(DECISION_ID) else logging.INFO
        if not _LOG.isEnabledFor(level):
            return
        fields = {
            "method": req.method,
            "path": req.path[:_MAX_PATH],
            "status": resp.status_code,
            "milliseconds": round((perf_counter() - req.context.began) * 1000, 2),
            "source": self._sources.read(req).ip,
        }
        if refusal := req.context.get("refusal"):
            fields |= {"error": str(refusal.code), "description": refusal.description}
        _LOG.log(level, "request", extra={"fields": fields})
