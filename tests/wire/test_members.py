"""Documents reduced to known members, and made total for expressions: contract 2, 7 and 26."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.wire import MEMBERS, MemberKind, base_name, normalise, total

ZERO: dict[MemberKind, object] = {
    MemberKind.STRING: "",
    MemberKind.URI: "",
    MemberKind.STRINGS: (),
    MemberKind.SCOPE: "",
    MemberKind.BOOLEAN: False,
    MemberKind.INTEGER: 0,
    MemberKind.OBJECT: {},
}
NAMES = st.sampled_from([*MEMBERS, "client_name#fr", "logo_uri#zh-Hant", "resource", "client_name#", "x"])
VALUES = (
    st.none()
    | st.text(max_size=5)
    | st.lists(st.text(max_size=5), max_size=3)
    | st.booleans()
    | st.just({"keys": [{"kty": "EC"}]})
)


def test_2_unknown_members_are_ignored() -> None:
    """Contract 2: what is not known, or only looks known, is dropped without a word."""
    body = {
        "client_name": "x",
        "code_challenge_method": "S256",
        "resource": "https://mcp.example",
        "Client_Name": "y",
        "scope#fr": "z",
    }
    assert normalise(body) == {"client_name": "x"}


@pytest.mark.parametrize("absent", [None, "", []])
def test_2_26_null_and_empty_mean_absent(absent: object) -> None:
    """Contract 2 and 26: for every member, with and without a language."""
    assert normalise(dict.fromkeys([*MEMBERS, "client_name#fr"], absent)) == {}


@pytest.mark.parametrize("scope", ["", " ", "   ", None])
def test_26_a_scope_without_tokens_is_absent(scope: object) -> None:
    """Contract 26: clients join an empty list with spaces."""
    assert normalise({"scope": scope}) == {}


@pytest.mark.parametrize(
    ("member", "sent", "kept"),
    [
        ("scope", " mcp:read   mcp:read mcp:write ", "mcp:read mcp:write"),
        ("scope", "b a b", "b a"),
        ("grant_types", ["authorization_code", "refresh_token", "authorization_code"], ["authorization_code", "refresh_token"]),
        ("response_types", ["code", "code"], ["code"]),
        ("contacts", ["b@x.example", "a@x.example", "b@x.example"], ["b@x.example", "a@x.example"]),
        ("redirect_uris", ["http://localhost/", "http://localhost/"], ["http://localhost/", "http://localhost/"]),
    ],
)
def test_6_what_comes_twice_is_there_once(member: str, sent: object, kept: object) -> None:
    """Contract 6: RFC 6749 §3.3 has one space between two scopes. Redirect URIs are echoed as they came (contract 25)."""
    assert normalise({member: sent}) == {member: kept}


def test_25_values_stay_what_they_were() -> None:
    """Contract 25: the very objects of the body, false and zero among them, nothing trimmed and nothing defaulted."""
    body: dict[str, object] = {"redirect_uris": ["HTTP://LOCALHOST/"], "client_name": " x ", "dpop_bound_access_tokens": False}
    normalised = normalise(body)
    assert normalised == body
    assert normalised["redirect_uris"] is body["redirect_uris"]


@pytest.mark.parametrize(
    "name", ["client_name#fr", "client_uri#en-GB", "logo_uri#zh-Hant-TW", "tos_uri#x-pirate", "policy_uri#DE"]
)
def test_7_members_with_a_language_are_kept(name: str) -> None:
    """Contract 7: with their full names (RFC 7591 §2.2)."""
    assert normalise({name: "x"}) == {name: "x"}
    assert base_name(name) == name.partition("#")[0]
    assert total({name: "x"})["localized"] == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        "client_name#",
        "client_name#-fr",
        "client_name#fr-",
        "client_name#français",
        "client_name#fr\n",
        "client_name#toolongsubtag",
        "client_name#fr#de",
        "client_name#" + "-".join(["fr"] * 13),
        "redirect_uris#fr",
        "jwks_uri#fr",
        "#fr",
    ],
)
def test_7_what_is_no_language_makes_no_member(name: str) -> None:
    """Contract 7: a malformed tag, or a member that has no languages, is an unknown member (RFC 5646 §2.1 and §4.4.1)."""
    assert base_name(name) is None
    assert normalise({name: "x"}) == {}


def test_a_total_document_has_every_member_with_its_type() -> None:
    """An expression may read any member of any client."""
    client = total({})
    assert client == {**{name: ZERO[member.kind] for name, member in MEMBERS.items()}, "localized": {}}
    assert {name: type(value) for name, value in client.items() if name != "localized"} == {
        name: type(ZERO[member.kind]) for name, member in MEMBERS.items()
    }


def test_total_documents_share_nothing_that_can_change() -> None:
    """Decisions run in many threads at once."""
    source: dict[str, Any] = {"jwks": {"keys": [{"kty": "EC", "x5c": ["a"]}]}, "contacts": ["a"]}
    client: dict[str, Any] = total(source)
    assert client["jwks"] == {"keys": ({"kty": "EC", "x5c": ("a",)},)}
    assert client["contacts"] == ("a",)
    source["jwks"]["keys"][0]["kty"] = "RSA"
    client["localized"]["client_name#fr"] = "x"
    assert client["jwks"]["keys"][0]["kty"] == "EC"
    assert total({})["jwks"] is not total({})["jwks"]
    assert total({})["localized"] == {}


def test_total_documents_have_no_unknown_members() -> None:
    """A document from elsewhere brings no name that the checker of expressions does not know."""
    assert total({"resource": "https://mcp.example"}) == total({})


def test_every_member_names_its_source() -> None:
    """Names and sources of the vocabulary: the mapping is keyed by name and cannot be changed."""
    assert all(member.name == name and (member.source.startswith(("RFC ", "OpenID "))) for name, member in MEMBERS.items())
    assert {name for name, member in MEMBERS.items() if member.localizable} == {
        "client_name",
        "client_uri",
        "logo_uri",
        "tos_uri",
        "policy_uri",
    }
    with pytest.raises(TypeError):
        MEMBERS["x"] = MEMBERS["scope"]  # type: ignore[index]  # what is tested


REPEATABLE = ("grant_types", "response_types", "contacts")


def pieces(value: object) -> list[object]:
    """What a scope or a list says, each thing once."""
    parts = value.split(" ") if isinstance(value, str) else value if isinstance(value, list) else [value]
    return [part for index, part in enumerate(parts) if part not in parts[:index] and part != ""]


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES))
def test_2_7_normalising_keeps_exactly_the_known_members_with_a_value(body: dict[str, object]) -> None:
    """Contract 2 and 7: nothing is invented, changed or lost but what is there twice, and doing it again changes nothing."""
    normalised = normalise(body)
    expected = {name for name, value in body.items() if base_name(name) and value not in (None, "", [])}
    assert expected - set(normalised) <= {"scope"}
    assert set(normalised) <= expected
    assert all(normalised[name] is body[name] for name in normalised.keys() - {"scope", *REPEATABLE})
    assert all(pieces(normalised[name]) == pieces(body[name]) for name in normalised.keys() & {"scope", *REPEATABLE})
    assert normalise(normalised) == normalised
    assert set(total(normalised)) == {*MEMBERS, "localized"}
