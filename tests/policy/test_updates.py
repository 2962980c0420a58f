"""Updates (RFC 7592): a client stays under the profile that admitted it, unless another one says that it takes such clients."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from registrar.policy import Decision, PolicySet
from registrar.wire import ErrorCode
from tests.policy.trees import compiled, facts, head, profile, rules

WEB: Mapping[str, object] = {"redirect_uris": ["https://app.example/cb"]}
NATIVE: Mapping[str, object] = {"redirect_uris": ["http://127.0.0.1/cb"]}


def two_profiles(accept: str = "") -> PolicySet:
    """`native` for loopback, and `web`, which accepts from `accept`, for the rest."""
    return compiled(
        {
            "policyset.yaml": head("profiles: [native, web]"),
            "profiles/native.yaml": profile("matchConditions: [{name: a, expression: 'redirects.all(r, r.loopback)'}]"),
            "profiles/web.yaml": profile(accept or "{}", "web"),
        }
    )


def updated(policies: PolicySet, body: Mapping[str, object], profile_before: str) -> Decision:
    existing = facts(NATIVE).metadata
    return policies.decide(replace(facts(body), operation="update", existing=existing, existing_profile=profile_before))


def test_an_update_under_the_same_profile_is_decided_like_a_registration() -> None:
    decision = updated(two_profiles(), NATIVE, "native")
    assert decision.allowed
    assert decision.profile == "native"


@pytest.mark.parametrize("before", ["native", "gone", ""])
def test_an_update_must_not_carry_a_client_to_another_profile(before: str) -> None:
    """Whatever profile it was, also one that is no longer there."""
    decision = updated(two_profiles(), WEB, before)
    assert not decision.allowed
    assert rules(decision) == ["web/accept-from"]
    [finding] = decision.violations
    assert finding.code is ErrorCode.INVALID_CLIENT_METADATA
    assert finding.place is not None
    assert finding.place.file == "profiles/web.yaml"


@pytest.mark.parametrize("before", ["native", "renamed"])
def test_a_profile_may_accept_clients_of_others(before: str) -> None:
    """Of profiles that were renamed as well."""
    assert updated(two_profiles("acceptFrom: [renamed, native]"), WEB, before).allowed


def test_whom_no_profile_takes_is_refused_as_ever() -> None:
    policies = compiled({"profiles/native.yaml": profile("matchConditions: [{name: a, expression: 'false'}]")})
    assert rules(updated(policies, NATIVE, "native")) == ["t/no-match"]


def test_a_registration_has_no_profile_to_keep_to() -> None:
    assert two_profiles().decide(facts(WEB)).allowed


@pytest.mark.parametrize(("spec", "reused"), [("reuseIdentical: true", True), ("reuseIdentical: false", False), ("{}", False)])
def test_a_profile_says_whether_identical_clients_are_one(spec: str, *, reused: bool) -> None:
    assert compiled({"profiles/native.yaml": profile(spec)}).decide(facts(NATIVE)).reuse_identical is reused
