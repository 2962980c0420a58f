"""Whether the process lives (/healthz) and can serve (/readyz), for supervisors and load balancers."""

from collections.abc import Callable

import falcon

from registrar.http.answers import set_json
from registrar.policy import PolicySet
from registrar.service import Refusal
from registrar.store import Store, StoreUnavailable
from registrar.wire import ErrorCode


class Liveness:
    """/healthz: the process answers. It looks at nothing, so that a full disk does not get the process restarted."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """200."""
        set_json(resp, {"status": "ok"})

    on_head = on_get


class Readiness:
    """/readyz: a registration would be decided and stored."""

    def __init__(self, store: Store, policies: Callable[[], PolicySet]) -> None:
        self._store = store
        self._policies = policies

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """200 with the policy that is served, or 503."""
        try:
            self._store.check()
        except StoreUnavailable:
            raise Refusal(
                503, ErrorCode.TEMPORARILY_UNAVAILABLE, "the database takes no writes", headers={"Retry-After": "5"}
            ) from None
        policies = self._policies()
        set_json(
            resp,
            {
                "status": "ready",
                "policy": {
                    "name": policies.name,
                    "revision": policies.revision,
                    "profiles": [profile.book.name for profile in policies.profiles],
                },
                "database": "ok",
            },
        )

    on_head = on_get
