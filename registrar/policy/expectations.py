"""What a test expects of a decision, and how the decision differs from that."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from registrar.limits import LimitUse
from registrar.policy.decision import Decision, Finding, Lifetimes
from registrar.policy.intake import MalformedError
from registrar.policy.limiting import read_rate
from registrar.policy.reading import read_lifetimes

# What an entry of `limits` may say of a limit, and where a use of it has that.
_OF_A_USE: Final[Mapping[str, Callable[[LimitUse], object]]] = {
    "key": lambda use: use.key,
    "rate": lambda use: (use.rate, use.period),
    "burst": lambda use: use.burst,
    "maxActive": lambda use: use.max_active,
    "maxTotal": lambda use: use.max_total,
    "reserve": lambda use: use.reserve,
}


class Outcome(NamedTuple):
    """What a document came to, in the words of `expect`."""

    decision: str
    profile: str
    error: str
    effective: Mapping[str, object]
    violations: Sequence[str]
    warnings: Sequence[str]
    audited: Sequence[str]
    annotations: Mapping[str, str]
    lifetimes: Lifetimes = Lifetimes()
    client_id_prefix: str = ""
    reuse_identical: bool = False
    limits: Sequence[LimitUse] = ()
    errored: Sequence[str] = ()


def of_faults(error: MalformedError) -> Outcome:
    """What a document came to that no policy saw."""
    rules = tuple(dict.fromkeys(f"registrar/{fault.member}" for fault in error.faults))
    return Outcome("deny", "", error.code, {}, rules, (), (), {})


def of_decision(decision: Decision) -> Outcome:
    """What a document came to that was decided."""
    return Outcome(
        decision="allow" if decision.allowed else "deny",
        profile=decision.profile,
        error=decision.violations[0].code if decision.violations else "",
        effective=decision.metadata,
        violations=_ids(decision.violations),
        warnings=_ids(decision.warnings),
        audited=_ids(decision.audited),
        annotations=decision.annotations,
        lifetimes=decision.lifetimes,
        client_id_prefix=decision.client_id_prefix,
        reuse_identical=decision.reuse_identical,
        limits=decision.limits,
        errored=_ids(finding for finding in (*decision.violations, *decision.warnings, *decision.audited) if finding.errored),
    )


def _ids(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.rule for finding in findings))


def failures(expect: Mapping[str, Any], outcome: Outcome) -> Iterable[str]:
    """What differs. Rules that erred are a failure even where the decision is the expected one: nobody expects to be at fault."""
    for key in ("decision", "profile", "error"):
        found = getattr(outcome, key)
        if key in expect and expect[key] != found:
            yield f"{key} is {found or 'none'}, expected {expect[key] or 'none'}"
    for key in ("violations", "warnings", "audited"):
        yield from _rule_failures(key, expect, getattr(outcome, key))
    yield from _differences("effective", expect.get("effective", {}), outcome.effective)
    yield from _differences("annotation", expect.get("annotations", {}), outcome.annotations)
    yield from _grant_failures(expect, outcome)
    if "limits" in expect:
        yield from _limit_failures(expect["limits"], outcome.limits)
    for rule in outcome.errored:
        yield f"{rule} failed at run time"


def _differences(what: str, expected: Mapping[str, object], found: Mapping[str, object]) -> Iterable[str]:
    for name, wanted in expected.items():
        if found.get(name) != wanted:
            yield f"{what} {name} is {_shown(found.get(name))}, expected {_shown(wanted)}"


def _grant_failures(expect: Mapping[str, Any], outcome: Outcome) -> Iterable[str]:
    """What a client gets beside its metadata."""
    wanted = read_lifetimes(expect.get("lifetimes", {}))
    for name in expect.get("lifetimes", {}):
        found, expected = getattr(outcome.lifetimes, name), getattr(wanted, name)
        if found != expected:
            yield f"lifetime {name} is {found} s, expected {expected} s"
    prefix = expect.get("clientId", {}).get("prefix", outcome.client_id_prefix)
    if prefix != outcome.client_id_prefix:
        yield f"the client's id begins with {outcome.client_id_prefix or 'nothing'}, expected {prefix or 'nothing'}"
    if expect.get("reuseIdentical", outcome.reuse_identical) != outcome.reuse_identical:
        yield f"an identical client {'is' if outcome.reuse_identical else 'is not'} given again, which is not expected"


def _rule_failures(key: str, expect: Mapping[str, Any], found: Sequence[str]) -> Iterable[str]:
    # An allowed client has no violations anyway, so what a suite leaves out is only unchecked where it has no bearing.
    if key in expect:
        yield from _unlike(key, expect[key], found)
    elif key == "violations" and expect["decision"] == "allow" and found:
        yield f"refused by {', '.join(found)}"


def _unlike(key: str, expected: Iterable[str], found: Iterable[str]) -> Iterable[str]:
    expected, found = set(expected), set(found)
    for rule in sorted(found - expected):
        yield f"{key} has {rule}, which is not expected"
    for rule in sorted(expected - found):
        yield f"{key} lacks {rule}"


def limit_named(entry: str | Mapping[str, Any]) -> str:
    """The id of the limit that an entry of `limits` is about."""
    return entry if isinstance(entry, str) else str(entry["limit"])


def _limit_failures(expected: Sequence[str | Mapping[str, Any]], uses: Sequence[LimitUse]) -> Iterable[str]:
    found = {use.limit: use for use in uses}
    yield from _unlike("limits", map(limit_named, expected), found)
    for entry in expected:
        if not isinstance(entry, str) and entry["limit"] in found:
            yield from _use_failures(entry, found[entry["limit"]])


def _use_failures(entry: Mapping[str, Any], use: LimitUse) -> Iterator[str]:
    for name, value in _OF_A_USE.items():
        if name in entry:
            wanted = read_rate(entry[name]) if name == "rate" else entry[name]
            if value(use) != wanted:
                yield f"{name} of {use.limit} is {_shown_part(value(use))}, expected {_shown_part(wanted)}"


def _shown_part(value: object) -> str:
    return f"{value[0]} in {value[1]} s" if isinstance(value, tuple) else _shown(value)


def _shown(value: object) -> str:
    return "absent" if value is None else repr(value)
