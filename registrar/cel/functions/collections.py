"""Functions on lists and sets (cel-go's lists and sets extensions). A set is a list whose order and repetitions do not count."""

from collections.abc import Hashable, Sequence
from typing import Any

from registrar.cel.errors import Failure
from registrar.cel.functions.function import Function
from registrar.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    LIST,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    ParameterType,
)
from registrar.cel.values import check_size, identity

_A = ParameterType("A")
_LIST = ListType(_A)
_MAX_DEPTH = 40


def _identities(items: Sequence[object]) -> set[Hashable]:
    return set(map(identity, items))


def _contains(items: Sequence[object], others: Sequence[object]) -> bool:
    return _identities(items) >= _identities(others)


def _equivalent(items: Sequence[object], others: Sequence[object]) -> bool:
    return _identities(items) == _identities(others)


def _intersects(items: Sequence[object], others: Sequence[object]) -> bool:
    return not _identities(items).isdisjoint(_identities(others))


def _distinct(items: Sequence[object]) -> tuple[object, ...]:
    first: dict[Hashable, object] = {}
    for item in items:
        first.setdefault(identity(item), item)
    return tuple(first.values())


def _flatten(items: Sequence[Any], depth: int = 1) -> tuple[object, ...]:
    if depth < 0:
        raise Failure("the depth is negative")
    flat: Sequence[Any] = items
    for _ in range(min(depth, _MAX_DEPTH)):
        if not any(isinstance(item, (tuple, list)) for item in flat):
            break
        check_size(sum(len(item) if isinstance(item, (tuple, list)) else 1 for item in flat))
        flat = [part for item in flat for part in (item if isinstance(item, (tuple, list)) else (item,))]
    return tuple(flat)


def _slice(items: Sequence[object], start: int, end: int) -> tuple[object, ...]:
    if not 0 <= start <= end <= len(items):
        raise Failure("the range is outside the list")
    return tuple(items[start:end])


def _sort(items: Sequence[Any]) -> tuple[object, ...]:
    return tuple(sorted(items))


_SORTED = "The elements from the least to the greatest."

COLLECTIONS = (
    Function(
        "sets.contains",
        None,
        (_LIST, _LIST),
        BOOL,
        "Whether the first list has every element of the second.",
        _contains,
        linear=True,
    ),
    Function(
        "sets.equivalent",
        None,
        (_LIST, _LIST),
        BOOL,
        "Whether each list has every element of the other.",
        _equivalent,
        linear=True,
    ),
    Function(
        "sets.intersects", None, (_LIST, _LIST), BOOL, "Whether the lists have an element in common.", _intersects, linear=True
    ),
    Function("distinct", _LIST, (), _LIST, "The elements, each once, where it first stands.", _distinct, linear=True),
    Function(
        "flatten", ListType(_LIST), (), _LIST, "The elements of the lists in the list, one level down.", _flatten, linear=True
    ),
    Function("flatten", LIST, (), LIST, "The same where some elements are no lists: those stay.", _flatten, linear=True),
    Function("flatten", LIST, (INT,), LIST, "The elements of the lists in the list, so many levels down.", _flatten, linear=True),
    Function("slice", _LIST, (INT, INT), _LIST, "The elements from an index up to, not including, another.", _slice, linear=True),
    *(
        Function("sort", ListType(kind), (), ListType(kind), _SORTED, _sort, linear=True)
        for kind in (STRING, INT, UINT, DOUBLE, BOOL, BYTES, TIMESTAMP, DURATION)
    ),
)
