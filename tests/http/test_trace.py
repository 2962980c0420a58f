"""Which requests leave a line in the log, and what is in it."""

import logging
from typing import Any

import pytest

from tests.http.served import NATIVE, Served


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """The request lines: level and fields."""
    return [(record.levelname, record.__dict__["fields"]) for record in caplog.records if record.message == "request"]


def test_a_request_that_was_refused_before_a_decision_is_logged(app: Served, caplog: pytest.LogCaptureFixture) -> None:
    """With what the client was told; neither the body nor a header's value."""
    with caplog.at_level(logging.INFO):
        app.client.simulate_post(
            "/register?token=s3cret", body="s3cret", headers={"Authorization": "s3cret"}, remote_addr="192.0.2.7"
        )
    ((level, fields),) = lines(caplog)
    assert level == "INFO"
    assert fields.pop("milliseconds") >= 0
    assert fields == {
        "method": "POST",
        "path": "/register",
        "status": 415,
        "source": "192.0.2.7",
        "error": "invalid_request",
        "description": "the content type must be application/json",
    }


def test_what_a_decision_line_tells_is_not_told_twice(app: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Decided requests and health checks are logged at debug level only."""
    with caplog.at_level(logging.INFO):
        app.post()
        app.post({**NATIVE, "client_name": "acme"})
        app.client.simulate_get("/healthz")
    assert lines(caplog) == []
    decisions = [record.__dict__["fields"]["result"] for record in caplog.records if record.message == "decision"]
    assert decisions == ["allow", "deny"]
    with caplog.at_level(logging.DEBUG):
        app.client.simulate_get("/healthz")
    assert [(level, fields["status"]) for level, fields in lines(caplog)] == [("DEBUG", 200)]
