"""The error mapping, on exceptions that this program's own resources do not raise."""

import logging
from typing import Any

import falcon
import pytest
from falcon import testing

from registrar.http import Cors, SecurityHeaders, install_error_handlers


class Raising:
    """A resource that raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Fails, after it has begun to answer."""
        resp.text = "half an answer"
        raise self._error


def answer(error: Exception) -> testing.Result:
    """What a client gets when `error` is raised."""
    app: falcon.App[Any, Any] = falcon.App(middleware=[SecurityHeaders(), Cors(("*",))])
    install_error_handlers(app)
    app.add_route("/", Raising(error))
    return testing.TestClient(app).simulate_get("/")


@pytest.mark.parametrize(
    "error",
    [
        falcon.HTTPServiceUnavailable(title="s3cret"),
        falcon.HTTPInternalServerError(description="s3cret"),
        ValueError("s3cret"),
        RecursionError("s3cret"),
        MemoryError("s3cret"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_is_not_known_is_a_constant(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """500 server_error, nothing of the exception, nothing of the answer that was begun."""
    with caplog.at_level(logging.ERROR):
        result = answer(error)
    assert result.status_code == 500
    assert result.json == {"error": "server_error", "error_description": "the server failed; its log says why"}
    assert result.headers["cache-control"] == "no-store"
    assert result.headers["access-control-allow-origin"] == "*"
    assert "registrar-decision-id" not in result.headers
    assert [record.exc_info for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (falcon.HTTPBadRequest(title="s3cret"), 400),
        (falcon.HTTPInvalidHeader("s3cret", "X-Header"), 400),
        (falcon.HTTPNotFound(description="s3cret"), 404),
        (falcon.HTTPMethodNotAllowed(["GET", "HEAD"]), 405),
    ],
)
def test_falcons_own_errors_keep_their_status_and_lose_their_text(error: Exception, status: int) -> None:
    """Some of Falcon's texts quote the request."""
    result = answer(error)
    assert result.status_code == status
    assert result.json["error"] == "invalid_request"
    assert "s3cret" not in result.text
    assert result.headers.get("allow") == ("GET, HEAD" if status == 405 else None)
