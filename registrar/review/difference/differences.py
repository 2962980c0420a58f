"""The differences themselves: which direction, where, and what was there before and is there now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from registrar.errors import Place
from registrar.policy.decision import Mode
from registrar.policy.rules import Switch
from registrar.review.words import switch_words

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class Direction(StrEnum):
    """What a difference does to access. Only `wider` and `may widen` let somebody have what could not be had before."""

    WIDER = "wider"
    MAY_WIDEN = "may widen"
    NARROWER = "narrower"
    NEUTRAL = "neutral"

    @property
    def widens(self) -> bool:
        """Whether it cannot be ruled out that somebody gets more."""
        return self in (Direction.WIDER, Direction.MAY_WIDEN)


class Side(StrEnum):
    """The tree in which a place is: what was taken away only stands in the old one."""

    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `subject` is a rule id, a profile's or guardrail's name, or a key of the policy set.

    `old` and `new` are what stands there in words, "" where nothing does. `place` is in the tree of `side`.
    """

    direction: Direction
    subject: str
    message: str
    place: Place
    side: Side = Side.NEW
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A difference of one keyword, before it is known whose it is and where it stands."""

    direction: Direction
    keyword: str
    message: str
    old: str = ""
    new: str = ""
    side: Side = Side.NEW


def always_enforced(switch: Switch) -> bool:
    """Whether a rule refuses at any time."""
    return enforced_from(switch) == _EARLIEST


def ever_enforced(switch: Switch) -> bool:
    """Whether there is a time at which a rule refuses."""
    return enforced_from(switch) < _LATEST


def enforced_from(switch: Switch) -> datetime:
    """The moment from which on a rule refuses: the beginning of time for `enforce`, its end for a rule that never does."""
    if switch.mode is Mode.ENFORCE:
        return _EARLIEST
    return switch.enforce_after or _LATEST


def compare_switches(old: Switch, new: Switch) -> Iterator[Step]:
    """A rule that is enforced later, or no more, refuses less. Whether it warns or audits until then refuses nobody."""
    before, after = enforced_from(old), enforced_from(new)
    words = switch_words(old), switch_words(new)
    if after > before:
        yield Step(Direction.WIDER, "mode", "is enforced later" if ever_enforced(new) else "is no longer enforced", *words)
    elif after < before:
        yield Step(Direction.NARROWER, "mode", "is enforced earlier" if ever_enforced(old) else "is enforced now", *words)
    elif old != new:
        yield Step(Direction.NEUTRAL, "mode", "warns or audits otherwise, and refuses as before", *words)
