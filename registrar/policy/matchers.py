"""Redirect matchers: the entries of `redirect_uris.allow`. They see parsed facts, never prefixes of a string."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registrar.wire import RedirectUri

Matcher = Callable[[RedirectUri], bool]


@dataclass(frozen=True, slots=True)
class ExactUri:
    """`{uri: …}`: the same string, byte for byte."""

    uri: str

    def __call__(self, redirect: RedirectUri) -> bool:
        """Whether `redirect` fits."""
        return redirect.uri == self.uri


@dataclass(frozen=True, slots=True)
class HttpsHost:
    """`{scheme: https, hosts: …}`, with an exact `path` or a `path_prefix` ending in a slash, and a `port` (None: any).

    Hosts are A-labels in lower case. `suffixes` are the wildcards, each with its leading dot: one or more whole labels in front
    of it, never the domain itself, never an IP literal. `anybody`: every host, addresses too.
    """

    hosts: frozenset[str]
    suffixes: tuple[str, ...] = ()
    path: str | None = None
    path_prefix: str = "/"
    port: int | None = 443
    anybody: bool = False

    def __call__(self, redirect: RedirectUri) -> bool:
        """Whether `redirect` fits."""
        return (
            redirect.scheme == "https"
            and self.port in (None, redirect.port)
            and (self.anybody or redirect.host in self.hosts or self._under_suffix(redirect))
            and self._on_path(redirect.path or "/")
        )

    def _under_suffix(self, redirect: RedirectUri) -> bool:
        # The leading dot makes the comparison label-wise; the parser lets no empty label through.
        return not redirect.ip_literal and redirect.host.endswith(self.suffixes)

    def _on_path(self, path: str) -> bool:
        return path.startswith(self.path_prefix) if self.path is None else path == self.path


@dataclass(frozen=True, slots=True)
class Loopback:
    """`{loopback: true}`: http on a loopback host, any port (RFC 8252 §7.3); `hosts` narrows which."""

    hosts: frozenset[str] = frozenset()

    def __call__(self, redirect: RedirectUri) -> bool:
        """Whether `redirect` fits."""
        return redirect.scheme == "http" and redirect.loopback and (not self.hosts or redirect.host in self.hosts)


@dataclass(frozen=True, slots=True)
class PrivateUse:
    """`{privateUseSchemes: …}` (RFC 8252 §7.1); no `schemes` means any that IANA has not registered as permanent."""

    schemes: frozenset[str] = frozenset()

    def __call__(self, redirect: RedirectUri) -> bool:
        """Whether `redirect` fits."""
        return redirect.private_use and (not self.schemes or redirect.scheme in self.schemes)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The whole `allow` list: one matcher that fits is enough."""

    matchers: Sequence[Matcher]

    def __call__(self, redirect: RedirectUri) -> bool:
        """Whether `redirect` fits."""
        for matcher in self.matchers:  # noqa: SIM110  a generator would cost more than most matchers
            if matcher(redirect):
                return True
        return False
