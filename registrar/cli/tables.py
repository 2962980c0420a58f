"""How what is in the database is printed: as JSON for programs, in aligned columns for people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from registrar.cli.reports import visible


def form_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The `--format` option; the command gets it as `form`."""
    formats = click.Choice(["pretty", "json"])
    return click.option("--format", "form", type=formats, default="pretty", show_default=True, help="How to print.")(command)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a table; what a terminal would obey is escaped. No line at all when there are no rows."""
    lines = [[visible(str(cell)) for cell in row] for row in rows]
    if lines:
        lines.insert(0, list(head))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def moment(epoch: int, *, absent: str = "never") -> str:
    """Epoch seconds as in 2026-10-01T12:00:00Z; 0 is `absent`. What is in no calendar, as a lifetime may say, stays a number."""
    if not epoch:
        return absent
    try:
        return datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(epoch)
