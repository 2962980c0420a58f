"""Each setting's value: from what the file, the environment or a flag says to what the program works with."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from registrar.errors import RegistrarError
from registrar.wire import RedirectUriError, parse_redirect_uri

Network = IPv4Network | IPv6Network

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_ISSUER = re.compile(r"https?://[!-.0-~]+(?:/[A-Za-z0-9._~-]+)*/?")
_MAX_PORT = 65535
_DATABASE_SCHEMES = ("sqlite:///", "postgresql://", "postgres://")


class WrongValueError(RegistrarError):
    """A value that a setting cannot have. `mistakes` pairs the path below the setting with a message for the operator."""

    def __init__(self, *mistakes: tuple[tuple[str | int, ...], str]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(message for _, message in mistakes))


@dataclass(frozen=True, slots=True)
class Bind:
    """An address to listen on. `host` is an IP address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ip_address(self.host).is_loopback

    def collides(self, other: "Bind | None") -> bool:
        """Whether some connection could mean either: the same port, and the same address or one that stands for all."""
        if other is None or self.port != other.port:
            return False
        return self.host == other.host or any(ip_address(host).is_unspecified for host in (self.host, other.host))


@dataclass(frozen=True, slots=True)
class StatementIssuer:
    """An issuer whose software statements are believed: its `jwks` file, and what its statements are signed with and name."""

    issuer: str
    jwks: Path
    algorithms: tuple[str, ...]
    audience: str = ""


def parse_bind(text: str) -> Bind:
    """HOST:PORT with an IP address (IPv6 in brackets) or `localhost`, which is 127.0.0.1 here. Raises WrongValueError."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+)):([0-9]{1,5})", text, re.ASCII)
    if found is None:
        raise WrongValueError(((), "must be HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000"))
    host, port = found[1] or found[2], int(found[3])
    if not 1 <= port <= _MAX_PORT:
        raise WrongValueError(((), "the port must be from 1 to 65535"))
    try:
        return Bind(str(ip_address("127.0.0.1" if host == "localhost" else host)), port)
    except ValueError:
        raise WrongValueError(((), "the host must be an IP address or localhost")) from None


def parse_private_bind(text: str) -> Bind | None:
    """As `parse_bind`; None for the empty text, which means not at all. Raises WrongValueError."""
    return parse_bind(text) if text else None


def parse_issuer(text: str) -> str:
    """The issuer, byte for byte: https, or http on a loopback host; no query or fragment (RFC 8414 §2).

    Raises WrongValueError.
    """
    _check_endpoint(text)
    if "?" in text:
        raise WrongValueError(((), "an issuer has no query (RFC 8414 section 2)"))
    if not _ISSUER.fullmatch(text):
        raise WrongValueError(((), "must be https://HOST and a path of letters, digits and . _ ~ - between single slashes"))
    return text


def _check_endpoint(text: str) -> None:
    """Raises WrongValueError unless clients can be sent to `text`: the redirect URI parser, the strictest at hand, judges."""
    try:
        url = parse_redirect_uri(text)
    except RedirectUriError as error:
        raise WrongValueError(((), str(error))) from None
    if url.scheme != "https" and not (url.scheme == "http" and url.loopback):
        raise WrongValueError(((), "must be an https URL (http on a loopback host only)"))


def parse_database_url(text: str, folder: Path) -> str:
    """A database URL whose kind is known; a relative SQLite path starts at `folder`.

    Raises WrongValueError, which does not name the URL: it may hold a password.
    """
    if not text.startswith(_DATABASE_SCHEMES):
        raise WrongValueError(((), "must start with sqlite:/// or postgresql://"))
    file = text.removeprefix("sqlite:///")
    return text if file == text else f"sqlite:///{(folder / file).absolute()}"


def parse_networks(items: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and CIDR networks. Raises WrongValueError with every item that is neither."""
    networks: list[Network] = []
    mistakes: list[tuple[tuple[str | int, ...], str]] = []
    for index, item in enumerate(items):
        try:
            networks.append(ip_network(item))
        except ValueError:
            mistakes.append(((index,), "must be an address or a network such as 10.0.0.0/8, with no bit set past the prefix"))
    if mistakes:
        raise WrongValueError(*mistakes)
    return tuple(networks)


def parse_origins(items: Sequence[str]) -> tuple[str, ...]:
    """Origins (RFC 6454 §6.2) in lower case, or "*" alone. Raises WrongValueError with every item that is none."""
    if list(items) == ["*"]:
        return ("*",)
    mistakes = [((index,), _origin_mistake(item)) for index, item in enumerate(items) if not _ORIGIN.fullmatch(item)]
    if mistakes:
        raise WrongValueError(*mistakes)
    return tuple(item.lower() for item in items)


def _origin_mistake(item: str) -> str:
    if item == "*":
        return 'the origin "*" stands for all and must stand alone'
    return "must be an origin such as https://app.example.com, without path or trailing slash"


def parse_metadata(document: Mapping[str, object]) -> dict[str, object]:
    """The operator's authorization server metadata (RFC 8414 §2), fit for clients that refuse an incomplete document.

    MUST: every `*_endpoint` and `jwks_uri` is an https URL (http on loopback); `code_challenge_methods_supported` has S256 (it is
    [S256] when left out); `client_id_metadata_document_supported` is not true, since clients that see it do not register.
    Raises WrongValueError with every mistake.
    """
    mistakes: list[tuple[tuple[str | int, ...], str]] = []
    for name, value in document.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            mistakes += _endpoint_mistakes(name, value)
    complete = {"code_challenge_methods_supported": ["S256"], **document}
    if "S256" not in complete["code_challenge_methods_supported"]:  # type: ignore[operator]  # the schema says: a list
        mistakes.append((("code_challenge_methods_supported",), "must have S256: MCP clients refuse a server without it"))
    if document.get("client_id_metadata_document_supported", False) is not False:
        mistakes.append((("client_id_metadata_document_supported",), "must be left out: clients that see it do not register"))
    if mistakes:
        raise WrongValueError(*mistakes)
    return complete


def _endpoint_mistakes(name: str, value: object) -> list[tuple[tuple[str | int, ...], str]]:
    if not isinstance(value, str):
        return [((name,), "must be a URL")]
    try:
        _check_endpoint(value)
    except WrongValueError as error:
        return [((name, *path), message) for path, message in error.mistakes]
    return []


def parse_path(text: str, folder: Path, home: str) -> Path:
    """`text` as an absolute path: a leading `~/` is `home`, a relative path starts at `folder`. Raises WrongValueError."""
    if text == "~" or text.startswith("~/"):
        if not home:
            raise WrongValueError(((), "~ has no meaning: HOME is not set"))
        text = home + text[1:]
    return (folder / text).absolute()


def parse_statement_issuers(items: Sequence[Mapping[str, Any]], folder: Path, home: str) -> tuple[StatementIssuer, ...]:
    """The issuers of software statements, each of them once; paths as `parse_path` has them. Raises WrongValueError."""
    seen: set[str] = set()
    issuers: list[StatementIssuer] = []
    mistakes: list[tuple[tuple[str | int, ...], str]] = []
    for index, item in enumerate(items):
        if item["issuer"] in seen:
            mistakes.append(((index, "issuer"), "is there already: an issuer has one set of keys"))
        seen.add(item["issuer"])
        try:
            jwks = parse_path(str(item["jwks"]), folder, home)
        except WrongValueError as error:
            mistakes += [((index, "jwks", *path), message) for path, message in error.mistakes]
        else:
            issuers.append(StatementIssuer(item["issuer"], jwks, tuple(item["algorithms"]), item.get("audience", "")))
    if mistakes:
        raise WrongValueError(*mistakes)
    return tuple(issuers)
