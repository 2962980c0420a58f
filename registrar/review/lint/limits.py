"""Lints about limits, and about what profiles say of clients that come again or move."""

from collections.abc import Iterator

from registrar.documents import Document
from registrar.policy.clients import allowed_values
from registrar.policy.limits import Limit
from registrar.policy.reading import Path
from registrar.policy.sources import limit_keys, limit_path
from registrar.review.lint.finding import Lint
from registrar.review.lint.subject import Subject, fixed, found, holds

# What a client, or who runs it, puts into a request; an address costs more than that, and a token is given by somebody else.
_CHOSEN = frozenset({"client", "submitted", "redirects", "source.user_agent", "source.origin"})


def evadable_limits(subject: Subject) -> Iterator[Lint]:
    """Keys that are made of what a client says of itself: whoever says something else each time has room without end."""
    for limit, document, path in _limits(subject):
        if any(name.startswith("software_statement") for expression in limit.expressions for name in expression.reads):
            continue
        chosen = sorted(name for name in limit.key.reads if _chosen(subject, name))
        if chosen:
            message = f"{', '.join(chosen)} is the client's own choice: with another value it counts anew"
            yield found("evadable-limit", document, (*path, "key"), message)


def _chosen(subject: Subject, name: str) -> bool:
    root, _, member = name.partition(".")
    if name not in _CHOSEN and root not in _CHOSEN:
        return False
    # A member that every profile limits to a few values makes as many keys.
    profiles = subject.policies.profiles
    return root != "client" or any(allowed_values(profile.members, member) is None for profile in profiles)


def idle_limits(subject: Subject) -> Iterator[Lint]:
    """What a limit says, and what no client ever notices."""
    for limit, document, path in _limits(subject):
        own = limit.ceilings
        if own.burst and own.burst == own.rate:
            yield found("without-effect", document, (*path, "burst"), "is the rate itself, which holds anyway", key=True)
        if own.max_total and own.max_active >= own.max_total:
            message = f"can never be reached: no more than {own.max_total} are registered ever"
            yield found("without-effect", document, (*path, "maxActive"), message, key=True)
        yield from _idle_overrides(limit, document, path)


def _idle_overrides(limit: Limit, document: Document, path: Path) -> Iterator[Lint]:
    seen: frozenset[str] = frozenset()
    for index, override in enumerate(limit.overrides):
        place = (*path, "overrides", index)
        if override.networks <= seen:
            yield found("without-effect", document, place, "is never looked at: overrides before it are for the same networks")
        elif override.ceilings == limit.ceilings:
            yield found("without-effect", document, place, "says what the limit says itself")
        seen |= override.networks


def constant_limits(subject: Subject) -> Iterator[Lint]:
    """A `when` that reads nothing of a request: it is for everybody, or for nobody."""
    for limit, document, path in _limits(subject):
        for condition in limit.conditions:
            if fixed(condition.expression, {}):
                values = {**dict.fromkeys(subject.policies.limiting.types), "constants": subject.policies.constants}
                everybody = holds(condition.expression, subject.policies.limiting.bind(values))
                message = f"reads nothing of the request: the limit is for {'every client' if everybody else 'no client'}"
                yield found("always-true", document, (*path, "when"), message)


def untested_limits(subject: Subject) -> Iterator[Lint]:
    """Limits of which no test has seen a client that they are not for; nothing when the tree has no tests."""
    for limit, document, path in _limits(subject):
        seen = {True, False} if subject.seen is None or not limit.conditions else subject.seen.get(limit.rule, ())
        if False not in seen:
            yield found("never-tested-rule", document, (*path, "when"), f"no test sees {limit.rule} pass a client over")


def idle_reuse(subject: Subject) -> Iterator[Lint]:
    """Profiles that give identical clients one id, and that no client without a secret can come from."""
    for profile in subject.policies.profiles:
        methods = allowed_values(profile.members, "token_endpoint_auth_method")
        if profile.reuse_identical and methods is not None and "none" not in methods:
            message = "is for clients without a secret (none), and the profile has none"
            yield found("without-effect", subject.document(profile.book), ("spec", "reuseIdentical"), message, key=True)


def unknown_profiles(subject: Subject) -> Iterator[Lint]:
    """Profiles that are accepted from and are not there: right for one that is gone, and wrong for one that is misspelt."""
    known = {profile.book.name for profile in subject.policies.profiles}
    for profile in subject.policies.profiles:
        for index, name in enumerate(profile.accept_from):
            if name not in known:
                message = f'there is no profile "{name}" any more: this is for clients that it admitted'
                yield found("unknown-profile", subject.document(profile.book), ("spec", "acceptFrom", index), message)


def unused_networks(subject: Subject) -> Iterator[Lint]:
    """Networks that no override names and no expression has a string of."""
    named = {name for limit in subject.policies.limits for override in limit.overrides for name in override.networks}
    texts = [expression.text for expression in subject.expressions()]
    for name in subject.policies.networks.blocks:
        if name not in named and not any(f'"{name}"' in text or f"'{name}'" in text for text in texts):
            path: Path = ("spec", "networks", name)
            yield found("unused-network", subject.head, path, f"nothing names the network {name}", key=True)


def _limits(subject: Subject) -> Iterator[tuple[Limit, Document, Path]]:
    for limit in subject.policies.limits:
        document = subject.documents[limit_path(limit)]
        yield limit, document, limit_keys(limit, document)
