"""Comparing limits: what a client has to find room in, and how much room there is.

The measure is what may happen under both trees from the same beginning: a limit that lets a sequence of registrations through
which the old one would have stopped is wider. What is counted already is part of it, and belongs to a limit's id and its keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil

from registrar.policy.limits import Ceilings, Limit, Override
from registrar.review.difference.differences import Difference, Direction, Side, Step
from registrar.review.difference.expressions import Relation, never_fails, relation
from registrar.review.difference.rules import changed_words
from registrar.review.difference.sides import Pair
from registrar.review.words import ceiling_words, limit_words, one_line, rate_words

WIDER, MAY_WIDEN, NARROWER, NEUTRAL = Direction

_WHEN = {
    Relation.STRICTER: (WIDER, "limits fewer clients"),
    Relation.LOOSER: (NARROWER, "limits more clients"),
    Relation.OTHER: (MAY_WIDEN, "limits other clients"),
}
_NOBODY: frozenset[str] = frozenset()


def compare_limits(pair: Pair) -> Iterator[Difference]:
    """What changes for the limits of the tree."""
    before, after = dict(pair.old.limits), dict(pair.new.limits)
    yield from _renamed(pair, before, after)
    for rule, limit in before.items():
        if rule in after:
            yield from _compare(pair, limit, after[rule])
        else:
            words = limit_words(limit)
            yield Difference(WIDER, rule, "no longer limits anybody", pair.old.limit_place(limit), Side.OLD, old=words)
    for rule, limit in after.items():
        if rule not in before:
            yield Difference(NARROWER, rule, "is a new limit", pair.new.limit_place(limit), Side.NEW, new=limit_words(limit))
    yield from _order(pair)


def _renamed(pair: Pair, before: dict[str, Limit], after: dict[str, Limit]) -> Iterator[Difference]:
    """Limits that kept their meaning under another id. They are taken out of both."""
    gone = [rule for rule in before if rule not in after]
    for rule in gone:
        new = next((name for name, limit in after.items() if name not in before and _same(pair, before[rule], limit)), None)
        if new is not None:
            message = "has another id, so it begins to count anew"
            yield Difference(MAY_WIDEN, new, message, pair.new.limit_place(after[new], "id"), Side.NEW, rule, new)
            del before[rule], after[new]


def _same(pair: Pair, old: Limit, new: Limit) -> bool:
    return not any(step.direction is not NEUTRAL for step in _steps(pair, old, new))


def _compare(pair: Pair, old: Limit, new: Limit) -> Iterator[Difference]:
    for step in _steps(pair, old, new):
        tree, limit = (pair.old, old) if step.side is Side.OLD else (pair.new, new)
        place = tree.limit_place(limit, step.keyword)
        yield Difference(step.direction, new.rule, f"{step.keyword} {step.message}", place, step.side, step.old, step.new)


def _steps(pair: Pair, old: Limit, new: Limit) -> Iterator[Step]:
    yield from _when(pair, old, new)
    yield from _key(pair, old, new)
    yield from _ceilings(old, new)
    yield from _networks(pair, old, new)
    yield from _reserve(pair, old, new)
    if old.description != new.description:
        yield Step(NEUTRAL, "description", "is another", old.description, new.description)


# For whom, and by what


def _when(pair: Pair, old: Limit, new: Limit) -> Iterator[Step]:
    meanings = [
        tree.dictionary.meaning(condition.expression for condition in limit.conditions)
        for tree, limit in ((pair.old, old), (pair.new, new))
    ]
    related = relation(*meanings)
    if related is Relation.SAME:
        return
    direction, message = _WHEN[related]
    if related is Relation.LOOSER and not all(never_fails(condition.expression) for condition in old.conditions):
        direction, message = MAY_WIDEN, f"{message}; but a condition that fails at run time, as this can, refuses"
    side = Side.NEW if new.conditions else Side.OLD
    yield Step(direction, "when", message + changed_words(*meanings), _when_words(old), _when_words(new), side)


def _when_words(limit: Limit) -> str:
    return one_line(limit.conditions[0].expression) if limit.conditions else "everybody"


def _key(pair: Pair, old: Limit, new: Limit) -> Iterator[Step]:
    """Another key, even one that more clients share, begins to count anew: what was used under the old ones is free again."""
    meanings = pair.old.dictionary.meaning([old.key]), pair.new.dictionary.meaning([new.key])
    if relation(*meanings) is not Relation.SAME:
        message = f"counts by something else, and anew{changed_words(*meanings)}"
        yield Step(MAY_WIDEN, "key", message, one_line(old.key), one_line(new.key))


# How much


def _ceilings(old: Limit, new: Limit) -> Iterator[Step]:
    """What changes for sources in no network that is overridden, then for those in networks for which something else changes."""
    common = list(_compare_ceilings(old.ceilings, new.ceilings))
    yield from common
    for networks, before, after in _overridden(old, new):
        for step in _compare_ceilings(before, after):
            if step not in common:
                message = f"give sources in {', '.join(sorted(networks))} a {step.message.removeprefix('is ')} {step.keyword}"
                yield replace(step, keyword="overrides", message=message, side=Side.NEW if new.overrides else Side.OLD)


def _overridden(old: Limit, new: Limit) -> Iterator[tuple[frozenset[str], Ceilings, Ceilings]]:
    """The pairs of ceilings that a source can have before and after, with the networks that lead there.

    Exact as far as any set of networks can hold a source. The order of overrides counts: the first for a network decides.
    """
    for before, seen_before in _cases(old):
        for after, seen_after in _cases(new):
            passed = seen_before | seen_after
            reached = [override.networks - passed for override in (before, after) if override is not None]
            if reached and all(reached):
                yield (
                    _NOBODY.union(*reached),
                    old.ceilings if before is None else before.ceilings,
                    new.ceilings if after is None else after.ceilings,
                )


def _cases(limit: Limit) -> Iterator[tuple[Override | None, frozenset[str]]]:
    """Each override with the networks of those before it, in which a source must not be; last, none of them."""
    seen = _NOBODY
    for override in limit.overrides:
        yield override, seen
        seen |= override.networks
    yield None, seen


def _compare_ceilings(old: Ceilings, new: Ceilings) -> Iterator[Step]:
    if (old.rate, old.period) != (new.rate, new.period):
        lower = bool(new.rate) and (not old.rate or _bounds(new, old))
        yield _ceiling("rate", rate_words(old), rate_words(new), lower=lower, there=new.rate)
    for keyword, before, after in (
        ("burst", old.burst, new.burst),
        ("maxActive", old.max_active, new.max_active),
        ("maxTotal", old.max_total, new.max_total),
    ):
        if before != after:
            lower = bool(after) and (not before or after < before)
            yield _ceiling(keyword, ceiling_words(before), ceiling_words(after), lower=lower, there=after)


def _ceiling(keyword: str, old: str, new: str, *, lower: bool, there: int) -> Step:
    side = Side.NEW if there else Side.OLD
    return Step(NARROWER if lower else WIDER, keyword, "is lower" if lower else "is higher", old, new, side)


def _bounds(rate: Ceilings, other: Ceilings) -> bool:
    """Whether whatever keeps to `rate` keeps to the other rate as well: as many of its windows as cover the other one."""
    return rate.rate * ceil(other.period / rate.period) <= other.rate


def _networks(pair: Pair, old: Limit, new: Limit) -> Iterator[Step]:
    """An override for a network that holds other addresses now is for other sources."""
    named = [_NOBODY.union(*(override.networks for override in limit.overrides)) for limit in (old, new)]
    blocks = pair.old.policies.networks.blocks, pair.new.policies.networks.blocks
    changed = sorted(name for name in named[0] & named[1] if frozenset(blocks[0][name]) != frozenset(blocks[1][name]))
    if changed:
        words = [", ".join(str(block) for name in changed for block in side[name]) for side in blocks]
        yield Step(MAY_WIDEN, "overrides", f"are for other addresses: {', '.join(changed)}", words[0], words[1])


def _reserve(pair: Pair, old: Limit, new: Limit) -> Iterator[Step]:
    """What is kept from the clients of each profile that there is now."""
    changes: dict[tuple[int, int], list[str]] = {}
    for name in pair.new.order:
        slots = old.kept_from(name), new.kept_from(name)
        if slots[0] != slots[1]:
            changes.setdefault(slots, []).append(name)
    for (before, after), names in changes.items():
        direction, words = (NARROWER, "keeps more from") if after > before else (WIDER, "keeps less from")
        side = Side.NEW if new.reserves else Side.OLD
        yield Step(direction, "reserve", f"{words} {', '.join(names)}", str(before), str(after), side)


def _order(pair: Pair) -> Iterator[Difference]:
    """Limits that changed places: which one a client is told of when several have no room."""
    old, new = _common(pair.old.limits, pair.new.limits), _common(pair.new.limits, pair.old.limits)
    if old != new:
        first = next(rule for rule, other in zip(new, old, strict=True) if rule != other)
        place = pair.new.limit_place(pair.new.limits[first])
        yield Difference(NEUTRAL, "limits", "are asked in another order", place, Side.NEW, ", ".join(old), ", ".join(new))


def _common(limits: Iterable[str], others: Iterable[str]) -> Sequence[str]:
    return [rule for rule in limits if rule in others]
