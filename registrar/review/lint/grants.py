"""Lints about what profiles let clients register."""

from collections.abc import Iterator

from registrar import wire
from registrar.policy.clients import allowed_values
from registrar.policy.decision import Mode
from registrar.policy.facts import Facts
from registrar.policy.matchers import AnyOf, HttpsHost
from registrar.policy.members import MemberRule
from registrar.policy.policyset import Profile
from registrar.policy.rules import Validation
from registrar.policy.vocabulary import bindings
from registrar.review.lint.finding import Lint
from registrar.review.lint.subject import Subject, found, holds, member_path
from registrar.wire import REDIRECTING_GRANTS


def empty_profiles(subject: Subject) -> Iterator[Lint]:
    """Profiles that no client can pass: a rule that is never true, a demand that `allow` refuses, values that contradict."""
    for profile in subject.policies.profiles:
        document = subject.document(profile.book)
        for path, rule in subject.rules(profile.book):
            enforced = not isinstance(rule, Validation) or rule.switch.at(subject.now) is Mode.ENFORCE
            if subject.outcome(rule, profile.book) is False:
                effect = "the profile admits nobody" if enforced else "the profile warns of everybody"
                yield found("profile-grants-nothing", document, path, f"is never true, so {effect}")
        for member in profile.members:
            refused = [str(item) for item in member.require if member.allow is not None and not member.allow(item)]
            if refused and member.switch.at(subject.now) is Mode.ENFORCE:
                message = f"{', '.join(refused)} is required but not allowed, so the profile admits nobody"
                yield found("profile-grants-nothing", document, (*member_path(member), "require"), message)
        yield from _contradictions(subject, profile)


def _contradictions(subject: Subject, profile: Profile) -> Iterator[Lint]:
    """Grants and response types that the profile sets, and that the program never takes together (RFC 7591 §2.1)."""
    rules = {rule.member: rule for rule in profile.members if rule.member in ("grant_types", "response_types")}
    values = {member: list(rule.set) for member, rule in rules.items() if rule.set is not None}
    if len(values) < len(rules):
        return
    for problem in wire.check(values):
        if problem.member in values:
            path = (*member_path(rules[problem.member]), "set")
            message = f"{problem.member} {problem.message}, so the profile admits nobody"
            yield found("profile-grants-nothing", subject.document(profile.book), path, message)


def host_wildcards(subject: Subject) -> Iterator[Lint]:
    """Redirect matchers that take every host under a domain, or every host there is."""
    for profile in subject.policies.profiles:
        for rule in profile.members:
            for index, matcher in enumerate(rule.allow.matchers if isinstance(rule.allow, AnyOf) else ()):
                if isinstance(matcher, HttpsHost) and (doubt := _wide(matcher)) is not None:
                    lint, message = doubt
                    path = (*member_path(rule), "allow", index, "hosts")
                    yield found(lint, subject.document(profile.book), path, message)


def _wide(matcher: HttpsHost) -> tuple[str, str] | None:
    """The lint of a matcher that takes hosts which it does not name, and its message."""
    if matcher.anybody:
        return "any-host", "whoever has a host receives codes there: the consent page should show which"
    if matcher.suffixes:
        hosts = ", ".join(f"*{suffix}" for suffix in matcher.suffixes)
        return "host-wildcard", f"{hosts}: whoever gets a name under it (a tenant, a forgotten DNS record) receives codes"
    return None


def public_credentials(subject: Subject) -> Iterator[Lint]:
    """RFC 6749 §4.4: the client credentials grant MUST only be used by confidential clients."""
    for profile in subject.policies.profiles:
        if not _offers(profile, "token_endpoint_auth_method", "none") or not _offers(
            profile, "grant_types", "client_credentials"
        ):
            continue
        unlimited = [
            member for member in ("token_endpoint_auth_method", "grant_types") if allowed_values(profile.members, member) is None
        ]
        why = f", since {' and '.join(unlimited)} {'are' if len(unlimited) > 1 else 'is'} not limited" if unlimited else ""
        message = f"a client without authentication may have the grant client_credentials{why} (RFC 6749 section 4.4)"
        document = subject.document(profile.book)
        path = ("spec", "client", "grant_types")
        yield found("public-client-with-client-credentials", document, path, message, key=True)


def _offers(profile: Profile, member: str, value: str) -> bool:
    values = allowed_values(profile.members, member)
    return values is None or value in values


def refused_defaults(subject: Subject) -> Iterator[Lint]:
    """Members that the policy gives no default, and whose default by RFC 7591 §2 its `allow` refuses."""
    for profile in subject.policies.profiles:
        for rule in profile.members:
            if _refuses_omission(rule) and not _never_omitted(subject, profile, rule):
                default = " ".join(map(str, rule.default or ()))
                message = (
                    f"whoever omits {rule.member} gets the default of RFC 7591, {default}, and is refused: "
                    "add a default, or required: true"
                )
                document = subject.document(profile.book)
                yield found("default-not-allowed", document, (*member_path(rule), "allow"), message, key=True)


def _refuses_omission(rule: MemberRule) -> bool:
    if rule.allow is None or rule.set is not None or rule.required or "default" in rule.places:
        return False
    if rule.switch.mode is not Mode.ENFORCE and rule.switch.enforce_after is None:
        return False
    return any(not rule.allow(item) for item in rule.default or ())


def _never_omitted(subject: Subject, profile: Profile, rule: MemberRule) -> bool:
    """Whether a client that omits the member never gets so far: a condition refuses it, or the member has no meaning for it."""
    if rule.member == "response_types":
        grants = allowed_values(profile.members, "grant_types")
        if grants is not None and REDIRECTING_GRANTS.isdisjoint(grants):
            return True
    policies = subject.policies
    empty = bindings(Facts(now=subject.now, metadata={}), policies.extensions)
    activation = policies.matching.bind({**empty, "constants": policies.constants})
    # Only conditions on this member alone can be judged without knowing the rest of the document.
    return any(
        condition.expression.reads == {f"client.{rule.member}"} and not holds(condition.expression, activation)
        for condition in profile.book.conditions
    )
