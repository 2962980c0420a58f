"""How log lines look. Everything that comes from a request is JSON-escaped, so that nobody can write a line of their own."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from registrar.cli.stderr import Stderr
from registrar.settings import Settings

_encode = json.JSONEncoder(default=str).encode


class _Lines(logging.Formatter):
    """`app` names what the process serves, since several write into one log; empty for the one that serves nothing."""

    def __init__(self, app: str = "") -> None:
        super().__init__()
        self._app = {"app": app} if app else {}

    def _fields(self, record: logging.LogRecord) -> Mapping[str, object]:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        return {**fields, **self._app}


class JsonLines(_Lines):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """`record` as an object: time, level, logger, process, message, its fields, and a trace where there is one."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        trace = {"trace": self.formatException(record.exc_info)} if record.exc_info else {}
        return _encode({**line, **self._fields(record), **trace})


class TextLines(_Lines):
    """One line an event: time, level, message, and the fields as `name=value`. The lines of a trace are indented behind a bar."""

    def format(self, record: logging.LogRecord) -> str:
        """`record` as a line; fields that are empty are left out."""
        fields = [f"{name}={_encode(value)}" for name, value in self._fields(record).items() if value not in ("", [])]
        line = " ".join([_time(record), record.levelname.lower(), _one_line(record.getMessage()), *fields])
        if not record.exc_info:
            return line
        trace = "\n".join(f"    | {_one_line(part)}" for part in self.formatException(record.exc_info).splitlines())
        return f"{line}\n{trace}"


def log_config(settings: Settings, app: str) -> dict[str, Any]:
    """The configuration of `logging`, for the process that starts the server and those that serve `app`: all goes to stderr."""
    formatter = {"text": TextLines, "json": JsonLines}[settings.log_format]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}, "named": {"()": formatter, "app": app}},
        "handlers": {"stderr": {"()": Stderr, "formatter": "lines"}, "named": {"()": Stderr, "formatter": "named"}},
        "loggers": {
            "registrar": {"handlers": ["named"], "level": settings.log_level.upper(), "propagate": False},
            "_granian": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},  # also about the workers of both
        },
    }


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(message: str) -> str:
    return message if message.isprintable() else _encode(message)
