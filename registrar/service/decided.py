"""What follows every decision, whatever it is about: a line in the log, and its id on whatever breaks behind it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from registrar.policy import Decision, Facts
from registrar.service.evidence import outcome
from registrar.service.outcomes import DecisionFailedError, Refusal
from registrar.store import StoreUnavailable
from registrar.wire import ErrorCode

_LOG: Final = logging.getLogger(__name__)

_RETRY_AFTER: Final = "5"  # seconds; a locked or a full database is rarely well sooner


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
