"""The decision journal: a hash chain, so that an altered, removed or inserted record shows.

A record's hash is SHA-256 over the canonical JSON array `[prev, journal, seq, at, decision_id, result, client_id, record]`,
`prev` being the hash of the record before it in lower-case hex (64 zeros for the first). A chain alone cannot show that its
newest records were cut off, or that all of it was rewritten: that takes a copy of its head kept elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from registrar.store.records import DecisionRecord, Result


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON type")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)


def canonical(value: object) -> str:
    """`value` as the one JSON text that the store writes for it: keys sorted, no spaces, no escape that is not needed.

    Raises ValueError (NaN, infinity) and TypeError (no JSON type).
    """
    return _ENCODER.encode(value)


class Head(NamedTuple):
    """Where a journal ends: the number and hash of its newest record (0 and zeros before the first)."""

    journal: str
    seq: int = 0
    hash: bytes = bytes(32)


class Entry(NamedTuple):
    """A decision ready to be chained: its record is encoded already, once, outside the writer."""

    at: int
    decision_id: str
    result: Result
    client_id: str
    record: str

    @classmethod
    def of(cls, decision: DecisionRecord) -> "Entry":
        """Encode `decision`; raises as `canonical` does."""
        return cls(decision.at, decision.decision_id, decision.result, decision.client_id, canonical(decision.record))

    @property
    def decision(self) -> DecisionRecord:
        """The decision as it was given to `of`."""
        return DecisionRecord(
            decision_id=self.decision_id,
            at=self.at,
            result=self.result,
            client_id=self.client_id,
            record=json.loads(self.record),
        )


class Link(NamedTuple):
    """A row of the decision table, in the order of its columns."""

    journal: str
    seq: int
    at: int
    decision_id: str
    result: Result
    client_id: str
    record: str
    prev: bytes
    hash: bytes

    @property
    def head(self) -> Head:
        """The journal's end once this link is in it."""
        return Head(self.journal, self.seq, self.hash)

    @property
    def entry(self) -> Entry:
        """What was chained."""
        return Entry(self.at, self.decision_id, self.result, self.client_id, self.record)


def chain(head: Head, entry: Entry) -> Link:
    """The link that appends `entry` after `head`."""
    seq = head.seq + 1
    return Link(head.journal, seq, *entry, head.hash, _digest(head, seq, entry))


def _digest(head: Head, seq: int, entry: Entry) -> bytes:
    front = _ENCODER.encode([head.hash.hex(), head.journal, seq, entry.at, entry.decision_id, entry.result, entry.client_id])
    # The record is canonical JSON already: splicing it in gives the text that encoding the whole array would give.
    return hashlib.sha256(f"{front[:-1]},{entry.record}]".encode()).digest()


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first record of a journal that does not continue the chain, and why."""

    journal: str
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"journal {self.journal}, record {self.seq}: {self.reason}"


def walk(head: Head, links: Iterable[Link]) -> tuple[Head, ChainBreak | None]:
    """Follow `links`, which should continue after `head`: the head reached, and the first break if there is one."""
    for link in links:
        reason = _flaw(head, link)
        if reason:
            return head, ChainBreak(link.journal, link.seq, reason)
        head = link.head
    return head, None


def _flaw(head: Head, link: Link) -> str:
    if link.seq != head.seq + 1:
        return f"record {head.seq + 1} is missing"
    if link.prev != head.hash:
        return "it does not name the hash of the record before it"
    if link.hash != _digest(head, link.seq, link.entry):
        return "its content does not have its hash"
    return ""
