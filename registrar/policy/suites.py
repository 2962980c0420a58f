"""Test suites beside the policies: each test is a document, a source, a moment, and what the decision must be."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from registrar import wire
from registrar.documents import Document, format_path
from registrar.errors import Place, Problem, did_you_mean
from registrar.policy.expectations import Outcome, failures, limit_named, of_decision, of_faults
from registrar.policy.facts import Facts, SoftwareStatement, Source, Token
from registrar.policy.intake import MalformedError, overlaid, take_in
from registrar.policy.networks import parse_address, subscriber
from registrar.policy.policyset import ACCEPT_FROM, PolicySet
from registrar.policy.reading import Path
from registrar.policy.rules import Observer
from registrar.policy.tree import Tree
from registrar.policy.watching import matchers, overrides, watch_overrides, watched
from registrar.schema import Schema
from registrar.wire import MEMBERS

# The moment of a test that names none: fixed, so that a suite says the same on every day.
_NOW = "2026-01-01T00:00:00Z"
_NO_TOKEN = Token()
_NO_STATEMENT = SoftwareStatement()

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
        """The rules, redirect matchers and overrides that no test saw both ways, each with its place and what is missing."""
        missing = ((rule, place, self._missing(rule, word)) for rule, place, word in coverable(policies))
        return [uncovered for uncovered in missing if uncovered[2]]

    def _missing(self, rule: str, word: str) -> str:
        outcomes = self.seen.get(rule, set())
        return " and ".join(name for name, outcome in ((word, True), (f"not {word}", False)) if outcome not in outcomes)


@dataclass(frozen=True, slots=True)
class Test:
    """One test, its references resolved. `existing` is the metadata of the client that is updated, None for a new one."""

    __test__ = False  # the name is the language's own; pytest must not collect it

    suite: str
    name: str
    place: Place
    body: Mapping[str, object]
    source: Source
    now: datetime
    expect: Mapping[str, Any]
    token: Token = _NO_TOKEN
    software_statement: SoftwareStatement = _NO_STATEMENT
    existing: Mapping[str, object] | None = None
    existing_profile: str = ""


def read_suites(tree: Tree, policies: PolicySet, fixtures: Fixtures) -> list[Test]:
    """Every test of the tree's suites. Names that nothing stands behind become problems of `tree`."""
    # Where a document has mistakes its rules are unknown, so that nothing can be said about their names.
    rules = None if tree.problems else {rule for rule, _ in policies.testable_rules()} | _other_rules(policies)
    tests: list[Test] = []
    for _, document in tree.of("TestSuite"):
        tests += _SuiteReader(document, tree.problems, fixtures, rules, policies).tests()
    return tests


def run(tests: Iterable[Test], policies: PolicySet, request_schema: Schema) -> Report:
    """Runs `tests` through the same intake and the same `decide` as a request on the wire."""
    report = Report()

    def observe(rule: str, outcome: bool | None) -> None:
        report.seen.setdefault(rule, set()).add(outcome)

    policies = watched(policies, observe)
    for test in tests:
        outcome = _outcome(test, policies, request_schema, observe)
        watch_overrides(policies, outcome.limits, test.source, observe)
        report.results.append(Result(test.suite, test.name, test.place, tuple(failures(test.expect, outcome))))
    return report


def coverable(policies: PolicySet) -> Iterator[tuple[str, Place | None, str]]:
    """Everything that tests should see both ways: the id, the place, and what the one way is called."""
    yield from ((rule, place, "true") for rule, place in policies.testable_rules())
    yield from ((rule, place, "fitting") for rule, place in matchers(policies))
    yield from ((rule, place, "in use") for rule, place in overrides(policies))


def _other_rules(policies: PolicySet) -> set[str]:
    """Ids that decisions use beside the rules that somebody wrote."""
    implied = {rule.rule for profile in policies.profiles for rule in profile.members}
    kept = {f"{profile.book.name}/{ACCEPT_FROM}" for profile in policies.profiles}
    # A limit without a `when` is a rule as well where its key fails.
    limits = {limit.rule for limit in policies.limits}
    return implied | kept | limits | {f"{policies.name}/no-match"} | {f"registrar/{member}" for member in MEMBERS}


class _SuiteReader:
    def __init__(
        self, document: Document, problems: list[Problem], fixtures: Fixtures, rules: set[str] | None, policies: PolicySet
    ) -> None:
        self._document = document
        self._value: Mapping[str, Any] = document.value
        self._problems = problems
        self._fixtures = fixtures
        self._rules = rules
        self._limits = {limit.rule for limit in policies.limits}
        self._members = {**MEMBERS, **policies.extensions}

    def tests(self) -> list[Test]:
        return [self._test(("tests", index), raw) for index, raw in enumerate(self._value["tests"])]

    def _test(self, path: Path, raw: Mapping[str, Any]) -> Test:
        if self._rules is not None:
            self._check_rules((*path, "expect"), raw["expect"], self._rules)
        body = {**self._body(path, raw), **raw.get("with", {})}
        if self._rules is not None:
            self._check_members((*path, "expect", "effective"), raw["expect"].get("effective", {}), body)
        now = raw.get("now", self._value.get("options", {}).get("now", _NOW))
        return Test(
            suite=str(self._value["metadata"]["name"]),
            name=raw["name"],
            place=self._document.place((*path, "name")),
            body=body,
            source=self._source((*path, "source"), raw.get("source", {})),
            now=self._moment((*path, "now"), now),
            expect=raw["expect"],
            token=_token(raw.get("token")),
            software_statement=_statement(raw.get("softwareStatement")),
            existing=raw["existing"].get("client", {}) if "existing" in raw else None,
            existing_profile=raw.get("existing", {}).get("profile", ""),
        )

    def _check_rules(self, path: Path, expect: Mapping[str, Any], rules: set[str]) -> None:
        for key in ("violations", "warnings", "audited"):
            for index, rule in enumerate(expect.get(key, ())):
                if rule not in rules:
                    self._unknown((*path, key, index), "rule", rule, rules)
        for index, limit in enumerate(map(limit_named, expect.get("limits", ()))):
            if limit not in self._limits:
                self._unknown((*path, "limits", index), "limit", limit, self._limits)

    def _check_members(self, path: Path, names: Iterable[str], sent: Container[str]) -> None:
        """That a member is absent which no client can have, and which was not sent, is no matter of the policy, but misspelt."""
        for name in names:
            plain, tagged, _ = name.partition("#")
            if name in sent:
                continue
            if plain not in self._members:
                self._unknown((*path, name), "member", plain, self._members)
            elif tagged and not self._members[plain].localizable:
                self._problem((*path, name), f"{plain} has no forms in languages")

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
        except (ValueError, OverflowError):
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


def _token(raw: Mapping[str, Any] | None) -> Token:
    if raw is None:
        return _NO_TOKEN
    return Token(present=True, id=raw.get("id", "token"), scopes=tuple(raw.get("scopes", ())), labels=raw.get("labels", {}))


def _statement(raw: Mapping[str, Any] | None) -> SoftwareStatement:
    if raw is None:
        return _NO_STATEMENT
    return SoftwareStatement(present=True, verified=True, issuer=raw["issuer"], claims=raw.get("claims", {}))


def _outcome(test: Test, policies: PolicySet, schema: Schema, observe: Observer) -> Outcome:
    statement = test.software_statement
    try:
        body = overlaid(test.body, statement.claims, policies.extensions) if statement.present else test.body
        intake = take_in(body, schema, policies.extensions)
    except MalformedError as error:
        return of_faults(error)
    facts = Facts(
        now=test.now,
        metadata=intake.metadata,
        redirects=intake.redirects,
        submitted=body,
        operation="create" if test.existing is None else "update",
        source=test.source,
        token=test.token,
        software_statement=statement,
        existing=wire.normalise(test.existing or {}, policies.extensions),
        existing_profile=test.existing_profile,
    )
    return of_decision(policies.decide(facts, observe))
