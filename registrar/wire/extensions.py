"""Members that a policy declares beside those of the RFCs: whether a value has the declared type (RFC 7591 §2, extensions)."""

import re
from collections.abc import Callable, Mapping

from registrar.wire.links import check_link
from registrar.wire.members import Member, MemberKind
from registrar.wire.uris import UriError

MAX_TEXT = 2048
MAX_ITEMS = 100
# Numbers that every JSON reader keeps exactly (RFC 8259 §6).
_MAX_INTEGER = 2**53 - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def extension(name: str, kind: MemberKind) -> Member:
    """A member that a policy declares."""
    return Member(name, kind, source="the policy set", longest=MAX_TEXT, most=MAX_ITEMS)


def extension_mistake(kind: MemberKind, value: object) -> str:
    """What keeps `value` from being a member of that kind; "" for nothing. The words begin with a verb and never repeat it."""
    return _CHECKS[kind](value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if len(value) > MAX_TEXT:
        return f"must have at most {MAX_TEXT} characters"
    return "must not have control characters" if _CONTROL.search(value) else ""


def _link(value: object) -> str:
    if mistake := _text(value):
        return mistake
    try:
        check_link(str(value), https=False)
    except UriError as error:
        return error.reason
    return ""


def _texts(value: object) -> str:
    if not isinstance(value, list):
        return "must be a list"
    if len(value) > MAX_ITEMS:
        return f"must have at most {MAX_ITEMS} items"
    return next((f"item {mistake}" for item in value if (mistake := _text(item) or ("" if item else "must not be empty"))), "")


def _boolean(value: object) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _integer(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be a whole number"
    return "" if abs(value) <= _MAX_INTEGER else "must be a number below 2 to the power of 53"


def _object(value: object) -> str:
    return "" if isinstance(value, dict) else "must be an object"


_CHECKS: Mapping[MemberKind, Callable[[object], str]] = {
    MemberKind.STRING: _text,
    MemberKind.URI: _link,
    MemberKind.STRINGS: _texts,
    MemberKind.BOOLEAN: _boolean,
    MemberKind.INTEGER: _integer,
    MemberKind.OBJECT: _object,
}
