"""The private app as tests ask it: everything real, a token of each role, and a clock that stands until it is put forward."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from falcon import testing

from registrar.app import (
    create_private_app,
    create_public_app,
    create_refusals,
    create_tokens,
    open_policies,
    open_store,
)
from registrar.metrics import Metrics
from registrar.service import Policies
from registrar.service.tokens import Tokens
from registrar.store import TOKEN_KINDS, Store, TokenKind
from tests.http.served import NOW, settings

SECRET = "a secret that nobody guesses"
WITH_SECRET: Mapping[str, object] = {
    "client_name": "my cli",
    "redirect_uris": ["http://127.0.0.1:33418/callback", "http://127.0.0.1:33418/other?x=1"],
    "token_endpoint_auth_method": "client_secret_post",
}


class Clock:
    """Stands, and is put forward."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: int) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Private:
    """Both apps over one store, and the text of a token of each kind."""

    client: testing.TestClient
    public: testing.TestClient
    store: Store
    policies: Policies
    metrics: Metrics
    clock: Clock
    issue: Tokens
    tokens: Mapping[TokenKind, str]

    def ask(self, role: TokenKind | None, method: str, path: str, **options: Any) -> testing.Result:
        """A request with the token of `role`, or with none."""
        headers = {**options.pop("headers", {}), **({} if role is None else {"Authorization": f"Bearer {self.tokens[role]}"})}
        return self.client.simulate_request(method, path, headers=headers, **options)

    def register(self, document: Mapping[str, object] = WITH_SECRET, **changes: object) -> Mapping[str, Any]:
        """A client that registered itself: what it was answered."""
        answer = self.public.simulate_post("/register", json={**document, **changes})
        assert answer.status_code == 201, answer.text
        registered: Mapping[str, Any] = answer.json
        return registered


@contextmanager
def private(folder: Path, **changes: object) -> Iterator[Private]:
    """Both apps under these settings, with metrics of both."""
    chosen, clock, metrics = settings(folder, **changes), Clock(), Metrics()
    store = open_store(chosen, meter=metrics.counts)
    refusals = create_refusals(chosen, store, clock=clock)
    parts: dict[str, Any] = {"store": store, "refusals": refusals, "counts": metrics.counts, "clock": clock}
    try:
        policies = open_policies(chosen, store, clock=clock)
        issue = create_tokens(store, clock=clock)
        tokens = {kind: issue.create(kind, name=f"test {kind}")[0] for kind in TOKEN_KINDS}
        yield Private(
            testing.TestClient(create_private_app(policies=policies, store=store, metrics=metrics, clock=clock)),
            testing.TestClient(create_public_app(chosen, policies=policies, **parts)),
            store,
            policies,
            metrics,
            clock,
            issue,
            tokens,
        )
    finally:
        refusals.close()
        store.close()


def digest(text: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(text.encode()).digest()
