"""Values while an expression runs: plain Python, compared as the language compares (langdef, "Equality" and "Ordering").

Python's own `==` differs in three ways that matter: True equals 1, a NaN inside a list equals itself, and a tuple never equals a
list. Where the checker knows both types to be the same and simple, the compiled code uses `==` directly.
"""

from collections.abc import Callable, Hashable, Mapping, Sized
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import TypeVar

from registrar.cel.errors import Failure
from registrar.cel.types import (
    BOOL,
    BYTES,
    CIDR,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    IP,
    LIST,
    MAP,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    URL,
    ListType,
    MapType,
    ParameterType,
    SimpleType,
    Type,
)

# No operation makes a text or a list longer than this out of shorter ones: none can double its way through the memory.
MAX_SIZE = 65_536

_Sized = TypeVar("_Sized", bound=Sized)

MIN_INT, MAX_INT, MAX_UINT = -(2**63), 2**63 - 1, 2**64 - 1


class Uint(int):
    """An unsigned 64-bit integer; only its class tells it from an int."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute URL or path, parsed (RFC 3986); the value of `url(s)`. Two are equal when they are written alike."""

    text: str
    scheme: str = field(compare=False)
    host: str = field(compare=False)
    hostname: str = field(compare=False)
    port: str = field(compare=False)
    path: str = field(compare=False)
    query: str = field(compare=False)

    def __len__(self) -> int:
        return len(self.text)


_CLASSES: tuple[tuple[type | tuple[type, ...], Type], ...] = (
    (str, STRING),
    (bool, BOOL),
    (Uint, UINT),
    (int, INT),
    (float, DOUBLE),
    (Mapping, MAP),
    ((tuple, list), LIST),
    (type(None), NULL),
    (bytes, BYTES),
    (datetime, TIMESTAMP),
    (timedelta, DURATION),
    (Type, TYPE),
    # An interface is an address with a network, in Python's eyes a kind of address: ask for it first.
    ((IPv4Interface, IPv6Interface), CIDR),
    ((IPv4Address, IPv6Address), IP),
    (Url, URL),
)


def type_of(value: object) -> Type:
    """The type of a value; lists and maps are list(dyn) and map(dyn, dyn), a record read by attributes has its class's name."""
    for python, kind in _CLASSES:
        if isinstance(value, python):
            return kind
    return SimpleType(type(value).__name__)


def accepts(wanted: Type) -> Callable[[object], bool]:
    """A test whether a value whose type was not known at load is a `wanted`, all the way down."""
    match wanted:
        case ListType(element=element):
            item = accepts(element)
            return lambda value: isinstance(value, (tuple, list)) and all(map(item, value))
        case MapType(key=key, value=value):
            of_key, of_value = accepts(key), accepts(value)
            return lambda found: (
                isinstance(found, Mapping) and all(map(of_key, found)) and all(of_value(found[one]) for one in found)
            )
    if wanted == DYN or isinstance(wanted, ParameterType):
        return lambda _: True
    return lambda value: type_of(value) == wanted


def equal(one: object, other: object) -> bool:
    """Whether two values are equal; values of unlike types are not, and numbers compare by what they count."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        # A double and an int compare as doubles, as they do for `<`; Python would compare exactly.
        return float(one) == float(other) if isinstance(one, float) or isinstance(other, float) else one == other
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(has_key(other, key) and equal(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


def identity(value: object) -> Hashable:
    """A hashable stand-in: two values are equal when theirs are. A NaN stands for itself alone.

    Beyond 2**53, where an int and the nearest double count as equal, theirs differ: such an equality is not transitive.
    """
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, (int, float)):
        return value if value == value else object()  # noqa: PLR0124  NaN, which equals nothing
    if isinstance(value, (tuple, list)):
        return ("list", tuple(map(identity, value)))
    if isinstance(value, Mapping):
        return ("map", frozenset((identity(key), identity(value[key])) for key in value))
    return (type(value).__name__, value)


# So many characters count as one step.
CHARACTERS_PER_STEP = 64


def weigh(value: object, limit: int) -> int:
    """How many steps reading all of `value` counts for: one for each element, at any depth, and for each 64 characters.

    Stops counting above `limit`: a list may hold one long list many times.
    """
    total, rest = 0, [value]
    while rest and total <= limit:
        part = rest.pop()
        if isinstance(part, (str, bytes)):
            total += len(part) // CHARACTERS_PER_STEP
        elif isinstance(part, (tuple, list)):
            total += len(part)
            rest.extend(part)
        elif isinstance(part, Mapping):
            total += 2 * len(part)
            rest.extend(part)
            rest.extend(part[key] for key in part)
    return total


def has_key(mapping: Mapping[object, object], key: object) -> bool:
    """Whether `mapping` has an entry for `key`: 1, 1u and 1.0 are one key, true is another."""
    try:
        if key not in mapping:
            return False
    except TypeError:  # a list or a map is no key
        return False
    if isinstance(key, (int, float)):
        return any(found == key and isinstance(found, bool) == isinstance(key, bool) for found in mapping)
    return True


def integer(value: int) -> int:
    """`value` when it is an int of 64 bits."""
    if MIN_INT <= value <= MAX_INT:
        return value
    raise Failure("int overflow")


def unsigned(value: int) -> Uint:
    """`value` when it is a uint of 64 bits."""
    if 0 <= value <= MAX_UINT:
        return Uint(value)
    raise Failure("uint overflow")


def bounded(value: _Sized) -> _Sized:
    """`value` when it is not longer than any operation may make it."""
    check_size(len(value))
    return value


def check_size(size: int) -> None:
    """Refuse a result of `size` characters or elements before it is made."""
    if size > MAX_SIZE:
        raise Failure(f"the result is longer than {MAX_SIZE:,} characters or elements")
