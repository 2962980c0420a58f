"""What a policy says, in words for people: the vocabulary of `outline`, `matrix` and `difference`."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC

from registrar.cel import Expression
from registrar.limits import LimitUse
from registrar.policy.limits import Ceilings, Limit
from registrar.policy.matchers import AnyOf, ExactUri, HttpsHost, Loopback, PrivateUse
from registrar.policy.members import MemberRule
from registrar.policy.rules import Switch

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_PERIODS = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
_UNLIMITED = "no limit"
_HTTPS_PORT = 443


def item_words(item: object) -> str:
    """A plain value as it would be written in a policy."""
    if item is None:
        return "null"
    return str(item).lower() if isinstance(item, bool) else str(item)


def items_words(items: Iterable[object]) -> str:
    """Plain values in one line; "nothing" when there are none."""
    return ", ".join(map(item_words, items)) or "nothing"


def value_words(value: object) -> str:
    """A constant in one line; lists in brackets and maps in braces where they are inside another value."""
    if isinstance(value, tuple | list):
        return ", ".join(map(_inner_words, value)) or "[]"
    return _inner_words(value)


def _inner_words(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_inner_words, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_inner_words(inner)}' for key, inner in value.items())}}}"
    return item_words(value)


def duration_words(seconds: int) -> str:
    """A lifetime in its largest whole unit; 0 is "for ever"."""
    if seconds == 0:
        return "for ever"
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def rate_words(ceilings: Ceilings | LimitUse) -> str:
    """A rate as it would be written in a policy."""
    period = _PERIODS.get(ceilings.period) or duration_words(ceilings.period)
    return f"{ceilings.rate}/{period}" if ceilings.rate else _UNLIMITED


def ceiling_words(ceiling: int) -> str:
    """Any other ceiling of a limit; 0 is none."""
    return str(ceiling) if ceiling else _UNLIMITED


def ceilings_words(ceilings: Ceilings | LimitUse) -> list[str]:
    """What a limit lets through, one phrase for each measure that it limits."""
    return [
        *([f"at most {rate_words(ceilings)}"] if ceilings.rate else []),
        *([f"at most {ceilings.burst} at once"] if ceilings.burst else []),
        *([f"at most {ceilings.max_active} at a time"] if ceilings.max_active else []),
        *([f"at most {ceilings.max_total} ever"] if ceilings.max_total else []),
    ]


def limit_words(limit: Limit) -> str:
    """A limit in one line."""
    when = "".join(f" when {one_line(condition.expression)}" for condition in limit.conditions)
    return f"{', '.join(ceilings_words(limit.ceilings))}, by {one_line(limit.key)}{when}"


def one_line(expression: Expression) -> str:
    """An expression's text with its line breaks and indents as single spaces."""
    return " ".join(expression.text.split())


def switch_words(switch: Switch) -> str:
    """A rule's mode, and from when on it is enforced."""
    if switch.enforce_after is None:
        return switch.mode.value
    return f"{switch.mode.value}, enforce after {switch.enforce_after.astimezone(UTC).isoformat().replace('+00:00', 'Z')}"


def matcher_words(matcher: object) -> list[str]:
    """A redirect matcher, one phrase for each host or scheme. An ellipsis stands for any rest of a path."""
    if isinstance(matcher, ExactUri):
        return [f"exactly {matcher.uri}"]
    if isinstance(matcher, HttpsHost):
        return _https_words(matcher)
    if isinstance(matcher, Loopback):
        hosts = [f"[{host}]" if ":" in host else host for host in sorted(matcher.hosts)]
        return [f"http on {host}, any port" for host in hosts or ["loopback"]]
    if isinstance(matcher, PrivateUse):
        return [f"{scheme}: (private use)" for scheme in sorted(matcher.schemes)] or ["any private-use scheme"]
    raise TypeError(f"{type(matcher).__name__} is no redirect matcher")


def _https_words(matcher: HttpsHost) -> list[str]:
    rest = f"{matcher.path_prefix}…" if matcher.path is None else matcher.path
    if matcher.anybody:
        return [f"https on anybody's host{'' if matcher.port is None else f':{matcher.port}'}, {rest}"]
    port = "" if matcher.port == _HTTPS_PORT else f":{matcher.port}"
    hosts = [*sorted(matcher.hosts), *(f"*{suffix}" for suffix in matcher.suffixes)]
    return [f"https://{host}{port}{rest}" for host in hosts]


def allow_words(rule: MemberRule) -> list[str]:
    """What `allow` lets through, one phrase an item; empty when everything is."""
    if isinstance(rule.allow, AnyOf):
        return [words for matcher in rule.allow.matchers for words in matcher_words(matcher)]
    return list(rule.listed)


def clauses(rule: MemberRule) -> Iterator[str]:
    """What a rule does to its member beside what it allows, one clause for each thing it says."""
    if rule.remove:
        yield "removed"
        return
    if rule.set is not None:
        yield f"always {items_words(rule.set)}"
        return
    if rule.strip:
        yield "what is not allowed is dropped"
    if rule.default is not None:
        yield f"default {items_words(rule.default)}"
    yield from _demands(rule)


def _demands(rule: MemberRule) -> Iterator[str]:
    if rule.required:
        yield "required"
    if rule.require:
        yield f"must have {items_words(rule.require)}"
    if rule.min_items:
        yield f"at least {rule.min_items} items"
    if rule.max_items:
        yield f"at most {rule.max_items} items"
    if rule.max_length:
        yield f"at most {rule.max_length} characters"
    if rule.pattern is not None:
        yield f"matches {rule.pattern.text}"
    if rule.same_host:
        yield "on the host of a redirect URI"
    if rule.code is not None:
        yield f"refused with {rule.code.value}"
