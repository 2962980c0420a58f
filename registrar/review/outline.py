"""A compiled policy tree in words, for people who review it: what `matrix` renders, and the vocabulary that `difference` uses."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC
from typing import Any

from registrar.documents import Document
from registrar.errors import Place
from registrar.policy.decision import Lifetimes, Mode
from registrar.policy.matchers import AnyOf, ExactUri, HttpsHost, Loopback, PrivateUse
from registrar.policy.members import MemberRule
from registrar.policy.policyset import Guardrail, PolicySet, Profile
from registrar.policy.rules import Condition, RuleBook, Switch, Validation
from registrar.policy.sources import documents
from registrar.policy.tree import HEAD

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class ExpressionOutline:
    """A named expression: a condition, a variable, or an annotation that is recorded. `rule` is its id."""

    rule: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class ValidationOutline:
    """A rule: what must be true, what the client is told when it is not, and from when on it refuses."""

    rule: str
    text: str
    place: Place
    message: str
    code: str
    field: str
    mode: str


@dataclass(frozen=True, slots=True)
class MemberOutline:
    """What a profile does to one member. `place` is None where only RFC 7591 says it.

    `allowed` has a phrase for each thing that is allowed, and is empty where everything is; `clauses` say the rest.
    """

    member: str
    rule: str
    place: Place | None
    allowed: tuple[str, ...]
    clauses: tuple[str, ...]
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOutline:
    """What a Profile and a Guardrail have in common."""

    name: str
    place: Place
    description: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    conditions: tuple[ExpressionOutline, ...] = ()
    variables: tuple[ExpressionOutline, ...] = ()
    validations: tuple[ValidationOutline, ...] = ()
    recorded: tuple[ExpressionOutline, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOutline(DocumentOutline):
    """A profile. `members` are those that it names and those with a default of RFC 7591; `lifetimes` are words by what lives."""

    members: tuple[MemberOutline, ...]
    lifetimes: tuple[tuple[str, str], ...]
    client_id_prefix: str

    def member(self, name: str) -> MemberOutline | None:
        """What the profile does to the member `name`; None when it does nothing to it."""
        return next((member for member in self.members if member.member == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A policy tree in words. Profiles are in their order, guardrails by name; constants and networks as they were written."""

    name: str
    revision: str
    description: str
    annotations: tuple[tuple[str, str], ...]
    profiles: tuple[ProfileOutline, ...]
    guardrails: tuple[DocumentOutline, ...]
    constants: tuple[tuple[str, str], ...]
    networks: tuple[tuple[str, str], ...]
    extensions: tuple[tuple[str, str], ...]
    no_match: str
    no_match_code: str


def outline(policies: PolicySet) -> Outline:
    """`policies` in words. Descriptions and annotations, which no decision needs, are read from its files again."""
    written = documents(policies)
    head = written[HEAD]
    return Outline(
        name=policies.name,
        revision=policies.revision,
        description=_metadata(head).get("description", ""),
        annotations=_annotations(head),
        profiles=tuple(_profile(profile, written[profile_path(profile)]) for profile in policies.profiles),
        guardrails=tuple(_guardrail(guardrail, written[guardrail_path(guardrail)]) for guardrail in policies.guardrails),
        constants=tuple((name, value_words(value)) for name, value in policies.constants.items()),
        networks=tuple((name, ", ".join(map(str, blocks))) for name, blocks in policies.networks.blocks.items()),
        extensions=tuple((name, _extension_words(head, name)) for name in policies.extensions),
        no_match=policies.no_match.message,
        no_match_code=policies.no_match.code.value,
    )


def profile_path(profile: Profile) -> str:
    """The file of a profile in its tree."""
    return f"profiles/{profile.book.name}.yaml"


def guardrail_path(guardrail: Guardrail) -> str:
    """The file of a guardrail in its tree."""
    return f"guardrails/{guardrail.book.name}.yaml"


# Words


def item_words(item: object) -> str:
    """A plain value as it would be written in a policy."""
    if item is None:
        return "null"
    return str(item).lower() if isinstance(item, bool) else str(item)


def items_words(items: Iterable[object]) -> str:
    """Plain values in one line; "nothing" when there are none."""
    return ", ".join(map(item_words, items)) or "nothing"


def value_words(value: object) -> str:
    """A constant in one line; lists in brackets and maps in braces where they are inside another value."""
    if isinstance(value, tuple | list):
        return ", ".join(map(_inner_words, value)) or "[]"
    return _inner_words(value)


def _inner_words(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_inner_words, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_inner_words(inner)}' for key, inner in value.items())}}}"
    return item_words(value)


def duration_words(seconds: int) -> str:
    """A lifetime in its largest whole unit; 0 is "for ever"."""
    if seconds == 0:
        return "for ever"
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def switch_words(switch: Switch) -> str:
    """A rule's mode, and from when on it is enforced."""
    if switch.enforce_after is None:
        return switch.mode.value
    return f"{switch.mode.value}, enforce after {switch.enforce_after.astimezone(UTC).isoformat().replace('+00:00', 'Z')}"


def matcher_words(matcher: object) -> list[str]:
    """A redirect matcher, one phrase for each host or scheme. An ellipsis stands for any rest of a path."""
    if isinstance(matcher, ExactUri):
        return [f"exactly {matcher.uri}"]
    if isinstance(matcher, HttpsHost):
        return _https_words(matcher)
    if isinstance(matcher, Loopback):
        hosts = [f"[{host}]" if ":" in host else host for host in sorted(matcher.hosts)]
        return [f"http on {host}, any port" for host in hosts or ["loopback"]]
    if isinstance(matcher, PrivateUse):
        return [f"{scheme}: (private use)" for scheme in sorted(matcher.schemes)] or ["any private-use scheme"]
    raise TypeError(f"{type(matcher).__name__} is no redirect matcher")


def _https_words(matcher: HttpsHost) -> list[str]:
    port = "" if matcher.port == _HTTPS_PORT else f":{matcher.port}"
    rest = f"{matcher.path_prefix}…" if matcher.path is None else matcher.path
    hosts = [*sorted(matcher.hosts), *(f"*{suffix}" for suffix in matcher.suffixes)]
    return [f"https://{host}{port}{rest}" for host in hosts]


def allow_words(rule: MemberRule) -> list[str]:
    """What `allow` lets through, one phrase an item; empty when everything is."""
    if isinstance(rule.allow, AnyOf):
        return [words for matcher in rule.allow.matchers for words in matcher_words(matcher)]
    return list(rule.listed)


def clauses(rule: MemberRule) -> Iterator[str]:
    """What a rule does to its member beside what it allows, one clause for each thing it says."""
    if rule.remove:
        yield "removed"
        return
    if rule.set is not None:
        yield f"always {items_words(rule.set)}"
        return
    if rule.strip:
        yield "what is not allowed is dropped"
    if rule.default is not None:
        yield f"default {items_words(rule.default)}"
    yield from _demands(rule)


def _demands(rule: MemberRule) -> Iterator[str]:
    if rule.required:
        yield "required"
    if rule.require:
        yield f"must have {items_words(rule.require)}"
    if rule.min_items:
        yield f"at least {rule.min_items} items"
    if rule.max_items:
        yield f"at most {rule.max_items} items"
    if rule.max_length:
        yield f"at most {rule.max_length} characters"
    if rule.pattern is not None:
        yield f"matches {rule.pattern.text}"
    if rule.same_host:
        yield "on the host of a redirect URI"


# Documents


def _metadata(document: Document) -> Mapping[str, Any]:
    metadata: Mapping[str, Any] = document.value["metadata"]
    return metadata


def _extension_words(head: Document, name: str) -> str:
    declared = head.value["spec"]["extensions"][name]
    return ": ".join(filter(None, (declared["type"], declared.get("description"))))


def _annotations(document: Document) -> tuple[tuple[str, str], ...]:
    return tuple(_metadata(document).get("annotations", {}).items())


def _profile(profile: Profile, document: Document) -> ProfileOutline:
    return ProfileOutline(
        **_common(profile.book, document),
        members=tuple(_member(rule) for rule in profile.members if rule.place is not None or rule.default is not None),
        lifetimes=_lifetimes(profile.lifetimes),
        client_id_prefix=profile.client_id_prefix,
    )


def _guardrail(guardrail: Guardrail, document: Document) -> DocumentOutline:
    return DocumentOutline(**_common(guardrail.book, document))


def _common(book: RuleBook, document: Document) -> dict[str, Any]:
    return {
        "name": book.name,
        "place": book.place,
        "description": _metadata(document).get("description", ""),
        "annotations": _annotations(document),
        "conditions": tuple(map(_condition, book.conditions)),
        "variables": tuple(
            ExpressionOutline(
                f"{book.name}/variables.{name}", expression.text, document.place(("spec", "variables", index, "expression"))
            )
            for index, (name, expression) in enumerate(book.variables.items())
        ),
        "validations": tuple(map(_validation, book.validations)),
        "recorded": tuple(
            ExpressionOutline(
                f"{book.name}/{annotation.key}",
                annotation.expression.text,
                document.place(("spec", "auditAnnotations", index, "valueExpression")),
            )
            for index, annotation in enumerate(book.annotations)
        ),
    }


def _condition(condition: Condition) -> ExpressionOutline:
    return ExpressionOutline(condition.rule, condition.expression.text, condition.place)


def _validation(validation: Validation) -> ValidationOutline:
    words = validation.message_expression
    return ValidationOutline(
        rule=validation.rule,
        text=validation.expression.text,
        place=validation.place,
        message=validation.message if words is None else f"{validation.message} (or what {words.text} says)",
        code=validation.code.value,
        field=validation.field,
        mode=switch_words(validation.switch),
    )


def _member(rule: MemberRule) -> MemberOutline:
    mode = "" if rule.switch == Switch(Mode.ENFORCE) else switch_words(rule.switch)
    allowed = () if rule.remove or rule.set is not None else tuple(allow_words(rule))
    return MemberOutline(rule.member, rule.rule, rule.place, allowed, tuple(clauses(rule)), mode)


def _lifetimes(lifetimes: Lifetimes) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, duration_words(getattr(lifetimes, field.name))) for field in fields(lifetimes))
