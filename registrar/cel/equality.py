"""`==`, `!=` and `in`, compiled for the types that the checker found."""

from collections.abc import Callable, Mapping
from typing import Any

from registrar.cel.calls import steps_to_read
from registrar.cel.errors import EvaluationError
from registrar.cel.evaluation import Frame, Run, charge
from registrar.cel.piece import Piece
from registrar.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    ListType,
    MapType,
    Type,
    as_map,
)
from registrar.cel.values import equal, has_key, weigh

# Two values of one of these types are equal exactly when Python says so.
_EXACT = (STRING, BOOL, INT, UINT, DOUBLE, BYTES, TIMESTAMP, DURATION, NULL, TYPE)
# And these may be looked up in a set as well; a NaN would be found there, so doubles may not.
_HASHED = (STRING, INT, UINT, BYTES)
_FEW = 3
# A list is searched by Python itself, so fast that so many elements count as one step.
_MANY = 64


def exact(one: Type, other: Type) -> bool:
    """Whether Python compares values of these types as the language does, at once: reading them is not charged."""
    return (one == other and one in _EXACT) or (one in (INT, UINT) and other in (INT, UINT))


def equality(one: Piece, other: Piece, offset: int, *, negated: bool = False) -> Run:
    """`one == other`, or `one != other` when `negated`."""
    left, right = one.run, other.run
    if not exact(one.type, other.type):
        return _deep_equality(left, right, offset, negated=negated)
    if other.constant:
        value = other.value
        if one.attribute is not None:
            return _attribute_equality(*one.attribute, value, negated=negated)
        return (lambda frame: left(frame) != value) if negated else (lambda frame: left(frame) == value)
    return (lambda frame: left(frame) != right(frame)) if negated else (lambda frame: left(frame) == right(frame))


def _attribute_equality(slot: int, read: Callable[[Any], Any], value: Any, *, negated: bool) -> Run:
    """As in `redirects.all(r, r.scheme == "https")`, in one closure."""
    return (lambda frame: read(frame[slot]) != value) if negated else (lambda frame: read(frame[slot]) == value)


def _deep_equality(left: Run, right: Run, offset: int, *, negated: bool) -> Run:
    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        meter = frame[0]
        charge(meter, weigh(one, meter.left), offset)
        return equal(one, other) is not negated

    return run


def membership(item: Piece, container: Piece, offset: int) -> Run:
    """`item in container`: an element of a list, or a key of a map."""
    kind = as_map(container.type)
    element, within = item.run, container.run
    match kind:
        case ListType(element=inner) if inner == item.type and inner in _HASHED:
            return _exact_membership(element, container, offset)
        case MapType(key=key) if key == item.type == STRING:
            return lambda frame: element(frame) in within(frame)

    def run(frame: Frame) -> Any:
        found, values = element(frame), within(frame)
        meter = frame[0]
        charge(meter, weigh(values, meter.left), offset)
        if isinstance(values, Mapping):
            return has_key(values, found)
        if isinstance(values, (tuple, list)):
            return any(equal(value, found) for value in values)
        raise EvaluationError("the right side of `in` is neither a list nor a map", offset)

    return run


def steps_to_search(item: Type, container: Type) -> int:
    """How many steps `item in container` is estimated at, beside those of its parts."""
    match as_map(container):
        case ListType(element=inner) if inner == item and inner in _HASHED:
            return steps_to_read(container) // _MANY
        case MapType(key=key) if key == item == STRING:
            return 0
    return steps_to_read(container)


def _exact_membership(element: Run, container: Piece, offset: int) -> Run:
    if container.constant and len(container.value) > _FEW:
        values = frozenset(container.value)
        return lambda frame: element(frame) in values
    within = container.run

    def run(frame: Frame) -> Any:
        items = within(frame)
        if len(items) > _MANY:
            charge(frame[0], len(items) // _MANY, offset)
        return element(frame) in items

    return run
