"""Whether the process lives (/healthz) and can serve (/readyz), for supervisors and load balancers."""

from collections.abc import Callable, Mapping

import falcon

from registrar.http.answers import set_json
from registrar.service import InForce, Refusal
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

    def __init__(self, store: Store, policies: Callable[[], InForce]) -> None:
        self._store = store
        self._policies = policies

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """200 with the policy that is served, also where the tree on disk is a broken one; 503 when nothing can be stored."""
        try:
            self._store.check()
        except StoreUnavailable:
            raise Refusal(
                503, ErrorCode.TEMPORARILY_UNAVAILABLE, "the database takes no writes", headers={"Retry-After": "5"}
            ) from None
        set_json(resp, {"status": "ready", "policy": _policy(self._policies()), "database": "ok"})

    on_head = on_get


def _policy(in_force: InForce) -> Mapping[str, object]:
    """What anybody may know.

    Of a rejected tree that is when and how many mistakes it has. What they are quotes the operator's files: it is in the log.
    """
    policies, rejected = in_force.policies, in_force.rejected
    told: dict[str, object] = {
        "name": policies.name,
        "revision": policies.revision,
        "profiles": [profile.book.name for profile in policies.profiles],
    }
    if rejected is not None:
        told["rejected"] = {"at": rejected.at, "revision": rejected.seen.revision or None, "problems": len(rejected.problems)}
    return told
