"""Comparing what two profiles do to one member.

The measure is the set of values, absent among them, that a client can end up with: one that only the new rule leaves is wider.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from registrar.policy.matchers import AnyOf
from registrar.policy.members import MemberRule
from registrar.review.difference.differences import Direction, Side, Step, always_enforced, compare_switches, ever_enforced
from registrar.review.difference.redirects import uncovered
from registrar.review.words import allow_words, clauses, item_words, items_words, matcher_words
from registrar.wire import MEMBERS, MemberKind

WIDER, MAY_WIDEN, NARROWER, NEUTRAL = Direction

_LISTS = frozenset({MemberKind.STRINGS, MemberKind.SCOPE})
_TEXTS = frozenset({MemberKind.STRING, MemberKind.URI})
# Where absent is a value like others: RFC 7591 §2 says which, or the authorization server gives a meaning to no scope at all.
_ABSENT_MEANS_SOMETHING = frozenset({"token_endpoint_auth_method", "grant_types", "response_types", "scope"})


@dataclass(frozen=True, slots=True)
class Doubts:
    """Why a rule that rewrites documents, and by itself leaves less to them, may widen after all; "" where there is no doubt.

    `choice`: the rewritten document, sent as it is, might not come to the same profile. `verdict`: a rule that refused the old
    value might pass the new one.
    """

    choice: str = ""
    verdict: str = ""


def compare_member(old: MemberRule, new: MemberRule, doubts: Doubts) -> Iterator[Step]:
    """What changes for the member of both rules."""
    if old.remove and new.remove:
        return
    for step in _steps(old, new):
        doubt = _doubt(step, old, new, doubts)
        yield replace(step, direction=MAY_WIDEN, message=f"{step.message}; {doubt}") if doubt else step


def _doubt(step: Step, old: MemberRule, new: MemberRule, doubts: Doubts) -> str:
    if step.direction.widens:
        return ""
    if step.keyword == "default":
        return doubts.choice
    if step.direction is NEUTRAL:
        return ""
    # Every client had all that was set: what it has now, part of that, could not be had before.
    if old.set is not None and new.kind in _LISTS:
        return doubts.verdict or doubts.choice
    return doubts.choice if new.strip or new.remove or new.set is not None else ""


def _steps(old: MemberRule, new: MemberRule) -> Iterator[Step]:
    if new.remove:
        yield Step(_removed(old), "remove", "applies to every document", _words(old), _words(new))
    elif old.remove:
        yield Step(WIDER, "remove", "no longer applies", _words(old), _words(new), Side.OLD)
    elif old.set is not None and new.set is not None:
        yield from _other_set(old.set, new.set, new.kind)
    elif new.set is not None:
        yield Step(_fixed(old, new.set), "set", "replaces what clients ask for", _words(old), _words(new))
    elif old.set is not None:
        yield Step(_released(old.set, new), "set", "no longer replaces what clients ask for", _words(old), _words(new), Side.OLD)
    else:
        yield from _judged(old, new)


def _words(rule: MemberRule) -> str:
    allowed = [] if rule.allow is None or rule.remove or rule.set is not None else [f"only {items_words(allow_words(rule))}"]
    return "; ".join((*allowed, *clauses(rule))) or "anything"


# Rules that leave nothing to the client


def _removed(old: MemberRule) -> Direction:
    absent_is_new = old.set is not None or old.default is not None or old.member in _ABSENT_MEANS_SOMETHING
    # Without its flag a client is bound to less than it asked for, and what was refused for the member passes without it.
    return MAY_WIDEN if absent_is_new or old.kind is MemberKind.BOOLEAN or _refuses(old) else NARROWER


def _other_set(old: Sequence[object], new: Sequence[object], kind: MemberKind) -> Iterator[Step]:
    if kind not in _LISTS:
        if old != new:
            yield Step(MAY_WIDEN, "set", "gives something else", items_words(old), items_words(new))
        return
    gained, lost = _without(new, old), _without(old, new)
    if gained:
        yield Step(WIDER, "set", f"gives every client {items_words(gained)}", items_words(old), items_words(new))
    if lost:
        yield Step(NARROWER, "set", f"no longer gives {items_words(lost)}", items_words(old), items_words(new))


def _fixed(old: MemberRule, items: Sequence[object]) -> Direction:
    """A value that was possible before and is now the only one is narrower, unless somebody gets it who got less, or nothing."""
    if not all(_admits(old, item) for item in items):
        return WIDER
    loose = old.kind is MemberKind.BOOLEAN and not _binds(old, items)
    return MAY_WIDEN if old.kind in _LISTS or loose or _refuses(old) else NARROWER


def _released(items: Sequence[object], new: MemberRule) -> Direction:
    bounded = new.allow is not None and (new.strip or always_enforced(new.switch))
    # What is dropped for its host may be the default, too.
    stands_in = new.default is not None and not (new.same_host and new.strip)
    never_absent = stands_in or (new.required and always_enforced(new.switch))
    fits = set(new.listed) <= set(map(item_words, items)) and set(new.default or ()) <= set(items)
    return NARROWER if bounded and never_absent and fits else WIDER


def _admits(rule: MemberRule, item: Any) -> bool:
    """Whether a client that sends `item` can have it."""
    if rule.allow is not None and not rule.allow(item):
        return False
    if rule.kind not in _TEXTS and rule.kind is not MemberKind.STRINGS:
        return True
    fits = rule.pattern is None or rule.pattern.search(str(item))
    return fits and not rule.same_host and (not rule.max_length or len(str(item)) <= rule.max_length)


def _refuses(rule: MemberRule) -> bool:
    """Whether some document is refused for the member, as far as the rule is enforced."""
    limits = rule.required or rule.require or rule.min_items or rule.max_items or rule.max_length or rule.pattern is not None
    # Nothing left of a list or a scope is a refusal under `strip` too.
    return bool(limits) or rule.allow is not None or (rule.same_host and not rule.strip)


# Rules that judge what the client asks for


def _judged(old: MemberRule, new: MemberRule) -> Iterator[Step]:
    yield from _allow(old, new)
    yield from _excess(old, new)
    yield from _default(old, new)
    for step in _demands(old, new):
        yield replace(step, direction=NEUTRAL, message=f"{step.message}, unenforced") if _idle(step, old, new) else step
    if _refuses(old) and _refuses(new):
        yield from compare_switches(old.switch, new.switch)
        if old.code is not new.code:
            before, after = (rule.code.value if rule.code else "the RFC's own" for rule in (old, new))
            yield Step(NEUTRAL, "error", "is another", before, after, Side.NEW if new.code else Side.OLD)


def _idle(step: Step, old: MemberRule, new: MemberRule) -> bool:
    """Whether a demand that is never enforced, and so refuses nobody, came or went. What `strip` drops goes in every mode."""
    if step.keyword == "sameHostAsRedirect" and (old.strip or new.strip):
        return False
    rule = new if step.direction is NARROWER else old
    return step.direction in (NARROWER, WIDER) and not ever_enforced(rule.switch)


def _allow(old: MemberRule, new: MemberRule) -> Iterator[Step]:
    before, after = _allowed(old), _allowed(new)
    if old.allow is None or new.allow is None:
        if old.allow is None and new.allow is not None:
            bounded = new.strip or ever_enforced(new.switch)
            yield Step(NARROWER if bounded else NEUTRAL, "allow", "is limited", before, after)
        elif old.allow is not None:
            yield Step(WIDER, "allow", "is no longer limited", before, after, Side.OLD)
        return
    gained, lost = _gained(old, new), _gained(new, old)
    if gained:
        yield Step(WIDER, "allow", f"gains {', '.join(gained)}", before, after)
    if lost:
        yield Step(NARROWER, "allow", f"loses {', '.join(lost)}", before, after)


def _allowed(rule: MemberRule) -> str:
    return "anything" if rule.allow is None else items_words(allow_words(rule))


def _gained(old: MemberRule, new: MemberRule) -> list[str]:
    """What `new` allows and `old` does not, in words."""
    if isinstance(old.allow, AnyOf) and isinstance(new.allow, AnyOf):
        return [words for part in uncovered(new.allow.matchers, old.allow.matchers) for words in matcher_words(part)]
    return [item for item in new.listed if item not in old.listed]


def _excess(old: MemberRule, new: MemberRule) -> Iterator[Step]:
    bounds = [rule.allow is not None or rule.same_host for rule in (old, new)]
    if old.strip == new.strip or not all(bounds):
        return
    words = ("strip", "reject") if old.strip else ("reject", "strip")
    if new.strip:
        yield Step(MAY_WIDEN, "onExcess", "drops what was refused, so more documents are admitted", *words)
    elif always_enforced(new.switch):
        yield Step(NARROWER, "onExcess", "refuses what was dropped", *words)
    else:
        yield Step(WIDER, "onExcess", "keeps what was dropped, since the rule is not enforced at all times", *words)


def _default(old: MemberRule, new: MemberRule) -> Iterator[Step]:
    before, after = (None if rule.default is None else items_words(rule.default) for rule in (old, new))
    if before == after:
        return
    words = before or "none", after or "none"
    if old.default is None and old.required:
        yield Step(MAY_WIDEN, "default", "stands in for what a client had to say itself", *words)
    elif new.kind in _LISTS:
        yield from _other_default_list(old, new, words)
    else:
        yield Step(_other_default(old, new), "default", "is another for clients that say nothing", *words)


def _other_default_list(old: MemberRule, new: MemberRule, words: tuple[str, str]) -> Iterator[Step]:
    gained, lost = _without(new.default or (), old.default or ()), _without(old.default or (), new.default or ())
    if new.default is None:
        yield Step(
            MAY_WIDEN, "default", "is no longer there: what no value means is left to the authorization server", *words, Side.OLD
        )
        return
    if gained:
        yield Step(WIDER, "default", f"gains {items_words(gained)}", *words)
    if lost:
        yield Step(NARROWER, "default", f"loses {items_words(lost)}", *words)


def _other_default(old: MemberRule, new: MemberRule) -> Direction:
    if new.default is None:
        return NARROWER if new.required and always_enforced(new.switch) else MAY_WIDEN
    if new.kind is MemberKind.BOOLEAN:
        return NARROWER if _binds(new, new.default) and _admits(old, *new.default) else MAY_WIDEN
    if new.member == "token_endpoint_auth_method" or not _admits(old, new.default[0]):
        return MAY_WIDEN
    return NEUTRAL


def _binds(rule: MemberRule, items: Sequence[object]) -> bool:
    """Whether a yes or no binds the client to more than its absence: each one of the RFCs does when it is yes."""
    return tuple(items) == (True,) and rule.member in MEMBERS


def _demands(old: MemberRule, new: MemberRule) -> Iterator[Step]:
    yield from _demanded("required", "a value", old.required, new.required)
    yield from _demanded("sameHostAsRedirect", "the host of a redirect URI", old.same_host, new.same_host)
    yield from _require(old, new)
    yield from _at_least(old.min_items, new.min_items)
    yield from _at_most("maxItems", old.max_items, new.max_items)
    yield from _at_most("maxLength", old.max_length, new.max_length)
    yield from _pattern(old, new)


def _demanded(keyword: str, what: str, old: bool, new: bool) -> Iterator[Step]:
    if old and not new:
        yield Step(WIDER, keyword, f"no longer demands {what}", "true", "false", Side.OLD)
    elif new and not old:
        yield Step(NARROWER, keyword, f"demands {what}", "false", "true")


def _require(old: MemberRule, new: MemberRule) -> Iterator[Step]:
    words = items_words(old.require), items_words(new.require)
    if lost := _without(old.require, new.require):
        yield Step(WIDER, "require", f"no longer demands {items_words(lost)}", *words, Side.NEW if new.require else Side.OLD)
    if gained := _without(new.require, old.require):
        yield Step(NARROWER, "require", f"demands {items_words(gained)}", *words)


def _at_least(old: int, new: int) -> Iterator[Step]:
    if old != new:
        direction = NARROWER if new > old else WIDER
        yield Step(direction, "minItems", "demands more" if new > old else "demands less", str(old), str(new), _side(new))


def _at_most(keyword: str, old: int, new: int) -> Iterator[Step]:
    """Limits where 0 is none."""
    if old != new:
        wider = not new or (old and new > old)
        words = str(old or "no limit"), str(new or "no limit")
        yield Step(
            WIDER if wider else NARROWER, keyword, "is a higher limit" if wider else "is a lower limit", *words, _side(new)
        )


def _side(new: int) -> Side:
    return Side.NEW if new else Side.OLD


def _pattern(old: MemberRule, new: MemberRule) -> Iterator[Step]:
    before, after = (rule.pattern.text if rule.pattern else "" for rule in (old, new))
    if before == after:
        return
    if not after:
        yield Step(WIDER, "pattern", "is no longer demanded", before, "none", Side.OLD)
    elif not before:
        yield Step(NARROWER, "pattern", "is demanded", "none", after)
    else:
        yield Step(MAY_WIDEN, "pattern", "is another, and no pattern is compared with another", before, after)


def _without(items: Sequence[object], others: Sequence[object]) -> list[object]:
    return [item for item in items if item not in others]
