"""One document of a policy tree while it is compiled: its values with their places, its mistakes into one list."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from registrar.cel import CompileError, Expression, Scope, Type, compile_expression
from registrar.documents import Document, format_path
from registrar.errors import Place, Problem, did_you_mean
from registrar.policy.decision import Lifetimes

Path = tuple[str | int, ...]

_REFERENCE = "constants."
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Reader(NamedTuple):
    """A document that has the right structure, the constants it may name, and where to put what is wrong with it.

    Nothing here raises for an operator's mistake: it is noted, and compiling goes on, so that one run reports them all.
    """

    document: Document
    problems: list[Problem]
    constants: Mapping[str, object]

    @property
    def name(self) -> str:
        """The document's name."""
        return str(self.document.value["metadata"]["name"])

    @property
    def spec(self) -> dict[str, Any]:
        """The document's `spec`."""
        spec: dict[str, Any] = self.document.value["spec"]
        return spec

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at `path`, or its key, stands in the file."""
        return self.document.place(path, key=key)

    def problem(self, path: Path, message: str, *, key: bool = False) -> None:
        """Note that what stands at `path` is wrong."""
        self.problems.append(Problem(self.place(path, key=key), format_path(path), message))

    def expression(self, path: Path, text: str, scope: Scope, expects: Type | None = None) -> Expression | None:
        """The compiled expression, or None after its problems were noted at their tokens' places."""
        try:
            return compile_expression(text, scope, expects=expects)
        except CompileError as error:
            for problem in error.problems:
                place = self.document.text_place(path, problem.offset)
                self.problems.append(Problem(place, format_path(path), problem.message))
            return None

    def resolved(self, path: Path, value: object) -> object:
        """`value`, or the constant that it names (`constants.<name>`); None after an unknown name was noted."""
        if not isinstance(value, str) or not value.startswith(_REFERENCE):
            return value
        name = value.removeprefix(_REFERENCE)
        if name not in self.constants:
            self.problem(path, f"there is no constant {name}{did_you_mean(name, self.constants)}")
            return None
        return self.constants[name]

    def strings(self, path: Path, value: object) -> tuple[str, ...]:
        """A list of strings, written out or by a constant's name; empty after a mistake was noted."""
        items = self.resolved(path, value)
        if items is None:
            return ()
        if not isinstance(items, list | tuple) or not items or not all(isinstance(item, str) and item for item in items):
            self.problem(path, "must be a list of strings, none of them empty")
            return ()
        return tuple(str(item) for item in items)


def read_lifetimes(raw: Mapping[str, str | int]) -> Lifetimes:
    """The `lifetimes` of a profile, in seconds."""
    return Lifetimes(**{name: seconds(duration) for name, duration in raw.items()})


def seconds(duration: str | int) -> int:
    """A duration as policies write it (90d, 24h, 30m, 10s, or 0) in seconds."""
    return duration if isinstance(duration, int) else int(duration[:-1]) * _UNITS[duration[-1]]
