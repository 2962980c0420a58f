"""What a command on policy trees has to say, before it is put into a format."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from registrar.errors import Place

TEST_FAILED = "test-failed"


class Level(StrEnum):
    """How much a notice matters: an error ends the command badly, a warning only where it is told to be strict."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to say about a place in a file. `rule` says which kind of thing; `path` is the key path there, if known."""

    rule: str
    level: Level
    message: str
    place: Place
    path: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One test that ran; `failures` are empty when it passed."""

    name: str
    place: Place
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file."""

    name: str
    file: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one command.

    `rules` has a sentence for every rule that a notice may name. `files` are those that were looked at, `failing` the levels that
    make the command end badly. `summary` is for people; `facts` are the same numbers, for programs.
    """

    command: str
    passed: bool
    notices: tuple[Notice, ...] = ()
    suites: tuple[Suite, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    failing: frozenset[Level] = frozenset({Level.ERROR})
    summary: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    def everything(self) -> Iterator[Notice]:
        """The notices, and one for each test that failed."""
        yield from self.notices
        for suite in self.suites:
            for case in suite.cases:
                if case.failures:
                    message = f"{suite.name}: {case.name}: {'; '.join(case.failures)}"
                    yield Notice(TEST_FAILED, Level.ERROR, message, case.place, case.name)

    def printable(self) -> "Report":
        """The same report with nothing in its texts that a terminal or an XML parser would take for more than text."""
        return replace(
            self,
            notices=tuple(
                replace(notice, message=visible(notice.message), path=visible(notice.path), place=_visible_place(notice.place))
                for notice in self.notices
            ),
            suites=tuple(_visible_suite(suite) for suite in self.suites),
            files=tuple(map(visible, self.files)),
            summary=tuple(map(visible, self.summary)),
        )


def visible(text: str) -> str:
    """`text` with control characters, bidirectional marks and what is no character at all written as escapes."""
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    # Cc: ESC and CR rewrite a terminal's lines, and XML 1.0 §2.2 forbids most. Cf: marks that turn text around. Cn: U+FFFE.
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Cn"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def _visible_place(place: Place) -> Place:
    return replace(place, file=visible(place.file))


def _visible_suite(suite: Suite) -> Suite:
    cases = tuple(
        Case(visible(case.name), _visible_place(case.place), tuple(map(visible, case.failures))) for case in suite.cases
    )
    return Suite(visible(suite.name), visible(suite.file), cases)
