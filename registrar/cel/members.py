"""Selecting members and elements: of records, maps, lists, and of values whose type only shows when they are there."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from registrar.cel.errors import EvaluationError
from registrar.cel.evaluation import Frame, Run
from registrar.cel.values import has_key


def of_record(target: Run, member: str, *, attributes: bool) -> Run:
    """A member that is always there."""
    if attributes:
        read = attrgetter(member)
        return lambda frame: read(target(frame))
    return lambda frame: target(frame)[member]


def of_variable(slot: int, member: str) -> Run:
    """The same of a variable: what expressions do most, so it is one closure and not two."""
    return lambda frame: frame[slot][member]


def attribute(slot: int, read: Callable[[Any], Any]) -> Run:
    """The same of a variable whose members are attributes."""
    return lambda frame: read(frame[slot])


def of_map(target: Run, member: str, offset: int) -> Run:
    """The entry of a map under a name that the expression writes."""

    def run(frame: Frame) -> Any:
        try:
            return target(frame)[member]
        except KeyError:
            raise EvaluationError(f'no such key "{member}"', offset) from None

    return run


def of_anything(target: Run, member: str, offset: int) -> Run:
    """The entry of a map, when the value is one. Only maps: nothing reaches the attributes of a Python object."""

    def run(frame: Frame) -> Any:
        value = target(frame)
        if not isinstance(value, Mapping):
            raise EvaluationError(f'no member "{member}": the value is no map', offset)
        if member not in value:
            raise EvaluationError(f'no such key "{member}"', offset)
        return value[member]

    return run


def has_entry(target: Run, member: str, offset: int) -> Run:
    """`has(target.member)` of a map, or of a value that should be one."""

    def run(frame: Frame) -> Any:
        value = target(frame)
        if not isinstance(value, Mapping):
            raise EvaluationError(f'no member "{member}": the value is no map', offset)
        return member in value

    return run


def has_member(read: Run) -> Run:
    """`has(record.member)`: records are total, so a member counts as absent when it is empty, as in a protobuf message."""
    return lambda frame: bool(read(frame))


def element(target: Run, key: Run, offset: int) -> Run:
    """`list[index]`. There is no counting from the end."""

    def run(frame: Frame) -> Any:
        items, index = target(frame), key(frame)
        if 0 <= index < len(items):
            return items[index]
        raise EvaluationError("the index is outside the list", offset)

    return run


def entry(target: Run, key: Run, offset: int) -> Run:
    """`map[key]`, or an element by a key whose type was not known at load."""

    def run(frame: Frame) -> Any:
        container, found = target(frame), key(frame)
        if isinstance(container, Mapping):
            if has_key(container, found):
                return container[found]
            raise EvaluationError("no such key", offset)
        if not isinstance(container, (tuple, list)):
            raise EvaluationError("the value has no elements", offset)
        return _by_number(container, found, offset)

    return run


def _by_number(items: Any, number: Any, offset: int) -> Any:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number != number // 1:
        raise EvaluationError("the index is no whole number", offset)
    if 0 <= number < len(items):
        return items[int(number)]
    raise EvaluationError("the index is outside the list", offset)


def make_map(keys: list[Run], values: list[Run], offset: int) -> Run:
    """A map literal."""

    def run(frame: Frame) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for read_key, read_value in zip(keys, values, strict=True):
            key = read_key(frame)
            if not isinstance(key, (str, int)):
                raise EvaluationError("the key of a map is no string, int, uint or bool", offset)
            # Python has one entry for 1 and True; the language has two, but what would need them is a mistake in any policy.
            if key in made:
                raise EvaluationError("a key stands twice in a map", offset)
            made[key] = read_value(frame)
        return made

    return run
