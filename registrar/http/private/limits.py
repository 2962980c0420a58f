"""/admin/v1/limits: how much of each limit is used, and by whom."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Protocol

import falcon

from registrar.http.answers import set_json
from registrar.http.private.guard import Guard
from registrar.http.private.query import Query, wrong
from registrar.service.usage import KeyUsage

_FILTERS = ("name", "after", "limit")
_START = ("", "")


class UsagePage(Protocol):
    """What gives a page of usage."""

    def __call__(self, name: str, after: tuple[str, str], most: int) -> tuple[KeyUsage, ...]:
        """At most `most` keys of the limit `name` ("": of all) after a limit and its key."""


class LimitList:
    """What each key uses of each limit, page by page, by the names of limit and key."""

    def __init__(self, guard: Guard, usage: UsagePage) -> None:
        self._guard = guard
        self._usage = usage

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200 with a page; `next` is the `after` of the page behind it, and is there when this one is full."""
        self._guard.admit(req)
        query = Query(req, _FILTERS)
        limit = query.limit()
        page = self._usage(query.text("name"), _position(query.text("after")), limit)
        further = {"next": _mark(page[-1])} if len(page) == limit else {}
        set_json(resp, {"usage": [_document(one) for one in page], **further})

    on_head = on_get


def _document(one: KeyUsage) -> Mapping[str, object]:
    """`usage` is empty for a limit that the policy no longer has."""
    return {
        "limit": one.counted.limit,
        "key": one.counted.key,
        "usage": [
            {"measure": usage.measure, "used": usage.used, "of": usage.of, "resets_in": usage.resets_in} for usage in one.usages
        ],
    }


def _mark(one: KeyUsage) -> str:
    """Where a page ends, as a text that any query can hold: a key is what a client sent."""
    return urlsafe_b64encode(json.dumps([one.counted.limit, one.counted.key]).encode()).decode()


def _position(mark: str) -> tuple[str, str]:
    if not mark:
        return _START
    try:
        limit, key = json.loads(urlsafe_b64decode(mark))
    except (ValueError, TypeError, RecursionError):
        raise wrong("after must be the next of a page") from None
    if not isinstance(limit, str) or not isinstance(key, str) or "\0" in limit + key:
        raise wrong("after must be the next of a page")
    return limit, key
