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
        "not-enforced": Kind(Severity.WARNING, "A tree whose rules refuse nobody, but for those with a mode of their own"),
        "no-tests": Kind(Severity.WARNING, "A tree without tests, of which never-tested-rule says nothing"),
        "never-tested-rule": Kind(Severity.WARNING, "A rule that no test of the tree has seen say no"),
        "host-wildcard": Kind(Severity.WARNING, "A redirect host with a wildcard: whoever gets a name under it receives codes"),
        "any-host": Kind(Severity.NOTE, "A redirect matcher that takes anybody's host"),
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
        "unused-network": Kind(Severity.WARNING, "A network that nothing names"),
        "evadable-limit": Kind(Severity.WARNING, "A limit that counts by what clients choose themselves"),
        "without-effect": Kind(Severity.WARNING, "Something of a limit, or of a reuse of clients, that no client ever notices"),
        "unknown-profile": Kind(Severity.NOTE, "An acceptFrom that names a profile that is not there"),
        "missing-owner": Kind(Severity.NOTE, "A document without metadata.annotations.owner"),
        "over-budget": Kind(Severity.WARNING, "Expressions that the largest request could keep from finishing"),
        "unknown-lint": Kind(Severity.WARNING, "An annotation registrar.lint/ignore that names no lint"),
    }
)
