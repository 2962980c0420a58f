"""Comparing two policy trees: which profiles and guardrails there are, for whom, in which order, and what each of them says."""

from collections.abc import Iterator

from registrar.policy.policyset import Guardrail, PolicySet, Profile
from registrar.policy.tree import HEAD
from registrar.review.difference.differences import Difference, Direction, Side, ever_enforced
from registrar.review.difference.expressions import Relation, never_fails, relation
from registrar.review.difference.heads import compare_heads
from registrar.review.difference.limits import compare_limits
from registrar.review.difference.profiles import compare_accepted, compare_grants
from registrar.review.difference.rules import Rules, changed_words, compare_records, compare_validations
from registrar.review.difference.sides import Pair, Tree
from registrar.review.outline import profile_path

_SEVERITY = {direction: index for index, direction in enumerate(Direction)}

_PROFILE_CONDITIONS = {
    Relation.STRICTER: (Direction.MAY_WIDEN, "take fewer clients"),
    Relation.LOOSER: (Direction.WIDER, "take more clients"),
    Relation.OTHER: (Direction.MAY_WIDEN, "take other clients"),
}
_GUARDRAIL_CONDITIONS = {
    Relation.STRICTER: (Direction.WIDER, "guard fewer clients"),
    Relation.LOOSER: (Direction.NARROWER, "guard more clients"),
    Relation.OTHER: (Direction.MAY_WIDEN, "guard other clients"),
}


def compare(old: PolicySet, new: PolicySet) -> tuple[Difference, ...]:
    """Every difference that a decision or a person could notice, what widens first; none where only comments or tests differ."""
    found = _differences(Pair(Tree(old), Tree(new)))
    return tuple(sorted(found, key=lambda difference: (_SEVERITY[difference.direction], difference.place)))


def _differences(pair: Pair) -> Iterator[Difference]:
    yield from compare_heads(pair)
    yield from _order(pair)
    for name in dict.fromkeys((*pair.old.order, *pair.new.order)):
        yield from _profile(pair, name)
    for name in sorted({*pair.old.guardrails, *pair.new.guardrails}):
        yield from _guardrail(pair, name)
    yield from compare_limits(pair)


# Profiles


def _order(pair: Pair) -> Iterator[Difference]:
    """Profiles that changed places: who fits two of them comes to another one."""
    old = [name for name in pair.old.order if name in pair.new.profiles]
    new = [name for name in pair.new.order if name in pair.old.profiles]
    if old != new:
        passed = ", ".join(f"{later} before {earlier}" for earlier, later in _inversions(old, new))
        message = f"are tried in another order, so clients that fit both come to the other one: {passed}"
        place = pair.new.place(HEAD, "spec", "profiles")
        words = ", ".join(pair.old.order), ", ".join(pair.new.order)
        yield Difference(Direction.MAY_WIDEN, "profiles", message, place, Side.NEW, *words)


def _inversions(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """The pairs that stood in the order (earlier, later) and now stand the other way round."""
    rank = {name: index for index, name in enumerate(new)}
    for index, earlier in enumerate(old):
        yield from ((earlier, later) for later in old[index + 1 :] if rank[later] < rank[earlier])


def _profile(pair: Pair, name: str) -> Iterator[Difference]:
    old, new = pair.old.profiles.get(name), pair.new.profiles.get(name)
    if old is not None and new is not None:
        yield from _taken(pair, old, new)
        yield from compare_grants(pair, old, new)
        yield from compare_accepted(pair, old, new)
        prefixes = old.client_id_prefix, new.client_id_prefix
        yield from pair.noted(f"{name}/clientId", *prefixes, profile_path(new), "spec", "clientId", "prefix")
        yield from _rules(pair, old, new)
    elif new is not None:
        words = pair.new.rules(new).condition_words()
        yield Difference(Direction.WIDER, name, "is a new profile", new.book.place, Side.NEW, new=words)
    elif old is not None:
        direction, reason = _fall_through(pair, name)
        words = pair.old.rules(old).condition_words()
        yield Difference(direction, name, f"is no longer there{reason}", old.book.place, Side.OLD, old=words)


def _taken(pair: Pair, old: Profile, new: Profile) -> Iterator[Difference]:
    """Whom the profile takes."""
    before, after = pair.old.rules(old), pair.new.rules(new)
    related = relation(before.conditions(), after.conditions())
    if related is Relation.SAME:
        yield from _same_conditions(pair, before, after)
        return
    direction, message = _PROFILE_CONDITIONS[related]
    if related is Relation.STRICTER:
        direction, reason = _fall_through(pair, new.book.name)
        message += reason
    yield _conditions(pair, before, after, direction, message)


def _fall_through(pair: Pair, name: str) -> tuple[Direction, str]:
    """What becomes of clients that a profile no longer takes: narrower only where no other profile can take them."""
    old = pair.old.profiles[name]
    takers = list(_takers(pair, old))
    if not takers:
        return Direction.NARROWER, "; no profile is behind it, so its clients are refused"
    words = ", ".join(f"{other.book.name}{_more(pair, old, other)}" for other in takers)
    return Direction.MAY_WIDEN, f"; its clients fall through to {words}"


def _takers(pair: Pair, old: Profile) -> Iterator[Profile]:
    """The profiles that clients of `old` can come to: those behind it, and new ones wherever they stand.

    None of those in front that were there before, which have passed its clients over. The last is one that takes all of them.
    """
    order = pair.new.order if old.book.name in pair.new.profiles else pair.old.order
    behind = _behind(order, old.book.name)
    for name, other in pair.new.profiles.items():
        if name in behind or name not in pair.old.profiles:
            yield other
            if _takes_all(pair, old, other):
                return


def _takes_all(pair: Pair, old: Profile, new: Profile) -> bool:
    """Whether `new` certainly takes whomever `old` took."""
    related = relation(pair.old.rules(old).conditions(), pair.new.rules(new).conditions())
    return related in (Relation.SAME, Relation.LOOSER)


def _more(pair: Pair, old: Profile, other: Profile) -> str:
    """By what `other` may give a client more than `old` did, in brackets: what a reviewer looks at first."""
    wider = [difference for difference in compare_grants(pair, old, other) if difference.direction.widens]
    names = dict.fromkeys(difference.subject.partition("/")[2] for difference in wider)
    return f" (more by {', '.join(names)})" if names else ""


def _behind(order: list[str], name: str) -> list[str]:
    return order[order.index(name) + 1 :]


# Guardrails


def _guardrail(pair: Pair, name: str) -> Iterator[Difference]:
    old, new = pair.old.guardrails.get(name), pair.new.guardrails.get(name)
    if old is not None and new is not None:
        yield from _guarded(pair, old, new)
        yield from _rules(pair, old, new)
    elif new is not None:
        direction = Direction.NARROWER if _refuses(new) else Direction.NEUTRAL
        yield Difference(direction, name, "is a new guardrail", new.book.place, Side.NEW, new=_rule_words(new))
    elif old is not None:
        # A condition that fails at run time refuses, whatever the rules behind it would do.
        direction = Direction.WIDER if _refuses(old) or old.book.conditions else Direction.NEUTRAL
        yield Difference(direction, name, "is no longer there", old.book.place, Side.OLD, old=_rule_words(old))


def _guarded(pair: Pair, old: Guardrail, new: Guardrail) -> Iterator[Difference]:
    """Whom the guardrail guards."""
    before, after = pair.old.rules(old), pair.new.rules(new)
    related = relation(before.conditions(), after.conditions())
    if related is Relation.SAME:
        yield from _same_conditions(pair, before, after)
        return
    direction, message = _GUARDRAIL_CONDITIONS[related]
    if related is Relation.LOOSER and not all(never_fails(condition.expression) for condition in old.book.conditions):
        direction, message = Direction.MAY_WIDEN, f"{message}; but a condition that fails at run time, as these can, refuses"
    yield _conditions(pair, before, after, direction, message)


def _refuses(guardrail: Guardrail) -> bool:
    return any(ever_enforced(validation.switch) for validation in guardrail.book.validations)


def _rule_words(guardrail: Guardrail) -> str:
    return ", ".join(validation.rule for validation in guardrail.book.validations)


# What both have


def _rules(pair: Pair, old: Profile | Guardrail, new: Profile | Guardrail) -> Iterator[Difference]:
    before, after = pair.old.rules(old), pair.new.rules(new)
    yield from compare_validations(before, after)
    yield from compare_records(before, after)


def _conditions(pair: Pair, before: Rules, after: Rules, direction: Direction, message: str) -> Difference:
    changed = changed_words(before.conditions(), after.conditions())
    place = pair.new.place(after.book.place.file, "spec", "matchConditions")
    words = before.condition_words(), after.condition_words()
    return Difference(direction, after.book.name, f"matchConditions {message}{changed}", place, Side.NEW, *words)


def _same_conditions(pair: Pair, before: Rules, after: Rules) -> Iterator[Difference]:
    texts = [[(condition.rule, condition.expression.text) for condition in rules.book.conditions] for rules in (before, after)]
    if texts[0] != texts[1]:
        yield _conditions(pair, before, after, Direction.NEUTRAL, "are written otherwise, and mean the same")
