"""Brings static clients: those that an operator writes down, instead of clients that register themselves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias

from registrar import wire
from registrar.errors import Place, RegistrarError, did_you_mean
from registrar.policy import Decision, Facts, MalformedError, PolicySet, Source, take_in
from registrar.schema import Schema
from registrar.service.credentials import digest
from registrar.service.decided import report
from registrar.service.evidence import decision_record
from registrar.service.ids import named_id
from registrar.store import ChangedError, Client, DuplicateError, Store

Change: TypeAlias = Literal["created", "updated", "unchanged"]

_SOURCE: Final = Source(user_agent="registrar client import")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticClient:
    """A client as the operator wrote it down (`schemas/static-clients.schema.json`).

    `client_id` is "" for one that gets an id. `secret_hash` is the SHA-256 digest of its secret; None: it gets a secret, if its
    method needs one.
    """

    metadata: Mapping[str, object]
    client_id: str = ""
    secret_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an entry cannot be a client: `index` is its number from 0, `path` where in it, the key there where `of_key`.

    `rule` is the id of the policy's rule that refuses it, and `place` where that stands; "" and None for the program's own rules.
    """

    index: int
    path: tuple[str, ...]
    message: str
    rule: str = ""
    place: Place | None = None
    of_key: bool = False


class ProvisioningError(RegistrarError):
    """Entries that cannot be clients; `flaws` are all of them, in their order."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("; ".join(flaw.message for flaw in flaws))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an entry leads to: `change` of the client `old` (None: there is none yet), as `decision` says."""

    index: int
    entry: StaticClient
    facts: Facts
    decision: Decision
    old: Client | None
    change: Change

    @property
    def outcome(self) -> "Provisioned":
        """What the client will be, or is, but for a secret that is still to be made."""
        return Provisioned(client_id=_id(self.entry, self.decision), profile=self.decision.profile, change=self.change)

    @property
    def makes_secret(self) -> bool:
        """Whether the client gets a secret that nobody knows yet."""
        kept = self.old.secret_hash if self.old else None
        return _needs_secret(self.decision) and self.entry.secret_hash is None and kept is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """A client that was brought. `secret` is what nobody can look up later, "" when none was made."""

    client_id: str
    profile: str
    change: Change
    secret: str = field(default="", repr=False)


class Provisioning:
    """Makes static clients what their entries say.

    MUST: every entry is decided by the policy as a registration, but consumes no limit; the client never expires, nor does its
    secret; nothing but another import changes it, no identical registration shares it, and it cannot manage itself.
    """

    def __init__(
        self,
        policies: Callable[[], PolicySet],
        store: Store,
        schema: Schema,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        new_secret: Callable[[], str],
    ) -> None:
        """As for `Registrar`."""
        self._policies = policies
        self._store = store
        self._schema = schema
        self._clock = clock
        self._new_id = new_id
        self._new_secret = new_secret

    def plan(self, entries: Sequence[StaticClient]) -> tuple[Plan, ...]:
        """What has to be done for `entries`, which changes nothing yet.

        Raises ProvisioningError with every flaw of every entry, and StoreUnavailable.
        """
        policies = self._policies()
        plans: list[Plan] = []
        flaws: list[Flaw] = []
        for index, entry in enumerate(entries):
            try:
                plans.append(self._plan(index, entry, policies))
            except ProvisioningError as error:
                flaws += error.flaws
        flaws += _repetitions(plans)
        if flaws:
            raise ProvisioningError(sorted(flaws, key=lambda flaw: flaw.index))
        return tuple(plans)

    def carry_out(self, plan: Plan) -> Provisioned:
        """Do what `plan` says, durably. Raises ProvisioningError when the client is another one by now, and StoreUnavailable."""
        if plan.old is not None and plan.change == "unchanged":
            return plan.outcome
        secret = self._new_secret() if plan.makes_secret else ""
        decision_id = self._new_id()
        client = _client(plan, plan.old or _blank(plan), decision_id, digest(secret) if secret else None)
        record = decision_record(decision_id, plan.facts, plan.decision, client.client_id)
        try:
            if plan.old is None:
                self._store.add(client, record)
            else:
                self._store.replace(plan.old, client, record)
        except (DuplicateError, ChangedError):
            raise ProvisioningError([Flaw(plan.index, (), "was changed by somebody else meanwhile: import it again")]) from None
        report(plan.facts, plan.decision, decision_id, client.client_id)
        return replace(plan.outcome, secret=secret)

    def _plan(self, index: int, entry: StaticClient, policies: PolicySet) -> Plan:
        facts = self._facts(index, entry, policies)
        decision = policies.decide(facts)
        flaws = [*_unknown_members(index, entry, policies), *_violations(index, decision)]
        if flaws or not decision.allowed:
            raise ProvisioningError(flaws)
        old = self._store.client(_id(entry, decision))
        flaws = [*_of_secret(index, entry, decision), *_of_old(index, old)]
        if flaws:
            raise ProvisioningError(flaws)
        return Plan(index=index, entry=entry, facts=facts, decision=decision, old=old, change=_change(entry, decision, old))

    def _facts(self, index: int, entry: StaticClient, policies: PolicySet) -> Facts:
        try:
            intake = take_in(entry.metadata, self._schema, policies.extensions)
        except MalformedError as error:
            paths = [("metadata", fault.member) if fault.member else ("metadata",) for fault in error.faults]
            flaws = [Flaw(index, path, fault.message) for path, fault in zip(paths, error.faults, strict=True)]
            raise ProvisioningError(flaws) from None
        return Facts(
            now=self._clock(),
            metadata=intake.metadata,
            redirects=intake.redirects,
            submitted=entry.metadata,
            operation="create",
            source=_SOURCE,
        )


def _blank(plan: Plan) -> Client:
    """The client before it has anything but what never changes: an id, and when it came."""
    return Client(
        client_id=_id(plan.entry, plan.decision),
        metadata={},
        profile="",
        policy_revision="",
        decision_id="",
        source="",
        software_id="",
        secret_hash=None,
        secret_expires_at=0,
        issued_at=int(plan.facts.now.timestamp()),
        expires_at=0,
        unused=0,
        status="active",
        provisioned=True,
    )


def _client(plan: Plan, old: Client, decision_id: str, made: bytes | None) -> Client:
    """`old` as the entry wants it; `made` is the digest of a secret that was made for it."""
    decision = plan.decision
    kept = plan.entry.secret_hash or made or old.secret_hash
    return replace(
        old,
        metadata=decision.metadata,
        profile=decision.profile,
        policy_revision=decision.revision,
        decision_id=decision_id,
        software_id=str(decision.metadata.get("software_id", "")),
        fingerprint=wire.fingerprint(decision.metadata),
        secret_hash=kept if _needs_secret(decision) else None,
        previous_secret_hash=None,
        previous_secret_expires_at=0,
    )


def _change(entry: StaticClient, decision: Decision, old: Client | None) -> Change:
    if old is None:
        return "created"
    same = old.metadata == decision.metadata and old.profile == decision.profile
    return "unchanged" if same and entry.secret_hash in (None, old.secret_hash) else "updated"


def _id(entry: StaticClient, decision: Decision) -> str:
    """The id in the entry, or one that is made of the effective metadata, so that the next import finds the client again."""
    if entry.client_id:
        return entry.client_id
    return decision.client_id_prefix + named_id(wire.fingerprint(decision.metadata))


def _needs_secret(decision: Decision) -> bool:
    return wire.needs_secret(str(decision.metadata["token_endpoint_auth_method"]))


def _unknown_members(index: int, entry: StaticClient, policies: PolicySet) -> Iterator[Flaw]:
    """A stranger's unknown member is ignored (contract 2); an operator's is a slip of the pen."""
    known = {*wire.MEMBERS, *policies.extensions}
    for name in entry.metadata:
        if name not in known and wire.base_name(name) is None:
            message = f"is no member of client metadata{did_you_mean(name, known)}"
            yield Flaw(index, ("metadata", name), message, of_key=True)


def _violations(index: int, decision: Decision) -> Iterator[Flaw]:
    for finding in decision.violations:
        member = finding.field.removeprefix("/").partition("/")[0]
        path = ("metadata", member) if member else ("metadata",)
        yield Flaw(index, path, finding.message, finding.rule, finding.place)


def _of_secret(index: int, entry: StaticClient, decision: Decision) -> Iterator[Flaw]:
    if entry.secret_hash is not None and not _needs_secret(decision):
        method = decision.metadata["token_endpoint_auth_method"]
        yield Flaw(index, ("client_secret_sha256",), f"is of no use: the client authenticates with {method}")


def _of_old(index: int, old: Client | None) -> Iterator[Flaw]:
    if old is None:
        return
    if not old.provisioned:
        yield Flaw(index, ("client_id",), "is the id of a client that registered itself")
    elif old.status in ("deleted", "expired"):
        yield Flaw(index, ("client_id",), f"is the id of a client that was {old.status}: no id is given twice")


def _repetitions(plans: Sequence[Plan]) -> Iterator[Flaw]:
    seen: dict[str, int] = {}
    for plan in plans:
        first = seen.setdefault(_id(plan.entry, plan.decision), plan.index)
        if first != plan.index and plan.entry.client_id:
            yield Flaw(plan.index, ("client_id",), f"is the id of entry {first + 1} too")
        elif first != plan.index:
            yield Flaw(plan.index, (), f"is the same client as entry {first + 1}: give each a client_id")
