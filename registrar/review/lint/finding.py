"""What a lint finds, and the table of lints."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from registrar.errors import Place


class Severity(StrEnum):
    """error: something certainly does nothing. warning: it hardly says what was meant. note: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Lint:
    """One doubt about a policy that loads. `path` is the key path inside the document at `place.file`."""

    place: Place
    id: str
    severity: Severity
    message: str
    path: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What a lint looks for, in a sentence."""

    severity: Severity
    summary: str


# What policy-language §10 names beside these cannot be said in a tree that loads. duplicate-rule-id: such a tree does not load.
# http-non-loopback: no redirect matcher takes http beyond loopback, and the program refuses it whatever a policy says.
# message-leaks-value: a message reads nothing of the request.
LINTS: Mapping[str, Kind] = MappingProxyType(
    {
        "unreachable-profile": Kind(Severity.ERROR, "A profile that admits nobody, since an earlier one always comes first"),
        "profile-grants-nothing": Kind(Severity.WARNING, "A profile that refuses every client it matches"),
        "always-true": Kind(Severity.WARNING, "A rule whose outcome is the same for every client"),
        "never-tested-rule": Kind(Severity.WARNING, "A rule that no test of the tree has seen say no"),
        "host-wildcard": Kind(Severity.WARNING, "A redirect host with a wildcard: whoever gets a name under it receives codes"),
        "public-client-with-client-credentials": Kind(
            Severity.WARNING, "A profile that gives client_credentials to public clients (RFC 6749 section 4.4)"
        ),
        "default-not-allowed": Kind(
            Severity.WARNING, "A member whose RFC 7591 default is not allowed, so that whoever omits it is refused"
        ),
        "regex-unanchored": Kind(Severity.WARNING, "A required form that is not tied to both ends of the text"),
        "enforceAfter-in-past": Kind(Severity.NOTE, "A rule whose time of warning is over"),
        "unused-variable": Kind(Severity.WARNING, "A variable that no rule reads"),
        "unused-constant": Kind(Severity.WARNING, "A constant that nothing names"),
        "missing-owner": Kind(Severity.NOTE, "A document without metadata.annotations.owner"),
        "over-budget": Kind(Severity.WARNING, "Expressions that the largest request could keep from finishing"),
        "unknown-lint": Kind(Severity.WARNING, "An annotation registrar.lint/ignore that names no lint"),
    }
)
