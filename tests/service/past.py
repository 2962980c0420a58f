"""Databases with a past: what a registrar decided and stored, under one policy tree after the other."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from registrar.policy import PolicySet, Source
from registrar.service import Refusal, Registrar, RegistrationRequest
from registrar.store import Store
from tests.policy.trees import REQUEST

START = datetime(2026, 10, 1, 12, tzinfo=UTC)
NAMED = ["http://127.0.0.1:33418/callback"]


def cli(name: str, **others: object) -> dict[str, object]:
    """The document of a native client."""
    return {"client_name": name, "redirect_uris": NAMED, **others}


class Past:
    """Registers one client a minute. Ids are `id-001`, `id-002`, …: the decision's first, then the client's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers = count(1)
        self._minutes = count()

    def register(self, policies: PolicySet, *bodies: Mapping[str, object]) -> list[str]:
        """Activate `policies` and ask for each of `bodies`; the ids of the decisions, in that order."""
        self._store.activate(policies.revision, policies.files, at=int(START.timestamp()))
        return list(self._decisions(policies, bodies))

    def _decisions(self, policies: PolicySet, bodies: tuple[Mapping[str, object], ...]) -> Iterator[str]:
        for body in bodies:
            now = START + timedelta(minutes=next(self._minutes))
            registrar = Registrar(
                lambda: policies,
                self._store,
                REQUEST,
                clock=lambda now=now: now,  # type: ignore[misc]
                new_id=lambda: f"id-{next(self._numbers):03}",
                new_secret=lambda: "a secret",
            )
            try:
                yield registrar.register(RegistrationRequest(body, Source(ip="192.0.2.7", prefix="192.0.2.7"))).decision_id
            except Refusal as refusal:
                yield refusal.decision_id
