"""Times on the command line: how long, and since when."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def lifetime(_ctx: click.Context, _param: click.Parameter, value: str | None) -> timedelta | None:
    """The callback of an option that says how long something lasts: `30d`."""
    if value is None:
        return None
    found = _duration(value)
    if not found:  # nor nothing at all
        raise click.BadParameter("must be a number of days, hours, minutes or seconds, as in 30d, 12h, 90m or 45s")
    return found


def since(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """The callback of an option that says from when on: `2026-10-01T12:00:00Z`, or how long ago, `30d`. In UTC."""
    if value is None:
        return None
    try:
        if (ago := _duration(value)) is not None:
            return datetime.now(UTC) - ago
        moment = datetime.fromisoformat(value.upper())
        if moment.tzinfo is None:
            raise click.BadParameter(f"{value} has no time zone: write 2026-10-01T12:00:00Z")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter("must be a moment as in 2026-10-01T12:00:00Z, or how long ago as in 30d") from None


def _duration(text: str) -> timedelta | None:
    found = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
