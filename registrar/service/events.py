"""What is written down when something happens to a client without a decision."""

from datetime import datetime
from typing import Final, Literal, TypeAlias

from registrar.store import DecisionRecord

_VERSION: Final = 1

Event: TypeAlias = Literal["deleted", "expired", "disabled", "enabled", "secret_rotated", "management_token_revoked"]


def event_record(event_id: str, client_id: str, event: Event, *, by: str, now: datetime, reason: str = "") -> DecisionRecord:
    """The entry of the journal: `event` happened to the client, brought about `by` somebody, for a `reason` ("": none was given).

    `by` is "client", "sweeper", or what names an administrator; like the reason it is for an auditor, and holds nothing secret.
    """
    record = {"version": _VERSION, "event": event, "by": by, **({"reason": reason} if reason else {})}
    return DecisionRecord(decision_id=event_id, at=int(now.timestamp()), result="event", client_id=client_id, record=record)
