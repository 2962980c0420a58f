"""Test suites beside the policies: each test is a document, a source, a moment, and what the decision must be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from registrar.documents import Document, format_path
from registrar.errors import Place, Problem, did_you_mean
from registrar.policy.decision import Finding, Lifetimes
from registrar.policy.facts import Facts, Source
from registrar.policy.intake import MalformedError, take_in
from registrar.policy.networks import parse_address, subscriber
from registrar.policy.policyset import PolicySet
from registrar.policy.reading import Path, read_lifetimes
from registrar.policy.tree import Tree
from registrar.policy.watching import matchers, watched
from registrar.schema import Schema
from registrar.wire import MEMBERS

# The moment of a test that names none: fixed, so that a suite says the same on every day.
_NOW = "2026-01-01T00:00:00Z"

Fixtures = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Result:
    """One test that ran; `failures` say what was not as expected, one sentence each."""

    suite: str
    name: str
    place: Place
    failures: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """What a run of all suites came to. `seen` has, by rule id, the outcomes it was seen with (None: a runtime error)."""

    results: list[Result] = field(default_factory=list)
    seen: dict[str, set[bool | None]] = field(default_factory=dict)

    @property
    def failed(self) -> list[Result]:
        """The tests that did not come out as expected."""
        return [result for result in self.results if result.failures]

    def uncovered(self, policies: PolicySet) -> list[tuple[str, Place | None, str]]:
        """The rules and redirect matchers that no test saw both ways, each with its place and with what is missing."""
        missing = ((rule, place, self._missing(rule, word)) for rule, place, word in coverable(policies))
        return [uncovered for uncovered in missing if uncovered[2]]

    def _missing(self, rule: str, word: str) -> str:
        outcomes = self.seen.get(rule, set())
        return " and ".join(name for name, outcome in ((word, True), (f"not {word}", False)) if outcome not in outcomes)


@dataclass(frozen=True, slots=True)
class Test:
    """One test, its references resolved."""

    __test__ = False  # the name is the language's own; pytest must not collect it

    suite: str
    name: str
    place: Place
    body: Mapping[str, object]
    source: Source
    now: datetime
    expect: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
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
    errored: Sequence[str] = ()


def read_suites(tree: Tree, policies: PolicySet, fixtures: Fixtures) -> list[Test]:
    """Every test of the tree's suites. Names that nothing stands behind become problems of `tree`."""
    # Where a document has mistakes its rules are unknown, so that nothing can be said about their names.
    rules = None if tree.problems else {rule for rule, _ in policies.testable_rules()} | _other_rules(policies)
    tests: list[Test] = []
    for _, document in tree.of("TestSuite"):
        tests += _SuiteReader(document, tree.problems, fixtures, rules).tests()
    return tests


def run(tests: Iterable[Test], policies: PolicySet, request_schema: Schema) -> Report:
    """Runs `tests` through the same intake and the same `decide` as a request on the wire."""
    report = Report()

    def observe(rule: str, outcome: bool | None) -> None:
        report.seen.setdefault(rule, set()).add(outcome)

    policies = watched(policies, observe)
    for test in tests:
        outcome = _outcome(test, policies, request_schema, observe)
        report.results.append(Result(test.suite, test.name, test.place, tuple(_failures(test.expect, outcome))))
    return report


def coverable(policies: PolicySet) -> Iterator[tuple[str, Place | None, str]]:
    """Everything that tests should see both ways: the id, the place, and what the one way is called."""
    yield from ((rule, place, "true") for rule, place in policies.testable_rules())
    yield from ((rule, place, "fitting") for rule, place in matchers(policies))


def _other_rules(policies: PolicySet) -> set[str]:
    """Ids that decisions use beside the rules that somebody wrote."""
    implied = {rule.rule for profile in policies.profiles for rule in profile.members}
    return implied | {f"{policies.name}/no-match"} | {f"registrar/{member}" for member in MEMBERS}


class _SuiteReader:
    def __init__(self, document: Document, problems: list[Problem], fixtures: Fixtures, rules: set[str] | None) -> None:
        self._document = document
        self._value: Mapping[str, Any] = document.value
        self._problems = problems
        self._fixtures = fixtures
        self._rules = rules

    def tests(self) -> list[Test]:
        return [self._test(("tests", index), raw) for index, raw in enumerate(self._value["tests"])]

    def _test(self, path: Path, raw: Mapping[str, Any]) -> Test:
        if self._rules is not None:
            self._check_rules((*path, "expect"), raw["expect"], self._rules)
        body = {**self._body(path, raw), **raw.get("with", {})}
        now = raw.get("now", self._value.get("options", {}).get("now", _NOW))
        return Test(
            suite=str(self._value["metadata"]["name"]),
            name=raw["name"],
            place=self._document.place((*path, "name")),
            body=body,
            source=self._source((*path, "source"), raw.get("source", {})),
            now=self._moment((*path, "now"), now),
            expect=raw["expect"],
        )

    def _check_rules(self, path: Path, expect: Mapping[str, Any], rules: set[str]) -> None:
        for key in ("violations", "warnings", "audited"):
            for index, rule in enumerate(expect.get(key, ())):
                if rule not in rules:
                    self._unknown((*path, key, index), "rule", rule, rules)

    def _body(self, path: Path, raw: Mapping[str, Any]) -> Mapping[str, object]:
        if "fixture" in raw:
            return self._named((*path, "fixture"), "fixture", raw["fixture"], self._fixtures)
        if isinstance(raw["request"], str):
            return self._named((*path, "request"), "request", raw["request"], self._value.get("requests", {}))
        body: Mapping[str, object] = raw["request"]
        return body

    def _source(self, path: Path, raw: str | Mapping[str, str]) -> Source:
        if isinstance(raw, str):
            raw = self._named(path, "source", raw, self._value.get("sources", {}))
            path = ("sources",)
        ip: str = raw.get("ip", "")
        address = parse_address(ip)
        if ip and address is None:
            self._problem(path, f'"{ip}" is no IP address')
        return Source(
            ip=str(address or ""), prefix=subscriber(address), user_agent=raw.get("user_agent", ""), origin=raw.get("origin", "")
        )

    def _moment(self, path: Path, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            self._problem(path, "is no date and time that exists")
            return datetime.fromisoformat(_NOW)

    def _named(self, path: Path, what: str, name: str, choices: Mapping[str, Any]) -> Mapping[str, Any]:
        if name not in choices:
            self._unknown(path, what, name, choices)
        found: Mapping[str, Any] = choices.get(name, {})
        return found

    def _unknown(self, path: Path, what: str, name: str, choices: Iterable[str]) -> None:
        self._problem(path, f'there is no {what} "{name}"{did_you_mean(name, choices)}')

    def _problem(self, path: Path, message: str) -> None:
        self._problems.append(Problem(self._document.place(path), format_path(path), message))


def _outcome(test: Test, policies: PolicySet, schema: Schema, observe: Any) -> _Outcome:
    try:
        intake = take_in(test.body, schema, policies.extensions)
    except MalformedError as error:
        rules = tuple(dict.fromkeys(f"registrar/{fault.member}" for fault in error.faults))
        return _Outcome("deny", "", error.code, {}, rules, (), (), {})
    facts = Facts(now=test.now, metadata=intake.metadata, redirects=intake.redirects, submitted=test.body, source=test.source)
    decision = policies.decide(facts, observe)
    return _Outcome(
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
        errored=_ids(finding for finding in (*decision.violations, *decision.warnings, *decision.audited) if finding.errored),
    )


def _ids(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.rule for finding in findings))


def _failures(expect: Mapping[str, Any], outcome: _Outcome) -> Iterable[str]:
    """What differs. Rules that erred are a failure even where the decision is the expected one: nobody expects to be at fault."""
    for key in ("decision", "profile", "error"):
        found = getattr(outcome, key)
        if key in expect and expect[key] != found:
            yield f"{key} is {found or 'none'}, expected {expect[key] or 'none'}"
    for key in ("violations", "warnings", "audited"):
        yield from _rule_failures(key, expect, getattr(outcome, key))
    yield from _differences("effective", expect.get("effective", {}), outcome.effective)
    yield from _differences("annotation", expect.get("annotations", {}), outcome.annotations)
    yield from _lifetime_failures(expect.get("lifetimes", {}), outcome.lifetimes)
    prefix = expect.get("clientId", {}).get("prefix", outcome.client_id_prefix)
    if prefix != outcome.client_id_prefix:
        yield f"the client's id begins with {outcome.client_id_prefix or 'nothing'}, expected {prefix or 'nothing'}"
    for rule in outcome.errored:
        yield f"{rule} failed at run time"


def _differences(what: str, expected: Mapping[str, object], found: Mapping[str, object]) -> Iterable[str]:
    for name, wanted in expected.items():
        if found.get(name) != wanted:
            yield f"{what} {name} is {_shown(found.get(name))}, expected {_shown(wanted)}"


def _lifetime_failures(expected: Mapping[str, Any], found: Lifetimes) -> Iterable[str]:
    wanted = read_lifetimes(expected)
    for name in expected:
        if getattr(found, name) != getattr(wanted, name):
            yield f"lifetime {name} is {getattr(found, name)} s, expected {getattr(wanted, name)} s"


def _rule_failures(key: str, expect: Mapping[str, Any], found: Sequence[str]) -> Iterable[str]:
    # An allowed client has no violations anyway, so what a suite leaves out is only unchecked where it has no bearing.
    if key in expect:
        for rule in sorted(set(found) - set(expect[key])):
            yield f"{key} has {rule}, which is not expected"
        for rule in sorted(set(expect[key]) - set(found)):
            yield f"{key} lacks {rule}"
    elif key == "violations" and expect["decision"] == "allow" and found:
        yield f"refused by {', '.join(found)}"


def _shown(value: object) -> str:
    return "absent" if value is None else repr(value)
