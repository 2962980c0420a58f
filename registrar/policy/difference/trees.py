"""Comparing two policy trees: the policy set, the profiles in their order, the guardrails."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

from registrar.documents import Document
from registrar.errors import Place
from registrar.policy.difference.differences import Difference, Direction, Side, ever_enforced
from registrar.policy.difference.expressions import Relation, never_fails, relation
from registrar.policy.difference.members import Doubts, compare_member
from registrar.policy.difference.rules import Rules, changed_words, compare_records, compare_validations
from registrar.policy.members import MemberRule
from registrar.policy.outline import duration_words, profile_path, value_words
from registrar.policy.policyset import Guardrail, PolicySet, Profile
from registrar.policy.sources import documents
from registrar.policy.tree import HEAD
from registrar.wire import MEMBERS

_SEVERITY = {direction: index for index, direction in enumerate(Direction)}


def compare(old: PolicySet, new: PolicySet) -> tuple[Difference, ...]:
    """Every difference that a decision or a person could notice, what widens first; none where only comments or tests differ."""
    comparison = _Comparison(_Tree(old), _Tree(new))
    return tuple(sorted(comparison.differences(), key=lambda difference: (_SEVERITY[difference.direction], difference.place)))


class _Tree:
    """One side: a policy set, its documents, and its profiles and guardrails by name."""

    def __init__(self, policies: PolicySet) -> None:
        self.policies = policies
        self.profiles = {profile.book.name: profile for profile in policies.profiles}
        self.guardrails = {guardrail.book.name: guardrail for guardrail in policies.guardrails}
        self.order = list(self.profiles)

    @cached_property
    def documents(self) -> Mapping[str, Document]:
        return documents(self.policies)

    def place(self, path: str, *keys: str) -> Place:
        return self.documents[path].place(keys, key=True)

    def rules(self, document: Profile | Guardrail) -> Rules:
        return Rules.of(self.policies, document.book)


@dataclass(frozen=True, slots=True)
class _Comparison:
    old: _Tree
    new: _Tree

    def differences(self) -> Iterator[Difference]:
        yield from self._head()
        yield from self._order()
        for name in dict.fromkeys((*self.old.order, *self.new.order)):
            yield from self._profile(name)
        for name in sorted({*self.old.guardrails, *self.new.guardrails}):
            yield from self._guardrail(name)

    # The policy set: what is in it is compared where it is used

    def _head(self) -> Iterator[Difference]:
        old, new = self.old.policies, self.new.policies
        yield from self._noted("name", old.name, new.name, "metadata", "name")
        yield from self._noted("onNoMatch", _no_match(old), _no_match(new), "spec", "onNoMatch")
        for name in dict.fromkeys((*old.constants, *new.constants)):
            words = [value_words(policies.constants[name]) if name in policies.constants else "" for policies in (old, new)]
            yield from self._noted(f"constants.{name}", words[0], words[1], "spec", "constants", name)
        for name in dict.fromkeys((*old.networks.blocks, *new.networks.blocks)):
            words = [", ".join(map(str, policies.networks.blocks.get(name, ()))) for policies in (old, new)]
            yield from self._noted(f"networks.{name}", words[0], words[1], "spec", "networks", name)
        for path in sorted(set(self.old.documents) & set(self.new.documents)):
            yield from self._metadata(path)

    def _noted(self, subject: str, old: str, new: str, *keys: str, path: str = HEAD) -> Iterator[Difference]:
        """A difference that decides nothing where it stands."""
        if old != new:
            side = Side.NEW if new else Side.OLD
            place = (self.new if new else self.old).place(path, *keys)
            yield Difference(
                Direction.NEUTRAL,
                subject,
                "is gone" if not new else "is there" if not old else "is another",
                place,
                side,
                old,
                new,
            )

    def _metadata(self, path: str) -> Iterator[Difference]:
        old, new = (tree.documents[path].value["metadata"] for tree in (self.old, self.new))
        words = old.get("description", ""), new.get("description", "")
        yield from self._noted(f"{new['name']}: description", *words, "metadata", "description", path=path)
        before, after = old.get("annotations", {}), new.get("annotations", {})
        for key in dict.fromkeys((*before, *after)):
            words = before.get(key, ""), after.get(key, "")
            yield from self._noted(f"{new['name']}: annotation {key}", *words, "metadata", "annotations", key, path=path)

    # The profiles and their order

    def _order(self) -> Iterator[Difference]:
        """Profiles that changed places: who fits two of them comes to another one."""
        old = [name for name in self.old.order if name in self.new.profiles]
        new = [name for name in self.new.order if name in self.old.profiles]
        if old != new:
            passed = [f"{later} before {earlier}" for earlier, later in _inversions(old, new)]
            yield Difference(
                Direction.MAY_WIDEN,
                "profiles",
                f"are tried in another order, so clients that fit both come to the other one: {', '.join(passed)}",
                self.new.place(HEAD, "spec", "profiles"),
                Side.NEW,
                ", ".join(self.old.order),
                ", ".join(self.new.order),
            )

    def _profile(self, name: str) -> Iterator[Difference]:
        old, new = self.old.profiles.get(name), self.new.profiles.get(name)
        if old is not None and new is not None:
            yield from self._conditions(old, new)
            yield from self._members(old, new)
            yield from self._lifetimes(old, new)
            yield from self._rules(old, new)
        elif new is not None:
            words = self.new.rules(new).condition_words()
            yield Difference(Direction.WIDER, name, "is a new profile", new.book.place, Side.NEW, new=words)
        elif old is not None:
            direction, reason = self._fall_through(name)
            words = self.old.rules(old).condition_words()
            yield Difference(direction, name, f"is no longer there{reason}", old.book.place, Side.OLD, old=words)

    def _fall_through(self, name: str) -> tuple[Direction, str]:
        """What becomes of clients that a profile no longer takes: narrower only where no other profile can take them."""
        behind = [other for other in _after(self.old.order, name) if other in self.new.profiles]
        if name in self.new.profiles:
            behind = _after(self.new.order, name)
        if not behind:
            return Direction.NARROWER, "; no profile is behind it, so its clients are refused"
        return Direction.MAY_WIDEN, f"; its clients fall through to {', '.join(behind)}"

    def _conditions(self, old: Profile, new: Profile) -> Iterator[Difference]:
        before, after = self.old.rules(old), self.new.rules(new)
        related = relation(before.conditions(), after.conditions())
        if related is Relation.SAME:
            yield from self._same_conditions(before, after)
            return
        direction, message = _PROFILE_CONDITIONS[related]
        if related is Relation.STRICTER:
            direction, reason = self._fall_through(new.book.name)
            message += reason
        yield self._condition_difference(before, after, direction, message)

    def _condition_difference(self, before: Rules, after: Rules, direction: Direction, message: str) -> Difference:
        meanings = before.conditions(), after.conditions()
        book = after.book
        return Difference(
            direction,
            book.name,
            f"matchConditions {message}{changed_words(*meanings)}",
            self.new.place(book.place.file, "spec", "matchConditions"),
            Side.NEW,
            before.condition_words(),
            after.condition_words(),
        )

    def _same_conditions(self, before: Rules, after: Rules) -> Iterator[Difference]:
        names = [
            tuple((condition.rule, condition.expression.text) for condition in rules.book.conditions) for rules in (before, after)
        ]
        if names[0] != names[1]:
            yield self._condition_difference(before, after, Direction.NEUTRAL, "are written otherwise, and mean the same")

    def _lifetimes(self, old: Profile, new: Profile) -> Iterator[Difference]:
        for field in fields(old.lifetimes):
            before, after = (getattr(profile.lifetimes, field.name) for profile in (old, new))
            if before == after:
                continue
            longer = after == 0 or 0 < before < after
            yield Difference(
                Direction.WIDER if longer else Direction.NARROWER,
                f"{new.book.name}/lifetimes.{field.name}",
                "is longer" if longer else "is shorter",
                self.new.place(profile_path(new), "spec", "lifetimes", field.name),
                Side.NEW,
                duration_words(before),
                duration_words(after),
            )

    # What a profile does to members

    def _members(self, old: Profile, new: Profile) -> Iterator[Difference]:
        before = {rule.member: rule for rule in old.members}
        after = {rule.member: rule for rule in new.members}
        for member in dict.fromkeys((*before, *after)):
            rules = before.get(member, _unnamed(old, member)), after.get(member, _unnamed(new, member))
            for step in compare_member(*rules, self._doubts(old, new, member)):
                tree, rule = (self.new, rules[1]) if step.side is Side.NEW and rules[1].place else (self.old, rules[0])
                side = Side.NEW if tree is self.new else Side.OLD
                place = rule.places.get(step.keyword) or rule.place or tree.place(profile_path(new), "spec", "client")
                yield Difference(step.direction, rules[1].rule, f"{step.keyword} {step.message}", place, side, step.old, step.new)

    def _doubts(self, old: Profile, new: Profile, member: str) -> Doubts:
        choosing = self._choosing_facts(self.old, old) | self._choosing_facts(self.new, new)
        judging = self._judging_facts(self.old, old) | self._judging_facts(self.new, new)
        choice = verdict = ""
        if _reads(choosing, member) or "submitted" in judging:
            choice = "but what was sent decides elsewhere: matchConditions, or a rule on submitted, read it"
        if _reads(judging, member) or member in _CHECKED_BY_THE_PROGRAM:
            verdict = "but a rule that reads it may have refused the old value"
        return Doubts(choice, verdict)

    def _choosing_facts(self, tree: _Tree, profile: Profile) -> frozenset[str]:
        """What the conditions of `profile`, and of those before it, read."""
        behind = set(_after(tree.order, profile.book.name))
        tried = [other for name, other in tree.profiles.items() if name not in behind]
        return frozenset(fact for other in tried for fact in tree.rules(other).facts(other.book.conditions))

    def _judging_facts(self, tree: _Tree, profile: Profile) -> frozenset[str]:
        """What the rules on the effective client read."""
        documents: list[Profile | Guardrail] = [profile, *tree.guardrails.values()]
        facts = [tree.rules(document).facts(document.book.validations) for document in documents]
        facts += [tree.rules(guardrail).facts(guardrail.book.conditions) for guardrail in tree.guardrails.values()]
        return frozenset().union(*facts)

    # Rules

    def _rules(self, old: Profile | Guardrail, new: Profile | Guardrail) -> Iterator[Difference]:
        before, after = self.old.rules(old), self.new.rules(new)
        yield from compare_validations(before, after)
        yield from compare_records(before, after)

    def _guardrail(self, name: str) -> Iterator[Difference]:
        old, new = self.old.guardrails.get(name), self.new.guardrails.get(name)
        if old is not None and new is not None:
            yield from self._guarded(old, new)
            yield from self._rules(old, new)
        elif new is not None:
            direction = Direction.NARROWER if _refuses(new) else Direction.NEUTRAL
            yield Difference(direction, name, "is a new guardrail", new.book.place, Side.NEW, new=_rule_words(new))
        elif old is not None:
            # A condition that fails at run time refuses, whatever the rules behind it would do.
            refused = _refuses(old) or old.book.conditions
            direction = Direction.WIDER if refused else Direction.NEUTRAL
            yield Difference(direction, name, "is no longer there", old.book.place, Side.OLD, old=_rule_words(old))

    def _guarded(self, old: Guardrail, new: Guardrail) -> Iterator[Difference]:
        before, after = self.old.rules(old), self.new.rules(new)
        related = relation(before.conditions(), after.conditions())
        if related is Relation.SAME:
            yield from self._same_conditions(before, after)
            return
        direction, message = _GUARDRAIL_CONDITIONS[related]
        if related is Relation.LOOSER and not all(never_fails(condition.expression) for condition in old.book.conditions):
            direction, message = Direction.MAY_WIDEN, f"{message}; but a condition that fails at run time, as these can, refuses"
        yield self._condition_difference(before, after, direction, message)


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
# RFC 7591 §2.1: grants and response types have to fit each other, so with fewer of them a document may pass that did not.
_CHECKED_BY_THE_PROGRAM = frozenset({"grant_types", "response_types"})


def _no_match(policies: PolicySet) -> str:
    return f"{policies.no_match.code.value}: {policies.no_match.message}"


def _after(order: list[str], name: str) -> list[str]:
    return order[order.index(name) + 1 :]


def _inversions(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """The pairs that stood in the order (earlier, later) and now stand the other way round."""
    rank = {name: index for index, name in enumerate(new)}
    for index, earlier in enumerate(old):
        yield from ((earlier, later) for later in old[index + 1 :] if rank[later] < rank[earlier])


def _unnamed(profile: Profile, member: str) -> MemberRule:
    """What a profile does to a member that it does not name, and that RFC 7591 gives no default: nothing."""
    return MemberRule(member=member, kind=MEMBERS[member].kind, rule=f"{profile.book.name}/client.{member}")


def _reads(facts: frozenset[str], member: str) -> bool:
    """Whether rules that read `facts` may notice what a document has for `member`."""
    names = {"client", f"client.{member}", "submitted"}
    if member == "redirect_uris":
        names.add("redirects")
    if MEMBERS[member].localizable:
        names.add("client.localized")
    return not names.isdisjoint(facts) or any(fact.startswith(f"client.{member}.") for fact in facts)


def _refuses(guardrail: Guardrail) -> bool:
    return any(ever_enforced(validation.switch) for validation in guardrail.book.validations)


def _rule_words(guardrail: Guardrail) -> str:
    return ", ".join(validation.rule for validation in guardrail.book.validations)
