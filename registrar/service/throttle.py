"""What limits mean for those who ask: the answer to one that is full, the fields that say how much is left, a warning in time."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from typing import Final, NamedTuple

from registrar.limits import LimitReachedError, LimitUse, Measure, Usage
from registrar.policy import PolicySet, Source, Token
from registrar.policy.limits import Limit
from registrar.service.outcomes import Refusal
from registrar.wire import ErrorCode

_LOG: Final = logging.getLogger(__name__)

_RENEWING: Final = ("rate", "burst")
_PERSONAL: Final = frozenset({"source", "token"})
_ROUNDED: Final = 1  # the second to which the store rounds up how long a limit stays full
_NOBODY_KNOWS: Final = 3600  # seconds to wait for room that somebody has to give back
_MOST_FULL: Final = 4096  # limits with their keys that are known to be full: what is forgotten is asked of the store
_WARNED: Final = 600  # seconds between two warnings of one limit, which may have a key for each source
_MOST_WARNED: Final = 1024


class _Full(NamedTuple):
    """A limit that had no room: in which measure, for whom there were `of`, and until when (epoch seconds) that is certain."""

    usage: Usage
    until: float


class Throttle:
    """Answers for limits, and remembers which are full, so that a flood is refused before it costs anything.

    MUST: never refuses by memory whom the store, asked now, would let through. Room in a rate or a burst, of which every
    registration takes some, comes back with time alone, and the store has said when: `retry_after` rounds up, so a second is
    taken off. What can come back sooner is not remembered: places that somebody gives up, and a burst that is used under several
    ceilings (overrides), for it comes back at the speed of whoever used it last. Another policy has limits of its own, and
    whoever has more room than the one who was refused asks the store.

    Bounded memory of this process. Safe to share between threads: single operations on dicts, and what is lost between them
    costs a question to the store.
    """

    def __init__(self) -> None:
        self._full: dict[tuple[str, str, str], _Full] = {}
        self._warned: dict[tuple[str, Measure], float] = {}

    def known_full(self, policies: PolicySet, source: Source, now: datetime) -> tuple[LimitUse, LimitReachedError] | None:
        """The limit in which a request from `source`, without a token, finds no room whatever it asks for.

        None when nobody can tell yet.
        """
        if not self._full:
            return None
        at = now.timestamp()
        for use in policies.early(source, Token(), now):
            found = self._full.get((policies.revision, use.limit, use.key))
            if found is not None and at < found.until and _no_wider(use, found.usage):
                seconds = int(found.until - at) + _ROUNDED
                return use, LimitReachedError(replace(found.usage, resets_in=seconds), seconds)
        return None

    def remember(self, policies: PolicySet, error: LimitReachedError, now: float) -> None:
        """Keep in mind that a limit is full."""
        usage = error.usage
        if not _foreseeable(policies, usage) or error.retry_after <= _ROUNDED:
            return
        if len(self._full) >= _MOST_FULL:
            self._forget(now)
        self._full[policies.revision, usage.limit, usage.key] = _Full(usage, now + error.retry_after - _ROUNDED)

    def warn(self, usages: Sequence[Usage], source: Source, now: float) -> None:
        """A line in the log for each limit of which little is left: numbers and the source, but no key: clients may choose it."""
        for usage in usages:
            if usage.near and now >= self._warned.get((usage.limit, usage.measure), 0.0) + _WARNED:
                if len(self._warned) >= _MOST_WARNED:
                    self._warned.clear()
                self._warned[usage.limit, usage.measure] = now
                told = {
                    "limit": usage.limit,
                    "measure": usage.measure,
                    "used": usage.used,
                    "of": usage.of,
                    "source": source.prefix,
                }
                _LOG.warning("limit nearly reached", extra={"fields": told})

    def _forget(self, now: float) -> None:
        """What is over, and if that is not enough, what is oldest."""
        kept = [(key, full) for key, full in list(self._full.items()) if now < full.until]
        self._full = dict(kept[-(_MOST_FULL // 2) :])


def full(error: LimitReachedError, uses: Sequence[LimitUse], decision_id: str) -> Refusal:
    """RFC 6585 §4. The answer names the limit, which is the operator's word, and not what it counts by."""
    usage, seconds = error.usage, error.retry_after
    when = f"try again in {seconds} seconds" if seconds else "nobody knows when there will be"
    headers = {"Retry-After": str(seconds or _NOBODY_KNOWS), **fields([usage], uses)}
    description = f"the limit {usage.limit} has no room left: {when}"
    return Refusal(429, ErrorCode.TOO_MANY_REQUESTS, description, decision_id=decision_id, headers=headers)


def fields(usages: Sequence[Usage], uses: Sequence[LimitUse]) -> Mapping[str, str]:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11 §3 and §4): structured fields, lists of strings.

    `q`: how many, `w`: in how many seconds, `r`: how many are left, `t`: the seconds in which no more than those can be used. A
    policy is named as its limit is, and a burst as `<limit>/burst`. What has no window in `uses` has no `w`.
    """
    if not usages:
        return {}
    windows = dict(_windows(uses))
    policy, left = [], []
    for usage in usages:
        name = usage.limit if usage.measure == "rate" else f"{usage.limit}/{usage.measure}"
        window = windows.get((usage.limit, usage.measure))
        policy.append(f'"{name}";q={usage.of}' + (f";w={window}" if window else ""))
        left.append(f'"{name}";r={usage.remaining}' + (f";t={usage.resets_in}" if usage.resets_in else ""))
    return {"RateLimit-Policy": ", ".join(policy), "RateLimit": ", ".join(left)}


def own(usages: Sequence[Usage], policies: PolicySet) -> tuple[Usage, ...]:
    """What whoever registers can pace itself by: what comes back with time, of limits that count its source or its token.

    How many clients others register, and how many there are, is not for everybody.
    """
    personal = {limit.rule for limit in policies.limits if {name.partition(".")[0] for name in limit.key.reads} & _PERSONAL}
    return tuple(usage for usage in usages if usage.measure in _RENEWING and usage.limit in personal)


def _windows(uses: Sequence[LimitUse]) -> Iterator[tuple[tuple[str, Measure], int]]:
    """The time, in seconds, in which as many come back as a measure has."""
    for use in uses:
        if use.rate:
            yield (use.limit, "rate"), use.period
            yield (use.limit, "burst"), -(-use.burst * use.period // use.rate)


def _foreseeable(policies: PolicySet, usage: Usage) -> bool:
    """Whether time alone makes room in it."""
    if usage.measure == "burst":
        return all(_one_speed(policies, limit, usage.key) for limit in policies.limits if limit.rule == usage.limit)
    return usage.measure == "rate"


def _one_speed(policies: PolicySet, limit: Limit, key: str) -> bool:
    """Whether all that `limit` counts under `key` has the same ceilings: there are no others, or it comes from one place."""
    if not limit.overrides:
        return True
    try:
        prefix = ip_network(key)
    except ValueError:
        return False
    names = {name for override in limit.overrides for name in override.networks}
    blocks = [block for name in names for block in policies.networks.blocks[name] if block.version == prefix.version]
    divided = any(block.prefixlen > prefix.prefixlen and prefix.overlaps(block) for block in blocks)
    return limit.key.text == "source.prefix" and not divided


def _no_wider(use: LimitUse, usage: Usage) -> bool:
    """Whether `use` has no more room than the one who was told `usage`."""
    ceiling = use.ceiling(usage.measure)
    return ceiling is not None and ceiling <= usage.of
