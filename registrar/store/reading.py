"""Reading clients and decisions."""

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from registrar.store.access import Access
from registrar.store.journal import ChainBreak, Head, Link, walk
from registrar.store.records import OUTCOMES, STATUSES, Client, DecisionRecord, Result, Status
from registrar.store.rows import client_of, decision_of, pair_of
from registrar.store.statements import CLIENT_COLUMNS, COMMON, DECISION_COLUMNS

_CHUNK = 500  # links read at once while a journal is verified: no long read transaction, bounded memory
_PAIRS = 100  # decisions read at once with their clients, of which each may hold two large documents
_PAGE = 25  # clients read at once of one profile and status, of which a page may need none
_NEWEST: Final = (2**63 - 1, "")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk over the journals found: records that chain, the heads reached, the first break of each broken journal."""

    records: int
    heads: tuple[Head, ...]
    breaks: tuple[ChainBreak, ...]


class Reading(Access):
    """The verbs that change nothing."""

    def client(self, client_id: str) -> Client | None:
        """The client, in whatever status; None when there never was one."""
        row = self._one(self._sql.select_client, (client_id,))
        return client_of(row) if row else None

    def holder_of(self, management_token_hash: bytes) -> Client | None:
        """The client whose registration access token has this hash, also as the one before that is not forgotten yet."""
        for sql in (self._sql.select_holder, self._sql.select_previous_holder):
            row = self._one(sql, (management_token_hash,))
            if row:
                return client_of(row)
        return None

    def due(self, now: int, limit: int) -> tuple[Client, ...]:
        """At most `limit` clients that have to end by `now` (epoch seconds), the longest overdue first."""
        return tuple(map(client_of, self._all(self._sql.select_due, (now, limit))))

    def page(
        self, *, after: str = "", limit: int = 100, status: Status | None = None, profile: str | None = None, since: int = 0
    ) -> tuple[Client, ...]:
        """At most `limit` clients, newest first, of a status and a profile if these are given, issued at `since` or later.

        `after`: the id of the last client of the page before. The page after an id that does not exist is empty.
        """
        before = self._position(self._sql.select_client_position, after)
        if before is None:
            return ()
        kept = [
            self._kept(kind, state, before, since, min(limit, _PAGE))
            for kind in (self._profiles() if profile is None else [profile])
            for state in (STATUSES if status is None else [status])
        ]
        return tuple(islice(heapq.merge(*kept, key=_place, reverse=True), limit))

    def tally(self) -> dict[Status, int]:
        """How many clients there are of each status. Reads one index from end to end: for metrics, not for requests."""
        counted = dict.fromkeys(STATUSES, 0)
        for _, status, number in self._all(self._sql.select_tally):
            counted[status] += number
        return counted

    def clients(
        self, *, since: int = 0, statuses: Collection[Status] = STATUSES
    ) -> Iterator[tuple[Client, DecisionRecord | None]]:
        """The clients of these `statuses` issued at `since` (epoch seconds) or later, each with the decision that admitted it.

        That is None when it is not kept. In the order of their ids, so oldest first where ids are time-ordered; chunk by chunk,
        as `decisions`.
        """
        kinds = _padded(statuses, STATUSES)
        after = ""
        while rows := self._all(self._sql.select_clients, (after, since, *kinds, _PAIRS)):
            pairs = [pair_of(client_of, decision_of, row, len(CLIENT_COLUMNS)) for row in rows]
            yield from pairs
            after = pairs[-1][0].client_id

    def decision(self, decision_id: str) -> DecisionRecord | None:
        """The decision as it was recorded."""
        row = self._one(self._sql.select_decision, (decision_id,))
        return decision_of(row) if row else None

    def decisions(
        self, *, since: int = 0, results: Collection[Result] = OUTCOMES, after: str = ""
    ) -> Iterator[tuple[DecisionRecord, Client | None]]:
        """The decisions of these `results` from `since` (epoch seconds) on, newest first, each with the client that it admitted.

        That is None for a refusal, and when the client names another decision by now. Chunk by chunk: memory is bounded, no
        transaction lasts, and what is decided meanwhile does not come. `after`: the id of a decision to go on behind.
        """
        before = self._position(self._sql.select_decision_position, after)
        if before is None:
            return
        kinds = [(self._sql.select_rare_decisions, [result]) for result in set(results) - set(COMMON)]
        if common := set(results) & set(COMMON):
            kinds.append((self._sql.select_decisions, _padded(common, COMMON)))
        streams = (self._decided(sql, wanted, before, since) for sql, wanted in kinds)
        yield from heapq.merge(*streams, key=_moment, reverse=True)

    def decisions_of(self, client_id: str, *, limit: int = 100, after: str = "") -> tuple[DecisionRecord, ...]:
        """At most `limit` decisions and events about a client, newest first; `after`: as for `decisions`."""
        before = self._position(self._sql.select_decision_position, after)
        if before is None:
            return ()
        return tuple(map(decision_of, self._all(self._sql.select_decisions_of, (client_id, *before, limit))))

    def verify(self, journal: str | None = None) -> Verification:
        """Recompute the hash chain of `journal`, or of every journal."""
        names = [journal] if journal is not None else [row[0] for row in self._all(self._sql.select_journals)]
        found = [walk(Head(name), self._links(name)) for name in names]
        heads = tuple(head for head, _ in found)
        return Verification(sum(head.seq for head in heads), heads, tuple(flaw for _, flaw in found if flaw))

    def missed(self, kept: Iterable[Head]) -> tuple[ChainBreak, ...]:
        """Those of the `kept` heads, read by an earlier `verify`, that their journals do not have any more.

        What a chain cannot show by itself: that its newest records were cut off, that it was written anew, or that it is gone.
        """
        found = ((head, self._one(self._sql.select_links, (head.journal, head.seq - 1, 1))) for head in kept if head.seq)
        reasons = ((head, _difference(head, Link(*row) if row else None)) for head, row in found)
        return tuple(ChainBreak(head.journal, head.seq, reason) for head, reason in reasons if reason)

    def _profiles(self) -> Iterator[str]:
        """The profiles that clients have, each found by one look into an index."""
        name = ""
        while row := self._one(self._sql.select_profile, (name, 1)):
            (name,) = row
            yield name

    def _kept(self, profile: str, status: Status, before: tuple[Any, ...], since: int, chunk: int) -> Iterator[Client]:
        """The clients of one profile and status before a place in the list, read as they are asked for."""
        while rows := self._all(self._sql.select_page, (profile, status, *before, since, chunk)):
            clients = list(map(client_of, rows))
            yield from clients
            before = _place(clients[-1])

    def _decided(
        self, sql: str, results: list[Result], before: tuple[Any, ...], since: int
    ) -> Iterator[tuple[DecisionRecord, Client | None]]:
        """The decisions of these results before a moment, newest first, read as they are asked for."""
        while rows := self._all(sql, (*results, *before, since, _PAIRS)):
            pairs = [pair_of(decision_of, client_of, row, len(DECISION_COLUMNS)) for row in rows]
            yield from pairs
            before = _moment(pairs[-1])

    def _position(self, sql: str, after: str) -> tuple[Any, ...] | None:
        """Where a list that goes from new to old goes on: time and id of the last that was shown."""
        return self._one(sql, (after,)) if after else _NEWEST

    def _links(self, journal: str) -> Iterator[Link]:
        after = -(2**63)  # also before 1: a record smuggled in there must show
        while rows := self._all(self._sql.select_links, (journal, after, _CHUNK)):
            links = [Link(*row) for row in rows]
            yield from links
            after = links[-1].seq


def _difference(kept: Head, link: Link | None) -> str:
    if link is None or link.seq != kept.seq:
        return "it was there when the heads were kept, and is not there"
    return "" if link.hash == kept.hash else "it has another hash than when the heads were kept"


def _place(client: Client) -> tuple[int, str]:
    """Where a client stands in the lists."""
    return client.issued_at, client.client_id


def _moment(pair: tuple[DecisionRecord, Client | None]) -> tuple[int, str]:
    """Where a decision stands in the lists."""
    return pair[0].at, pair[0].decision_id


def _padded(wanted: Collection[T], every: Collection[T]) -> list[T]:
    """`wanted`, of which there is one at least, made as long as `every`: the statement has a place for each."""
    chosen = list(dict.fromkeys(wanted))
    return chosen + chosen[:1] * (len(every) - len(chosen))
