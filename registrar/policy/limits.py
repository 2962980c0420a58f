"""Limits: what a client that may exist still has to find room in, as the tree's `Limits` documents say it."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from registrar.cel import Activation, EvaluationError, Expression
from registrar.errors import Place
from registrar.limits import LimitUse
from registrar.policy.rules import Condition, Observer, applies, unobserved

# What is known before the document is read: the source, the token, and what does not change from request to request.
_EARLY: Final = frozenset({"source", "token", "operation", "constants", "now"})
# Keys are rows of an index, and clients choose some of them.
_LONGEST_KEY: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """How much of each measure there is room for, as `registrar.limits.LimitUse` has them; 0 sets no limit of that measure."""

    rate: int = 0
    period: int = 0
    burst: int = 0
    max_active: int = 0
    max_total: int = 0

    @property
    def lowest(self) -> int:
        """The lowest of them."""
        return min(ceiling for ceiling in (self.rate, self.burst, self.max_active, self.max_total) if ceiling)


class Override(NamedTuple):
    """Other ceilings for requests from any of `networks`, complete: what was not said is the limit's own."""

    networks: frozenset[str]
    ceilings: Ceilings


class Reserve(NamedTuple):
    """Slots of each measure that only clients of `profiles` may use."""

    profiles: frozenset[str]
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limit:
    """One limit. `conditions` has its `when`, if it has one; `place` is that of its `key`.

    `early`: it can be asked before the document is read.
    """

    rule: str
    place: Place
    key: Expression
    ceilings: Ceilings
    conditions: tuple[Condition, ...] = ()
    overrides: tuple[Override, ...] = ()
    reserves: tuple[Reserve, ...] = ()
    description: str = ""
    early: bool = field(init=False)

    def __post_init__(self) -> None:
        read = {name.partition(".")[0] for expression in self.expressions for name in expression.reads}
        object.__setattr__(self, "early", read <= _EARLY)

    @property
    def expressions(self) -> Iterator[Expression]:
        """Its `when`, if it has one, and its key."""
        yield from (condition.expression for condition in self.conditions)
        yield self.key

    def ask(
        self, activation: Activation, networks: Collection[str], profile: str | None, observe: Observer = unobserved
    ) -> LimitUse | Condition | None:
        """What a client of `profile`, coming from `networks`, uses of it: None for nothing, since the limit is not for it.

        The expression that failed, if one did. A `profile` of None is for one that is not known yet: nothing is kept from it.
        """
        if self.conditions and (outcome := applies(self.conditions, activation, observe)) is not True:
            return outcome or None
        try:
            key = _key(self.key.evaluate(activation))
        except EvaluationError:
            observe(self.rule, None)
            return Condition(self.rule, self.key, self.place)
        return self._use(key, self.ceilings_in(networks), kept=0 if profile is None else self.kept_from(profile))

    def _use(self, key: str, ceilings: Ceilings, *, kept: int) -> LimitUse:
        return LimitUse(
            limit=self.rule,
            key=key,
            rate=ceilings.rate,
            period=ceilings.period,
            burst=ceilings.burst,
            max_active=ceilings.max_active,
            max_total=ceilings.max_total,
            reserve=kept,
        )

    def ceilings_in(self, networks: Collection[str]) -> Ceilings:
        """Those of the first override that names one of `networks`, else its own."""
        if networks:
            for override in self.overrides:
                if not override.networks.isdisjoint(networks):
                    return override.ceilings
        return self.ceilings

    def kept_from(self, profile: str) -> int:
        """The slots of each measure that a client of `profile` may not use."""
        return sum([reserve.slots for reserve in self.reserves if profile not in reserve.profiles]) if self.reserves else 0


def _key(value: object) -> str:
    """The key as it is counted under. What no index or log should hold, for its length or its characters, is a digest there."""
    text = str(value)
    if len(text) <= _LONGEST_KEY and text.isprintable():
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
