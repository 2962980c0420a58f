"""Comparing what a profile gives to the clients that it takes: members, lifetimes, ids."""

from collections.abc import Iterator
from dataclasses import fields

from registrar.errors import Place
from registrar.policy.members import MemberRule
from registrar.policy.policyset import Guardrail, Profile
from registrar.review.difference.differences import Difference, Direction, Side
from registrar.review.difference.members import Doubts, compare_member
from registrar.review.difference.sides import Pair, Tree
from registrar.review.outline import profile_path
from registrar.review.words import duration_words, item_words, items_words
from registrar.wire import MEMBERS

# RFC 7591 §2.1: grants and response types have to fit each other, so with fewer of them a document may pass that did not.
_CHECKED_BY_THE_PROGRAM = frozenset({"grant_types", "response_types"})


def compare_grants(pair: Pair, old: Profile, new: Profile) -> Iterator[Difference]:
    """What changes for a client that `old` took and `new` takes; they need not be of one name."""
    before = {rule.member: rule for rule in old.members}
    after = {rule.member: rule for rule in new.members}
    declared = (*pair.old.policies.extensions, *pair.new.policies.extensions)
    for member in dict.fromkeys((*before, *after, *declared)):
        rules = before.get(member) or _rule(pair, pair.old, old, member), after.get(member) or _rule(pair, pair.new, new, member)
        yield from _compare_rules(pair, *rules, _doubts(pair, old, new, member))
    yield from _compare_lifetimes(pair, old, new)
    yield from _compare_reuse(pair, old, new)


def _compare_rules(pair: Pair, old: MemberRule, new: MemberRule, doubts: Doubts) -> Iterator[Difference]:
    if old.kind is not new.kind:
        words = old.kind.value, new.kind.value
        yield Difference(Direction.MAY_WIDEN, new.rule, "is of another type", _place(pair.new, new, "type"), Side.NEW, *words)
        return
    for step in compare_member(old, new, doubts):
        side = Side.OLD if step.side is Side.OLD and old.place else Side.NEW
        place = _place(pair.old, old, step.keyword) if side is Side.OLD else _place(pair.new, new, step.keyword)
        yield Difference(step.direction, new.rule, f"{step.keyword} {step.message}", place, side, step.old, step.new)


def _place(tree: Tree, rule: MemberRule, keyword: str) -> Place:
    """Where a keyword stands, or its rule, or what would have it."""
    section = "client" if rule.member in MEMBERS else "extensions"
    unnamed = tree.place(f"profiles/{rule.rule.partition('/')[0]}.yaml", "spec", section)
    return rule.places.get(keyword) or rule.place or unnamed


def _rule(pair: Pair, tree: Tree, profile: Profile, member: str) -> MemberRule:
    """What a profile does to a member that it does not name. An undeclared extension is dropped, as all unknown members are."""
    if member in MEMBERS:
        return MemberRule(member=member, kind=MEMBERS[member].kind, rule=f"{profile.book.name}/client.{member}")
    declared = tree.policies.extensions
    kind = {**pair.old.policies.extensions, **pair.new.policies.extensions, **declared}[member].kind
    return MemberRule(member=member, kind=kind, rule=f"{profile.book.name}/client.{member}", remove=member not in declared)


def _compare_lifetimes(pair: Pair, old: Profile, new: Profile) -> Iterator[Difference]:
    for field in fields(old.lifetimes):
        before, after = (getattr(profile.lifetimes, field.name) for profile in (old, new))
        if before == after:
            continue
        longer = after == 0 or 0 < before < after
        written = field.name in pair.new.documents[profile_path(new)].value["spec"].get("lifetimes", {})
        tree, profile = (pair.new, new) if written else (pair.old, old)
        yield Difference(
            Direction.WIDER if longer else Direction.NARROWER,
            f"{new.book.name}/lifetimes.{field.name}",
            "is longer" if longer else "is shorter",
            tree.place(profile_path(profile), "spec", "lifetimes", field.name),
            Side.NEW if written else Side.OLD,
            duration_words(before),
            duration_words(after),
        )


def _compare_reuse(pair: Pair, old: Profile, new: Profile) -> Iterator[Difference]:
    if old.reuse_identical == new.reuse_identical:
        return
    # A client that is given again needs room in a rate only, and whoever has it shares it.
    direction = Direction.MAY_WIDEN if new.reuse_identical else Direction.NEUTRAL
    message = "gives identical clients one id" if new.reuse_identical else "gives each client an id of its own"
    written = "reuseIdentical" in pair.new.documents[profile_path(new)].value["spec"]
    tree, profile = (pair.new, new) if written else (pair.old, old)
    yield Difference(
        direction,
        f"{new.book.name}/reuseIdentical",
        message,
        tree.place(profile_path(profile), "spec", "reuseIdentical"),
        Side.NEW if written else Side.OLD,
        item_words(old.reuse_identical),
        item_words(new.reuse_identical),
    )


def compare_accepted(pair: Pair, old: Profile, new: Profile) -> Iterator[Difference]:
    """What changes for clients that an update (RFC 7592) would bring from another profile."""
    words = items_words(old.accept_from), items_words(new.accept_from)
    for direction, side, message, names in (
        (
            Direction.WIDER,
            Side.NEW,
            "lets updates bring clients of",
            [name for name in new.accept_from if name not in old.accept_from],
        ),
        (
            Direction.NARROWER,
            Side.OLD,
            "no longer lets updates bring clients of",
            [name for name in old.accept_from if name not in new.accept_from],
        ),
    ):
        if names:
            tree, profile = (pair.new, new) if side is Side.NEW else (pair.old, old)
            place = tree.place(profile_path(profile), "spec", "acceptFrom")
            yield Difference(direction, f"{new.book.name}/acceptFrom", f"{message} {', '.join(names)}", place, side, *words)


# Who else reads a member


def _doubts(pair: Pair, old: Profile, new: Profile, member: str) -> Doubts:
    choosing = _choosing_facts(pair.old, old) | _choosing_facts(pair.new, new)
    judging = _judging_facts(pair.old, old) | _judging_facts(pair.new, new)
    choice = verdict = ""
    if _reads(choosing, member) or "submitted" in judging:
        choice = "but what was sent decides elsewhere: matchConditions, or a rule on submitted, read it"
    if _reads(judging, member) or member in _CHECKED_BY_THE_PROGRAM:
        verdict = "but a rule that reads it may have refused the old value"
    return Doubts(choice, verdict)


def _choosing_facts(tree: Tree, profile: Profile) -> frozenset[str]:
    """What the conditions of `profile`, and of those before it, read."""
    tried = [tree.profiles[name] for name in tree.order[: tree.order.index(profile.book.name) + 1]]
    return frozenset(fact for other in tried for fact in tree.rules(other).facts(other.book.conditions))


def _judging_facts(tree: Tree, profile: Profile) -> frozenset[str]:
    """What the rules on the effective client, and the limits that it needs room in, read."""
    documents: list[Profile | Guardrail] = [profile, *tree.guardrails.values()]
    facts = [tree.rules(document).facts(document.book.validations) for document in documents]
    facts += [tree.rules(guardrail).facts(guardrail.book.conditions) for guardrail in tree.guardrails.values()]
    facts += [tree.dictionary.facts(limit.expressions) for limit in tree.limits.values()]
    return frozenset().union(*facts)


def _reads(facts: frozenset[str], member: str) -> bool:
    """Whether rules that read `facts` may notice what a document has for `member`."""
    names = {"client", f"client.{member}", "submitted"}
    if member == "redirect_uris":
        names.add("redirects")
    if member in MEMBERS and MEMBERS[member].localizable:
        names.add("client.localized")
    return not names.isdisjoint(facts) or any(fact.startswith(f"client.{member}.") for fact in facts)
