"""The members of client metadata: their names, types and sources; a document reduced to them, and a document made total."""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from registrar.wire.scopes import plain_scope


class MemberKind(StrEnum):
    """What type a member has on the wire. URI: a link for people or keys; SCOPE: tokens with spaces between, in one string."""

    STRING = "string"
    URI = "uri"
    STRINGS = "strings"
    SCOPE = "scope"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    OBJECT = "object"


class Member(NamedTuple):
    """One member of client metadata. `localizable`: it may come with language tags, `client_name#fr` (RFC 7591 §2.2).

    `longest` is the greatest length of a text, or of an item of a list, in characters; `most` the greatest number of items.
    """

    name: str
    kind: MemberKind
    localizable: bool = False
    source: str = "RFC 7591 §2"
    longest: int = 0
    most: int = 0


_OIDC = "OpenID Connect Dynamic Client Registration 1.0 §2"

MEMBERS: Mapping[str, Member] = MappingProxyType(
    {
        member.name: member
        for member in (
            Member("redirect_uris", MemberKind.STRINGS, longest=2048, most=50),
            Member("token_endpoint_auth_method", MemberKind.STRING, longest=128),
            Member("grant_types", MemberKind.STRINGS, longest=256, most=20),
            Member("response_types", MemberKind.STRINGS, longest=128, most=20),
            Member("client_name", MemberKind.STRING, localizable=True, longest=512),
            Member("client_uri", MemberKind.URI, localizable=True, longest=2048),
            Member("logo_uri", MemberKind.URI, localizable=True, longest=2048),
            Member("scope", MemberKind.SCOPE, longest=4096),
            Member("contacts", MemberKind.STRINGS, longest=320, most=20),
            Member("tos_uri", MemberKind.URI, localizable=True, longest=2048),
            Member("policy_uri", MemberKind.URI, localizable=True, longest=2048),
            Member("jwks_uri", MemberKind.URI, longest=2048),
            Member("jwks", MemberKind.OBJECT),
            Member("software_id", MemberKind.STRING, longest=256),
            Member("software_version", MemberKind.STRING, longest=128),
            Member("software_statement", MemberKind.STRING, source="RFC 7591 §2.3", longest=16384),
            Member("application_type", MemberKind.STRING, source=_OIDC, longest=64),
            Member("dpop_bound_access_tokens", MemberKind.BOOLEAN, source="RFC 9449 §5.2"),
            Member("tls_client_auth_subject_dn", MemberKind.STRING, source="RFC 8705 §2.1.2", longest=1024),
            Member("tls_client_auth_san_dns", MemberKind.STRING, source="RFC 8705 §2.1.2", longest=255),
            Member("tls_client_auth_san_uri", MemberKind.STRING, source="RFC 8705 §2.1.2", longest=2048),
            Member("tls_client_auth_san_ip", MemberKind.STRING, source="RFC 8705 §2.1.2", longest=64),
            Member("tls_client_auth_san_email", MemberKind.STRING, source="RFC 8705 §2.1.2", longest=320),
            Member("tls_client_certificate_bound_access_tokens", MemberKind.BOOLEAN, source="RFC 8705 §3.4"),
            Member("require_pushed_authorization_requests", MemberKind.BOOLEAN, source="RFC 9126 §6"),
        )
    }
)

LOCALIZABLE = tuple(member.name for member in MEMBERS.values() if member.localizable)

# `name#tag`; the shape of a tag is RFC 5646 §2.1 without its registry, and at most 35 characters (§4.4.1).
_TAGGED = re.compile(rf"({'|'.join(LOCALIZABLE)})#(?=.{{1,35}}\Z)[A-Za-z]{{1,8}}(?:-[A-Za-z0-9]{{1,8}})*")

_ZERO: Mapping[MemberKind, object] = {
    MemberKind.STRING: "",
    MemberKind.URI: "",
    MemberKind.STRINGS: (),
    MemberKind.SCOPE: "",
    MemberKind.BOOLEAN: False,
    MemberKind.INTEGER: 0,
}
_ABSENT: Mapping[str, object] = {name: _ZERO[member.kind] for name, member in MEMBERS.items() if member.kind in _ZERO}
_SETS = tuple(name for name, member in MEMBERS.items() if member.kind is MemberKind.STRINGS and name != "redirect_uris")
_EMPTY: tuple[object, ...] = (None, "", [], ())

Extensions = Mapping[str, Member]
NO_EXTENSIONS: Extensions = MappingProxyType({})

# How many members a document may have with a language tag.
MAX_LANGUAGES = 32

# Names that no extension may have: they are the server's own in an answer (RFC 7591 §3.2.1, RFC 7592 §3), or the facts' own.
RESERVED = frozenset(
    {
        "client_id",
        "client_secret",
        "client_id_issued_at",
        "client_secret_expires_at",
        "registration_client_uri",
        "registration_access_token",
        "localized",
    }
)


def base_name(name: str) -> str | None:
    """The member that `name` stands for: itself, or the part before the language tag; None for a name that is not known."""
    if name in MEMBERS:
        return name
    match = _TAGGED.fullmatch(name)
    return None if match is None else match[1]


def normalise(body: Mapping[str, object], extensions: Extensions = NO_EXTENSIONS) -> dict[str, object]:
    """The known members of `body` that have a value: null, "" and [] mean absent, and so does a scope of nothing but spaces.

    Members with a language tag keep their full name. Nothing is defaulted. Values are the same objects as in `body`, but for a
    scope, which is written as RFC 6749 §3.3 has it, and lists of names, in which nothing comes twice: a client has a grant or has
    it not. Redirect URIs are left as they came (contract 25). `extensions` are the members, by their names, that are known beside
    `MEMBERS`.
    `body` has passed the schema `registration-request`.
    """
    metadata = {
        name: value
        for name, value in body.items()
        if (value or value not in _EMPTY) and (name in MEMBERS or name in extensions or ("#" in name and _TAGGED.fullmatch(name)))
    }
    if isinstance(scope := metadata.get("scope"), str) and " " in scope:
        metadata["scope"] = plain_scope(scope)
        if not metadata["scope"]:
            del metadata["scope"]
    for name in _SETS:
        if isinstance(items := metadata.get(name), list) and len(items) > 1:
            metadata[name] = _once(items)
    return metadata


def _once(items: list[object]) -> list[object]:
    # Stored clients of a test suite have passed no schema: what stands in their lists may have no hash.
    return list(dict.fromkeys(items)) if set(map(type, items)) == {str} else items


def total(metadata: Mapping[str, object], extensions: Extensions = NO_EXTENSIONS) -> dict[str, object]:
    """Every known member, typed, for expressions: absent ones are "", (), False, 0 or {}, and lists are tuples.

    `localized` has the members with a language tag, by their full names. The result shares nothing mutable with `metadata`.
    """
    localized: dict[str, object] = {}
    client = {**_ABSENT, "jwks": {}, "localized": localized}
    for name, member in extensions.items():
        client[name] = _ZERO.get(member.kind, {})
    for name, value in metadata.items():
        if name in client:
            client[name] = value if isinstance(value, str) else tuple(value) if isinstance(value, list) else _frozen(value)
        elif "#" in name:
            localized[name] = value
    return client


def _frozen(value: object) -> object:
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items()}
    if isinstance(value, list):
        return tuple([_frozen(item) for item in value])
    return value
