"""The parts of an expression with their values, each indented under the part that it belongs to."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from registrar.cel import EvaluationError, Step
from registrar.cli.policy.values import one_line, printable

_WIDTH = 100  # characters of a value
_TEXT = 80  # characters of an expression's part
_DOTTED = re.compile(r"\w+(?:\.\w+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """One step, and the steps inside it in the order in which they were evaluated."""

    step: Step
    parts: tuple["Part", ...]


def parts(steps: Iterable[Step]) -> tuple[Part, ...]:
    """`steps` as a tree. A step comes after those inside it, and a macro's body once for every element."""
    roots: list[Part] = []
    for step in steps:
        first = len(roots)
        while first and _inside(roots[first - 1].step, step):
            first -= 1
        roots[first:] = [Part(step, tuple(roots[first:]))]
    return tuple(roots)


def lines(steps: Iterable[Step]) -> Iterator[str]:
    """A line for each part, the whole first. A fact is shown once, where it is first read."""
    shown: dict[str, object] = {}
    for part in parts(steps):
        yield from _lines(part, "", shown)


def inner_lines(steps: Iterable[Step]) -> Iterator[str]:
    """The same without the whole, for where that stands already."""
    shown: dict[str, object] = {}
    for whole in parts(steps):
        for part in whole.parts:
            yield from _lines(part, "", shown)


def _lines(part: Part, indent: str, shown: dict[str, object]) -> Iterator[str]:
    step = part.step
    if _known(part, shown):
        return
    if _DOTTED.fullmatch(step.text):
        shown[step.text] = step.value
    yield f"{indent}{_on_one_line(step.text)} = {evaluated(step.value)}"
    for inner in part.parts:
        yield from _lines(inner, indent + "  ", shown)


def evaluated(value: object) -> str:
    """The value of a part on one line, or why it has none."""
    if isinstance(value, EvaluationError):
        return f"error: {value.reason}"
    return one_line(value, limit=_WIDTH)


def _inside(inner: Step, outer: Step) -> bool:
    return outer.offset <= inner.offset and inner.end <= outer.end and (inner.offset, inner.end) != (outer.offset, outer.end)


def _known(part: Part, shown: Mapping[str, object]) -> bool:
    """Whether a name was shown with this very value, and what it is a member of too: a macro's variable changes every round."""
    name = part.step.text
    return name in shown and shown[name] is part.step.value and all(_known(inner, shown) for inner in part.parts)


def _on_one_line(text: str) -> str:
    joined = " ".join(printable(line.strip()) for line in text.splitlines())
    return joined if len(joined) <= _TEXT else joined[: _TEXT - 3] + "..."
