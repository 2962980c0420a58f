"""Comparing policy sets, and what documents say to people. What a policy set declares is compared where it is used."""

from collections.abc import Iterator, Mapping
from typing import Any

from registrar.policy.policyset import PolicySet
from registrar.policy.tree import HEAD
from registrar.review.difference.differences import Difference, Direction, Side
from registrar.review.difference.sides import Pair
from registrar.review.words import value_words

# What is compared of each kind of document, by key of its `spec`. A key that is not here, from a later version of the language,
# must not pass for unchanged.
COMPARED: dict[str, frozenset[str]] = {
    "PolicySet": frozenset({"mode", "profiles", "onNoMatch", "constants", "networks", "extensions"}),
    "Profile": frozenset(
        {"matchConditions", "variables", "client", "lifetimes", "validations", "auditAnnotations", "extensions", "clientId"}
        | {"reuseIdentical", "acceptFrom"}
    ),
    "Guardrail": frozenset({"matchConditions", "variables", "validations", "auditAnnotations"}),
    "Limits": frozenset({"limits"}),
}


def compare_heads(pair: Pair) -> Iterator[Difference]:
    """What changes in the policy set itself, and in the descriptions of all documents."""
    old, new = pair.old.policies, pair.new.policies
    yield from pair.noted("name", old.name, new.name, HEAD, "metadata", "name")
    yield from pair.noted("onNoMatch", _no_match(old), _no_match(new), HEAD, "spec", "onNoMatch")
    for section, before, after in (
        ("constants", _constants(old), _constants(new)),
        ("networks", _networks(old), _networks(new)),
        ("extensions", _extensions(old), _extensions(new)),
    ):
        for name in dict.fromkeys((*before, *after)):
            words = before.get(name, ""), after.get(name, "")
            yield from pair.noted(f"{section}.{name}", *words, HEAD, "spec", section, name)
    for path in sorted({*pair.old.documents} & {*pair.new.documents}):
        yield from _descriptions(pair, path)
    for path in sorted({*pair.old.documents} | {*pair.new.documents}):
        yield from _uncompared(pair, path)


def _no_match(policies: PolicySet) -> str:
    return f"{policies.no_match.code.value}: {policies.no_match.message}"


def _constants(policies: PolicySet) -> dict[str, str]:
    return {name: value_words(value) for name, value in policies.constants.items()}


def _networks(policies: PolicySet) -> dict[str, str]:
    return {name: ", ".join(map(str, blocks)) for name, blocks in policies.networks.blocks.items()}


def _extensions(policies: PolicySet) -> dict[str, str]:
    return {name: member.kind.value for name, member in policies.extensions.items()}


def _descriptions(pair: Pair, path: str) -> Iterator[Difference]:
    old, new = (tree.documents[path].value["metadata"] for tree in (pair.old, pair.new))
    subject = new["name"]
    words = old.get("description", ""), new.get("description", "")
    yield from pair.noted(f"{subject}: description", *words, path, "metadata", "description")
    before, after = old.get("annotations", {}), new.get("annotations", {})
    for key in dict.fromkeys((*before, *after)):
        words = before.get(key, ""), after.get(key, "")
        yield from pair.noted(f"{subject}: annotation {key}", *words, path, "metadata", "annotations", key)


def _uncompared(pair: Pair, path: str) -> Iterator[Difference]:
    """Keys that differ and that nothing here knows how to compare: fail closed."""
    old, new = (_unknown(tree.documents[path].value) if path in tree.documents else {} for tree in (pair.old, pair.new))
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            tree, side = (pair.new, Side.NEW) if key in new else (pair.old, Side.OLD)
            message = "differs, and is nothing that this comparison knows"
            yield Difference(Direction.MAY_WIDEN, f"{path}: {key}", message, tree.place(path, "spec", key), side)


def _unknown(document: Mapping[str, Any]) -> dict[str, Any]:
    known = COMPARED.get(document["kind"], frozenset())
    return {key: value for key, value in document["spec"].items() if key not in known}
