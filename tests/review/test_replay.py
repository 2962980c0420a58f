"""Deciding a request again, and in what two outcomes differ."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.policy import Lifetimes
from registrar.review.replay import EXAMPLES, Difference, Kind, Outcome, Tally, compare, decide_again, outcome_of
from tests.policy.trees import REQUEST, compiled, facts, head, profile

CLI = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"], "note": "hi"}

ALLOWED = Outcome(allowed=True, profile="p", metadata={"scope": "a b"}, lifetimes=Lifetimes(client=86_400))
AUDITED = replace(ALLOWED, audited=frozenset({"p/w"}))
DENIED = Outcome(allowed=False, profile="p", violations=frozenset({"p/one", "p/two"}))
FAILED = Outcome(allowed=False, errored=True, profile="p", violations=frozenset({"p/one"}))

RULES = st.frozensets(st.sampled_from(["p/one", "p/two", "q/three"]))
OUTCOMES = st.builds(
    Outcome,
    allowed=st.booleans(),
    profile=st.sampled_from("pq"),
    violations=RULES,
    warnings=RULES,
    audited=RULES,
    metadata=st.none() | st.dictionaries(st.sampled_from(["scope", "client_name", "client_name#fr"]), st.sampled_from("ab")),
    lifetimes=st.none() | st.builds(Lifetimes, client=st.sampled_from([0, 90])),
)


def told(old: Outcome, new: Outcome, **others: Any) -> list[tuple[str, str, str, str]]:
    return [(found.kind, found.name, found.old, found.new) for found in compare(old, new, **others)]


@given(OUTCOMES)
def test_an_outcome_does_not_differ_from_itself(outcome: Outcome) -> None:
    assert compare(outcome, outcome) == ()


@given(OUTCOMES, OUTCOMES)
def test_what_the_client_gets_differs_both_ways_or_neither(one: Outcome, other: Outcome) -> None:
    assert bool(compare(one, other)) == bool(compare(other, one))
    assert one.allowed == other.allowed or compare(one, other)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (ALLOWED, DENIED, [("refused", "p/one", "allow", "deny"), ("refused", "p/two", "allow", "deny")]),
        (ALLOWED, FAILED, [("refused", "p/one", "allow", "error")]),
        (DENIED, ALLOWED, [("admitted", "p/one", "deny", "allow"), ("admitted", "p/two", "deny", "allow")]),
        (replace(DENIED, violations=frozenset()), ALLOWED, [("admitted", "no rule", "deny", "allow")]),
        (DENIED, FAILED, [("reasons", "p/one", "deny", "error"), ("reasons", "p/two", "deny", "nothing")]),
        (DENIED, replace(DENIED, profile="q"), []),
        (ALLOWED, replace(ALLOWED, profile="q"), [("profile", "profile", "p", "q")]),
        (ALLOWED, replace(ALLOWED, metadata={"scope": "a"}), [("values", "scope", "", "")]),
        (ALLOWED, replace(ALLOWED, metadata=None, lifetimes=None), []),
        (ALLOWED, replace(ALLOWED, lifetimes=Lifetimes()), [("lifetimes", "lifetimes.client", "1d", "for ever")]),
        (ALLOWED, replace(ALLOWED, lifetimes=Lifetimes(86_400, 90)), [("lifetimes", "lifetimes.unused", "for ever", "90s")]),
        (ALLOWED, replace(ALLOWED, warnings=frozenset({"p/w"})), [("notes", "p/w", "nothing", "warn")]),
        (AUDITED, replace(ALLOWED, warnings=frozenset({"p/w"})), [("notes", "p/w", "audit", "warn")]),
    ],
    ids=lambda value: value[0][0] if isinstance(value, list) and value else "",
)
def test_each_kind_of_difference(old: Outcome, new: Outcome, expected: list[tuple[str, str, str, str]]) -> None:
    assert told(old, new) == expected


def test_values_tell_what_they_were() -> None:
    new = replace(ALLOWED, metadata={"grant_types": ("authorization_code",)})
    assert compare(ALLOWED, new) == (
        Difference(Kind.VALUES, "grant_types", "", "", (None, ["authorization_code"])),
        Difference(Kind.VALUES, "scope", "", "", ("a b", None)),
    )


def test_tuples_are_the_lists_that_were_stored() -> None:
    old = replace(ALLOWED, metadata={"jwks": {"keys": [{"kty": "EC"}]}, "contacts": ["a@b.example"]})
    new = replace(ALLOWED, metadata={"jwks": {"keys": ({"kty": "EC"},)}, "contacts": ("a@b.example",)})
    assert compare(old, new) == ()


def test_forms_in_many_languages_are_one_member() -> None:
    """Clients choose the languages; what is counted must not grow with them."""
    many = {f"client_name#{language}": "x" for language in ("de", "en", "fr")}
    assert told(replace(ALLOWED, metadata={}), replace(ALLOWED, metadata=many)) == [("values", "client_name", "", "")]


def test_members_that_are_hidden_are_not_compared() -> None:
    new = replace(ALLOWED, metadata={"scope": "a", "api_key": "[redacted]"})
    assert told(ALLOWED, new, hidden=frozenset({"api_key"})) == [("values", "scope", "", "")]


def test_a_tree_that_knows_other_members_takes_the_request_in_anew() -> None:
    """What the recorded tree did not know may be a member now."""
    recorded = facts(CLI)
    assert "note" not in recorded.metadata
    declared = compiled({"policyset.yaml": head("profiles: [native]\nextensions: {note: {type: string}}")})
    assert decide_again(declared, recorded, REQUEST).metadata == {
        **outcome_of(compiled().decide(recorded)).metadata,  # type: ignore[dict-item]
        "note": "hi",
    }


def test_a_request_that_the_intake_refuses_now_is_refused() -> None:
    declared = compiled({"policyset.yaml": head("profiles: [native]\nextensions: {note: {type: integer}}")})
    again = decide_again(declared, facts(CLI), REQUEST)
    assert (again.allowed, again.result, sorted(again.violations)) == (False, "deny", ["registrar/note"])


def test_a_rule_that_fails_at_run_time_is_an_error() -> None:
    rule = "{id: a, expression: '1 / size(client.contacts) > 0', message: m}"
    failing = compiled({"profiles/native.yaml": profile(f"validations: [{rule}]")})
    assert decide_again(failing, facts(CLI), REQUEST).result == "error"


def test_a_tally_counts_and_keeps_the_first_examples() -> None:
    tally = Tally()
    for number in range(10):
        tally.note(f"d{number}", compare(ALLOWED, DENIED) if number % 2 else ())
    tally.note("d10", compare(ALLOWED, replace(DENIED, violations=frozenset({"p/two"}))))
    assert (tally.subjects, tally.unchanged) == (11, 5)
    assert tally.kinds == {Kind.REFUSED: 6}
    (most, count), (other, fewer) = tally.most(Kind.REFUSED)
    assert (most[1], count.number, other[1], fewer.number) == ("p/two", 6, "p/one", 5)
    assert [subject for subject, _ in count.examples] == ["d1", "d3", "d5"]
    assert len(count.examples) == EXAMPLES
    assert tally.most(Kind.ADMITTED) == []


def test_a_decision_with_two_differences_of_a_kind_counts_once() -> None:
    tally = Tally()
    tally.note("d1", compare(ALLOWED, DENIED))
    assert (tally.kinds[Kind.REFUSED], len(tally.groups)) == (1, 2)


def test_limits_are_compared_by_what_they_count_a_client_under() -> None:
    old = Outcome(allowed=True, limits={"a/gone": "x", "a/same": "x", "a/other": "x"})
    new = Outcome(allowed=True, limits={"a/same": "x", "a/other": "y", "a/new": "x"})
    assert compare(old, new) == (
        Difference(Kind.LIMITS, "a/gone", "counted", "not counted"),
        Difference(Kind.LIMITS, "a/new", "not counted", "counted"),
        Difference(Kind.LIMITS, "a/other", "counted", "counted by another key", ("x", "y")),
    )
