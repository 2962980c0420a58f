"""/audit/v1: what was decided, and by which policies."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

import falcon

from registrar.http.answers import set_json
from registrar.http.private.documents import activation_document, decision_document, files_document
from registrar.http.private.guard import Guard
from registrar.http.private.query import Query
from registrar.service import Refusal
from registrar.store import RESULTS, DecisionRecord, Store
from registrar.wire import ErrorCode

_FILTERS: Final = ("client_id", "after", "limit")


class DecisionList:
    """Decisions and events, page by page, newest first."""

    def __init__(self, guard: Guard, store: Store) -> None:
        self._guard = guard
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200 with a page; `next` is the `after` of the page behind it, and is there when this one is full."""
        self._guard.admit(req)
        query = Query(req, _FILTERS)
        limit = query.limit()
        page = self._page(query.text("client_id"), query.text("after"), limit)
        further = {"next": page[-1].decision_id} if len(page) == limit else {}
        set_json(resp, {"decisions": [decision_document(decision) for decision in page], **further})

    on_head = on_get

    def _page(self, client_id: str, after: str, limit: int) -> Sequence[DecisionRecord]:
        if client_id:
            return self._store.decisions_of(client_id, after=after, limit=limit)
        return [decision for decision, _ in islice(self._store.decisions(after=after, results=RESULTS), limit)]


class DecisionView:
    """One decision or event."""

    def __init__(self, guard: Guard, store: Store) -> None:
        self._guard = guard
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, decision_id: str) -> None:
        """200 with the whole record, 404."""
        self._guard.admit(req)
        decision = self._store.decision(decision_id) if decision_id.isprintable() else None
        if decision is None:
            raise _no_such("decision")
        set_json(resp, decision_document(decision))

    on_head = on_get


class RevisionList:
    """Which policy revision came into force when, oldest first."""

    def __init__(self, guard: Guard, store: Store) -> None:
        self._guard = guard
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200 with all of them: people bring a revision into force, so there are not many."""
        self._guard.admit(req)
        Query(req, ())
        set_json(resp, {"activations": [activation_document(one) for one in self._store.activations()]})

    on_head = on_get


class RevisionView:
    """The files of a policy tree that once decided, in force or for an import."""

    def __init__(self, guard: Guard, store: Store) -> None:
        self._guard = guard
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, revision: str) -> None:
        """200 with every file whole, 404."""
        self._guard.admit(req)
        files = self._store.revision(revision) if revision.isprintable() else None
        if files is None:
            raise _no_such("revision")
        set_json(resp, files_document(revision, files))

    on_head = on_get


def _no_such(thing: str) -> Refusal:
    """Not what a path that leads nowhere is answered: an auditor has to tell a wrong id from a wrong URL."""
    return Refusal(404, ErrorCode.INVALID_REQUEST, f"there is no such {thing}")
