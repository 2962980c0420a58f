"""The public app as tests ask it: everything real, on a small policy tree, a temporary database and a clock that stands."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from falcon import testing

from registrar.app import create_public_app, create_refusals, load_policies, open_policies, open_store
from registrar.policy import PolicySet
from registrar.settings import Settings
from registrar.store import Store

DOORS = Path(__file__).parent.parent / "cases/policies/doors"
NOW = datetime(2026, 10, 1, 12, 0, 0, 400_000, tzinfo=UTC)

NATIVE: Mapping[str, object] = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
HOSTED: Mapping[str, object] = {"client_name": "my app", "redirect_uris": ["https://app.example/callback"]}
METADATA: Mapping[str, object] = {
    "authorization_endpoint": "https://as.example/authorize",
    "token_endpoint": "https://as.example/token",
    "code_challenge_methods_supported": ["S256"],
}


@dataclass(frozen=True, slots=True)
class Served:
    """A running app, and the parts that a test looks into."""

    client: testing.TestClient
    store: Store
    policies: PolicySet

    def post(self, body: object = None, **options: Any) -> testing.Result:
        """POST /register with a JSON body."""
        return self.client.simulate_post("/register", json=NATIVE if body is None else body, **options)

    def decision(self, result: testing.Result) -> Mapping[str, Any]:
        """The record of the decision that `result` names."""
        found = self.store.decision(result.headers["registrar-decision-id"])
        assert found is not None
        return {"result": found.result, "client_id": found.client_id, **found.record}


def settings(folder: Path, **changes: object) -> Settings:
    """Settings with `changes`, whose state is below `folder`."""
    given: dict[str, Any] = {
        "policies": DOORS,
        "state_dir": folder / "state",
        "database_url": f"sqlite:///{folder}/state/registrar.db",
        "issuer": "https://as.example",
        **changes,
    }
    return Settings(**given)


def standing() -> datetime:
    """A clock that stands."""
    return NOW


@contextmanager
def served(
    folder: Path, store: Store | None = None, clock: Callable[[], datetime] = standing, **changes: object
) -> Iterator[Served]:
    """The app under these settings."""
    chosen = settings(folder, **changes)
    policies = load_policies(chosen)
    store = store or open_store(chosen)
    refusals = create_refusals(chosen, store, clock=clock)
    try:
        in_force = open_policies(chosen, store, first=policies, clock=clock)
        app = create_public_app(chosen, policies=in_force, store=store, refusals=refusals, clock=clock)
        yield Served(testing.TestClient(app), store, policies)
    finally:
        refusals.close()
        store.close()
