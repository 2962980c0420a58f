"""What can go wrong, as values with names. The lowest floor: it imports nothing of the project."""

from collections.abc import Iterable
from dataclasses import dataclass


class RegistrarError(Exception):
    """The root of every error that this program raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file that a person wrote; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in an operator's file. `path` is the key path inside the document ("" for the whole)."""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.path}: {self.message}" if self.path else f"{self.place}: {self.message}"


class LoadError(RegistrarError):
    """Operator's files that do not load; `problems` has every mistake, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, choices: Iterable[str], prefix: str = "") -> str:
    """` (did you mean "x"?)` when one of `choices` is close to `word`, else an empty string.

    `prefix` is what all of them, and the word, are written with: shown, and not compared, since it alone makes words alike.
    """
    from difflib import get_close_matches  # noqa: PLC0415  1 ms that only a mistake costs

    close = get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f' (did you mean "{prefix}{close[0]}"?)' if close else ""
