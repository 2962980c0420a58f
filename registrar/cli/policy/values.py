"""How values of expressions are shown: as JSON, and only in characters that a terminal does not obey."""

import base64
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from registrar.cel import RecordType, Type

_MICROSECOND = timedelta(microseconds=1)


def plain(value: object, kind: Type | None = None) -> Any:
    """`value` in the types of JSON, as protobuf's mapping has it: times and bytes are texts. `kind` is its type, if known.

    Raises EvaluationError when a member is computed only now and has no value.
    """
    if isinstance(kind, RecordType) and kind.values is None and not kind.attributes:
        return {name: plain(_item(value, name)) for name in kind.members}
    match value:
        case None | bool() | str():
            return value
        case int():
            return int(value)
        case float():
            return value if math.isfinite(value) else _special(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return _seconds(value)
        case Mapping():
            return {_key(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return _record(value)


def one_line(value: object, kind: Type | None = None, limit: int = 0) -> str:
    """`value` as one line of JSON, cut after `limit` characters when that is not 0."""
    text = printable(json.dumps(plain(value, kind), ensure_ascii=False))
    return text if not limit or len(text) <= limit else text[: limit - 3] + "..."


def indented(value: object) -> str:
    """`value` as JSON on several lines."""
    return "\n".join(printable(line) for line in json.dumps(plain(value), ensure_ascii=False, indent=2).split("\n"))


def printable(text: str) -> str:
    """`text` with escapes for what a terminal would obey and an eye would not see: control and format characters (UTS 36)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] if char != "\x7f" else r"\u007f" for char in text)


def pointed(text: str, offset: int) -> Iterable[str]:
    """The line of an expression in which character `offset` stands, and a caret under that."""
    begin = text.rfind("\n", 0, offset) + 1
    line = text[begin:].partition("\n")[0]
    yield line.replace("\t", " ")
    yield " " * min(offset - begin, len(line)) + "^"


def position(text: str, offset: int) -> str:
    """Line and column of character `offset`, counted from 1."""
    return f"{text.count(chr(10), 0, offset) + 1}:{offset - text.rfind(chr(10), 0, offset)}"


def paint(text: str, colour: str, *, bold: bool = False) -> str:
    """`text` in a colour, unless NO_COLOR is set (https://no-color.org). click.echo takes it away where there is no terminal."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=colour, bold=bold or None)


def _item(value: Any, name: str) -> object:
    item: object = value[name]
    return item


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _seconds(value: timedelta) -> str:
    whole, rest = divmod(abs(value) // _MICROSECOND, 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if value < timedelta(0) else ''}{whole}{fraction}s"


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(plain(key))


def _record(value: object) -> Any:
    """A record that is read by attributes; anything else as the language writes it (a type, an address)."""
    if is_dataclass(value) and not isinstance(value, Type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return str(value)
