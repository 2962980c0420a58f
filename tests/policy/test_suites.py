"""Test suites: what they notice, and what they cover."""

from pathlib import Path

import pytest

from registrar.bundled import bundled
from registrar.errors import Place
from registrar.policy import PolicySet, Report, load_fixtures, load_with_tests, run_tests
from tests.policy.test_tree import write
from tests.policy.trees import POLICY, REQUEST, decided, guardrail, head, profile, rules

FILES = {
    "policyset.yaml": head("profiles: [native]\nnetworks: {corp: [10.0.0.0/8]}"),
    "profiles/native.yaml": profile(
        """
        clientId: {prefix: cli-}
        lifetimes: {unused: 24h}
        client:
          redirect_uris: {allow: [{loopback: true}]}
          scope: {allow: [a, b], default: [a], onExcess: strip}
        validations:
          - {id: corp-only, expression: '"corp" in source.networks', message: m, mode: warn, enforceAfter: 2026-12-01T00:00:00Z}
        """
    ),
    "guardrails/rules.yaml": guardrail(
        """
        validations:
          - {id: breaks, expression: 'client.client_name != "break" || redirects[7].loopback', message: m}
          - {id: noted, expression: 'client.client_name != "note"', message: m, mode: audit}
        auditAnnotations: [{key: name, valueExpression: client.client_name}]
        """
    ),
}
SUITE = """\
apiVersion: registrar/v1
kind: TestSuite
metadata: {{name: t}}
options: {{now: 2026-10-01T12:00:00Z}}
requests:
  cli: {{client_name: cli, redirect_uris: ["http://localhost/cb"], scope: a c}}
sources: {{corp: {{ip: 10.1.2.3}}, net: {{ip: 192.0.2.7}}}}
tests:
  - {{name: it, request: cli, {test}}}
"""


def report_of(directory: Path, test: str) -> tuple[PolicySet, Report]:
    write(directory, {**FILES, "tests/t_test.yaml": SUITE.format(test=test)})
    policies, tests = load_with_tests(directory, POLICY)
    return policies, run_tests(tests, policies, REQUEST)


@pytest.mark.parametrize(
    ("test", "failures"),
    [
        ("expect: {decision: allow, profile: native, effective: {scope: a, client_uri: null}, violations: []}", []),
        ("source: net, expect: {decision: allow, warnings: [native/corp-only]}", []),
        (
            "source: net, now: 2026-12-02T00:00:00Z, expect: {decision: deny, error: invalid_client_metadata}",
            [],
        ),
        ("with: {client_name: note}, expect: {decision: allow, audited: [rules/noted], annotations: {rules/name: note}}", []),
        ("with: {redirect_uris: [nonsense]}, expect: {decision: deny, error: invalid_redirect_uri}", []),
        ("with: {redirect_uris: [nonsense]}, expect: {decision: deny, violations: [registrar/redirect_uris]}", []),
        ("expect: {decision: deny}", ["decision is allow, expected deny"]),
        ("expect: {decision: allow, profile: ''}", ["profile is native, expected none"]),
        ("expect: {decision: allow, effective: {scope: a c}}", ["effective scope is 'a', expected 'a c'"]),
        ("expect: {decision: allow, effective: {client_name: null}}", ["effective client_name is 'cli', expected absent"]),
        ("expect: {decision: allow, annotations: {rules/name: x}}", ["annotation rules/name is 'cli', expected 'x'"]),
        (
            "source: net, now: 2026-12-02T00:00:00Z, expect: {decision: allow}",
            ["decision is deny, expected allow", "refused by native/corp-only"],
        ),
        (
            "source: net, now: 2026-12-02T00:00:00Z, expect: {decision: deny, violations: [native/client.scope]}",
            ["violations has native/corp-only, which is not expected", "violations lacks native/client.scope"],
        ),
        ("source: net, expect: {decision: allow, warnings: []}", ["warnings has native/corp-only, which is not expected"]),
        ("expect: {decision: allow, audited: [rules/noted]}", ["audited lacks rules/noted"]),
        ("expect: {decision: allow, lifetimes: {unused: 24h, client: 0}, clientId: {prefix: cli-}}", []),
        (
            "expect: {decision: allow, lifetimes: {unused: 1d, client: 90d}}",
            ["lifetime client is 0 s, expected 7776000 s"],
        ),
        (
            "expect: {decision: allow, clientId: {prefix: ''}}",
            ["the client's id begins with cli-, expected nothing"],
        ),
        # Right for the wrong reason: the operator's rule failed at run time.
        ("with: {client_name: break}, expect: {decision: deny, violations: [rules/breaks]}", ["rules/breaks failed at run time"]),
    ],
)
def test_a_suite_notices(test: str, failures: list[str], tmp_path: Path) -> None:
    _, report = report_of(tmp_path, test)
    [result] = report.results
    assert list(result.failures) == failures
    assert str(result.place) == "tests/t_test.yaml:9:12"


def test_a_rule_is_covered_when_it_was_seen_true_and_not_true(tmp_path: Path) -> None:
    policies, report = report_of(tmp_path, "source: corp, expect: {decision: allow}")
    assert {(rule, missing) for rule, _, missing in report.uncovered(policies)} == {
        ("native/client.redirect_uris", "not true"),
        ("native/client.redirect_uris.allow[0]", "not fitting"),
        ("native/client.scope", "true"),
        ("native/corp-only", "not true"),
        ("rules/breaks", "not true"),
        ("rules/noted", "not true"),
    }


def test_every_redirect_matcher_is_asked_where_an_earlier_one_fits(tmp_path: Path) -> None:
    """So what covers a matcher does not depend on where it stands in the list, nor does what the decision is."""
    allow = (
        '[{loopback: true}, {uri: "http://localhost/cb"}, {loopback: true, hosts: [127.0.0.1]}, {privateUseSchemes: [cursor]}]'
    )
    native = profile(f"client:\n  redirect_uris: {{allow: {allow}}}\n  scope: {{allow: [a], default: [a], onExcess: strip}}")
    test = 'with: {redirect_uris: ["http://localhost/cb", "http://127.0.0.1/"]}, expect: {decision: allow}'
    write(tmp_path, {"profiles/native.yaml": native, "tests/t_test.yaml": SUITE.format(test=test)})
    policies, tests = load_with_tests(tmp_path, POLICY)
    report = run_tests(tests, policies, REQUEST)
    assert [result.failures for result in report.results] == [()]
    assert {rule: (str(place), missing) for rule, place, missing in report.uncovered(policies) if "allow[" in rule} == {
        "native/client.redirect_uris.allow[0]": ("profiles/native.yaml:6:29", "not fitting"),
        "native/client.redirect_uris.allow[3]": ("profiles/native.yaml:6:115", "fitting"),
    }


def test_the_shipped_suites_pass_and_cover_every_rule_both_ways() -> None:
    policies, tests = load_with_tests(bundled("policies"), POLICY)
    report = run_tests(tests, policies, REQUEST)
    assert [(result.name, result.failures) for result in report.failed] == []
    assert report.uncovered(policies) == []


def test_every_shipped_client_is_in_the_shipped_suites() -> None:
    _, tests = load_with_tests(bundled("policies"), POLICY)
    bodies = [dict(test.body) for test in tests]
    missing = [name for name, document in load_fixtures().items() if dict(document) not in bodies]
    # JSON under a form's media type is refused before any policy sees it.
    assert missing == ["mcp-form-encoded"]


def test_no_document_that_gets_to_the_shipped_rules_exhausts_their_budget() -> None:
    """The largest document that the request schema lets through is decided, not answered with a server error."""
    policies, _ = load_with_tests(bundled("policies"), POLICY)
    tags = [f"a{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(32)]
    redirects = [f"https://app.example/{number}" for number in range(50)]
    names = {"client_name": "n" * 512} | {f"client_name#{tag}": "n" * 512 for tag in tags}
    logos = {f"logo_uri#{tag}": "https://app.example/" + "x" * 2000 for tag in tags}
    for tagged in (names, logos):
        decision = decided(policies, {**tagged, "redirect_uris": redirects})
        assert not decision.errored
        assert not decision.allowed
    decision = decided(policies, {**names, "redirect_uris": redirects})
    assert "identity/name-length" in rules(decision)


QUOTAS = """\
apiVersion: registrar/v1
kind: Limits
metadata: {name: quotas}
spec:
  limits:
    - {id: all, key: '"all"', rate: 20/minute, reserve: [{profiles: [native], slots: 2}]}
    - {id: named, when: client.client_name != "", key: client.client_name, maxTotal: 3}
    - {id: fails, when: client.client_name == "fail", key: submitted.nothing, maxTotal: 3}
"""


@pytest.mark.parametrize(
    ("test", "failures"),
    [
        ("expect: {decision: allow, limits: [quotas/named, quotas/all]}", []),
        ("expect: {decision: allow}", []),
        (
            "expect: {decision: allow, limits: [{limit: quotas/named, key: cli}, {limit: quotas/all, rate: 20/60s}]}",
            [],
        ),
        ("with: {redirect_uris: ['https://a.example/cb']}, expect: {decision: deny, limits: []}", []),
        ("expect: {decision: allow, limits: [quotas/all]}", ["limits has quotas/named, which is not expected"]),
        (
            "with: {client_name: null}, expect: {decision: allow, limits: [quotas/all, quotas/named]}",
            ["limits lacks quotas/named"],
        ),
        (
            "expect: {decision: allow, limits: [{limit: quotas/named, key: x, maxTotal: 4}, {limit: quotas/all, rate: 20/1h}]}",
            [
                "key of quotas/named is 'cli', expected 'x'",
                "maxTotal of quotas/named is 3, expected 4",
                "rate of quotas/all is 20 in 60 s, expected 20 in 3600 s",
            ],
        ),
        (
            "with: {client_name: fail}, expect: {decision: deny, error: server_error, violations: [quotas/fails]}",
            ["quotas/fails failed at run time"],
        ),
        ("expect: {decision: allow, reuseIdentical: true}", ["an identical client is not given again, which is not expected"]),
    ],
)
def test_a_test_says_what_room_a_client_needs(test: str, failures: list[str], tmp_path: Path) -> None:
    write(tmp_path, {"limits/quotas.yaml": QUOTAS})
    _, report = report_of(tmp_path, test)
    assert list(report.results[0].failures) == failures


def test_a_limit_is_covered_when_it_was_and_was_not_for_a_client(tmp_path: Path) -> None:
    write(tmp_path, {"limits/quotas.yaml": QUOTAS})
    policies, report = report_of(tmp_path, "expect: {decision: allow}")
    missing = {rule: words for rule, _, words in report.uncovered(policies) if rule.startswith("quotas/")}
    assert missing == {"quotas/named": "not true", "quotas/fails": "true"}


def test_an_override_is_covered_when_it_was_and_was_not_in_use(tmp_path: Path) -> None:
    """Each one by itself: only the first that names one of the source's networks is in use."""
    quotas = QUOTAS.replace(
        "rate: 20/minute,",
        "rate: 20/minute, overrides: [{networks: [corp], rate: 30/minute}, {networks: [corp], rate: 40/minute}],",
    )
    write(tmp_path, {"limits/quotas.yaml": quotas})
    policies, report = report_of(tmp_path, "source: corp, expect: {decision: allow}")
    missing = {rule: (place, words) for rule, place, words in report.uncovered(policies) if "overrides" in rule}
    assert missing == {
        "quotas/all.overrides[0]": (Place("limits/quotas.yaml", 6, 60), "not in use"),
        "quotas/all.overrides[1]": (Place("limits/quotas.yaml", 6, 97), "in use"),
    }


COMPANY = """
    validations: [{id: a, expression: 'true', message: m}]
    auditAnnotations:
      - {key: token, valueExpression: 'token.present ? token.id + " " + token.scopes.join(" ") : "none"'}
      - {key: team, valueExpression: 'token.labels["team"]'}
      - {key: issuer, valueExpression: 'software_statement.verified ? software_statement.issuer : "none"'}
      - {key: names, valueExpression: 'client.client_name + " " + string(submitted.client_name)'}
      - {key: operation, valueExpression: 'operation + " " + existing.client_name'}
"""


@pytest.mark.parametrize(
    ("company", "expect"),
    [
        ("token: {id: a, scopes: [s, t], labels: {team: b}}", "annotations: {facts/token: a s t, facts/team: b}"),
        ("token: {}", "annotations: {facts/token: 'token '}"),
        ("now: 2026-10-01T12:00:00Z", "annotations: {facts/token: none, facts/issuer: none, facts/operation: 'create '}"),
        (
            "softwareStatement: {issuer: 'https://i.example', claims: {client_name: theirs}}",
            "annotations: {facts/issuer: 'https://i.example', facts/names: theirs theirs}, effective: {client_name: theirs}",
        ),
        ("existing: {profile: native, client: {client_name: old, nonsense: 1}}", "annotations: {facts/operation: update old}"),
    ],
)
def test_a_test_says_what_comes_with_the_request(company: str, expect: str, tmp_path: Path) -> None:
    """A token, a statement whose claims come before the document's own members, and the client that is updated."""
    write(tmp_path, {"guardrails/facts.yaml": guardrail(COMPANY, "facts")})
    _, report = report_of(tmp_path, f"{company}, expect: {{decision: allow, {expect}}}")
    assert list(report.results[0].failures) == []


def test_a_test_sees_an_update_kept_to_its_profile(tmp_path: Path) -> None:
    _, report = report_of(tmp_path, "existing: {profile: gone}, expect: {decision: deny, violations: [native/accept-from]}")
    assert report.failed == []
