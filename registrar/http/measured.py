"""Tells how each request was answered, for whoever counts it."""

from time import perf_counter
from typing import Final, Protocol

import falcon
from falcon.constants import HTTP_METHODS


class Meter(Protocol):
    """Somebody who counts. MUST: cheap, safe between threads, and raises nothing."""

    def answered(self, app: str, *, route: str, method: str, status: int, code: str, seconds: float) -> None:
        """The app `app` answered after `seconds`. `code` is the one in the body of an error, else ""."""


_METHODS: Final = frozenset(HTTP_METHODS)


class Measured:
    """Middleware, the first of all: what comes after it is measured. What a client chose is told in words of the program."""

    def __init__(self, app: str, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Note when it began."""
        req.context.measured_from = perf_counter()

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool) -> None:  # noqa: ARG002
        """Tell it."""
        refusal = req.context.get("refusal")
        self._meter.answered(
            self._app,
            route=req.uri_template or "",
            method=req.method if req.method in _METHODS else "",
            status=resp.status_code,
            code=str(refusal.code) if refusal else "",
            seconds=perf_counter() - req.context.measured_from,
        )
