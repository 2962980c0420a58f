"""RFC vocabulary: client metadata, redirect URIs as facts, scopes, hosts, error codes. Pure: no clock, no chance, no network."""

from registrar.wire.codes import ErrorCode, error_code, printable
from registrar.wire.extensions import extension, extension_mistake
from registrar.wire.fingerprints import fingerprint
from registrar.wire.hosts import in_domain, is_public_suffix, to_a_label
from registrar.wire.keys import PRIVATE_KEY_MEMBERS, key_set_mistakes
from registrar.wire.links import link_host
from registrar.wire.members import (
    MAX_LANGUAGES,
    MEMBERS,
    NO_EXTENSIONS,
    RESERVED,
    Extensions,
    Member,
    MemberKind,
    base_name,
    normalise,
    total,
)
from registrar.wire.metadata import REDIRECTING_GRANTS, MetadataProblem, apply_defaults, check, needs_secret
from registrar.wire.redirects import RedirectUri, RedirectUriError, normalize_redirect, parse_redirect_uri, redirect_matches
from registrar.wire.schemes import FORBIDDEN_SCHEMES, PERMANENT_SCHEMES, is_private_use_scheme
from registrar.wire.scopes import check_scope, format_scope, parse_scope
from registrar.wire.uris import MAX_FOREIGN_HOSTS, foreign_hosts
from registrar.wire.uris import MAX_URI as MAX_REDIRECT_URI

__all__ = [
    "FORBIDDEN_SCHEMES",
    "MAX_FOREIGN_HOSTS",
    "MAX_LANGUAGES",
    "MAX_REDIRECT_URI",
    "MEMBERS",
    "NO_EXTENSIONS",
    "PERMANENT_SCHEMES",
    "PRIVATE_KEY_MEMBERS",
    "REDIRECTING_GRANTS",
    "RESERVED",
    "ErrorCode",
    "Extensions",
    "Member",
    "MemberKind",
    "MetadataProblem",
    "RedirectUri",
    "RedirectUriError",
    "apply_defaults",
    "base_name",
    "check",
    "check_scope",
    "error_code",
    "extension",
    "extension_mistake",
    "fingerprint",
    "foreign_hosts",
    "format_scope",
    "in_domain",
    "is_private_use_scheme",
    "is_public_suffix",
    "key_set_mistakes",
    "link_host",
    "needs_secret",
    "normalise",
    "normalize_redirect",
    "parse_redirect_uri",
    "parse_scope",
    "printable",
    "redirect_matches",
    "to_a_label",
    "total",
]
