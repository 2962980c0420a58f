"""What follows every decision, whatever it is about: a line in the log, a record of a denial, its id on whatever breaks then."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from registrar.policy import Decision, Facts, PolicySet
from registrar.service.evidence import decision_record, outcome
from registrar.service.observer import Observer
from registrar.service.outcomes import DecisionFailedError, Refusal
from registrar.service.refusals import Kind, Refusals
from registrar.store import StoreUnavailable
from registrar.wire import ErrorCode

_LOG: Final = logging.getLogger(__name__)

_RETRY_AFTER: Final = "5"  # seconds; a locked or a full database is rarely well sooner


def decided(policies: PolicySet, facts: Facts, observer: Observer) -> Decision:
    """The decision of `policies` about `facts`; `observer` is told how long it took."""
    began = perf_counter()
    decision = policies.decide(facts)
    observer.decided(decision, perf_counter() - began)
    return decision


def report(facts: Facts, decision: Decision, decision_id: str, client_id: str = "", *, limited: str = "") -> None:
    """One log line for each decision: ids and rule ids, never what the client sent. `limited`: the limit that had no room."""
    fields = {
        "decision_id": decision_id,
        "result": "deny" if limited else outcome(decision),
        "operation": facts.operation,
        "profile": decision.profile,
        "client_id": client_id,
        "rules": [limited] if limited else [finding.rule for finding in decision.violations],
        "warnings": [finding.rule for finding in decision.warnings],
        "source": facts.source.ip,
        "revision": decision.revision,
    }
    _LOG.log(logging.ERROR if decision.errored else logging.INFO, "decision", extra={"fields": fields})


def note_denial(refusals: Refusals, facts: Facts, decision: Decision, decision_id: str, client_id: str = "") -> str:
    """Write down and log that the policy says no: the decision id to tell, which is that of a record of counts in a flood.

    `client_id` is that of the client that was to be changed. Raises what `Refusals.note` raises.
    """
    rules = tuple(finding.rule for finding in decision.violations)
    kind = Kind(decision.revision, outcome(decision), str(decision.violations[0].code), rules)
    kept = refusals.note(decision_id, kind, lambda: decision_record(decision_id, facts, decision, client_id))
    if kept == decision_id:
        report(facts, decision, decision_id, client_id)
    return kept


@contextmanager
def carrying_out(decision_id: str) -> Iterator[None]:
    """Whatever happens inside keeps the id of its decision.

    Raises Refusal: the one that was raised inside, and 503 when the store is unavailable, in which case nothing was stored.
    Anything else that was raised inside becomes a DecisionFailedError.
    """
    try:
        yield
    except Refusal:
        raise
    except StoreUnavailable as error:
        _LOG.error("store unavailable", extra={"fields": {"decision_id": decision_id, "cause": str(error)}})
        raise _unavailable(decision_id) from error
    except Exception as error:
        raise DecisionFailedError(decision_id) from error


def _unavailable(decision_id: str) -> Refusal:
    return Refusal(
        503,
        ErrorCode.TEMPORARILY_UNAVAILABLE,
        "the registration could not be stored; try again later",
        decision_id=decision_id,
        headers={"Retry-After": _RETRY_AFTER},
    )
