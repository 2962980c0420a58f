"""Limits: for whom they are, by what they count, and how much room there is. Counting is for the store."""

from collections.abc import Mapping
from dataclasses import replace
from textwrap import dedent, indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.limits import LimitUse
from registrar.policy import Decision, PolicySet, Source, Token
from tests.policy.trees import HEAD, NOW, compiled, decided, facts, guardrail, head, profile, rules

CLI: Mapping[str, object] = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
HOSTED = Source(ip="198.51.100.7", prefix="198.51.100.7")
HOME = Source(ip="2001:db8:1:2::3", prefix="2001:db8:1:2::/64")
NETWORKS = "  networks: {hosted: [198.51.100.0/24], corp: [10.0.0.0/8, 198.51.100.7/32]}\n"


def limited(limits: str, files: Mapping[str, str] | None = None) -> PolicySet:
    """The base tree with two networks and these limits."""
    body = indent(dedent(limits).strip("\n"), "    ")
    document = f"apiVersion: registrar/v1\nkind: Limits\nmetadata: {{name: registration}}\nspec:\n  limits:\n{body}\n"
    return compiled({"policyset.yaml": HEAD + NETWORKS, "limits/registration.yaml": document, **(files or {})})


def uses(policies: PolicySet, body: Mapping[str, object] = CLI, source: Source = HOME) -> tuple[LimitUse, ...]:
    decision = decided(policies, body, source=source)
    assert decision.allowed
    return decision.limits


def keys(decision: Decision) -> dict[str, str]:
    return {use.limit.removeprefix("registration/"): use.key for use in decision.limits}


def test_a_client_uses_each_limit_that_is_for_it_in_the_tree_s_order() -> None:
    policies = limited(
        """
        - {id: per-software, when: 'client.software_id != ""', key: client.software_id, maxActive: 2000}
        - {id: everyone, key: '"all"', rate: 1200/hour, maxActive: 50000}
        - {id: per-source, key: source.prefix, rate: 20/30m, burst: 5, maxTotal: 7}
        """
    )
    everyone = LimitUse(limit="registration/everyone", key="all", rate=1200, period=3600, max_active=50000)
    per_source = LimitUse(limit="registration/per-source", key="2001:db8:1:2::/64", rate=20, period=1800, burst=5, max_total=7)
    assert uses(policies) == (everyone, per_source)
    per_software = LimitUse(limit="registration/per-software", key="acme", max_active=2000)
    assert uses(policies, {**CLI, "software_id": "acme"}) == (per_software, everyone, per_source)


def test_documents_are_asked_by_their_names() -> None:
    other = "apiVersion: registrar/v1\nkind: Limits\nmetadata: {name: a}\nspec: {limits: [{id: b, key: profile, maxTotal: 1}]}\n"
    policies = limited("- {id: c, key: profile, maxTotal: 1}", {"limits/a.yaml": other})
    assert [use.limit for use in uses(policies)] == ["a/b", "registration/c"]


def test_nobody_who_is_refused_uses_a_limit() -> None:
    policies = limited("- {id: a, key: profile, maxTotal: 1}")
    decision = decided(policies, {"redirect_uris": ["https://a.example/cb"]})
    assert not decision.allowed
    assert decision.limits == ()


def test_limits_count_by_the_effective_client() -> None:
    """A key that the profile sets is the profile's; a name that it strips makes no room of its own."""
    policies = limited(
        "- {id: a, key: client.software_id + client.scope, rate: 1/hour}",
        {"profiles/native.yaml": profile("client: {software_id: {set: ours}, scope: {allow: [x], onExcess: strip}}")},
    )
    assert [use.key for use in uses(policies, {**CLI, "software_id": "mine", "scope": "x y"})] == ["oursx"]


def test_limits_know_the_profile_that_decided() -> None:
    policies = limited("- {id: a, when: 'profile == \"native\"', key: profile, rate: 1/hour}")
    assert [use.key for use in uses(policies)] == ["native"]


def test_no_update_uses_a_limit() -> None:
    """A client that exists has found its room."""
    policies = limited("- {id: a, key: profile, rate: 1/hour}")
    decision = policies.decide(replace(facts(CLI), operation="update", existing_profile="native"))
    assert decision.allowed
    assert decision.limits == ()


class TestKeys:
    def test_an_empty_key_is_a_key(self) -> None:
        """Clients without a name share one room, as those with the same name do."""
        policies = limited("- {id: a, key: client.client_name, rate: 1/hour}")
        assert [use.key for use in uses(policies, {"redirect_uris": CLI["redirect_uris"]})] == [""]

    def test_a_long_key_is_counted_under_a_digest(self) -> None:
        policies = limited("- {id: a, key: client.client_name, rate: 1/hour}")
        [use] = uses(policies, {**CLI, "client_name": "x" * 257})
        assert use.key.startswith("sha256:")
        assert len(use.key) == 71
        assert uses(policies, {**CLI, "client_name": "x" * 256})[0].key == "x" * 256

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=600), st.text(max_size=600))
    def test_keys_are_alike_only_for_values_that_are(self, one: str, other: str) -> None:
        """And whatever a client chooses can be a row of an index and a line of a log."""
        policies = limited(
            "- {id: a, key: 'has(submitted.x) && type(submitted.x) == string ? string(submitted.x) : \"\"', rate: 1/hour}"
        )
        found = [uses(policies, {**CLI, "x": text})[0].key for text in (one, other)]
        assert (found[0] == found[1]) == (one == other)
        assert all(len(key) <= 256 and key.isprintable() for key in found)


class TestErrors:
    @pytest.mark.parametrize(
        "limit",
        ["{id: a, key: submitted.nothing, rate: 1/hour}", "{id: a, key: profile, when: submitted.nothing == 1, rate: 1/hour}"],
    )
    def test_a_limit_that_cannot_be_evaluated_refuses(self, limit: str) -> None:
        """Otherwise it would let everybody in whom it cannot count."""
        decision = decided(limited(f"- {limit}\n- {{id: b, key: profile, rate: 1/hour}}"), CLI)
        assert not decision.allowed
        assert decision.errored
        assert rules(decision) == ["registration/a"]
        assert decision.limits == ()
        [finding] = decision.violations
        assert finding.place is not None
        assert finding.place.file == "limits/registration.yaml"

    def test_all_that_fail_are_named(self) -> None:
        policies = limited(
            """
            - {id: a, key: submitted.x, rate: 1/hour}
            - {id: b, key: profile, rate: 1/hour}
            - {id: c, key: submitted.x, rate: 1/hour}
            """
        )
        assert rules(decided(policies, CLI)) == ["registration/a", "registration/c"]

    def test_a_limit_without_budget_refuses(self) -> None:
        policies = limited(
            "- {id: a, key: profile, when: 'submitted.x.all(i, submitted.x.all(j, i == j || i != j))', rate: 1/hour}"
        )
        assert decided(policies, {**CLI, "x": [*range(10)]}).allowed
        assert rules(decided(policies, {**CLI, "x": [*range(500)]})) == ["registration/a"]


class TestOverrides:
    LIMIT = """
        - id: a
          key: source.prefix
          rate: 20/hour
          burst: 5
          maxActive: 9
          overrides:
            - {networks: [hosted], rate: 2000/hour}
            - {networks: [corp, hosted], burst: 4, maxActive: 90}
    """

    def test_others_have_the_limit_s_own(self) -> None:
        [use] = uses(limited(self.LIMIT))
        assert (use.rate, use.period, use.burst, use.max_active) == (20, 3600, 5, 9)

    def test_the_first_override_for_one_of_the_networks_counts_alone(self) -> None:
        """What it does not say stays the limit's own, also where a later one says it."""
        [use] = uses(limited(self.LIMIT), source=HOSTED)
        assert (use.rate, use.period, use.burst, use.max_active) == (2000, 3600, 5, 9)

    def test_a_later_one_counts_where_no_earlier_one_does(self) -> None:
        [use] = uses(limited(self.LIMIT), source=Source(ip="10.0.0.1", prefix="10.0.0.1"))
        assert (use.rate, use.burst, use.max_active) == (20, 4, 90)


class TestReserve:
    LIMIT = """
        - id: a
          key: '"all"'
          maxActive: 100
          reserve: [{profiles: [native], slots: 20}, {profiles: [native, web], slots: 3}, {profiles: [web], slots: 4}]
    """

    @pytest.mark.parametrize(("name", "kept"), [("native", 4), ("web", 20), ("other", 27)])
    def test_whoever_is_in_none_of_an_entry_s_profiles_cannot_use_its_slots(self, name: str, kept: int) -> None:
        files = {
            "policyset.yaml": head("profiles: [native, web, other]"),
            **{
                f"profiles/{each}.yaml": profile(
                    f"matchConditions: [{{name: a, expression: 'client.client_name == \"{each}\"'}}]", each
                )
                for each in ("native", "web", "other")
            },
        }
        [use] = uses(limited(self.LIMIT, files), {**CLI, "client_name": name})
        assert use.reserve == kept


class TestEarly:
    """What can be asked before a document is read, to shed a flood."""

    LIMITS = """
        - {id: everyone, key: '"all"', rate: 1200/hour, maxActive: 50000, reserve: [{profiles: [native], slots: 20}]}
        - {id: per-source, key: source.prefix, rate: 20/hour, overrides: [{networks: [hosted], rate: 2000/hour}]}
        - {id: per-token, when: token.present && now > timestamp("2020-01-01T00:00:00Z"), key: token.id, maxTotal: 10}
        - {id: corp, when: '"corp" in source.networks && operation == "create"', key: '"corp"', maxTotal: 10}
        - {id: per-software, key: client.software_id, maxActive: 2000}
        - {id: per-profile, key: profile, maxActive: 2000}
        - {id: fails, key: 'token.labels["team"]', maxActive: 2000}
    """

    def early(self, source: Source = HOME, token: Token | None = None) -> list[LimitUse]:
        return list(limited(self.LIMITS).early(source, token or Token(), NOW))

    def test_limits_that_read_the_document_are_left_out(self) -> None:
        assert [use.limit for use in self.early()] == ["registration/everyone", "registration/per-source"]

    def test_the_token_and_the_networks_are_known(self) -> None:
        found = {use.limit: use for use in self.early(HOSTED, Token(present=True, id="t1", labels={"team": "a"}))}
        assert found["registration/per-token"].key == "t1"
        assert found["registration/fails"].key == "a"
        assert found["registration/per-source"].rate == 2000
        assert "registration/corp" in found

    def test_what_is_kept_for_a_profile_counts_as_room(self) -> None:
        """The profile is not known yet, and nobody may be turned away who would have found room."""
        assert self.early()[0].reserve == 0

    def test_what_is_asked_early_is_asked_again(self) -> None:
        """The decision names the same rooms under the same keys."""
        policies = limited(self.LIMITS.replace('token.labels["team"]', "token.id"))
        decided_uses = keys(decided(policies, {**CLI, "software_id": "x"}, source=HOSTED))
        early = {use.limit.removeprefix("registration/"): use.key for use in policies.early(HOSTED, Token(), NOW)}
        assert early.items() <= decided_uses.items()
        assert set(decided_uses) - set(early) == {"per-software", "per-profile"}


class TestTokenUse:
    @pytest.mark.parametrize(
        ("conditions", "use"),
        [
            ("client.client_name != ''", "none"),
            ("token.present", "all"),
            ("redirects.all(r, r.loopback) && token.present", "all"),
            ("(token.present && 'mcp' in token.scopes) && redirects.all(r, r.loopback)", "all"),
            ("'mcp' in token.scopes", "all"),
            ("token.id == constants.known", "all"),
            ("!token.present", "some"),
            ("token.present || redirects.all(r, r.loopback)", "some"),
            ("token.present == (client.client_name != '')", "some"),
            ("token.id != constants.known", "some"),
        ],
    )
    def test_of_one_profile(self, conditions: str, use: str) -> None:
        """`all` is only said where it is sure."""
        files = {
            "policyset.yaml": head("profiles: [native]\nconstants: {known: t1}"),
            "profiles/native.yaml": profile(f'matchConditions: [{{name: a, expression: "{conditions}"}}]'),
        }
        assert compiled(files).token_use == use

    def test_one_profile_that_asks_for_none_is_a_way_in(self) -> None:
        token = "matchConditions: [{name: a, expression: token.present}]"
        files = {"policyset.yaml": head("profiles: [web, native]"), "profiles/web.yaml": profile(token, "web")}
        assert compiled(files).token_use == "some"
        assert compiled({**files, "profiles/native.yaml": profile(token)}).token_use == "all"

    def test_rules_and_guardrails_do_not_choose_a_profile(self) -> None:
        files = {"guardrails/rules.yaml": guardrail("validations: [{id: a, expression: token.present, message: m}]")}
        assert compiled(files).token_use == "none"
