"""The types of CEL, and which goes where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple


class Type:
    """A type of the language. Compare with `==`; `str()` writes it as the language does."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SimpleType(Type):
    """A type without parts."""

    name: str

    def __str__(self) -> str:
        return self.name


class Names(NamedTuple):
    """The only texts that a value can be, and what each of them names, in a word."""

    what: str
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class StringType(Type):
    """Text; `cap` is the greatest length in code points when one is known. It only serves the cost estimate.

    With `names`, comparing it with any other text is a mistake, for it is never equal.
    """

    cap: int | None = field(default=None, compare=False)
    names: Names | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return "string"


@dataclass(frozen=True, slots=True)
class ListType(Type):
    """A list (a Python tuple or list); `cap` is the greatest length when one is known."""

    element: Type
    cap: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"list({self.element})"


@dataclass(frozen=True, slots=True)
class MapType(Type):
    """A map (a Python Mapping); `cap` is the greatest number of entries when one is known."""

    key: Type
    value: Type
    cap: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"map({self.key}, {self.value})"


@dataclass(frozen=True, slots=True)
class RecordType(Type):
    """A closed set of typed members.

    They are read as items of the value, or as its attributes when `attributes` is true. A record whose `values` is given is a
    map(string, values) as well: it may be indexed by any string, iterated and measured.
    """

    name: str
    members: Mapping[str, Type] = field(hash=False)
    attributes: bool = False
    values: Type | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", MappingProxyType(dict(self.members)))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ParameterType(Type):
    """Any type, but the same wherever the name stands in one signature."""

    name: str

    def __str__(self) -> str:
        return self.name


BOOL = SimpleType("bool")
INT = SimpleType("int")
UINT = SimpleType("uint")
DOUBLE = SimpleType("double")
STRING = StringType()
BYTES = SimpleType("bytes")
TIMESTAMP = SimpleType("google.protobuf.Timestamp")
DURATION = SimpleType("google.protobuf.Duration")
NULL = SimpleType("null_type")
TYPE = SimpleType("type")
DYN = SimpleType("dyn")
IP = SimpleType("net.IP")
CIDR = SimpleType("net.CIDR")
URL = SimpleType("kubernetes.URL")

# The type of what cannot be there: an element of [], and the value of an expression that has a mistake already.
NEVER = SimpleType("nothing")

LIST = ListType(DYN)
MAP = MapType(DYN, DYN)

NUMBERS = (INT, UINT, DOUBLE)

# Names that stand for types in an expression, as in `type(x) == string`.
DENOTATIONS: Mapping[str, Type] = MappingProxyType(
    {str(kind): kind for kind in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION, NULL, TYPE, IP, CIDR, URL)}
    | {"list": LIST, "map": MAP}
)


class Fit(IntEnum):
    """Whether a value of one type may stand where another is wanted; MAYBE is decided by the value, at run time."""

    NO = 0
    MAYBE = 1
    YES = 2


def fit(given: Type, wanted: Type, bound: dict[str, Type] | None = None) -> Fit:
    """Whether `given` may stand for `wanted`; the type parameters of `wanted` are bound in `bound`."""
    if isinstance(wanted, ParameterType):
        return _bind(given, wanted, {} if bound is None else bound)
    if wanted == DYN or given == NEVER:
        return Fit.YES
    if given == DYN:
        _bind_dynamically(wanted, bound)
        return Fit.MAYBE
    given = as_map(given) if isinstance(wanted, MapType) else given
    match given, wanted:
        case ListType(element=item), ListType(element=other):
            return fit(item, other, bound)
        case MapType(key=key, value=value), MapType(key=other_key, value=other_value):
            return min(fit(key, other_key, bound), fit(value, other_value, bound))
    return Fit.YES if given == wanted else Fit.NO


def _bind(given: Type, wanted: ParameterType, bound: dict[str, Type]) -> Fit:
    joined = join(bound.get(wanted.name, NEVER), given)
    if joined is None:
        return Fit.NO
    bound[wanted.name] = joined
    return Fit.YES


def _bind_dynamically(wanted: Type, bound: dict[str, Type] | None) -> None:
    match wanted:
        case ListType(element=ParameterType(name=name)) if bound is not None:
            bound[name] = DYN


def substitute(kind: Type, bound: Mapping[str, Type]) -> Type:
    """`kind` with its type parameters replaced by what they were bound to."""
    match kind:
        case ParameterType(name=name):
            return bound.get(name, DYN)
        case ListType(element=element):
            return ListType(substitute(element, bound), kind.cap)
        case MapType(key=key, value=value):
            return MapType(substitute(key, bound), substitute(value, bound), kind.cap)
    return kind


def as_map(kind: Type) -> Type:
    """The map that a record with `values` is; any other type is itself."""
    if isinstance(kind, RecordType) and kind.values is not None:
        return MapType(STRING, kind.values, len(kind.members))
    return kind


def join(one: Type, other: Type) -> Type | None:
    """The type of a value that is `one` or `other`; None when there is none but dyn."""
    if one == NEVER:
        return other
    if other == NEVER:
        return one
    if DYN in (one, other):
        return DYN
    match one, other:
        case StringType(cap=cap), StringType(cap=other_cap):
            return StringType(_cap(cap, other_cap))
        case ListType(element=item, cap=cap), ListType(element=other_item, cap=other_cap):
            element = join(item, other_item)
            return None if element is None else ListType(element, _cap(cap, other_cap))
        case MapType(key=key, value=value, cap=cap), MapType(key=other_key, value=other_value, cap=other_cap):
            keys, values = join(key, other_key), join(value, other_value)
            return None if keys is None or values is None else MapType(keys, values, _cap(cap, other_cap))
    return one if one == other else None


def _cap(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def join_all(kinds: list[Type]) -> Type:
    """The type of the elements of a list literal; dyn when they are unlike."""
    joined: Type = NEVER
    for kind in kinds:
        joined = join(joined, kind) or DYN
    return joined


def may_equal(one: Type, other: Type) -> bool:
    """Whether a value of one type can ever equal a value of the other. Numbers compare on one line, whatever their types."""
    if one in (DYN, NEVER) or other in (DYN, NEVER) or (one in NUMBERS and other in NUMBERS):
        return True
    match as_map(one), as_map(other):
        case ListType(element=item), ListType(element=other_item):
            return may_equal(item, other_item)
        case MapType(key=key, value=value), MapType(key=other_key, value=other_value):
            return may_equal(key, other_key) and may_equal(value, other_value)
    return one == other


def strangers(kind: Type, value: object) -> Iterator[tuple[Names, str]]:
    """The texts in `value` that nothing of type `kind` can be, and what would have been named."""
    match kind, value:
        case StringType(names=Names() as names), str() if value not in names.known:
            yield names, value
        case ListType(element=element), tuple() | Mapping():
            for item in value:
                yield from strangers(element, item)


_PLAIN: tuple[tuple[type, Type], ...] = (
    (bool, BOOL),
    (int, INT),
    (float, DOUBLE),
    (bytes, BYTES),
    (datetime, TIMESTAMP),
    (timedelta, DURATION),
    (type(None), NULL),
)


def type_of_constant(value: object) -> Type:
    """The type of a plain constant. A mapping with string keys is a record that is also a map; an unlike list is list(dyn).

    Raises TypeError for a Python value that has no counterpart in the language.
    """
    match value:
        case str():
            return StringType(len(value))
        case list() | tuple():
            return ListType(join_all([type_of_constant(item) for item in value]), len(value))
        case Mapping():
            return _type_of_mapping(value)
    for python, kind in _PLAIN:
        if isinstance(value, python):
            return kind
    raise TypeError(f"{type(value).__name__} has no counterpart in CEL")


def _type_of_mapping(value: Mapping[object, object]) -> Type:
    members = {str(key): type_of_constant(item) for key, item in value.items()}
    values = join_all(list(members.values()))
    if all(isinstance(key, str) for key in value):
        return RecordType("map", members, values=values)
    return MapType(join_all([type_of_constant(key) for key in value]), values, len(value))
