"""Lints. Each case is a tree that loads, with everything that is doubtful about it: place, severity, id, path and words."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from registrar.bundled import bundled
from registrar.cel import BUDGET, PatternError, compile_pattern
from registrar.documents import read_yaml
from registrar.policy import PolicySet, load_with_tests, run_tests
from registrar.policy.sources import documents
from registrar.review.lint import LINTS, Lint, Severity, costs, lint
from registrar.review.lint.anchors import loose_ends
from tests.policy.test_tree import write
from tests.policy.trees import NOW, POLICY, REQUEST, compiled, decided, facts, guardrail, head, profile, rules

CASES = Path(__file__).parent.parent / "cases" / "lint"
OWNED = {
    "policyset.yaml": """\
apiVersion: registrar/v1
kind: PolicySet
metadata: {name: t, annotations: {owner: t, registrar.lint/ignore: no-tests}}
spec: {profiles: [native]}
""",
}


def scenarios() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.yaml"))


def case(scenario: str) -> dict[str, Any]:
    loaded: dict[str, Any] = read_yaml((CASES / f"{scenario}.yaml").read_text(encoding="utf-8"), scenario).value
    return loaded


def found(directory: Path) -> tuple[Lint, ...]:
    """The lints of a tree on disk, with what its tests have seen if it has any."""
    policies, tests = load_with_tests(directory, POLICY)
    seen = run_tests(tests, policies, REQUEST).seen if tests else None
    return lint(policies, documents(policies), NOW, seen)


def written(finding: Lint) -> str:
    return f"{finding.place}: {finding.severity} {finding.id}: {finding.path}: {finding.message}"


@pytest.mark.parametrize("scenario", scenarios())
def test_every_doubt_is_named_with_its_place(scenario: str, tmp_path: Path) -> None:
    expected = case(scenario)
    assert list(map(written, found(write(tmp_path, {**OWNED, **expected["files"]})))) == expected["lints"]


def test_every_lint_has_a_case_that_finds_it() -> None:
    lines = [line for scenario in scenarios() for line in case(scenario)["lints"]]
    # What is over the budget depends on long lists, which are made below.
    assert {line.split(": ")[1].split()[1] for line in lines} == set(LINTS) - {"over-budget"}


URIS = st.sampled_from(["http://localhost/cb", "https://app.example.com/cb", "cursor://a/b"])
GRANTS = st.sampled_from(["authorization_code", "implicit", "refresh_token", "client_credentials"])
CLIENTS = st.fixed_dictionaries(
    {"redirect_uris": st.lists(URIS, min_size=1, max_size=3)},
    optional={
        "token_endpoint_auth_method": st.sampled_from(["none", "client_secret_basic", "client_secret_post"]),
        "grant_types": st.lists(GRANTS, min_size=1, max_size=3),
        "response_types": st.lists(st.sampled_from(["code", "token", "none"]), min_size=1, max_size=3),
        "software_id": st.sampled_from(["a", "b", "c", "d", "cursor"]),
        "client_name": st.sampled_from(["evil", "x"]),
    },
)


@cache
def linted(scenario: str) -> tuple[PolicySet, tuple[Lint, ...]]:
    policies = compiled({**OWNED, **case(scenario)["files"]})
    return policies, lint(policies, documents(policies), NOW)


def about(lint_id: str) -> list[str]:
    """The scenarios in which there is such a lint."""
    return [scenario for scenario in scenarios() if any(f" {lint_id}: " in line for line in case(scenario)["lints"])]


@pytest.mark.parametrize("scenario", about("unreachable-profile"))
@given(body=CLIENTS)
def test_no_client_reaches_an_unreachable_profile(scenario: str, body: dict[str, object]) -> None:
    policies, lints = linted(scenario)
    unreachable = {finding.message.split('"')[1] for finding in lints if finding.id == "unreachable-profile"}
    assert decided(policies, body).profile not in unreachable


@pytest.mark.parametrize("scenario", about("profile-grants-nothing"))
@given(body=CLIENTS)
def test_no_client_gets_anything_from_a_profile_that_admits_nobody(scenario: str, body: dict[str, object]) -> None:
    policies, lints = linted(scenario)
    places = {finding.place.file for finding in lints if finding.message.endswith("admits nobody")}
    decision = decided(policies, body)
    assert not (decision.allowed and f"profiles/{decision.profile}.yaml" in places)


@pytest.mark.parametrize("scenario", about("default-not-allowed"))
@given(body=CLIENTS)
def test_whoever_omits_a_member_whose_default_is_not_allowed_is_refused(scenario: str, body: dict[str, object]) -> None:
    policies, lints = linted(scenario)
    decision = decided(policies, body)
    for finding in lints:
        member = finding.path.split(".")[-2]
        concerned = finding.id == "default-not-allowed" and finding.place.file == f"profiles/{decision.profile}.yaml"
        # Without a redirecting grant a client has no response types, and needs no default (RFC 7591 §2.1).
        if concerned and member not in body and not (member == "response_types" and "grant_types" in body):
            assert f"{decision.profile}/client.{member}" in rules(decision)


@pytest.mark.parametrize("scenario", about("always-true"))
@given(body=CLIENTS)
def test_a_rule_that_reads_nothing_is_the_same_for_every_client(scenario: str, body: dict[str, object]) -> None:
    policies, lints = linted(scenario)
    fixed = {str(finding.place): finding.message.endswith("every client") for finding in lints if finding.id == "always-true"}
    outcomes: dict[str, bool | None] = {}
    policies.decide(facts(body), outcomes.__setitem__)
    places = {rule: str(place) for rule, place in policies.testable_rules()}
    assert all(bool(outcome) is fixed.get(places[rule], bool(outcome)) for rule, outcome in outcomes.items() if rule in places)


def test_the_shipped_policies_have_nothing_to_answer_for() -> None:
    """Notes apart: a name is no mistake, and a cap that the program does not know yet is none of the policy's."""
    assert [written(finding) for finding in found(bundled("policies")) if finding.severity is not Severity.NOTE] == []


def test_the_cost_of_a_decision_is_that_of_the_dearest_profile_and_all_that_is_shared(tmp_path: Path) -> None:
    condition, rule, variable = "client.software_id == 'a'", "client.client_name != 'x'", "size(client.contacts)"
    files = {
        "policyset.yaml": head("profiles: [cheap, native]"),
        "profiles/cheap.yaml": profile(f"matchConditions: [{{name: a, expression: {condition}}}]", "cheap"),
        "profiles/native.yaml": profile(f"validations: [{{id: b, expression: {rule}, message: m}}]"),
        "guardrails/rules.yaml": guardrail(
            f"""
            variables: [{{name: v, expression: {variable}}}]
            validations: [{{id: c, expression: 'variables.v < 5', message: m}}]
            auditAnnotations: [{{key: d, valueExpression: client.client_name}}]
            """
        ),
    }
    policies, _ = load_with_tests(write(tmp_path, files), POLICY)
    cost = costs(policies, documents(policies))
    steps = {rule.rule: rule.steps for rule in cost.rules}
    assert set(steps) == {"cheap/a", "native/b", "rules/variables.v", "rules/c", "rules/d"}
    assert (cost.decision, cost.profile) == (sum(steps.values()), "native")
    assert list(steps.values()) == sorted(steps.values(), reverse=True)
    assert {str(rule.place) for rule in cost.rules if rule.rule == "rules/d"} == {"guardrails/rules.yaml:7:48"}


# The caps of constants are the policy's own, so that nothing here depends on what a request can hold.
LOOP = "constants.names.all(a, constants.names.all(b, client.client_name != a && client.client_name != b))"


def loops(directory: Path, names: int, *guardrails: str) -> list[Lint]:
    """What is over the budget in a tree with so many names, and the loop over their pairs in each of these guardrails."""
    rules = f"validations: [{{id: pairs, expression: '{LOOP}', message: m}}]"
    files = {f"guardrails/{name}.yaml": guardrail(rules, name) for name in guardrails}
    constants = f"profiles: [native]\nconstants: {{names: {[f'n{number}' for number in range(names)]}}}"
    return [
        finding
        for finding in found(write(directory, {"policyset.yaml": head(constants), **files}))
        if finding.id == "over-budget"
    ]


def test_expressions_over_the_budget_say_which_cap_to_lower(tmp_path: Path) -> None:
    [finding] = loops(tmp_path, 300, "rules")
    assert str(finding.place) == "guardrails/rules.yaml:5:41"
    what, _, advice = finding.message.partition(": ")
    assert what.startswith("the expressions of the guardrails without variables could take ")
    assert what.endswith(f" steps, and have {BUDGET:,}")
    assert advice.endswith(" of them are of this one; lower how many elements constants.names can have (at most 300)")


def test_guardrails_without_variables_share_one_budget(tmp_path: Path) -> None:
    """As `PolicySet.decide` binds them: neither of the two is over the budget alone."""
    assert loops(tmp_path / "alone", 130, "one") == []
    [finding] = loops(tmp_path / "both", 130, "one", "two")
    assert finding.place.file == "guardrails/one.yaml"


@pytest.mark.parametrize(
    ("pattern", "loose"),
    [
        ("^a$", ""),
        (r"\Aa\z", ""),
        ("(?i)^a$", ""),
        ("^a$|^b$", ""),
        ("^(?:a|b)$", ""),
        (r"^[]|(]\|$", ""),
        (r"^\Q|\E$", ""),
        (r"^[[:alpha:]|]+$", ""),
        ("", "start and end"),
        ("a", "start and end"),
        ("^a|b$", "start and end"),
        ("^a$|", "start and end"),
        ("^a", "end"),
        (r"^a\$", "end"),
        (r"^a\\$", ""),
        ("a$", "start"),
        ("^*a$", "start"),
        ("^{0}a$", "start"),
        ("^(?i)*a$", "start"),
        ("^[(?i)]*a$", ""),
        # By lines: a second line may say anything.
        ("(?m)^a$", "start and end"),
        (r"(?im)\Aa\z", ""),
        ("^a$(?m)|^b$", "start and end"),
    ],
)
def test_the_loose_ends_of_a_pattern(pattern: str, loose: str) -> None:
    assert loose_ends(pattern) == loose


PARTS = st.sampled_from(
    [
        "^",
        "$",
        "a",
        "b",
        "|",
        "(",
        ")",
        "(?:",
        "[^a|]",
        "[|$]",
        r"\$",
        r"\^",
        "(?i)",
        "(?m)",
        r"\A",
        r"\z",
        r"\Q|$\E",
        ".",
        "*",
        "{0}",
    ]
)


# Most of them look tied, so that those which are not are the ones that only look so.
PATTERNS = st.lists(
    st.lists(PARTS, max_size=4).map(lambda parts: "".join(["^", *parts, "$"])) | st.lists(PARTS, max_size=4).map("".join),
    min_size=1,
    max_size=3,
).map("|".join)


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(PATTERNS, st.lists(st.text("ab|$^\n", max_size=6), min_size=5, max_size=20))
def test_what_a_tied_pattern_fits_is_all_of_a_text(pattern: str, texts: list[str]) -> None:
    try:
        compiled = compile_pattern(pattern)
    except PatternError:
        assume(False)
    assume(not loose_ends(pattern))
    for text in texts:
        assert compiled.search(text) == compiled.fullmatch(text)
