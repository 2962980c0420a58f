"""Explaining a decision: the same decision, told whole and in its order."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.bundled import bundled
from registrar.cel import EvaluationError, compile_expression
from registrar.policy import Facts, MalformedError, Mode, PolicySet, Source, load_fixtures, load_with_tests, take_in
from registrar.review.explain import Explanation, MemberWork, Reach, explain, view
from registrar.review.views import Outcome, View, origin
from tests.policy.trees import NOW, POLICY, REQUEST, compiled, facts, guardrail, head, profile

SHIPPED, SUITES = load_with_tests(bundled("policies"), POLICY)
FIXTURES = load_fixtures()
REDIRECTS = (
    "http://localhost/cb",
    "https://claude.ai/api/mcp/auth_callback",
    "https://a.example/cb",
    "https://b.example/cb",
    "https://192.0.2.7/cb",
    "cursor://oauth/cb",
)

BOOMING = compiled(
    {
        "guardrails/rules.yaml": guardrail(
            """
            variables: [{name: boom, expression: '1 / size(client.scope)'}]
            validations: [{id: v, expression: 'variables.boom == 1', message: m}]
            """
        )
    }
)
CLI = {"client_name": "cli", "redirect_uris": ["http://localhost/cb"]}


def explained(policies: PolicySet, given: Facts) -> Explanation:
    """The explanation of a decision, held to the decision in everything that both of them say."""
    explanation, decision = explain(policies, given), policies.decide(given)
    assert explanation.decision == decision
    applying = [book.name for book in explanation.profiles if book.reach is Reach.APPLIES]
    assert applying == ([decision.profile] if decision.profile else [])
    assert [change for work in explanation.members for change in work.changes] == list(decision.changes)
    assert sorted(found_in(explanation)) == sorted(told_by(explanation))
    if decision.profile:
        assert {**replayed(given, explanation.members), **explanation.completed} == decision.metadata
    for book in (*explanation.profiles, *explanation.books):
        for check in (*book.conditions, *(judgement.check for judgement in book.judgements)):
            assert (check.error is not None) == (check.outcome is Outcome.ERROR)
            if check.outcome in (Outcome.TRUE, Outcome.FALSE) and check.steps:
                assert check.steps[-1].value is (check.outcome is Outcome.TRUE)
    return explanation


def found_in(explanation: Explanation) -> list[tuple[str, str, str]]:
    """Rule, mode and message of everything that the decision found."""
    decision = explanation.decision
    findings = (*decision.violations, *decision.warnings, *decision.audited)
    return [(finding.rule, finding.mode, finding.message) for finding in findings]


def told_by(explanation: Explanation) -> list[tuple[str, str, str]]:
    """The same, from the parts of the explanation."""
    told = [(finding.rule, str(finding.mode), finding.message) for work in explanation.members for finding in work.findings]
    told += [(finding.rule, str(finding.mode), finding.message) for finding in explanation.program_findings]
    for book in explanation.books:
        untrue = [one for one in book.judgements if one.check.outcome in (Outcome.FALSE, Outcome.ERROR)]
        told += [(one.check.rule, str(one.mode), one.message) for one in untrue]
    failed = [book for book in (*explanation.profiles, *explanation.books) if book.reach is Reach.FAILED]
    for book in failed:
        first = next(check for check in book.conditions if check.outcome is Outcome.ERROR)
        told.append((first.rule, "enforce", "the policy of this server could not be evaluated"))
    if not explanation.decision.profile and not failed:
        told += [(one.rule, "enforce", one.message) for one in explanation.decision.violations]
    return told


def replayed(given: Facts, members: tuple[MemberWork, ...]) -> dict[str, object]:
    """The document after each member's work was done to it again."""
    document = dict(given.metadata)
    for work in members:
        forms = {name: value for name, value in document.items() if name.partition("#")[0] == work.member}
        assert forms == work.before
        document = {name: value for name, value in document.items() if name not in forms} | dict(work.after)
    return document


@pytest.mark.parametrize("name", FIXTURES)
def test_a_shipping_client_is_explained_as_it_is_decided(name: str) -> None:
    explained(SHIPPED, facts(FIXTURES[name]))


@pytest.mark.parametrize("test", SUITES, ids=lambda test: f"{test.suite}: {test.name}")
def test_every_test_of_the_shipped_tree_is_explained_as_it_is_decided(test: object) -> None:
    body, now, source = (getattr(test, name) for name in ("body", "now", "source"))
    try:
        taken = take_in(body, REQUEST, SHIPPED.extensions)
    except MalformedError:
        return
    explained(SHIPPED, Facts(now=now, metadata=taken.metadata, redirects=taken.redirects, submitted=body, source=source))


@given(
    st.fixed_dictionaries(
        {"redirect_uris": st.lists(st.sampled_from(REDIRECTS), max_size=4)},
        optional={
            "client_name": st.sampled_from(["cli", "Claude", "official", "\u0421laude", "x" * 101]),
            "client_name#fr": st.sampled_from(["le cli", "verified"]),
            "logo_uri": st.sampled_from(["https://a.example/l", "https://b.example/l"]),
            "scope": st.sampled_from(["", "mcp:read", "mcp:read zap", "zap"]),
            "grant_types": st.lists(st.sampled_from(["authorization_code", "refresh_token", "zap"]), max_size=3),
            "response_types": st.lists(st.sampled_from(["code", "token"]), max_size=2),
            "token_endpoint_auth_method": st.sampled_from(["none", "client_secret_post", "private_key_jwt"]),
            "jwks_uri": st.just("https://a.example/jwks"),
        },
    )
)
def test_any_document_is_explained_as_it_is_decided(body: dict[str, object]) -> None:
    explained(SHIPPED, facts(body))


def test_profiles_are_told_up_to_the_one_that_decides() -> None:
    explanation = explained(SHIPPED, facts(FIXTURES["python-sdk-1.9"]))
    assert [(book.name, book.reach) for book in explanation.profiles] == [
        ("hosted-clients", Reach.PASSED_OVER),
        ("native-public", Reach.PASSED_OVER),
        ("native-with-secret", Reach.APPLIES),
        ("many-surfaces", Reach.UNSEEN),
        ("other-web", Reach.UNSEEN),
    ]
    native, no_secret = explanation.profiles[1].conditions
    assert (native.outcome, no_secret.outcome) == (Outcome.TRUE, Outcome.FALSE)
    assert str(native.place).startswith("profiles/native-public.yaml:")
    parts = {step.text: step.value for step in no_secret.steps}
    assert parts["client.token_endpoint_auth_method"] == "client_secret_post"


def test_conditions_see_the_client_as_it_came_and_rules_as_it_became() -> None:
    policies = compiled(
        {
            "profiles/native.yaml": profile(
                """
                matchConditions: [{name: named, expression: 'client.client_name == "cli"'}]
                client: {client_name: {set: other}}
                validations: [{id: renamed, expression: 'client.client_name == "other"', message: m}]
                """
            )
        }
    )
    explanation = explained(policies, facts(CLI))
    judgement = explanation.books[0].judgements[0]
    assert explanation.profiles[0].conditions[0].steps[0].value == "cli"
    assert (judgement.check.outcome, judgement.check.steps[0].value) == (Outcome.TRUE, "other")


def test_members_are_told_with_what_they_were_before() -> None:
    policies = compiled(
        {
            "profiles/native.yaml": profile(
                """
                client:
                  client_name: {set: fixed}
                  logo_uri: {remove: true}
                  scope: {allow: [a, b], onExcess: strip}
                  contacts: {default: [a@example.com]}
                  client_uri: {required: true}
                """
            )
        }
    )
    body = {**CLI, "client_name#fr": "le cli", "logo_uri#fr": "https://a.example/l", "scope": "a c"}
    works = {work.member: work for work in explained(policies, facts(body)).members}
    told = {name: (work.before, work.after, [change.action for change in work.changes]) for name, work in works.items()}
    assert told["client_name"] == ({"client_name": "cli", "client_name#fr": "le cli"}, {"client_name": "fixed"}, ["set"])
    assert told["logo_uri"] == ({"logo_uri#fr": "https://a.example/l"}, {}, ["remove"])
    assert told["scope"] == ({"scope": "a c"}, {"scope": "a"}, ["strip"])
    assert told["contacts"] == ({}, {"contacts": ["a@example.com"]}, ["default"])
    assert told["redirect_uris"][2] == []
    assert [finding.message for finding in works["client_uri"].findings] == ["client_uri is required"]
    assert (works["grant_types"].place, works["scope"].place is None) == (None, False)


def test_what_the_rfc_adds_at_the_end_is_told() -> None:
    policies = compiled({"profiles/native.yaml": profile("client: {grant_types: {set: [client_credentials]}}")})
    explanation = explained(policies, facts({"client_name": "machine"}))
    assert explanation.completed == {"redirect_uris": [], "response_types": []}


ERRING = {
    "policyset.yaml": head("profiles: [first, native]"),
    "profiles/first.yaml": profile(
        """
        matchConditions:
          - {name: fails, expression: 'submitted.nothing == "x"'}
          - {name: decides, expression: 'client.client_name == "ask"'}
        """,
        "first",
    ),
}


def test_a_condition_that_errs_in_front_of_a_false_one_is_told_and_passed_over() -> None:
    explanation = explained(compiled(ERRING), facts(CLI))
    first = explanation.profiles[0]
    assert (first.reach, [check.outcome for check in first.conditions]) == (
        Reach.PASSED_OVER,
        [Outcome.ERROR, Outcome.FALSE],
    )
    assert first.conditions[0].error is not None
    assert first.conditions[0].error.reason == 'no such key "nothing"'


def test_a_condition_that_errs_and_decides_is_told() -> None:
    explanation = explained(compiled(ERRING), facts({**CLI, "client_name": "ask"}))
    assert [book.reach for book in explanation.profiles] == [Reach.FAILED, Reach.UNSEEN]
    assert explanation.decision.errored
    assert (explanation.members, explanation.books) == ((), ())


def test_a_guardrail_is_told_as_far_as_it_applies() -> None:
    conditions = "matchConditions: [{name: here, expression: EXPR}]\nvalidations: [{id: v, expression: 'false', message: m}]"
    policies = compiled(
        {
            "guardrails/applies.yaml": guardrail(conditions.replace("EXPR", "'client.scope == \"\"'"), "applies"),
            "guardrails/fails.yaml": guardrail(conditions.replace("EXPR", "'redirects[1].loopback'"), "fails"),
            "guardrails/passes.yaml": guardrail(conditions.replace("EXPR", "'client.scope != \"\"'"), "passes"),
        }
    )
    books = explained(policies, facts(CLI)).books[1:]
    assert [(book.name, book.reach, book.judgements[0].check.outcome) for book in books] == [
        ("applies", Reach.APPLIES, Outcome.FALSE),
        ("fails", Reach.FAILED, Outcome.UNSEEN),
        ("passes", Reach.PASSED_OVER, Outcome.UNSEEN),
    ]


@pytest.mark.parametrize(("days", "mode"), [(0, Mode.WARN), (90, Mode.ENFORCE)])
def test_a_rule_is_told_with_the_mode_and_the_message_of_the_moment(days: int, mode: Mode) -> None:
    policies = compiled(
        {
            "policyset.yaml": head("profiles: [native]\nnetworks: {corp: [10.0.0.0/8]}"),
            "guardrails/rules.yaml": guardrail(
                """
                validations:
                  - id: later
                    expression: '"corp" in source.networks'
                    message: not from there
                    messageExpression: '"not at " + operation'
                    enforceAfter: 2026-12-01T00:00:00Z
                """
            ),
        }
    )
    explanation = explained(policies, facts(CLI, now=NOW + timedelta(days=days)))
    assert [(one.mode, one.message) for one in explanation.books[1].judgements] == [(mode, "not at create")]
    assert explanation.decision.allowed is (mode is Mode.WARN)


def test_variables_are_told_that_rules_read_by_themselves_or_through_others() -> None:
    policies = compiled(
        {
            "guardrails/rules.yaml": guardrail(
                """
                variables:
                  - {name: unread, expression: '"x"'}
                  - {name: hosts, expression: 'redirects.map(r, r.host)'}
                  - {name: second, expression: 'variables.hosts[1]'}
                validations: [{id: v, expression: 'variables.second == "a"', message: m}]
                """
            )
        }
    )
    book = explained(policies, facts(CLI)).books[1]
    hosts, second = book.variables
    assert (hosts.name, hosts.value) == ("hosts", ("localhost",))
    assert second.name == "second"
    assert isinstance(second.value, EvaluationError)
    check = book.judgements[0].check
    assert check.error is not None
    assert check.error.reason == "variables.second: the index is outside the list"
    assert origin(check.error, check.steps) == 0


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("true && submitted.x", "x"),
        ("1 < 2 && redirects[7].loopback", "[7]"),
        ("1 / size(client.scope)", "/"),
        ("(submitted.x || true) && redirects[7].loopback", "[7]"),
        ("1 < 2 && variables.boom == 1", "variables"),
        ("(submitted.x || true) && variables.boom == 1", "variables"),
    ],
)
def test_an_error_stands_where_it_arose(text: str, part: str) -> None:
    """One inside a variable where that is read; one that was passed over nowhere."""
    seen = view(BOOMING, facts(CLI), "rules")
    expression = compile_expression(text, seen.scope)
    with pytest.raises(EvaluationError) as caught:
        expression.evaluate(seen.bind())
    assert origin(caught.value, seen.trace(expression)) == text.index(part)


def test_a_rule_that_the_budget_did_not_reach_is_told_so() -> None:
    costly = "'constants.many.all(a, constants.many.all(b, a + b >= 0))'"
    rules = f"validations: [{{id: v, expression: {costly}, message: m}}]"
    policies = compiled(
        {
            "policyset.yaml": head(f"profiles: [native]\nconstants: {{many: {list(range(180))}}}"),
            "guardrails/one.yaml": guardrail(rules, "one"),
            "guardrails/two.yaml": guardrail(rules, "two"),
        }
    )
    explanation = explained(policies, facts(CLI))
    one, two = (book.judgements[0].check for book in explanation.books[1:])
    assert (one.outcome, two.outcome) == (Outcome.TRUE, Outcome.ERROR)
    assert two.error is not None
    assert two.error.reason == "the budget of this decision was exhausted by the rules before it"


def test_networks_of_the_source_are_told() -> None:
    policies = compiled({"policyset.yaml": head("profiles: [native]\nnetworks: {corp: [10.0.0.0/8]}")})
    assert explained(policies, facts(CLI, source=Source(ip="10.1.1.1"))).facts.source.networks == ("corp",)


VIEWED = compiled(
    {
        "policyset.yaml": head("profiles: [first, native]\nconstants: {x: 7}"),
        "profiles/first.yaml": profile(
            """
            matchConditions: [{name: ask, expression: 'client.client_name == "ask"'}]
            client: {client_name: {set: first}}
            variables: [{name: shouted, expression: client.client_name.upperAscii()}]
            """,
            "first",
        ),
        "profiles/native.yaml": profile(
            "matchConditions: [{name: cli, expression: 'client.client_name == \"cli\"'}]\nclient: {client_name: {set: native}}"
        ),
        "guardrails/rules.yaml": guardrail(
            "variables: [{name: n, expression: client.client_name}]\nvalidations: [{id: v, expression: 'true', message: m}]"
        ),
    }
)


@pytest.mark.parametrize(
    ("document", "name", "text", "value"),
    [
        ("", "cli", "client.client_name", "cli"),
        ("", "cli", "constants.x", 7),
        ("native", "cli", "client.client_name", "native"),
        ("first", "cli", "variables.shouted", "FIRST"),
        ("rules", "cli", "variables.n", "native"),
        ("rules", "ask", "variables.n", "first"),
        ("rules", "nobody", "variables.n", "nobody"),
    ],
)
def test_an_expression_sees_what_the_rules_of_a_document_see(document: str, name: str, text: str, value: object) -> None:
    seen = view(VIEWED, facts({**CLI, "client_name": name}), document)
    assert compile_expression(text, seen.scope).evaluate(seen.bind()) == value


def test_there_is_no_view_of_a_document_that_does_not_exist() -> None:
    with pytest.raises(KeyError):
        view(VIEWED, facts(CLI), "nothing")


def test_records_in_front_of_their_members_are_left_out_of_a_trace() -> None:
    seen: View = view(VIEWED, facts(CLI), "first")
    expression = compile_expression('[client.scope, variables.shouted, source . ip] == [""] || client == existing', seen.scope)
    texts = [step.text for step in seen.trace(expression)]
    assert texts == [
        "client.scope",
        "variables.shouted",
        "source . ip",
        "[client.scope, variables.shouted, source . ip]",
        '[""]',
        '[client.scope, variables.shouted, source . ip] == [""]',
        "client",
        "existing",
        "client == existing",
        expression.text,
    ]
