"""The closures of the macros all, exists, exists_one, map and filter (langdef, "Macros").

Each writes its variable into its own place in the frame, and charges the budget for all its rounds before the first.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from registrar.cel.errors import EvaluationError
from registrar.cel.evaluation import Frame, Run, exhausted


class Rounds(NamedTuple):
    """What a macro goes over. `place` of the frame takes each element in turn; a round is charged `steps`."""

    source: Run
    place: int
    steps: int
    offset: int
    known: bool

    def items(self) -> Run:
        """The elements of the list or the keys of the map, paid for."""
        source, steps, offset = self.tested(), self.steps, self.offset

        def run(frame: Frame) -> Any:
            items = source(frame)
            meter = frame[0]
            meter.left -= len(items) * steps
            if meter.left < 0:
                raise exhausted(offset)
            return items

        return run

    def tested(self) -> Run:
        """The list or the map, when it is one."""
        if self.known:
            return self.source
        source, offset = self.source, self.offset

        def run(frame: Frame) -> Any:
            items = source(frame)
            if isinstance(items, (tuple, list, Mapping)):
                return items
            raise EvaluationError("the value is neither a list nor a map", offset)

        return run


def quantifier(rounds: Rounds, predicate: Run, *, decisive: bool) -> Run:
    """`all` (an element that is not decides) and `exists` (one that is decides); errors count only when none does."""
    # What `Rounds.items` does, here without a call: this is what expressions do most.
    source, place, steps, offset = rounds.tested(), rounds.place, rounds.steps, rounds.offset

    def run(frame: Frame) -> Any:
        failed: EvaluationError | None = None
        elements = source(frame)
        meter = frame[0]
        meter.left -= len(elements) * steps
        if meter.left < 0:
            raise exhausted(offset)
        for frame[place] in elements:
            try:
                if predicate(frame) is decisive:
                    return decisive
            except EvaluationError as error:
                failed = failed or error
                if meter.left < 0:
                    raise
        if failed is not None:
            raise failed
        return not decisive

    return run


def exists_one(rounds: Rounds, predicate: Run) -> Run:
    """`exists_one`: errors are never absorbed."""
    place, items = rounds.place, rounds.items()

    def run(frame: Frame) -> Any:
        found = 0
        elements = items(frame)
        for frame[place] in elements:
            if predicate(frame):
                found += 1
        return found == 1

    return run


def transform(rounds: Rounds, body: Run) -> Run:
    """`map` with two arguments."""
    place, items = rounds.place, rounds.items()

    def run(frame: Frame) -> Any:
        made = []
        elements = items(frame)
        for frame[place] in elements:
            made.append(body(frame))
        return tuple(made)

    return run


def transform_some(rounds: Rounds, predicate: Run, body: Run) -> Run:
    """`map` with three arguments: of those elements that the second is true for."""
    place, items = rounds.place, rounds.items()

    def run(frame: Frame) -> Any:
        made = []
        elements = items(frame)
        for frame[place] in elements:
            if predicate(frame):
                made.append(body(frame))
        return tuple(made)

    return run


def select(rounds: Rounds, predicate: Run) -> Run:
    """`filter`."""
    place, items = rounds.place, rounds.items()

    def run(frame: Frame) -> Any:
        kept = []
        elements = items(frame)
        for frame[place] in elements:
            if predicate(frame):
                kept.append(frame[place])
        return tuple(kept)

    return run
