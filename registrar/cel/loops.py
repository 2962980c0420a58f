"""The closures of the macros all, exists, exists_one, map and filter (langdef, "Macros").

Each writes its variable into its own place in the frame, and charges the budget for all its rounds before the first.
"""

from collections.abc import Mapping
from typing import Any

from registrar.cel.errors import EvaluationError
from registrar.cel.evaluation import Frame, Run, charge


class Rounds:
    """What a macro goes over. `place` of the frame takes each element in turn; a round is charged `steps`."""

    __slots__ = ("known", "offset", "place", "source", "steps")

    def __init__(self, source: Run, place: int, steps: int, offset: int, *, known: bool) -> None:
        self.source, self.place, self.steps, self.offset, self.known = source, place, steps, offset, known

    def items(self, frame: Frame) -> Any:
        """The elements of the list or the keys of the map, paid for."""
        items = self.source(frame)
        if not self.known and not isinstance(items, (tuple, list, Mapping)):
            raise EvaluationError("the value is neither a list nor a map", self.offset)
        charge(frame[0], len(items) * self.steps, self.offset)
        return items


def quantifier(rounds: Rounds, predicate: Run, *, decisive: bool) -> Run:
    """`all` (an element that is not decides) and `exists` (one that is decides); errors count only when none does."""
    place, items = rounds.place, rounds.items

    def run(frame: Frame) -> Any:
        failed: EvaluationError | None = None
        elements = items(frame)
        for frame[place] in elements:
            try:
                if predicate(frame) is decisive:
                    return decisive
            except EvaluationError as error:
                failed = failed or error
                if frame[0].left < 0:
                    raise
        if failed is not None:
            raise failed
        return not decisive

    return run


def exists_one(rounds: Rounds, predicate: Run) -> Run:
    """`exists_one`: errors are never absorbed."""
    place, items = rounds.place, rounds.items

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
    place, items = rounds.place, rounds.items

    def run(frame: Frame) -> Any:
        made = []
        elements = items(frame)
        for frame[place] in elements:
            made.append(body(frame))
        return tuple(made)

    return run


def transform_some(rounds: Rounds, predicate: Run, body: Run) -> Run:
    """`map` with three arguments: of those elements that the second is true for."""
    place, items = rounds.place, rounds.items

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
    place, items = rounds.place, rounds.items

    def run(frame: Frame) -> Any:
        kept = []
        elements = items(frame)
        for frame[place] in elements:
            if predicate(frame):
                kept.append(frame[place])
        return tuple(kept)

    return run
