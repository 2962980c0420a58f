"""When two registrations are the same: a digest of the metadata that ignores what has no meaning."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from registrar.wire.members import MEMBERS, MemberKind
from registrar.wire.redirects import RedirectUri, normalize_redirect
from registrar.wire.scopes import format_scope, parse_scope

# Stored with each client: another way to make the document canonical needs another prefix, so that old and new never look equal.
_VERSION = "v1"
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(metadata: Mapping[str, object], redirects: Iterable[RedirectUri] = ()) -> str:
    """`v1:` and the SHA-256, in hexadecimal, of the canonical document.

    Members are sorted; lists and scope tokens are sorted, each item once; loopback redirect URIs are without their ports, which
    change with every start of a client (RFC 8252 §7.3). Strings, keys and booleans count as they are. Two documents of the same
    fingerprint are matched by the same redirect URIs. `metadata` has passed `check`; those of its redirect URIs that are among
    `redirects` are not parsed again.
    """
    canonical = {name: _canonical(name, value) for name, value in metadata.items()}
    if uris := metadata.get("redirect_uris"):
        canonical["redirect_uris"] = _normalised(uris, redirects)
    text = _ENCODER.encode(canonical)
    return f"{_VERSION}:{hashlib.sha256(text.encode('ascii')).hexdigest()}"


def _canonical(name: str, value: object) -> object:
    kind = MEMBERS[name].kind if name in MEMBERS else MemberKind.STRING
    if kind is MemberKind.STRINGS and isinstance(value, (list, tuple)):
        return sorted(set(value))
    if kind is MemberKind.SCOPE and isinstance(value, str):
        return format_scope(sorted(parse_scope(value)))
    return value


def _normalised(uris: object, parsed: Iterable[RedirectUri]) -> list[str]:
    known = {redirect.uri: redirect.normalized for redirect in parsed}
    found = uris if isinstance(uris, (list, tuple)) else ()
    return sorted({known.get(uri) or normalize_redirect(uri) for uri in found})
