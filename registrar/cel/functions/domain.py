"""The five functions of this program: scopes, hosts and redirect URIs, by the rules that `registrar.wire` applies everywhere."""

from registrar import wire
from registrar.cel.errors import Failure
from registrar.cel.functions.function import PARSING, Function
from registrar.cel.types import BOOL, STRING, ListType

# Each character of a URI outside ASCII is looked at in Python. Not so those of hosts: they are short, and what takes long for one
# outside ASCII is remembered, so that a document pays for its hosts once, whatever an expression does with them.
_RATE = 32


def _scopes(text: str) -> tuple[str, ...]:
    try:
        return wire.parse_scope(text)
    except ValueError:
        raise Failure("the text is no scope (RFC 6749 §3.3)") from None


def _is_loopback(uri: str) -> bool:
    try:
        return wire.parse_redirect_uri(uri).loopback
    except wire.RedirectUriError:
        return False


def _is_private_use(uri: str) -> bool:
    try:
        return wire.parse_redirect_uri(uri).private_use
    except wire.RedirectUriError:
        return False


def _normalize(uri: str) -> str:
    try:
        return wire.normalize_redirect(uri)
    except wire.RedirectUriError:
        raise Failure("the text is no redirect URI") from None


DOMAIN = (
    Function(
        "scopes", None, (STRING,), ListType(STRING), "The tokens of a scope (RFC 6749 §3.3), each once.", _scopes, linear=True
    ),
    Function(
        "inDomain",
        None,
        (STRING, STRING),
        BOOL,
        "Whether a host is a domain or below it, label by label.",
        wire.in_domain,
        price=PARSING,
    ),
    Function(
        "isLoopbackRedirect",
        None,
        (STRING,),
        BOOL,
        "Whether a redirect URI stays on the device (RFC 8252 §7.3).",
        _is_loopback,
        linear=True,
        rate=_RATE,
        price=PARSING,
    ),
    Function(
        "isPrivateUseScheme",
        None,
        (STRING,),
        BOOL,
        "Whether a redirect URI has a private-use scheme (RFC 8252 §7.1).",
        _is_private_use,
        linear=True,
        rate=_RATE,
        price=PARSING,
    ),
    Function(
        "normalizeRedirect",
        None,
        (STRING,),
        STRING,
        "A redirect URI without what may differ: its port, on loopback.",
        _normalize,
        linear=True,
        rate=_RATE,
        price=PARSING,
    ),
)
