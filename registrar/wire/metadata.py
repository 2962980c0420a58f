"""The program's own rules for a client's metadata, which hold under every policy, and the defaults of RFC 7591."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from registrar.wire.codes import ErrorCode, error_code
from registrar.wire.keys import key_set_mistakes
from registrar.wire.links import check_link
from registrar.wire.members import MEMBERS, MemberKind, base_name
from registrar.wire.scopes import check_scope
from registrar.wire.uris import UriError

_SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post", "client_secret_jwt"})
# RFC 7523 §2.2 and RFC 8705 §2.2.2: the server must know the client's keys.
_KEY_METHODS = frozenset({"private_key_jwt", "self_signed_tls_client_auth"})
# The grants that use redirection, and with it redirect URIs and response types (RFC 7591 §2.1).
REDIRECTING_GRANTS = frozenset({"authorization_code", "implicit"})
_TLS_SUBJECTS = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)
_LINKS = frozenset(member.name for member in MEMBERS.values() if member.kind is MemberKind.URI)


class MetadataProblem(NamedTuple):
    """A rule of the program that a document breaks. `message` begins with a verb or an item and never repeats a value."""

    code: ErrorCode
    member: str
    message: str

    def __str__(self) -> str:
        return f"{self.member}: {self.message}"


_Document = Mapping[str, object]
_Report = Callable[[str, str], None]


def needs_secret(method: str) -> bool:
    """Whether a client that authenticates with `method` needs a client secret (RFC 7591 §2, OpenID Connect Core §9)."""
    return method in _SECRET_METHODS


def apply_defaults(metadata: Mapping[str, object]) -> dict[str, object]:
    """`metadata` with the defaults of RFC 7591 §2 where neither client nor policy said anything; a new dict.

    `client_secret_basic`; `[authorization_code]`; `[code]`, but no response type without that grant; no redirect URIs.
    """
    document = dict(metadata)
    document.setdefault("token_endpoint_auth_method", "client_secret_basic")
    document.setdefault("grant_types", ["authorization_code"])
    document.setdefault("response_types", ["code"] if "authorization_code" in _strings(document, "grant_types") else [])
    document.setdefault("redirect_uris", [])
    return document


def check(metadata: Mapping[str, object]) -> list[MetadataProblem]:
    """Every rule of the program that the effective document `metadata` breaks, in a fixed order.

    `metadata` has its defaults (`apply_defaults`), its members have their types (the schema `registration-request`), and its
    redirect URIs were parsed (`parse_redirect_uri`), which is not done again.
    """
    problems: list[MetadataProblem] = []

    def report(member: str, message: str) -> None:
        problems.append(MetadataProblem(error_code(member), member, message))

    method, grants = _string(metadata, "token_endpoint_auth_method"), _strings(metadata, "grant_types")
    _check_redirect_uris(metadata, grants, report)
    _check_grants(grants, _strings(metadata, "response_types"), report)
    _check_client_credentials(method, grants, report)
    _check_scope(metadata, report)
    _check_links(metadata, report)
    _check_keys(metadata, method, report)
    _check_tls(metadata, method, report)
    return problems


def _check_redirect_uris(document: _Document, grants: Sequence[str], report: _Report) -> None:
    """MUST: present for a grant that redirects (RFC 7591 §2)."""
    if not document.get("redirect_uris") and not REDIRECTING_GRANTS.isdisjoint(grants):
        report("redirect_uris", "is required for the grant types authorization_code and implicit")


def _check_grants(grants: Sequence[str], responses: Sequence[str], report: _Report) -> None:
    """MUST: grant types and response types agree, as the table of RFC 7591 §2.1 and OpenID Connect Registration §2 say."""
    parts = " ".join(responses).split(" ")
    code, front = "code" in parts, "token" in parts or "id_token" in parts
    if code and "authorization_code" not in grants:
        report("response_types", "must not have code without the grant type authorization_code")
    if not code and "authorization_code" in grants:
        report("response_types", "must have code for the grant type authorization_code")
    if front and "implicit" not in grants:
        report("response_types", "must not have token or id_token without the grant type implicit")
    if not front and "implicit" in grants:
        report("response_types", "must have token or id_token for the grant type implicit")


def _check_client_credentials(method: str, grants: Sequence[str], report: _Report) -> None:
    """MUST: the client credentials grant is for confidential clients only (RFC 6749 §4.4)."""
    if method == "none" and "client_credentials" in grants:
        report("token_endpoint_auth_method", "must not be none for the grant type client_credentials")


def _check_scope(document: _Document, report: _Report) -> None:
    """MUST: scope tokens of RFC 6749 §3.3."""
    try:
        check_scope(_string(document, "scope"))
    except ValueError as error:
        report("scope", str(error))


def _check_links(document: _Document, report: _Report) -> None:
    """MUST: web links are absolute http or https URLs, and keys come over https only (RFC 7591 §2)."""
    for name in document:
        if name in _LINKS or ("#" in name and base_name(name) in _LINKS):
            try:
                check_link(_string(document, name), https=name == "jwks_uri")
            except UriError as error:
                report(name, error.reason)


def _check_keys(document: _Document, method: str, report: _Report) -> None:
    """MUST: jwks and jwks_uri not both (RFC 7591 §2); jwks has public keys only; methods that sign have keys."""
    if "jwks" in document:
        if "jwks_uri" in document:
            report("jwks", "must not be there together with jwks_uri")
        for mistake in key_set_mistakes(document["jwks"]):
            report("jwks", mistake)
    elif method in _KEY_METHODS and "jwks_uri" not in document:
        report("token_endpoint_auth_method", "needs jwks or jwks_uri for this method")


def _check_tls(document: _Document, method: str, report: _Report) -> None:
    """MUST: tls_client_auth has exactly one of the subject members (RFC 8705 §2.1.2)."""
    if method == "tls_client_auth" and sum(name in document for name in _TLS_SUBJECTS) != 1:
        report("token_endpoint_auth_method", "needs exactly one of the members tls_client_auth_*")


def _strings(document: _Document, member: str) -> Sequence[str]:
    value = document.get(member)
    return value if isinstance(value, (list, tuple)) else ()


def _string(document: _Document, member: str) -> str:
    value = document.get(member)
    return value if isinstance(value, str) else ""
