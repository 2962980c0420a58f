"""What a use case tells of as it happens, for whoever counts it."""

from collections.abc import Sequence
from typing import Protocol

from registrar.limits import Usage
from registrar.policy import Decision


class Observer(Protocol):
    """Somebody who counts. MUST: cheap, safe between threads, and raises nothing: it is called while clients wait."""

    def decided(self, decision: Decision, seconds: float) -> None:
        """The policy decided, and took that long. Whether it allows says not yet whether there is room."""

    def registered(self, decision: Decision, usages: Sequence[Usage], *, again: bool) -> None:
        """A client was stored, or an identical one given out `again`; what it used of which limits."""

    def refused(self, decision: Decision) -> None:
        """The policy said no to a registration."""

    def updated(self, decision: Decision) -> None:
        """A client asked for another document (RFC 7592 §2.2), and this is what came of it, told once for each request."""

    def limited(self, usage: Usage, profile: str = "") -> None:
        """A limit had no room. `profile` is "" where that was so certain that nobody asked for it."""

    def swept(self, expired: int) -> None:
        """So many clients were ended."""


class Unobserved:
    """Nobody counts."""

    def decided(self, decision: Decision, seconds: float) -> None:
        """Nothing."""

    def registered(self, decision: Decision, usages: Sequence[Usage], *, again: bool) -> None:
        """Nothing."""

    def refused(self, decision: Decision) -> None:
        """Nothing."""

    def updated(self, decision: Decision) -> None:
        """Nothing."""

    def limited(self, usage: Usage, profile: str = "") -> None:
        """Nothing."""

    def swept(self, expired: int) -> None:
        """Nothing."""
