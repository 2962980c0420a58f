"""What each key of a `client:` block does to a document. One table for each: what is sent, what becomes of it."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from registrar.policy import Decision, PolicySet
from tests.policy.trees import compiled, decided, head, profile, rules

CALLBACK = "http://127.0.0.1:33418/callback"
HOME = "https://127.0.0.1/"
REFUSED = object()


def with_client(block: str, constants: str = "{}") -> PolicySet:
    return compiled(
        {
            "policyset.yaml": head(f"profiles: [native]\nconstants: {constants}"),
            "profiles/native.yaml": profile("client:\n  " + block.replace("\n", "\n  ")),
        }
    )


def registered(block: str, sent: Mapping[str, object], constants: str = "{}") -> Decision:
    return decided(with_client(block, constants), {"redirect_uris": [CALLBACK], **sent})


@pytest.mark.parametrize(
    ("block", "sent", "effective"),
    [
        # token_endpoint_auth_method: one value
        ("token_endpoint_auth_method: {default: none}", None, "none"),
        ("token_endpoint_auth_method: {default: none}", "client_secret_post", "client_secret_post"),
        ("token_endpoint_auth_method: {set: none}", "client_secret_post", "none"),
        ("token_endpoint_auth_method: {allow: [none], default: none}", "client_secret_post", REFUSED),
        ("token_endpoint_auth_method: {allow: [none], default: none, onExcess: strip}", "client_secret_post", "none"),
        # RFC 7591 reads a missing method as client_secret_basic, and that has to be allowed like any other.
        ("token_endpoint_auth_method: {allow: [none]}", None, REFUSED),
        ("token_endpoint_auth_method: {allow: [none], onExcess: strip}", None, REFUSED),
        ("token_endpoint_auth_method: {allow: [none], onExcess: strip}", "client_secret_post", REFUSED),
        ("token_endpoint_auth_method: {allow: [none, client_secret_basic]}", None, "client_secret_basic"),
        ("token_endpoint_auth_method: {remove: true}", "none", "client_secret_basic"),
        # scope, by its tokens
        ("scope: {default: [a, b]}", None, "a b"),
        ("scope: {default: [a, b]}", "", "a b"),
        ("scope: {allow: [a, b]}", "b a", "b a"),
        ("scope: {allow: [a, b]}", "a c", REFUSED),
        ("scope: {allow: [a, b], onExcess: strip}", "c b", "b"),
        ("scope: {allow: [a, b], default: [a], onExcess: strip}", "c", "a"),
        ("scope: {allow: [a, b], onExcess: strip}", "c", REFUSED),
        ("scope: {allow: [a, b], onExcess: strip}", None, None),
        ("scope: {require: [a]}", "b", REFUSED),
        ("scope: {require: [a]}", "b a", "b a"),
        ("scope: {maxItems: 1}", "a b", REFUSED),
        ("scope: {minItems: 2}", "a b", "a b"),
        ("scope: {minItems: 2}", "a", REFUSED),
        ("scope: {required: true}", None, REFUSED),
        ("scope: {set: [a]}", "b", "a"),
        ("scope: {set: [a]}", None, "a"),
        ("scope: {remove: true}", "b", None),
        # grant_types: a list
        ("grant_types: {default: [authorization_code, refresh_token]}", None, ["authorization_code", "refresh_token"]),
        ("grant_types: {default: [authorization_code, refresh_token]}", [], ["authorization_code", "refresh_token"]),
        ("grant_types: {allow: [authorization_code], onExcess: strip}", ["authorization_code", "urn:x"], ["authorization_code"]),
        ("grant_types: {allow: [authorization_code], onExcess: strip}", ["urn:x"], ["authorization_code"]),
        ("grant_types: {allow: [refresh_token], onExcess: strip}", ["urn:x"], REFUSED),
        ("grant_types: {allow: [authorization_code]}", ["authorization_code", "urn:x"], REFUSED),
        # client_name: a text
        ("client_name: {required: true}", None, REFUSED),
        ("client_name: {default: nobody}", None, "nobody"),
        ("client_name: {maxLength: 3}", "abc", "abc"),
        ("client_name: {maxLength: 3}", "abcd", REFUSED),
        ("client_name: {maxLength: 3}", "äöü", "äöü"),
        ("client_name: {pattern: '^[a-z]+$'}", "abc", "abc"),
        ("client_name: {pattern: '^[a-z]+$'}", "abc1", REFUSED),
        ("client_name: {allow: [one, two], onExcess: strip}", "three", None),
        ("client_name: {allow: [one, two], onExcess: strip, required: true}", "three", REFUSED),
        ("client_name: {allow: [one, two], default: two, onExcess: strip}", "three", "two"),
        # dpop_bound_access_tokens: a yes or no
        ("dpop_bound_access_tokens: {set: false}", True, False),
        ("dpop_bound_access_tokens: {default: true}", None, True),
        ("dpop_bound_access_tokens: {default: true}", False, False),
        ("dpop_bound_access_tokens: {allow: [true]}", False, REFUSED),
        ("dpop_bound_access_tokens: {allow: [true]}", None, None),
        ("dpop_bound_access_tokens: {required: true}", False, False),
        ("dpop_bound_access_tokens: {remove: true}", False, None),
        ("dpop_bound_access_tokens: {allow: [true], onExcess: strip}", False, None),
        # links
        ("client_uri: {sameHostAsRedirect: true}", "https://127.0.0.1/about", "https://127.0.0.1/about"),
        ("client_uri: {sameHostAsRedirect: true}", "https://elsewhere.example/", REFUSED),
        ("client_uri: {sameHostAsRedirect: true, onExcess: strip}", "https://elsewhere.example/", None),
        # A link that is dropped was not sent: the default stands in where it is at home, and what is required is missing.
        ("client_uri: {required: true, sameHostAsRedirect: true, onExcess: strip}", "https://elsewhere.example/", REFUSED),
        ("client_uri: {required: true, sameHostAsRedirect: true, onExcess: strip}", "https://127.0.0.1/a", "https://127.0.0.1/a"),
        ("client_uri: {default: 'https://127.0.0.1/', sameHostAsRedirect: true, onExcess: strip}", "https://x.example", HOME),
        ("client_uri: {default: 'https://127.0.0.1/', sameHostAsRedirect: true, onExcess: strip, required: true}", None, HOME),
        ("client_uri: {default: 'https://x.example/', sameHostAsRedirect: true, onExcess: strip}", None, None),
        ("client_uri: {default: 'https://x.example/', sameHostAsRedirect: true, onExcess: strip, required: true}", None, REFUSED),
        ("client_uri: {maxLength: 9, sameHostAsRedirect: true, onExcess: strip}", "https://elsewhere.example/", None),
        ("logo_uri: {remove: true}", "https://elsewhere.example/", None),
        # What drops values drops them in every mode, the last one too; without a mode that refuses, that is all it does.
        ("scope: {allow: [a], onExcess: strip, mode: warn}", "a admin", "a"),
        ("scope: {allow: [a], onExcess: strip, mode: warn}", "admin", None),
        ("scope: {allow: [a], onExcess: strip, mode: audit}", "admin", None),
        ("scope: {allow: [a], onExcess: strip, enforceAfter: 2027-01-01T00:00:00Z}", "admin", None),
        ("scope: {allow: [a], onExcess: strip, enforceAfter: 2026-01-01T00:00:00Z}", "admin", REFUSED),
        ("contacts: {maxItems: 1, mode: warn}", ["a@b.example", "c@d.example"], ["a@b.example", "c@d.example"]),
        # What the RFC reads into nothing is all that can remain.
        ("grant_types: {allow: [refresh_token], onExcess: strip, mode: warn}", ["urn:x"], ["authorization_code"]),
        ("token_endpoint_auth_method: {allow: [none], onExcess: strip, mode: warn}", "private_key_jwt", "client_secret_basic"),
        # lists of texts
        ("contacts: {maxItems: 1}", ["a@b.example", "c@d.example"], REFUSED),
        ("jwks: {remove: true}", {"keys": []}, None),
        ("jwks: {required: true}", None, REFUSED),
    ],
)
def test_a_member_constraint(block: str, sent: object, effective: object) -> None:
    member = block.partition(":")[0]
    decision = registered(block, {member: sent})
    if effective is REFUSED:
        assert f"native/client.{member}" in rules(decision)
    else:
        assert decision.allowed, decision.violations
        assert decision.metadata.get(member) == effective


@pytest.mark.parametrize(
    ("matcher", "fits", "does_not"),
    [
        (
            "{uri: 'https://claude.ai/api/mcp/auth_callback'}",
            ["https://claude.ai/api/mcp/auth_callback"],
            [
                "https://claude.ai/api/mcp/auth_callback/",
                "https://claude.ai/api/mcp/auth_callback?x=1",
                "https://CLAUDE.ai/api/mcp/auth_callback",
                "https://claude.ai:443/api/mcp/auth_callback",
            ],
        ),
        (
            "{scheme: https, hosts: any}",
            [
                "https://a.example/",
                "https://a.example:8443/cb",
                "https://192.0.2.7/cb",
                "https://[2001:db8::1]/",
                "https://localhost/",
            ],
            ["http://localhost/", "cursor://a.example/"],
        ),
        (
            "{scheme: https, hosts: any, port: 8443, pathPrefix: /cb/}",
            ["https://a.example:8443/cb/1"],
            ["https://a.example/cb/1", "https://a.example:8443/cb"],
        ),
        (
            "{scheme: https, hosts: [good.example]}",
            ["https://good.example", "https://good.example/any/path?q=1", "https://GOOD.example/", "https://good.example:443/"],
            [
                "https://good.example.evil.test/",
                "https://evil-good.example/",
                "https://sub.good.example/",
                "https://good.example:8443/",
                "http://localhost/good.example",
                "com.good.example:/cb",
                "https://good.exampl\u0435/",
            ],
        ),
        (
            "{scheme: https, hosts: ['*.example.com'], pathPrefix: /oauth/}",
            ["https://a.example.com/oauth/cb", "https://a.b.example.com/oauth/"],
            [
                "https://example.com/oauth/cb",
                "https://aexample.com/oauth/cb",
                "https://a.example.com/oauth",
                "https://a.example.com/oauthx/cb",
                "https://a.example.com/",
                "https://a.example.com.evil.test/oauth/cb",
            ],
        ),
        (
            "{scheme: https, hosts: [good.example], path: /cb, port: 8443}",
            ["https://good.example:8443/cb", "https://good.example:8443/cb?x=1"],
            ["https://good.example/cb", "https://good.example:8443/cb/", "https://good.example:8443"],
        ),
        (
            "{scheme: https, hosts: [good.example], path: /}",
            ["https://good.example", "https://good.example/"],
            ["https://good.example/x"],
        ),
        (
            "{scheme: https, hosts: ['b\u00fccher.example']}",
            ["https://b\u00fccher.example/", "https://xn--bcher-kva.example/"],
            ["https://bucher.example/"],
        ),
        (
            "{scheme: https, hosts: ['[2001:db8::1]']}",
            ["https://[2001:db8::1]/", "https://[2001:DB8:0::1]/x"],
            ["https://[2001:db8::2]/"],
        ),
        (
            "{scheme: https, hosts: [192.0.2.7]}",
            ["https://192.0.2.7/"],
            ["https://192.0.2.70/", "https://7.192.0.2.7.example/"],
        ),
        (
            "{loopback: true}",
            ["http://localhost", "http://127.0.0.1:1/x", "http://127.9.9.9/", "http://[::1]:65535/", "http://LOCALHOST/"],
            ["https://localhost/", "cursor://localhost/"],
        ),
        (
            "{loopback: true, hosts: [127.0.0.1, '[::1]']}",
            ["http://127.0.0.1:1/x", "http://[::1]/"],
            ["http://localhost/", "http://127.0.0.2/"],
        ),
        (
            "{privateUseSchemes: [cursor, com.example.agent]}",
            ["cursor://anysphere.cursor-mcp/oauth/callback", "com.example.agent:/cb", "CURSOR://x"],
            ["vscode://x/cb", "cursorx://x", "https://cursor/"],
        ),
        (
            "{privateUseSchemes: any}",
            ["cursor://x/cb", "com.example.agent:/cb", "my-app:cb"],
            ["https://app.example/", "http://localhost/", "mailto:a@b.example", "urn:ietf:wg:oauth:2.0:oob"],
        ),
    ],
)
def test_a_redirect_matcher(matcher: str, fits: list[str], does_not: list[str]) -> None:
    policies = with_client(f"redirect_uris: {{allow: [{matcher}]}}")
    assert {uri: decided(policies, {"redirect_uris": [uri]}).allowed for uri in fits} == dict.fromkeys(fits, True)
    assert {uri: rules(decided(policies, {"redirect_uris": [uri]})) for uri in does_not} == {
        uri: ["native/client.redirect_uris"] for uri in does_not
    }


class TestRedirects:
    MIXED = ("https://evil.example/cb", CALLBACK, "cursor://x/cb")

    def test_one_uri_that_does_not_fit_refuses_them_all_and_is_named_by_its_place(self) -> None:
        decision = decided(
            with_client("redirect_uris: {allow: [{loopback: true}]}"), {"redirect_uris": [CALLBACK, "cursor://x/cb"]}
        )
        [finding] = decision.violations
        assert finding.message == "redirect_uris[1] is not allowed here"

    def test_strip_keeps_what_fits_byte_for_byte_and_in_order(self) -> None:
        policies = with_client("redirect_uris: {allow: [{privateUseSchemes: any}, {loopback: true}], onExcess: strip}")
        assert decided(policies, {"redirect_uris": list(self.MIXED)}).metadata["redirect_uris"] == [CALLBACK, "cursor://x/cb"]

    def test_strip_refuses_when_nothing_fits(self) -> None:
        policies = with_client("redirect_uris: {allow: [{loopback: true}], onExcess: strip}")
        assert rules(decided(policies, {"redirect_uris": ["https://evil.example/cb"]})) == ["native/client.redirect_uris"]

    def test_a_client_is_not_left_without_any_by_a_rule_that_only_warns(self) -> None:
        """Nothing that fits remains, and without a redirect URI there is no such client: the program says so itself."""
        policies = with_client("redirect_uris: {allow: [{loopback: true}], onExcess: strip, mode: warn}")
        decision = decided(policies, {"redirect_uris": ["https://evil.example/cb"]})
        assert rules(decision) == ["registrar/redirect_uris"]
        assert [finding.rule for finding in decision.warnings] == ["native/client.redirect_uris"]

    def test_what_a_rule_that_only_warns_drops_is_a_change(self) -> None:
        policies = with_client("redirect_uris: {allow: [{loopback: true}], onExcess: strip, mode: warn}")
        sent = {"redirect_uris": ["https://evil.example/cb"], "grant_types": ["client_credentials"]}
        decision = decided(policies, sent)
        assert decision.allowed, decision.violations
        assert decision.metadata["redirect_uris"] == []
        assert ("redirect_uris", "strip") in [(change.member, change.action) for change in decision.changes]

    def test_their_number_is_limited(self) -> None:
        policies = with_client("redirect_uris: {minItems: 2, maxItems: 2}")
        admitted = [decided(policies, {"redirect_uris": [f"{CALLBACK}{i}" for i in range(count)]}).allowed for count in (1, 2, 3)]
        assert admitted == [False, True, False]

    def test_a_client_without_redirection_may_be_asked_for_it(self) -> None:
        policies = with_client("redirect_uris: {required: true}")
        sent = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"}
        assert rules(decided(policies, sent)) == ["native/client.redirect_uris"]
        assert decided(with_client("client_name: {maxLength: 9}"), sent).metadata["redirect_uris"] == []


class TestLanguages:
    SENT: ClassVar = {"client_name": "Name", "client_name#fr": "Nom", "client_name#de-CH": "Name"}

    def test_a_constraint_holds_in_every_language(self) -> None:
        """Else a consent page in French would show what the rule refuses in English."""
        policies = with_client("client_name: {pattern: '^Name$'}")
        assert rules(decided(policies, {"redirect_uris": [CALLBACK], **self.SENT})) == ["native/client.client_name"]

    def test_remove_and_set_leave_no_language_behind(self) -> None:
        for block in ("client_name: {remove: true}", "client_name: {set: Registrar}"):
            metadata = registered(block, self.SENT).metadata
            assert [name for name in metadata if "#" in name] == []

    def test_strip_drops_the_languages_that_do_not_fit(self) -> None:
        metadata = registered("client_name: {allow: [Name], onExcess: strip}", self.SENT).metadata
        assert {name for name in metadata if name.startswith("client_name")} == {"client_name", "client_name#de-CH"}

    def test_a_foreign_link_in_one_language_is_refused(self) -> None:
        decision = registered("client_uri: {sameHostAsRedirect: true}", {"client_uri#fr": "https://elsewhere.example"})
        assert rules(decision) == ["native/client.client_uri"]

    def test_a_foreign_link_in_one_language_is_dropped_before_anything_else_is_said_of_it(self) -> None:
        block = "client_uri: {sameHostAsRedirect: true, maxLength: 9, onExcess: strip}"
        decision = registered(block, {"client_uri#fr": "https://elsewhere.example"})
        assert decision.allowed, decision.violations
        assert "client_uri#fr" not in decision.metadata

    def test_a_value_in_another_language_is_refused_where_it_is_not_listed(self) -> None:
        assert rules(registered("client_name: {allow: [Name]}", self.SENT)) == ["native/client.client_name"]


class TestResponseTypes:
    def test_they_follow_the_grants(self) -> None:
        sent = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"}
        decision = decided(with_client("response_types: {allow: [code], default: [code]}"), sent)
        assert decision.allowed, decision.violations
        assert decision.metadata["response_types"] == []

    @pytest.mark.parametrize(
        ("block", "sent", "effective"),
        [
            # Nobody has to have any.
            ("response_types: {allow: [code], default: [code], required: true, require: [code], minItems: 1}", None, []),
            ("response_types: {allow: [code]}", ["weird thing"], REFUSED),
            ("response_types: {allow: [code], onExcess: strip}", ["weird thing"], []),
            ("response_types: {allow: [code, other], onExcess: strip}", ["weird thing", "other"], ["other"]),
            ("response_types: {allow: [code], onExcess: strip, default: [code]}", ["weird thing"], []),
            ("response_types: {require: [code]}", ["weird thing"], REFUSED),
            ("response_types: {maxItems: 1}", ["weird thing", "other"], REFUSED),
            ("response_types: {maxItems: 1}", ["weird thing"], ["weird thing"]),
        ],
    )
    def test_those_that_a_client_without_redirection_sends_are_judged(self, block: str, sent: object, effective: object) -> None:
        """They mean nothing there, but an answer that has them says that the policy allows them."""
        machine = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"}
        decision = registered(block, {**machine, "response_types": sent})
        if effective is REFUSED:
            assert rules(decision) == ["native/client.response_types"]
        else:
            assert decision.allowed, decision.violations
            assert decision.metadata["response_types"] == effective

    def test_they_are_judged_where_the_grants_are_removed(self) -> None:
        """RFC 7591 §2: no grants are authorization_code, which redirects."""
        block = "grant_types: {remove: true}\nresponse_types: {allow: [token]}"
        assert rules(registered(block, {})) == ["native/client.response_types"]

    def test_the_grants_that_are_left_count(self) -> None:
        """The order of the keys in the file does not matter: grants are settled first."""
        block = (
            "response_types: {allow: [code], default: [code], onExcess: strip}\n"
            "grant_types: {allow: [authorization_code], onExcess: strip}"
        )
        decision = registered(block, {"grant_types": ["implicit", "authorization_code"], "response_types": ["token", "code"]})
        assert decision.allowed, decision.violations
        assert decision.metadata["response_types"] == ["code"]


class TestConstants:
    CONSTANTS = "{read: [a, b], hosts: [app.example], method: none, yes: true}"

    def test_they_stand_for_lists_and_values(self) -> None:
        block = (
            "scope: {allow: constants.read, default: constants.read}\n"
            "redirect_uris: {allow: [{scheme: https, hosts: constants.hosts}]}\n"
            "token_endpoint_auth_method: {set: constants.method}\n"
            "dpop_bound_access_tokens: {set: constants.yes}"
        )
        decision = registered(block, {"redirect_uris": ["https://app.example/"]}, self.CONSTANTS)
        assert decision.allowed
        assert decision.metadata["scope"] == "a b"
        assert decision.metadata["token_endpoint_auth_method"] == "none"
        assert decision.metadata["dpop_bound_access_tokens"] is True


class TestTraces:
    def test_every_change_is_told_with_its_place(self) -> None:
        block = (
            "scope: {allow: [a], onExcess: strip}\n"
            "client_name: {default: nobody}\n"
            "logo_uri: {remove: true}\n"
            "token_endpoint_auth_method: {set: none}"
        )
        decision = registered(
            block, {"scope": "a b", "logo_uri": "https://x.example", "token_endpoint_auth_method": "private_key_jwt"}
        )
        assert {(change.member, change.action, change.place and change.place.line) for change in decision.changes} == {
            ("grant_types", "default", None),
            ("response_types", "default", None),
            ("scope", "strip", 6),
            ("client_name", "default", 7),
            ("logo_uri", "remove", 8),
            ("token_endpoint_auth_method", "set", 9),
        }

    def test_a_document_that_is_as_it_should_be_is_not_changed(self) -> None:
        sent = {
            "scope": "a",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        assert registered("scope: {allow: [a], onExcess: strip}\ntoken_endpoint_auth_method: {set: none}", sent).changes == ()

    def test_the_finding_is_at_the_key_that_was_not_kept(self) -> None:
        decision = registered("client_name:\n  pattern: '^a'\n  maxLength: 2", {"client_name": "abc"})
        [finding] = decision.violations
        assert str(finding.place) == "profiles/native.yaml:8:7"
        assert finding.message == "client_name must have at most 2 characters"


def test_offers_are_what_some_profile_allows_in_the_policys_order() -> None:
    policies = compiled(
        {
            "policyset.yaml": head("profiles: [native, web]"),
            "profiles/native.yaml": profile(
                """
                matchConditions: [{name: native, expression: 'redirects.all(r, r.loopback)'}]
                client:
                  token_endpoint_auth_method: {set: none}
                  grant_types: {allow: [authorization_code]}
                  response_types: {allow: [code]}
                  scope: {allow: [b, a]}
                """
            ),
            "profiles/web.yaml": profile(
                """
                client:
                  token_endpoint_auth_method: {allow: [client_secret_post, none]}
                  grant_types: {allow: [authorization_code, refresh_token]}
                  response_types: {allow: [code]}
                  scope: {allow: [a, c]}
                """,
                "web",
            ),
        }
    )
    offers = policies.offers
    assert offers.auth_methods == ("none", "client_secret_post")
    assert offers.grant_types == ("authorization_code", "refresh_token")
    assert offers.response_types == ("code",)
    assert offers.scopes == ("b", "a", "c")


def test_what_no_profile_limits_is_offered_as_the_program_can_do_it() -> None:
    offers = with_client("client_name: {required: true}").offers
    assert offers.auth_methods == ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
    assert offers.scopes == ()
