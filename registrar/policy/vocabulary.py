"""What expressions may name: the types of the facts, and how a decision binds them."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from registrar import wire
from registrar.cel import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Activation,
    EvaluationError,
    Expression,
    ListType,
    MapType,
    Names,
    RecordType,
    Scope,
    StringType,
    Type,
)
from registrar.policy.facts import Facts
from registrar.wire import MAX_LANGUAGES, MAX_REDIRECT_URI, MEMBERS, Extensions, Member, MemberKind

# What the door keeps of a header, and how long an address can be, in characters.
_HEADER = StringType(512)
_ADDRESS = StringType(64)


def member_type(member: Member) -> Type:
    """The type of a member in expressions, with the caps of the request schema, from which costs are estimated."""
    text = StringType(member.longest or None)
    kinds: Mapping[MemberKind, Type] = {
        MemberKind.STRING: text,
        MemberKind.URI: text,
        MemberKind.SCOPE: text,
        MemberKind.STRINGS: ListType(text, member.most or None),
        MemberKind.BOOLEAN: BOOL,
        MemberKind.INTEGER: INT,
        MemberKind.OBJECT: MapType(STRING, DYN),
    }
    return kinds[member.kind]


def client_type(extensions: Extensions) -> RecordType:
    """The type of `client` and `existing`: the members of the RFCs and those that the policy set declares."""
    members = {name: member_type(member) for name, member in {**MEMBERS, **extensions}.items()}
    return RecordType("client", members | {"localized": MapType(_LANGUAGE, _LOCALIZED, MAX_LANGUAGES)})


_URI = StringType(MAX_REDIRECT_URI)
# `client_name` and a tag of at most 35 characters (RFC 5646 §4.4.1); the longest of the members that can have one.
_LANGUAGE = StringType(max(len(member.name) for member in MEMBERS.values() if member.localizable) + 36)
_LOCALIZED = StringType(max(member.longest for member in MEMBERS.values() if member.localizable))
REDIRECT = RecordType(
    "redirect",
    {
        "uri": _URI,
        "scheme": _URI,
        "host": _URI,
        "port": INT,
        "path": _URI,
        "query": _URI,
        "loopback": BOOL,
        "private_use": BOOL,
        "ip_literal": BOOL,
    },
    attributes=True,
)
TOKEN = RecordType(
    "token",
    {"present": BOOL, "id": STRING, "scopes": ListType(STRING), "labels": MapType(STRING, STRING)},
    attributes=True,
)
SOFTWARE_STATEMENT = RecordType(
    "software_statement",
    {"present": BOOL, "verified": BOOL, "issuer": STRING, "claims": MapType(STRING, DYN)},
    attributes=True,
)
OPERATION: Type = StringType(names=Names("operation", frozenset({"create", "update"})))

FACTS: Mapping[str, Type] = MappingProxyType(
    {
        "redirects": ListType(REDIRECT, MEMBERS["redirect_uris"].most),
        "submitted": MapType(STRING, DYN),
        "token": TOKEN,
        "software_statement": SOFTWARE_STATEMENT,
        "operation": OPERATION,
        "now": TIMESTAMP,
    }
)

# What a message to the client may be made of: nothing of the request, so that no answer can echo input.
MESSAGE_FACTS: Mapping[str, Type] = MappingProxyType({"operation": OPERATION, "now": TIMESTAMP})


def source_type(networks: Collection[str]) -> RecordType:
    """The type of `source`, which is in none but the networks that the policy set declares."""
    name = StringType(names=Names("network", frozenset(networks)))
    members = {"ip": _ADDRESS, "prefix": _ADDRESS, "networks": ListType(name), "user_agent": _HEADER, "origin": _HEADER}
    return RecordType("source", members, attributes=True)


def profile_type(profiles: Collection[str]) -> Type:
    """The type of `profile`, which only limits may name: everything else is judged before or inside the profile that decides."""
    return StringType(80, Names("profile", frozenset(profiles)))


def fact_types(extensions: Extensions, networks: Collection[str]) -> dict[str, Type]:
    """The types of everything that `bindings` binds."""
    client = client_type(extensions)
    return {**FACTS, "source": source_type(networks), "client": client, "existing": client}


def bindings(facts: Facts, extensions: Extensions) -> dict[str, object]:
    """The values of the facts for one decision."""
    return {
        "client": wire.total(facts.metadata, extensions),
        "redirects": facts.redirects,
        "submitted": facts.submitted,
        "source": facts.source,
        "token": facts.token,
        "software_statement": facts.software_statement,
        "operation": facts.operation,
        "existing": wire.total(facts.existing, extensions),
        "now": facts.now,
    }


class Variables:
    """The `variables` record of one decision: each is computed when first asked for, at most once, errors included."""

    __slots__ = ("_activation", "_expressions", "_outcomes")

    def __init__(self, expressions: Mapping[str, Expression]) -> None:
        self._expressions = expressions
        self._outcomes: dict[str, object] = {}
        self._activation: Activation | None = None

    def bind(self, scope: Scope, values: Mapping[str, object]) -> Activation:
        """An activation of `scope` in which `variables` is this record."""
        self._activation = scope.bind({**values, "variables": self})
        return self._activation

    def __getitem__(self, name: str) -> object:
        try:
            outcome = self._outcomes[name]
        except KeyError:
            outcome = self._outcomes[name] = self._compute(name)
        if type(outcome) is EvaluationError:
            # A new one each time: an error remembers which expression it ended.
            raise EvaluationError(outcome.reason, outcome.offset)
        return outcome

    def _compute(self, name: str) -> object:
        if self._activation is None:
            raise RuntimeError("variables are read before they are bound")
        try:
            return self._expressions[name].evaluate(self._activation.apart())
        except EvaluationError as error:
            # The reader's own place is what a report shows, so the failing variable is named, not its offset.
            return EvaluationError(f"variables.{name}: {error.reason}", 0)
