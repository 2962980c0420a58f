"""Log lines: one event a line, whatever a client has sent."""

import json
import logging
import os

from hypothesis import given
from hypothesis import strategies as st

from registrar.cli.logs import JsonLines, TextLines


def record(message: str, fields: dict[str, object] | None = None, error: Exception | None = None) -> logging.LogRecord:
    """A record as the program makes them."""
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("registrar.test", logging.INFO, __file__, 1, message, (), exc_info)
    made.fields = fields or {}
    return made


def test_a_text_line_leaves_empty_fields_out() -> None:
    """Time, level, message, fields."""
    line = TextLines().format(record("decision", {"client_id": "", "rules": [], "warnings": ["a/b"], "status": 0}))
    assert line.split(maxsplit=1)[1] == 'info decision warnings=["a/b"] status=0'


def test_a_line_names_the_app_that_writes_it() -> None:
    """For several processes tell of the same event."""
    assert TextLines(app="private").format(record("policy activated", {"revision": "r"})).endswith('revision="r" app="private"')
    assert json.loads(JsonLines(app="private").format(record("policy activated")))["app"] == "private"


def test_a_trace_in_text_stands_behind_a_bar() -> None:
    """So that its lines are not taken for events, even when the exception quotes a client."""
    lines = (
        TextLines()
        .format(record("unexpected failure", error=ValueError("x\n2026-01-01T00:00:00Z info decision\x1b[2J")))
        .splitlines()
    )
    assert all(line.startswith("    | ") for line in lines[1:])
    assert all(line.isprintable() for line in lines)


def test_a_trace_in_json_is_a_field() -> None:
    """One line all the same."""
    line = JsonLines().format(record("unexpected failure", {"decision_id": "d"}, ValueError("x\ny")))
    assert "\n" not in line
    assert json.loads(line)["decision_id"] == "d"
    assert json.loads(line)["process"] == os.getpid()
    assert "ValueError: x\ny" in json.loads(line)["trace"]


@given(st.text(), st.dictionaries(st.sampled_from(["path", "source", "agent"]), st.text() | st.lists(st.text())))
def test_no_text_makes_a_line_of_its_own(message: str, fields: dict[str, object]) -> None:
    """Neither in the message nor in a field, by whatever Unicode has for a line end."""
    text, line = TextLines().format(record(message, fields)), JsonLines().format(record(message, fields))
    assert text.isprintable()
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == message
