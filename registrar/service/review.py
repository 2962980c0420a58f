"""Looks again at what was decided: replays decisions, checks them against their own policy, and scans the clients there are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from registrar.errors import LoadError
from registrar.policy import PolicySet, compile_tree
from registrar.review.replay import Count, Difference, Kind, Outcome, Tally, compare, decide_again, plain
from registrar.schema import Schema
from registrar.service.clients import as_of
from registrar.service.evidence import Evidence, EvidenceError, read_record, unlike
from registrar.store import Client, DecisionRecord, Store

_TREES: Final = 8  # compiled revisions that are kept: records come newest first, so revisions come one after the other
_NAMES: Final = 20  # names of redacted members that are told apart: clients choose them
_OTHERS: Final = "other members"

_UNSURE: Final = "a value that was redacted may be why it comes out otherwise"
_NO_DECISION: Final = "the decision that admitted the client is not kept"


@dataclass(slots=True)
class Review:
    """What a look at many records came to. `skipped` counts, by reason, those that could not be decided again."""

    tally: Tally = field(default_factory=Tally)
    skipped: dict[str, Count] = field(default_factory=dict)
    redacted: Counter[str] = field(default_factory=Counter)

    def skip(self, subject: str, reason: str) -> None:
        """Count a decision or client that is left out."""
        self.skipped.setdefault(reason, Count()).note(subject, None)

    def note(self, subject: str, evidence: Evidence, differences: Iterable[Difference]) -> None:
        """Count a decision or client that was decided again."""
        self.tally.note(subject, differences)
        for name in evidence.redacted:
            known = name in self.redacted or len(self.redacted) < _NAMES
            self.redacted[name if known else _OTHERS] += 1


@dataclass(frozen=True, slots=True)
class Affected:
    """A registered client that another policy set would refuse, or make something else of."""

    client: Client
    outcome: Outcome
    differences: tuple[Difference, ...]


def replay(pairs: Iterable[tuple[DecisionRecord, Client | None]], policies: PolicySet, schema: Schema) -> Review:
    """Decide each request again under `policies`, at the moment when it came. `schema` is the one of registration requests.

    `pairs` are those of `Store.decisions`.
    """
    review = Review()
    for decision, client in pairs:
        try:
            evidence = read_record(decision)
            old = replace(evidence.outcome, metadata=_document(client))
            differences = _compared(evidence, old, policies, schema)
        except EvidenceError as error:
            review.skip(decision.decision_id, str(error))
        else:
            review.note(decision.decision_id, evidence, differences)
    return review


def scan(
    pairs: Iterable[tuple[Client, DecisionRecord | None]], policies: PolicySet, schema: Schema, now: datetime, review: Review
) -> Iterator[Affected]:
    """The clients, whose time is not over at `now`, that `policies` would then refuse or change if they came as they once did.

    `pairs` are those of `Store.clients`, `schema` is the one of registration requests. All that are looked at count in `review`.
    """
    for client, decision in pairs:
        if as_of(client, int(now.timestamp())).status == "expired":
            continue
        try:
            evidence = _admission(decision)
            evidence = replace(evidence, facts=replace(evidence.facts, now=now))
            old = replace(evidence.outcome, allowed=True, profile=client.profile, metadata=client.metadata)
            new = decide_again(policies, evidence.facts, schema)
            differences = _differences(evidence, old, new)
        except EvidenceError as error:
            review.skip(client.client_id, str(error))
            continue
        # What a registration would be warned of, or counted under, is no change of a client that is registered.
        differences = tuple(difference for difference in differences if difference.kind not in (Kind.NOTES, Kind.LIMITS))
        review.note(client.client_id, evidence, differences)
        if differences:
            yield Affected(client, new, differences)


def verify(pairs: Iterable[tuple[DecisionRecord, Client | None]], revisions: "Revisions") -> Review:
    """Decide each request again under the revision that decided it: everything recorded has to come out as it is recorded.

    So has the client, as long as no later decision changed it. `pairs` are those of `Store.decisions`.
    """
    review = Review()
    for decision, client in pairs:
        try:
            evidence = read_record(decision)
            parts = _unlike(decision, client, evidence, revisions.compiled(evidence.revision))
        except EvidenceError as error:
            review.skip(decision.decision_id, str(error))
        else:
            review.note(decision.decision_id, evidence, [Difference(Kind.RECORD, part, "", "") for part in parts])
    return review


class Revisions:
    """The policy revisions that a store keeps, compiled. `schema` is the one of policy documents."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema
        self._tree = lru_cache(_TREES)(self._load)

    def compiled(self, revision: str) -> PolicySet:
        """The policy set of `revision`. Raises EvidenceError when there is none any more, and StoreUnavailable."""
        found = self._tree(revision)
        if isinstance(found, str):
            raise EvidenceError(found)
        return found

    def _load(self, revision: str) -> PolicySet | str:
        files = self._store.revision(revision)
        if files is None:
            return "the files of its policy revision are not kept"
        try:
            policies = compile_tree(files, self._schema)
        except LoadError:
            return "its policy revision does not load in this release"
        return policies if policies.revision == revision else "the files kept for its policy revision are not those of it"


def _admission(decision: DecisionRecord | None) -> Evidence:
    if decision is None:
        raise EvidenceError(_NO_DECISION)
    return read_record(decision)


def _compared(evidence: Evidence, old: Outcome, policies: PolicySet, schema: Schema) -> tuple[Difference, ...]:
    return _differences(evidence, old, decide_again(policies, evidence.facts, schema))


def _differences(evidence: Evidence, old: Outcome, new: Outcome) -> tuple[Difference, ...]:
    """Raises EvidenceError when all that refuses the client now is about members of which the record has not the value."""
    if not new.allowed and {_subject(rule) for rule in new.violations} <= evidence.redacted:
        raise EvidenceError(_UNSURE)
    return compare(old, new, evidence.redacted)


def _subject(rule: str) -> str:
    """The member that a rule is about by its id: `<profile>/client.<member>` or `registrar/<member>`; else no member's name."""
    owner, _, name = rule.partition("/")
    return name if owner == "registrar" else name.removeprefix("client.") if name.startswith("client.") else rule


def _unlike(decision: DecisionRecord, client: Client | None, evidence: Evidence, policies: PolicySet) -> tuple[str, ...]:
    again = policies.decide(evidence.facts)
    parts = unlike(decision, again)
    document = _document(client)
    if document is not None and _visible(document, evidence) != _visible(again.metadata, evidence):
        parts = (*parts, "client")
    if parts and evidence.redacted:
        raise EvidenceError(_UNSURE)
    return parts


def _document(client: Client | None) -> Mapping[str, object] | None:
    """The effective client as it is stored; None where there is none, and for a tombstone, which need not have one."""
    return None if client is None or client.status == "deleted" else client.metadata


def _visible(metadata: Mapping[str, object], evidence: Evidence) -> dict[str, object]:
    return {name: plain(value) for name, value in metadata.items() if name not in evidence.redacted}
