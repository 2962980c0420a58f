"""What is counted as it happens."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from registrar.limits import Usage
from registrar.policy import Decision

_FAST: Final = (0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25)  # seconds: a decision waits for nobody
_SLOW: Final = (0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counts:
    """Counters and histograms, which grow only: what is told by service, HTTP and store.

    The labels are bounded by the operator: profiles, rule ids and limit ids are words of the policy tree, routes and codes words
    of the program. None is a client's.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        # The children are cached since the library's own way to one costs more than to count in it.
        def counter(name: str, what: str, *labels: str) -> Callable[..., Counter]:
            return cache(Counter(f"registrar_{name}", what, labels, registry=registry).labels)

        def histogram(name: str, what: str, buckets: Sequence[float], *labels: str) -> Callable[..., Histogram]:
            return cache(Histogram(f"registrar_{name}", what, labels, registry=registry, buckets=buckets).labels)

        self._registrations = counter("registrations", "Requests to register that were decided", "result", "profile")
        self._updates = counter("updates", "Requests to change a registration that were decided", "result", "profile")
        self._refusals = counter("refusals", "Enforced rules that were not true for a refused request", "rule")
        self._errors = counter("rule_errors", "Rules whose expression failed at run time: mistakes in the policy", "rule")
        self._reached = counter("limits_reached", "Requests for which a limit had no room", "limit", "measure")
        self._near = counter("limits_near", f"Registrations that brought a limit to {Usage.NEAR:.0%} or more", "limit", "measure")
        self._expired = Counter("registrar_clients_expired", "Clients that the sweeper ended", registry=registry)
        self._requests = counter("http_requests", "Answers", "app", "route", "method", "status")
        self._codes = counter("http_errors", "Errors that were answered, by the code in the body", "app", "code")
        self._unavailable = counter("store_unavailable", "Times that the database could not serve within its patience", "work")
        self._decision = Histogram(
            "registrar_decision_seconds", "Time that the policy took to decide", registry=registry, buckets=_FAST
        )
        self._request = histogram("http_request_seconds", "Time from the head of a request to its answer", _SLOW, "app", "route")
        self._store = histogram("store_seconds", "Time that the database took, with waiting for it", _SLOW, "work")

    def decided(self, decision: Decision, seconds: float) -> None:
        """The policy decided."""
        self._decision.observe(seconds)
        for finding in (*decision.violations, *decision.warnings, *decision.audited):
            if finding.errored:
                self._errors(finding.rule).inc()

    def registered(self, decision: Decision, usages: Sequence[Usage], *, again: bool) -> None:
        """A client was stored, or given out again."""
        self._registrations("reused" if again else "registered", decision.profile).inc()
        for usage in usages:
            if usage.near:
                self._near(usage.limit, usage.measure).inc()

    def refused(self, decision: Decision) -> None:
        """The policy said no. A rule counts once, however often it was not true."""
        self._registrations(_refusal(decision), decision.profile).inc()
        self._count_rules(decision)

    def updated(self, decision: Decision) -> None:
        """The policy decided about a client that is there."""
        self._updates("allowed" if decision.allowed else _refusal(decision), decision.profile).inc()
        self._count_rules(decision)

    def limited(self, usage: Usage, profile: str = "") -> None:
        """A limit had no room."""
        self._registrations("limited", profile).inc()
        self._reached(usage.limit, usage.measure).inc()

    def swept(self, expired: int) -> None:
        """So many clients were ended."""
        self._expired.inc(expired)

    def answered(self, app: str, *, route: str, method: str, status: int, code: str, seconds: float) -> None:
        """A request was answered. `route` is a template of the program, `code` that of an error, else ""."""
        self._requests(app, route, method, str(status)).inc()
        self._request(app, route).observe(seconds)
        if code:
            self._codes(app, code).inc()

    def stored(self, work: str, seconds: float, *, available: bool) -> None:
        """The database read or wrote, or could not."""
        self._store(work).observe(seconds)
        if not available:
            self._unavailable(work).inc()

    def _count_rules(self, decision: Decision) -> None:
        for rule in {finding.rule for finding in decision.violations}:
            self._refusals(rule).inc()


def _refusal(decision: Decision) -> str:
    return "error" if decision.errored else "denied"
