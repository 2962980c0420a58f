"""How a decision is made: the semantics of the language, one promise a test."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.policy import Finding, Mode, PolicySet, Source
from registrar.wire import ErrorCode
from tests.policy.trees import NOW, compiled, decided, facts, guardrail, head, profile, rules

CLI = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
WEB = {"client_name": "web", "redirect_uris": ["https://app.example/cb"]}


def two_profiles(first: str = "native", second: str = "web") -> PolicySet:
    return compiled(
        {
            "policyset.yaml": head(f"profiles: [{first}, {second}]"),
            "profiles/native.yaml": profile(
                """
                matchConditions: [{name: named, expression: 'client.client_name != ""'}]
                client:
                  redirect_uris: {allow: [{loopback: true}]}
                  scope: {allow: [native:scope], default: [native:scope], onExcess: strip}
                """
            ),
            "profiles/web.yaml": profile(
                """
                matchConditions: [{name: any-redirect, expression: 'size(redirects) > 0'}]
                client:
                  redirect_uris: {allow: [{scheme: https, hosts: [app.example]}]}
                  scope: {allow: [web:scope], default: [web:scope], onExcess: strip}
                """,
                "web",
            ),
        }
    )


class TestProfiles:
    def test_the_first_profile_that_matches_decides_alone(self) -> None:
        """The second profile would admit this client, and is not asked: profiles are never added up."""
        decision = decided(two_profiles(), WEB)
        assert not decision.allowed
        assert decision.profile == "native"
        assert rules(decision) == ["native/client.redirect_uris"]

    def test_the_order_of_the_policy_set_is_the_precedence(self) -> None:
        decision = decided(two_profiles("web", "native"), WEB)
        assert decision.allowed
        assert decision.profile == "web"
        assert decision.metadata["scope"] == "web:scope"

    def test_no_profile_means_no(self) -> None:
        decision = decided(two_profiles(), {"client_name": None, "grant_types": ["client_credentials"]})
        assert not decision.allowed
        assert rules(decision) == ["t/no-match"]
        assert decision.profile == ""

    def test_the_operator_words_the_refusal_of_what_matches_nothing(self) -> None:
        policies = compiled(
            {
                "policyset.yaml": head("profiles: [native]\nonNoMatch: {message: write to us, error: invalid_redirect_uri}"),
                "profiles/native.yaml": profile("matchConditions: [{name: never, expression: 'false'}]"),
            }
        )
        [finding] = decided(policies, CLI).violations
        assert (finding.message, finding.code) == ("write to us", ErrorCode.INVALID_REDIRECT_URI)

    def test_no_mode_admits_what_no_profile_matches(self) -> None:
        policies = compiled(
            {
                "policyset.yaml": head("profiles: [native]\nmode: audit"),
                "profiles/native.yaml": profile("matchConditions: [{name: never, expression: 'false'}]"),
            }
        )
        assert not decided(policies, CLI).allowed

    def test_a_condition_that_fails_denies_as_the_servers_fault(self) -> None:
        policies = compiled(
            {
                "policyset.yaml": head("profiles: [native, web]"),
                "profiles/native.yaml": profile("matchConditions: [{name: broken, expression: 'redirects[7].loopback'}]"),
                "profiles/web.yaml": profile("client: {}", "web"),
            }
        )
        decision = decided(policies, CLI)
        assert not decision.allowed
        assert decision.errored
        assert rules(decision) == ["native/broken"]
        assert decision.violations[0].code is ErrorCode.SERVER_ERROR

    @pytest.mark.parametrize("order", ["broken first", "broken last"])
    def test_a_definite_false_beside_a_condition_that_fails_skips_the_profile(self, order: str) -> None:
        conditions = ["{name: broken, expression: 'redirects[7].loopback'}", "{name: never, expression: 'false'}"]
        if order == "broken last":
            conditions.reverse()
        policies = compiled(
            {
                "policyset.yaml": head("profiles: [native, web]"),
                "profiles/native.yaml": profile(f"matchConditions: [{', '.join(conditions)}]"),
                "profiles/web.yaml": profile("client: {}", "web"),
            }
        )
        assert decided(policies, CLI).profile == "web"


def with_rule(rule: str, *more: str) -> PolicySet:
    return compiled(
        {"guardrails/rules.yaml": guardrail("validations:\n" + "".join(f"  - {{{item}}}\n" for item in (rule, *more)))}
    )


class TestValidations:
    def test_a_false_rule_refuses_with_its_message_code_field_and_place(self) -> None:
        policies = with_rule("id: no, expression: 'false', message: not here, error: invalid_redirect_uri, field: /redirect_uris")
        [finding] = decided(policies, CLI).violations
        assert finding == Finding(
            rule="rules/no",
            place=finding.place,
            message="not here",
            code=ErrorCode.INVALID_REDIRECT_URI,
            field="/redirect_uris",
            mode=Mode.ENFORCE,
        )
        assert str(finding.place) == "guardrails/rules.yaml:6:28"

    def test_an_error_is_no_and_the_servers_fault(self) -> None:
        decision = decided(with_rule("id: broken, expression: 'redirects[7].loopback', message: m"), CLI)
        assert not decision.allowed
        assert decision.errored

    def test_an_exhausted_budget_is_no(self) -> None:
        many = ", ".join(str(number) for number in range(40))
        expression = f"[{many}].all(a, [{many}].all(b, client.client_name.contains(string(a + b)) || true))"
        again = [f"id: r{number}, expression: '{expression}', message: m" for number in range(40)]
        decision = decided(with_rule("id: first, expression: 'true', message: m", *again), CLI)
        assert not decision.allowed
        assert decision.errored

    def test_every_violation_is_collected(self) -> None:
        policies = with_rule("id: one, expression: 'false', message: m", "id: two, expression: 'false', message: m")
        assert rules(decided(policies, WEB)) == ["native/client.redirect_uris", "rules/one", "rules/two"]

    def test_an_error_that_is_only_watched_does_not_refuse(self) -> None:
        decision = decided(with_rule("id: broken, expression: 'redirects[7].loopback', message: m, mode: audit"), CLI)
        assert decision.allowed
        assert [finding.errored for finding in decision.audited] == [True]

    def test_a_guardrail_whose_condition_is_false_does_not_apply(self) -> None:
        policies = compiled(
            {
                "guardrails/rules.yaml": guardrail(
                    """
                    matchConditions: [{name: web, expression: 'redirects.exists(r, r.scheme == "https")'}]
                    validations: [{id: no, expression: 'false', message: m}]
                    """
                )
            }
        )
        assert decided(policies, CLI).allowed

    def test_a_guardrail_whose_condition_fails_refuses(self) -> None:
        policies = compiled(
            {
                "guardrails/rules.yaml": guardrail(
                    """
                    matchConditions: [{name: broken, expression: 'redirects[7].loopback'}]
                    validations: [{id: yes, expression: 'true', message: m}]
                    """
                )
            }
        )
        decision = decided(policies, CLI)
        assert rules(decision) == ["rules/broken"]
        assert decision.errored

    def test_a_message_may_be_made_of_constants(self) -> None:
        policies = compiled(
            {
                "policyset.yaml": head("profiles: [native]\nconstants: {hosts: [a.example, b.example]}"),
                "guardrails/rules.yaml": guardrail(
                    """
                    validations:
                      - id: no
                        expression: 'false'
                        message: another host
                        messageExpression: '"one of " + constants.hosts.join(", ")'
                    """
                ),
            }
        )
        assert decided(policies, CLI).violations[0].message == "one of a.example, b.example"

    def test_a_message_that_fails_gives_way_to_the_plain_one(self) -> None:
        policies = with_rule("id: no, expression: 'false', message: plain, messageExpression: 'string([1][1])'")
        assert decided(policies, CLI).violations[0].message == "plain"

    def test_a_message_is_made_printable(self) -> None:
        policies = compiled(
            {
                "policyset.yaml": head('profiles: [native]\nconstants: {word: "na\\u00efve \\"quoted\\" \\\\ \\n"}'),
                "guardrails/rules.yaml": guardrail(
                    "validations: [{id: no, expression: 'false', message: m, messageExpression: constants.word}]"
                ),
            }
        )
        assert decided(policies, CLI).violations[0].message == "na?ve 'quoted' / ?"

    def test_the_programs_own_rules_hold_under_every_policy(self) -> None:
        policies = compiled(
            {"policyset.yaml": head("profiles: [native]\nmode: audit"), "profiles/native.yaml": profile("client: {}")}
        )
        decision = decided(policies, {**CLI, "client_uri": "javascript:alert(1)"})
        assert not decision.allowed
        assert rules(decision) == ["registrar/client_uri"]
        assert "javascript" not in decision.violations[0].message


class TestModes:
    DATED = "id: dated, expression: 'false', message: m, enforceAfter: 2026-12-01T00:00:00Z"

    def test_warn_tells_and_lets_through(self) -> None:
        decision = decided(with_rule("id: no, expression: 'false', message: m, mode: warn"), CLI)
        assert decision.allowed
        assert [finding.rule for finding in decision.warnings] == ["rules/no"]

    def test_audit_only_records(self) -> None:
        decision = decided(with_rule("id: no, expression: 'false', message: m, mode: audit"), CLI)
        assert decision.allowed
        assert not decision.warnings
        assert [finding.rule for finding in decision.audited] == ["rules/no"]

    @pytest.mark.parametrize(
        ("moment", "mode"),
        [
            (datetime(2026, 11, 30, 23, 59, 59, 999999, UTC), Mode.WARN),
            (datetime(2026, 12, 1, tzinfo=UTC), Mode.ENFORCE),
            (datetime(2027, 1, 1, tzinfo=UTC), Mode.ENFORCE),
        ],
    )
    def test_a_dated_rule_warns_until_its_moment_and_refuses_from_it_on(self, moment: datetime, mode: Mode) -> None:
        decision = decided(with_rule(self.DATED), CLI, now=moment)
        assert [finding.mode for finding in (*decision.violations, *decision.warnings)] == [mode]
        assert decision.allowed is (mode is Mode.WARN)

    def test_a_dated_rule_can_be_silent_until_its_moment(self) -> None:
        decision = decided(with_rule(self.DATED + ", mode: audit"), CLI)
        assert decision.allowed
        assert not decision.warnings

    def test_the_sets_mode_holds_for_rules_without_one(self) -> None:
        policies = compiled(
            {
                "policyset.yaml": head("profiles: [native]\nmode: warn"),
                "guardrails/rules.yaml": guardrail(
                    """
                    validations:
                      - {id: a, expression: 'false', message: m}
                      - {id: b, expression: 'false', message: m, mode: enforce}
                    """
                ),
            }
        )
        decision = decided(policies, WEB)
        assert rules(decision) == ["rules/b"]
        assert [finding.rule for finding in decision.warnings] == ["native/client.redirect_uris", "rules/a"]

    def test_a_member_constraint_has_a_mode_of_its_own(self) -> None:
        policies = compiled({"profiles/native.yaml": profile("client: {client_name: {maxLength: 3, mode: warn}}")})
        decision = decided(policies, CLI)
        assert decision.allowed
        assert [finding.rule for finding in decision.warnings] == ["native/client.client_name"]


class TestFacts:
    def test_validations_see_the_effective_client_and_conditions_the_submitted_one(self) -> None:
        policies = compiled(
            {
                "profiles/native.yaml": profile(
                    """
                    matchConditions: [{name: as-sent, expression: 'client.scope == "a b"'}]
                    client: {scope: {allow: [a], onExcess: strip}}
                    validations: [{id: as-made, expression: 'client.scope == "a" && submitted.scope == "a b"', message: m}]
                    """
                )
            }
        )
        assert decided(policies, {**CLI, "scope": "a b"}).allowed

    def test_stripped_redirect_uris_are_gone_from_the_facts(self) -> None:
        policies = compiled(
            {
                "profiles/native.yaml": profile(
                    """
                    client: {redirect_uris: {allow: [{loopback: true}], onExcess: strip}}
                    validations: [{id: native-only, expression: 'redirects.all(r, r.loopback)', message: m}]
                    """
                )
            }
        )
        both = {"redirect_uris": ["https://app.example/cb", "http://localhost/cb"]}
        decision = decided(policies, both)
        assert decision.allowed
        assert decision.metadata["redirect_uris"] == ["http://localhost/cb"]

    @pytest.mark.parametrize(
        ("ip", "networks"),
        [
            ("10.1.2.3", ("corp", "vpn")),
            ("10.2.0.1", ("corp",)),
            ("::ffff:10.1.2.3", ("corp", "vpn")),
            ("2001:db8:10::1", ("corp",)),
            ("192.0.2.1", ()),
            ("", ()),
            ("not an address", ()),
        ],
    )
    def test_a_source_is_in_the_networks_that_hold_its_address(self, ip: str, networks: tuple[str, ...]) -> None:
        policies = compiled(
            {
                "policyset.yaml": head(
                    "profiles: [native]\nnetworks: {vpn: [10.1.0.0/16], corp: [10.0.0.0/8, '2001:db8:10::/48']}"
                ),
                "guardrails/rules.yaml": guardrail(
                    """
                    validations: [{id: a, expression: 'true', message: m}]
                    auditAnnotations: [{key: networks, valueExpression: 'source.networks.join(",")'}]
                    """
                ),
            }
        )
        decision = decided(policies, CLI, source=Source(ip=ip))
        assert decision.annotations == {"rules/networks": ",".join(networks)}

    def test_variables_build_on_each_other(self) -> None:
        policies = compiled(
            {
                "guardrails/rules.yaml": guardrail(
                    """
                    variables:
                      - {name: asked, expression: scopes(client.scope)}
                      - {name: many, expression: size(variables.asked) > 1}
                    validations: [{id: few, expression: '!variables.many', message: m}]
                    """
                )
            }
        )
        assert decided(policies, {**CLI, "scope": "a"}).allowed
        assert rules(decided(policies, {**CLI, "scope": "a b"})) == ["rules/few"]

    def test_a_variable_that_fails_fails_only_who_reads_it(self) -> None:
        policies = compiled(
            {
                "guardrails/rules.yaml": guardrail(
                    """
                    variables: [{name: bad, expression: 'redirects[7].host'}]
                    validations:
                      - {id: fine, expression: 'true || variables.bad == ""', message: m}
                      - {id: reads, expression: 'variables.bad == ""', message: m}
                      - {id: reads-too, expression: 'variables.bad != ""', message: m}
                    """
                )
            }
        )
        decision = decided(policies, CLI)
        assert rules(decision) == ["rules/reads", "rules/reads-too"]
        assert decision.errored

    def test_an_annotation_that_fails_has_no_say(self) -> None:
        policies = compiled(
            {
                "guardrails/rules.yaml": guardrail(
                    """
                    validations: [{id: a, expression: 'true', message: m}]
                    auditAnnotations: [{key: host, valueExpression: 'redirects[7].host'}]
                    """
                )
            }
        )
        decision = decided(policies, CLI)
        assert decision.allowed
        assert decision.annotations == {"rules/host": "(error)"}

    def test_the_clock_of_a_decision_is_its_facts(self) -> None:
        policies = with_rule("id: early, expression: 'now < timestamp(\"2026-12-01T00:00:00Z\")', message: m")
        assert decided(policies, CLI, now=NOW).allowed
        assert not decided(policies, CLI, now=datetime(2026, 12, 1, tzinfo=UTC)).allowed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
URIS = st.sampled_from(
    ["http://localhost/cb", "http://127.0.0.1:1/", "https://app.example/cb", "cursor://x/cb", "https://192.0.2.1/", "com.a:/x"]
)
DOCUMENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "redirect_uris": st.lists(URIS, max_size=4),
        "client_name": st.text(max_size=30),
        "client_name#fr": st.text(max_size=30),
        "client_uri": st.sampled_from(["https://app.example", "https://other.example", "ftp://x"]),
        "scope": st.sampled_from(["a", "a b", "b c", "admin"]),
        "grant_types": st.lists(
            st.sampled_from(["authorization_code", "refresh_token", "implicit", "client_credentials"]), max_size=3
        ),
        "response_types": st.lists(st.sampled_from(["code", "token"]), max_size=2),
        "token_endpoint_auth_method": st.sampled_from(["none", "client_secret_basic", "private_key_jwt"]),
        "extra": JSON,
    },
)
RICH = {
    "profiles/native.yaml": profile(
        """
        client:
          redirect_uris:
            allow: [{loopback: true}, {privateUseSchemes: any}, {scheme: https, hosts: [app.example]}]
            onExcess: strip
          client_uri: {sameHostAsRedirect: true, onExcess: strip}
          client_name: {maxLength: 20, pattern: '^[^<>]*$'}
          scope: {allow: [a, b], default: [a], onExcess: strip}
          grant_types: {allow: [authorization_code, refresh_token], require: [authorization_code], onExcess: strip}
          token_endpoint_auth_method: {allow: [none, client_secret_basic], default: none}
        """
    ),
    "guardrails/rules.yaml": guardrail(
        """
        validations: [{id: one-host, expression: 'redirects.all(r, r.host == redirects[0].host)', message: m}]
        """
    ),
}
RICH_POLICIES = compiled(RICH)
GUARDED_POLICIES = compiled(
    {
        **RICH,
        "guardrails/more.yaml": guardrail(
            "validations: [{id: short, expression: 'size(client.client_name) < 5 && client.scope != \"b\"', message: m}]", "more"
        ),
    }
)


def well_formed(document: dict[str, Any]) -> bool:
    """Whether the document gets as far as a decision."""
    try:
        facts(document)
    except Exception:  # noqa: BLE001 - only which documents are malformed is asked here; tests/policy/test_intake.py asks how
        return False
    return True


@given(DOCUMENTS.filter(well_formed))
def test_a_decision_is_a_function_of_its_facts(document: dict[str, object]) -> None:
    assert decided(RICH_POLICIES, document) == decided(RICH_POLICIES, document)


@given(DOCUMENTS.filter(well_formed))
def test_another_guardrail_only_narrows(document: dict[str, object]) -> None:
    before, after = decided(RICH_POLICIES, document), decided(GUARDED_POLICIES, document)
    assert before.allowed or not after.allowed
    assert before.metadata == after.metadata


@given(DOCUMENTS.filter(well_formed))
def test_what_is_admitted_keeps_the_profiles_constraints(document: dict[str, object]) -> None:
    decision = decided(RICH_POLICIES, document)
    if decision.allowed:
        client = decision.metadata
        assert set(str(client["scope"]).split()) <= {"a", "b"}
        assert client["token_endpoint_auth_method"] in ("none", "client_secret_basic")
        assert client["redirect_uris"]
        assert all(value not in (None, "") for value in client.values())
        assert decided(RICH_POLICIES, dict(client)).metadata == client
