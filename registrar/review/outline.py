"""A compiled policy tree in words, for people who review it: what `matrix` renders."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from registrar.documents import Document
from registrar.errors import Place
from registrar.policy.decision import Lifetimes, Mode
from registrar.policy.limits import Ceilings, Limit
from registrar.policy.members import MemberRule
from registrar.policy.policyset import Guardrail, PolicySet, Profile
from registrar.policy.rules import Condition, RuleBook, Switch, Validation
from registrar.policy.sources import documents
from registrar.policy.tree import HEAD
from registrar.review.words import allow_words, ceilings_words, clauses, duration_words, switch_words, value_words
from registrar.wire import ErrorCode


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
    reuse_identical: bool
    accept_from: tuple[str, ...]

    def member(self, name: str) -> MemberOutline | None:
        """What the profile does to the member `name`; None when it does nothing to it."""
        return next((member for member in self.members if member.member == name), None)


@dataclass(frozen=True, slots=True)
class LimitOutline:
    """A limit. `ceilings` has a phrase for each measure, `exceptions` one for each override and each reserve."""

    rule: str
    place: Place
    description: str
    key: str
    when: str
    ceilings: tuple[str, ...]
    exceptions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOutline:
    """A `Limits` document."""

    name: str
    description: str
    annotations: tuple[tuple[str, str], ...]
    limits: tuple[LimitOutline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A policy tree in words. Profiles are in their order, guardrails and limits by name; the rest as it was written."""

    name: str
    revision: str
    description: str
    annotations: tuple[tuple[str, str], ...]
    profiles: tuple[ProfileOutline, ...]
    guardrails: tuple[DocumentOutline, ...]
    limits: tuple[LimitsOutline, ...]
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
        limits=tuple(_limits(policies, document) for path, document in written.items() if path.startswith("limits/")),
        constants=tuple((name, value_words(value)) for name, value in policies.constants.items()),
        networks=tuple((name, ", ".join(map(str, blocks))) for name, blocks in policies.networks.blocks.items()),
        extensions=tuple((name, _extension_words(head, name)) for name in policies.extensions),
        no_match=policies.no_match.message,
        no_match_code=_no_match_words(policies),
    )


def _no_match_words(policies: PolicySet) -> str:
    if policies.token_use == "none":  # noqa: S105 - how many
        return policies.no_match.code.value
    return f"{ErrorCode.INVALID_TOKEN} without an initial access token, {ErrorCode.INSUFFICIENT_SCOPE} with one"


def profile_path(profile: Profile) -> str:
    """The file of a profile in its tree."""
    return f"profiles/{profile.book.name}.yaml"


def guardrail_path(guardrail: Guardrail) -> str:
    """The file of a guardrail in its tree."""
    return f"guardrails/{guardrail.book.name}.yaml"


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
        reuse_identical=profile.reuse_identical,
        accept_from=profile.accept_from,
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


def _limits(policies: PolicySet, document: Document) -> LimitsOutline:
    metadata = _metadata(document)
    return LimitsOutline(
        name=metadata["name"],
        description=metadata.get("description", ""),
        annotations=_annotations(document),
        limits=tuple(_limit(limit) for limit in policies.limits if limit.rule.startswith(f"{metadata['name']}/")),
    )


def _limit(limit: Limit) -> LimitOutline:
    overrides = (
        f"from {', '.join(sorted(override.networks))}: {', '.join(_changed(limit.ceilings, override.ceilings))}"
        for override in limit.overrides
    )
    reserves = (f"{reserve.slots} of them only for {', '.join(sorted(reserve.profiles))}" for reserve in limit.reserves)
    return LimitOutline(
        rule=limit.rule,
        place=limit.place,
        description=limit.description,
        key=limit.key.text,
        when="".join(condition.expression.text for condition in limit.conditions),
        ceilings=tuple(ceilings_words(limit.ceilings)),
        exceptions=(*overrides, *reserves),
    )


def _changed(own: Ceilings, other: Ceilings) -> list[str]:
    return [words for words in ceilings_words(other) if words not in ceilings_words(own)] or ["the same"]
