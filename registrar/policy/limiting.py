"""Compiles the limits of one `Limits` document."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from registrar.cel import BOOL, STRING, Scope
from registrar.errors import did_you_mean
from registrar.policy.limits import Ceilings, Limit, Override, Reserve
from registrar.policy.reading import Path, Reader, seconds
from registrar.policy.rules import Condition

_PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_COUNTS = {"burst": "burst", "maxActive": "max_active", "maxTotal": "max_total"}


def compile_limits(reader: Reader, scope: Scope, networks: Collection[str], profiles: Collection[str]) -> Iterator[Limit]:
    """The limits of a document in their order. Their expressions are of `scope`; they may name `networks` and `profiles`."""
    seen: set[str] = set()
    for index, raw in enumerate(reader.spec["limits"]):
        path: Path = ("spec", "limits", index)
        if raw["id"] in seen:
            reader.problem((*path, "id"), f'there is a limit "{raw["id"]}" above')
        seen.add(raw["id"])
        limit = _LimitCompiler(reader, path, raw, networks, profiles).compile(scope)
        if limit is not None:
            yield limit


class _LimitCompiler:
    """Compiles one entry of `limits`."""

    def __init__(
        self, reader: Reader, path: Path, raw: Mapping[str, Any], networks: Collection[str], profiles: Collection[str]
    ) -> None:
        self._reader = reader
        self._path = path
        self._raw = raw
        self._networks = networks
        self._profiles = profiles
        self._rule = f"{reader.name}/{raw['id']}"

    def compile(self, scope: Scope) -> Limit | None:
        """None when its key does not compile; every mistake is noted."""
        key = self._reader.expression((*self._path, "key"), self._raw["key"], scope, STRING)
        conditions = tuple(self._conditions(scope))
        ceilings = self._ceilings(self._path, self._raw, Ceilings())
        overrides = tuple(self._overrides(ceilings))
        reserves = tuple(self._reserves())
        self._refuse_overfull(reserves, [ceilings, *(override.ceilings for override in overrides)])
        if key is None:
            return None
        return Limit(
            rule=self._rule,
            place=self._reader.place((*self._path, "key")),
            key=key,
            ceilings=ceilings,
            conditions=conditions,
            overrides=overrides,
            reserves=reserves,
            description=self._raw.get("description", ""),
        )

    def _conditions(self, scope: Scope) -> Iterator[Condition]:
        if "when" in self._raw:
            path = (*self._path, "when")
            expression = self._reader.expression(path, self._raw["when"], scope, BOOL)
            if expression is not None:
                yield Condition(self._rule, expression, self._reader.place(path))

    def _ceilings(self, path: Path, raw: Mapping[str, Any], own: Ceilings) -> Ceilings:
        """The ceilings that `raw` says, and for the rest `own`."""
        said: dict[str, int] = {name: raw[key] for key, name in _COUNTS.items() if key in raw}
        if "rate" in raw:
            said["rate"], said["period"] = read_rate(raw["rate"])
        ceilings = replace(own, **said)
        if ceilings.rate and ceilings.burst > ceilings.rate:
            last = "burst" if "burst" in raw else "rate"
            self._reader.problem(
                (*path, last), f"a burst of {ceilings.burst} is more than the rate of {ceilings.rate} lets through"
            )
        return ceilings

    def _overrides(self, own: Ceilings) -> Iterator[Override]:
        for index, raw in enumerate(self._raw.get("overrides", ())):
            path = (*self._path, "overrides", index)
            self._check_names((*path, "networks"), "network", raw["networks"], self._networks)
            self._refuse_foreign(path, raw, own)
            yield Override(frozenset(raw["networks"]), self._ceilings(path, raw, own))

    def _refuse_foreign(self, path: Path, raw: Mapping[str, Any], own: Ceilings) -> None:
        """One key has one count, so an override can move its ceilings, and neither add a measure nor change the window."""
        for keyword in ("rate", *_COUNTS):
            if keyword in raw and keyword not in self._raw:
                self._reader.problem((*path, keyword), f"overrides nothing: the limit has no {keyword}", key=True)
        if "rate" in raw and own.period and read_rate(raw["rate"])[1] != own.period:
            self._reader.problem((*path, "rate"), f"must be of the same time as the limit's own rate, {self._raw['rate']}")

    def _reserves(self) -> Iterator[Reserve]:
        for index, raw in enumerate(self._raw.get("reserve", ())):
            self._check_names((*self._path, "reserve", index, "profiles"), "profile", raw["profiles"], self._profiles)
            yield Reserve(frozenset(raw["profiles"]), raw["slots"])

    def _refuse_overfull(self, reserves: tuple[Reserve, ...], ceilings: list[Ceilings]) -> None:
        slots = sum(reserve.slots for reserve in reserves)
        lowest = min((each.lowest for each in ceilings), default=0)
        if slots >= lowest:
            message = f"keeps {slots} of {lowest}, and leaves nothing to other profiles"
            self._reader.problem((*self._path, "reserve"), message, key=True)

    def _check_names(self, path: Path, what: str, names: Collection[str], known: Collection[str]) -> None:
        for index, name in enumerate(names):
            if name not in known:
                self._reader.problem((*path, index), f'there is no {what} "{name}"{did_you_mean(name, known)}')


def read_rate(text: str) -> tuple[int, int]:
    """How many in how many seconds a rate (20/hour, 5/30m) lets through."""
    count, _, period = text.partition("/")
    return int(count), _PERIODS.get(period) or seconds(period)
