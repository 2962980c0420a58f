"""From a document to its facts: contract 1, 2, 20, 21 before any policy is asked."""

from collections.abc import Mapping
from itertools import product

import pytest

from registrar.policy import MalformedError, take_in
from registrar.wire import ErrorCode, error_code
from tests.policy.trees import REQUEST

CALLBACK = "http://localhost/cb"
TAGS = ["".join(letters) for letters in product("abcdefghijklmno", repeat=3)]


def faults(body: Mapping[str, object]) -> list[tuple[str, str]]:
    with pytest.raises(MalformedError) as caught:
        take_in(body, REQUEST)
    return [(fault.code, fault.member) for fault in caught.value.faults]


def test_null_and_empty_mean_absent_and_unknown_members_are_ignored() -> None:
    """Contract 2 and 26."""
    intake = take_in(
        {
            "redirect_uris": [CALLBACK],
            "scope": "",
            "client_name": None,
            "contacts": [],
            "resource": {"a": 1},
            "code_challenge_method": 7,
        },
        REQUEST,
    )
    assert intake.metadata == {"redirect_uris": [CALLBACK]}
    assert [redirect.uri for redirect in intake.redirects] == [CALLBACK]


@pytest.mark.parametrize(
    ("body", "code", "member"),
    [
        ({"client_name": 5}, ErrorCode.INVALID_CLIENT_METADATA, "client_name"),
        ({"redirect_uris": CALLBACK}, ErrorCode.INVALID_REDIRECT_URI, "redirect_uris"),
        ({"redirect_uris": [5]}, ErrorCode.INVALID_REDIRECT_URI, "redirect_uris"),
        ({"redirect_uris": [None]}, ErrorCode.INVALID_REDIRECT_URI, "redirect_uris"),
        ({"software_statement": {}}, ErrorCode.INVALID_SOFTWARE_STATEMENT, "software_statement"),
        ({"client_name#fr": 5}, ErrorCode.INVALID_CLIENT_METADATA, "client_name"),
        ({"scope": ["a"]}, ErrorCode.INVALID_CLIENT_METADATA, "scope"),
        ({"redirect_uris": ["http://evil.example/"]}, ErrorCode.INVALID_REDIRECT_URI, "redirect_uris"),
    ],
)
def test_the_failing_member_chooses_the_error_code(body: Mapping[str, object], code: ErrorCode, member: str) -> None:
    """Contract 11: the code of RFC 7591 that fits what is wrong."""
    assert faults(body) == [(code, member)]


def test_every_fault_of_a_step_is_told_at_once() -> None:
    assert faults({"redirect_uris": ["http://evil.example/", CALLBACK, "javascript://localhost/"], "scope": 'a"b'}) == [
        (ErrorCode.INVALID_REDIRECT_URI, "redirect_uris"),
        (ErrorCode.INVALID_REDIRECT_URI, "redirect_uris"),
        (ErrorCode.INVALID_CLIENT_METADATA, "scope"),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"redirect_uris": [1] * 30_000}, {"redirect_uris": 1}),
        ({"redirect_uris": [""] * 50, "scope": 1}, {"redirect_uris": 10, "scope": 1}),
        ({"redirect_uris": [1] * 50, "client_name": 1}, {"client_name": 1, "redirect_uris": 10}),
        ({"redirect_uris": [1] * 60, "software_statement": 1}, {"redirect_uris": 1, "software_statement": 1}),
        ({"jwks": {"keys": [{"kty": 1, "kid": 2}] * 100}, "redirect_uris": {}}, {"jwks": 10, "redirect_uris": 1}),
        ({"jwks": {"keys": [{"kty": 1, "kid": 2}] * 101}}, {"jwks": 1}),
        ({f"tos_uri#{tag}": 1 for tag in TAGS}, {"": 1}),
        ({**{f"tos_uri#{tag}": None for tag in TAGS}, "scope": 1}, {"scope": 1}),
    ],
    ids=lambda value: ",".join(value)[:30],
)
def test_thousands_of_mistakes_are_a_few_faults(body: Mapping[str, object], expected: Mapping[str, int]) -> None:
    """Each member with a mistake is named, so the first one's code is right; the order of members makes no difference."""
    for told in (faults(body), faults(dict(reversed(list(body.items()))))):
        assert told == [(error_code(member), member) for member, number in expected.items() for _ in range(number)]


@pytest.mark.parametrize(("languages", "fine"), [(32, True), (33, False)])
def test_the_number_of_languages_is_bounded(languages: int, fine: bool) -> None:
    """Else a client could make the operator's rules run out of their budget, and the answer would blame the operator."""
    body = {f"client_name#a{chr(97 + n // 26)}{chr(97 + n % 26)}": "n" for n in range(languages)}
    if fine:
        assert len(take_in(body, REQUEST).metadata) == languages
    else:
        assert faults(body) == [(ErrorCode.INVALID_CLIENT_METADATA, "")]


@pytest.mark.parametrize("name", ["bücher{}.example", "xn--bcher{}-kva.example", "XN--bcher{}-kva.example", "日本{}.例え:8443"])
def test_the_number_of_hosts_outside_ascii_is_bounded(name: str) -> None:
    """IDNA takes milliseconds for a name. Ten different ones are fine, each as often as one likes, whatever they stand in."""
    hosts = [name.format(letter * 3) for letter in "abcdefghijk"]
    too_many = {"redirect_uris": [f"https://{host}/cb" for host in hosts]}
    spread = {f"tos_uri#{tag}": f"http://{host}" for tag, host in zip(TAGS, hosts[1:], strict=False)} | {
        "jwks_uri": f"https://{hosts[0]}"
    }
    for body in (too_many, spread, {"redirect_uris": [f"app://{host}/{n}" for n in range(2) for host in hosts]}):
        assert faults(body) == [(ErrorCode.INVALID_CLIENT_METADATA, "")]
    if "bcher" not in name:  # not one of these is the A-label of anything
        fine = {"redirect_uris": [f"https://{host}/{n}" for n in range(5) for host in hosts[:10]], "client_name": "日本"}
        assert len(take_in(fine, REQUEST).redirects) == 50


def test_7_one_language_has_one_name() -> None:
    """RFC 7591 §2.2: tags are the same in any case. Whichever the consent page took, another one was judged."""
    body = {"redirect_uris": [CALLBACK], "client_name#en-gb": "a", "client_name#EN-GB": "b", "tos_uri#de": "https://x.example/"}
    assert faults(body) == [(ErrorCode.INVALID_CLIENT_METADATA, "client_name")]
    assert faults({**body, "tos_uri#De": "", "tos_uri#DE": "https://x.example/"}) == [
        (ErrorCode.INVALID_CLIENT_METADATA, "client_name"),
        (ErrorCode.INVALID_CLIENT_METADATA, "tos_uri"),
    ]
    assert len(take_in({**body, "client_name#EN-GB": None, "client_name#en": "c"}, REQUEST).metadata) == 4


def test_a_fault_has_no_byte_of_the_document() -> None:
    """Contract 11: answers never echo input."""
    secret = "q7Zk-never-to-be-seen"
    for body in (
        {"client_name": {secret: secret}},
        {"redirect_uris": [f"https://{secret}@host.example/"]},
        {"redirect_uris": [f"{secret}://x/*"]},
        {"scope": f'"{secret}'},
        {"client_name#fr": [secret]},
    ):
        with pytest.raises(MalformedError) as caught:
            take_in(body, REQUEST)
        assert secret not in str(caught.value)
