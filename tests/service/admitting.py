"""A registrar on a policy tree that a test writes, a real database, and a clock that the test moves."""

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from registrar.policy import PolicySet, Source
from registrar.schema import Schema
from registrar.service import Refusal, Registrar, Registration, RegistrationRequest, TimeOrderedIds, new_secret
from registrar.service.refusals import Refusals
from registrar.service.software import TrustedIssuers
from registrar.service.tokens import Tokens
from registrar.store import DecisionRecord, Store
from tests.policy.trees import NOW, compiled, head, profile

REQUESTS = Schema.load("registration-request")
CLI: Mapping[str, Any] = {"client_name": "cli", "redirect_uris": ["http://127.0.0.1:33418/cb"]}
HERE = Source(ip="192.0.2.7", prefix="192.0.2.7")
THERE = Source(ip="198.51.100.9", prefix="198.51.100.9")
ISSUER = "https://as.example"

_PUBLIC = "client: {redirect_uris: {allow: [{loopback: true}]}, token_endpoint_auth_method: {allow: [none], default: none}}"


class Clock:
    """Stands, until a test lets time pass."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def tree(limits: str = "", spec: str = "", **profiles: str) -> PolicySet:
    """The policy set of `files`."""
    return compiled(files(limits, spec, **profiles))


def files(limits: str = "", spec: str = "", **profiles: str) -> dict[str, str]:
    """A policy tree for public clients on loopback, whose profile has `spec` as well, and these `limits` (a YAML list).

    `profiles` come before that one, each with a whole spec.
    """
    documents = {
        "policyset.yaml": head(f"profiles: [{', '.join([*profiles, 'native'])}]\nnetworks: {{corp: [198.51.100.0/24]}}"),
        "profiles/native.yaml": profile(f"{_PUBLIC}\n{spec}"),
        **{f"profiles/{name}.yaml": profile(text, name) for name, text in profiles.items()},
    }
    if limits:
        document = f"apiVersion: registrar/v1\nkind: Limits\nmetadata: {{name: l}}\nspec: {{limits: [{limits}]}}\n"
        documents["limits/l.yaml"] = document
    return documents


@dataclass(frozen=True, slots=True)
class Service:
    """A registrar, and what a test looks into."""

    registrar: Registrar
    tokens: Tokens
    refusals: Refusals
    store: Store
    clock: Clock

    def register(self, body: Mapping[str, Any] = CLI, source: Source = HERE, token: str | None = None) -> Registration:
        """A registration that succeeds."""
        return self.registrar.register(RegistrationRequest(body, source, token))

    def refused(self, body: Mapping[str, Any] = CLI, source: Source = HERE, token: str | None = None) -> Refusal:
        """A registration that does not."""
        try:
            registered = self.register(body, source, token)
        except Refusal as refusal:
            return refusal
        raise AssertionError(f"it was admitted: {registered}")

    def record(self, outcome: Refusal | Registration) -> DecisionRecord:
        """What was recorded of it."""
        found = self.store.decision(outcome.decision_id)
        assert found is not None
        return found

    def at_once(self, number: int, ask: Callable[[int], object]) -> list[object]:
        """What `number` threads get from `ask` at the same time: what it returns, or a Refusal."""
        gate = threading.Barrier(number)
        outcomes: list[object] = [None] * number

        def run(index: int) -> None:
            gate.wait()
            try:
                outcomes[index] = ask(index)
            except Refusal as refusal:
                outcomes[index] = refusal

        threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes


def service(
    store: Store,
    policies: PolicySet | Callable[[], PolicySet],
    *,
    issuer: str = ISSUER,
    trusted: TrustedIssuers | None = None,
    per_minute: int = 60,
    period: float = 3600.0,
    clock: Clock | None = None,
) -> Service:
    """A registrar on `store` that decides by `policies`."""
    clock = clock or Clock()
    ids = TimeOrderedIds(clock, secrets.token_bytes)
    refusals = Refusals(store, clock=clock, new_id=ids, per_minute=per_minute, period=period)
    registrar = Registrar(
        policies if callable(policies) else lambda: policies,
        store,
        REQUESTS,
        clock=clock,
        new_id=ids,
        new_secret=new_secret,
        issuer=issuer,
        trusted=trusted,
        refusals=refusals,
    )
    return Service(registrar, Tokens(store, clock=clock, new_id=ids, new_secret=new_secret), refusals, store, clock)


def numbered(count: int) -> Sequence[Mapping[str, Any]]:
    """So many documents, no two alike."""
    return [{**CLI, "client_name": f"cli {number}"} for number in range(count)]
