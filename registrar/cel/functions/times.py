"""Timestamps and durations (langdef, "Timestamps"; the JSON mapping of protobuf).

Both are kept to the microsecond, as Python keeps them: a text that says more is an error, never rounded.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import partial

from registrar.cel.errors import Failure
from registrar.cel.functions.function import Function, apply
from registrar.cel.functions.operators import duration
from registrar.cel.types import DURATION, INT, STRING, TIMESTAMP

_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
# Each part is a number and a unit, and no unit begins like a number: nothing here backtracks.
_PART = re.compile(r"([0-9]{1,15})?(?:\.([0-9]{0,12}))?(ns|us|µs|μs|ms|s|m|h)")
# In nanoseconds.
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
# What durations are added up in: the last place after the point, of a nanosecond.
_PLACES = 12
_MICROSECOND = 10 ** (3 + _PLACES)
_MAX_DURATION_TEXT = 100
_OFFSET = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(?:/[A-Za-z][A-Za-z0-9_+-]{0,30}){0,2}")
_DIGITS = 6
_LAST_MINUTE, _LAST_HOUR = 59, 23


def parse_timestamp(text: str) -> datetime:
    """The moment that `text` writes as RFC 3339 does."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise Failure("the text is no RFC 3339 timestamp")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, _micros(found[7] or ""), tzinfo=UTC)
        return local - _shift(found[8], found[9], found[10]) if found[8] else local
    except (ValueError, OverflowError):
        raise Failure("timestamp out of range") from None


def _micros(fraction: str) -> int:
    if fraction[_DIGITS:].strip("0"):
        raise Failure("timestamps are kept to the microsecond")
    return int(fraction[:_DIGITS].ljust(_DIGITS, "0"))


def _shift(sign: str, hours: str, minutes: str) -> timedelta:
    if int(hours) > _LAST_HOUR or int(minutes) > _LAST_MINUTE:
        raise Failure("the offset from UTC is out of range")
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    return -shift if sign == "-" else shift


def parse_duration(text: str) -> timedelta:
    """The length of time that `text` writes: a sign, then numbers with units (h, m, s, ms, us, ns)."""
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return timedelta(0)
    micros, rest = divmod(_sum_of_parts(body), _MICROSECOND)
    if rest:
        raise Failure("durations are kept to the microsecond")
    try:
        return duration(timedelta(microseconds=-micros if text[0] == "-" else micros))
    except OverflowError:
        raise Failure("duration out of range") from None


def _sum_of_parts(body: str) -> int:
    total, position = 0, 0
    while position < len(body) <= _MAX_DURATION_TEXT:
        part = _PART.match(body, position)
        if part is None or not (part[1] or part[2]):
            break
        fraction = part[2] or ""
        total += int((part[1] or "") + fraction.ljust(_PLACES, "0")) * _UNITS[part[3]]
        position = part.end()
    if not body or position != len(body):
        raise Failure("the text is no duration")
    return total


def format_timestamp(value: datetime) -> str:
    """As RFC 3339 writes it, in UTC, with no more digits than it takes."""
    moment = value.astimezone(UTC)
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}{_fraction(moment.microsecond)}Z"


def format_duration(value: timedelta) -> str:
    """In seconds, with no more digits than it takes."""
    sign, length = ("-", -value) if value < timedelta(0) else ("", value)
    return f"{sign}{length.days * 86_400 + length.seconds}{_fraction(length.microseconds)}s"


def _fraction(micros: int) -> str:
    return f".{micros:06d}".rstrip("0") if micros else ""


def time_zone(name: str) -> tzinfo:
    """A name of the IANA time zone database, or an offset such as `-08:00`."""
    offset = _OFFSET.fullmatch(name)
    if offset:
        return timezone(_shift(*offset.groups()))
    # The name becomes part of a file's path, and it may come from a fact.
    if not _ZONE.fullmatch(name):
        raise Failure("the text is no time zone")
    from zoneinfo import ZoneInfo  # noqa: PLC0415  1.5 ms, and few policies ask what time it is where

    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise Failure("the text is no time zone") from None


def _local(value: datetime, zone: tzinfo) -> datetime:
    try:
        return value.astimezone(zone)
    except OverflowError:
        raise Failure("timestamp out of range") from None


def _read_in(read: Callable[[datetime], int], name: str) -> Callable[[datetime], int]:
    zone = time_zone(name)
    return lambda value: read(_local(value, zone))


_FIELDS: tuple[tuple[str, str, Callable[[datetime], int]], ...] = (
    ("getFullYear", "The year.", lambda moment: moment.year),
    ("getMonth", "The month, January is 0.", lambda moment: moment.month - 1),
    ("getDate", "The day of the month, the first is 1.", lambda moment: moment.day),
    ("getDayOfMonth", "The day of the month, the first is 0.", lambda moment: moment.day - 1),
    ("getDayOfWeek", "The day of the week, Sunday is 0.", lambda moment: moment.isoweekday() % 7),
    ("getDayOfYear", "The day of the year, the first is 0.", lambda moment: moment.timetuple().tm_yday - 1),
    ("getHours", "The hour, 0 to 23.", lambda moment: moment.hour),
    ("getMinutes", "The minute, 0 to 59.", lambda moment: moment.minute),
    ("getSeconds", "The second, 0 to 59.", lambda moment: moment.second),
    ("getMilliseconds", "The millisecond, 0 to 999.", lambda moment: moment.microsecond // 1000),
)
_LENGTHS = (
    ("getHours", "The whole hours of the length of time.", timedelta(hours=1)),
    ("getMinutes", "The whole minutes of the length of time.", timedelta(minutes=1)),
    ("getSeconds", "The whole seconds of the length of time.", timedelta(seconds=1)),
)


def _whole(value: timedelta, unit: timedelta) -> int:
    return -(-value // unit) if value < timedelta(0) else value // unit


def _milliseconds(value: timedelta) -> int:
    """The milliseconds of the second that was begun (langdef: the portion, not the whole length)."""
    part = abs(value).microseconds // 1000
    return -part if value < timedelta(0) else part


TIMES = (
    *(
        Function(name, TIMESTAMP, (), INT, f"{doc[:-1]}, in UTC.", lambda value, read=read: read(value.astimezone(UTC)))
        for name, doc, read in _FIELDS
    ),
    *(
        Function(
            name,
            TIMESTAMP,
            (STRING,),
            INT,
            f"{doc[:-1]}, in a time zone: an IANA name or an offset like `-08:00`.",
            apply,
            prepare=partial(_read_in, read),
        )
        for name, doc, read in _FIELDS
    ),
    *(Function(name, DURATION, (), INT, doc, lambda value, unit=unit: _whole(value, unit)) for name, doc, unit in _LENGTHS),
    Function("getMilliseconds", DURATION, (), INT, "The milliseconds beyond the whole seconds.", _milliseconds),
)
