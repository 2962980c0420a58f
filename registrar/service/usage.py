"""How much of each limit is used, for the people who set them."""

from collections.abc import Collection
from dataclasses import dataclass, fields

from registrar.limits import LimitUse, Usage
from registrar.policy import PolicySet
from registrar.policy.limits import Ceilings
from registrar.store import Counted, Store

_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """What one key uses of a limit: a Usage for each measure. `counted`: the bare numbers, also of a limit that is no more."""

    counted: Counted
    usages: tuple[Usage, ...]


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """A limit, the keys that use most of it, the most first, and what it allows (None: the policy no longer has this limit).

    `ceilings` are those of the limit itself: a network may have others, and for some profiles slots may be reserved.
    """

    limit: str
    ceilings: Ceilings | None
    keys: tuple[KeyUsage, ...]


def limit_usage(
    policies: PolicySet, store: Store, at: float, *, limits: Collection[str] | None = None, most: int = 10
) -> tuple[LimitUsage, ...]:
    """The usage at `at` (epoch seconds) of these limits (None: of all that the policy has, and that were counted once).

    Of each, the `most` keys that use most. Reads every key: for people, not for requests. Raises StoreUnavailable.
    """
    ceilings = {limit.rule: limit.ceilings for limit in policies.limits}
    counted: dict[str, list[Counted]] = {name: [] for name in (ceilings if limits is None else limits)}
    for found in store.top_usage(at, limits=limits, most=most):
        counted.setdefault(found.limit, []).append(found)
    return tuple(
        LimitUsage(name, ceilings.get(name), tuple(_key_usage(found, ceilings.get(name), at) for found in keys))
        for name, keys in counted.items()
    )


def usage_page(
    policies: PolicySet, store: Store, at: float, *, name: str, after: tuple[str, str], most: int
) -> tuple[KeyUsage, ...]:
    """The usage at `at` (epoch seconds) of the limit `name` ("": of all), at most `most` keys by the names of limit and key.

    `after`: limit and key of the last one of the page before. Raises StoreUnavailable.
    """
    ceilings = {limit.rule: limit.ceilings for limit in policies.limits}
    page = store.usage(at, limits=[name] if name else None, after=after, most=most)
    return tuple(_key_usage(found, ceilings.get(found.limit), at) for found in page)


def _key_usage(found: Counted, ceilings: Ceilings | None, at: float) -> KeyUsage:
    if ceilings is None:
        return KeyUsage(found, ())
    numbers = {field.name: getattr(ceilings, field.name) for field in fields(Ceilings)}
    use = LimitUse(limit=found.limit, key=found.key, **numbers)
    return KeyUsage(found, found.counter.usages(use, int(at * _MILLISECONDS)))
