"""Contract 15 to 19: clients read, replace and delete their registration (RFC 7592)."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from registrar.schema import Schema
from tests.http.managed import DAY, HOSTED, KIOSK, NATIVE, Life, living
from tests.http.test_contract_registration import JSON, NAMES

ANSWER = Schema.load("registration-response")
POST = {**NATIVE, "token_endpoint_auth_method": "client_secret_post"}


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """The app as it is by default."""
    with living(tmp_path) as running:
        yield running


@pytest.fixture
def rotating(tmp_path: Path) -> Iterator[Life]:
    """The app with both rotations."""
    with living(tmp_path, rotate_registration_token=True, rotate_client_secret=True) as running:
        yield running


def told(result: testing.Result, status: int = 200) -> Mapping[str, Any]:
    """The answer of a request that succeeded, checked for what every one has."""
    assert result.status_code == status, result.text
    assert result.headers["content-type"] == "application/json"
    unstored(result)
    answer: Mapping[str, Any] = result.json
    assert ANSWER.problems(answer, echo=True) == []
    assert {None, ""}.isdisjoint(value for value in answer.values() if isinstance(value, str | None))
    return answer


def refused(result: testing.Result, status: int, code: str) -> str:
    """The description of a refusal."""
    assert (result.status_code, result.json["error"]) == (status, code), result.text
    unstored(result)
    return str(result.json["error_description"])


def unstored(result: testing.Result) -> None:
    """No cache keeps it."""
    assert result.headers["cache-control"] == "no-store"
    assert result.headers["pragma"] == "no-cache"


# 15: the three requests


def test_contract_15_get_answers_the_registration_without_its_secret(life: Life) -> None:
    """200, and RFC 7592 §3: everything that is registered, with address and token; of the secret only the digest is kept."""
    client = life.register()
    answer = told(life.get(client))
    assert {**answer, "client_secret": client["client_secret"]} == dict(client)
    assert client["registration_client_uri"] == f"https://as.example/register/{client['client_id']}"


def test_contract_15_put_answers_the_registration_as_it_is_now(life: Life) -> None:
    """200; the id and when it was issued stay, a decision is named, and GET says the same afterwards."""
    client = life.register()
    result = life.put(client, {**HOSTED, "client_name": "my app", "scope": "mcp:read mcp:tools"})
    answer = told(result)
    assert answer["scope"] == "mcp:read mcp:tools"
    assert (answer["client_id"], answer["client_id_issued_at"]) == (client["client_id"], client["client_id_issued_at"])
    assert answer["registration_access_token"] == client["registration_access_token"]
    assert "client_secret" not in answer
    assert dict(answer) == dict(told(life.get(client)))
    assert life.stored(client).decision_id == result.headers["registrar-decision-id"]


def test_contract_15_delete_answers_nothing(life: Life) -> None:
    """204 without a body."""
    result = life.delete(life.register())
    assert (result.status_code, result.content) == (204, b"")
    unstored(result)


def test_contract_15_other_methods_are_405(life: Life) -> None:
    """With the three, and OPTIONS, in Allow."""
    result = life.ask("POST", life.register(), json={})
    refused(result, 405, "invalid_request")
    assert {"GET", "PUT", "DELETE"} <= set(result.headers["allow"].split(", "))


def test_contract_15_an_issuer_with_a_path_has_the_endpoint_under_both_paths(tmp_path: Path) -> None:
    """The address that is told has the issuer's path; a proxy may cut it off."""
    with living(tmp_path, issuer="https://as.example/tenant") as life:
        client = life.register()
        assert client["registration_client_uri"] == f"https://as.example/tenant/register/{client['client_id']}"
        told(life.get(client))
        told(life.get({**client, "registration_client_uri": f"/register/{client['client_id']}"}))


def test_contract_10_and_15_without_management_there_is_no_endpoint_and_no_token(tmp_path: Path) -> None:
    """They come together or not at all; a token that was given out before is not taken."""
    with living(tmp_path) as life:
        client = life.register()
    with living(tmp_path, management=False) as life:
        assert not {"registration_client_uri", "registration_access_token"} & set(life.register())
        refused(life.get(client), 404, "invalid_request")


def test_contract_14_and_15_browsers_may_manage_their_clients(life: Life) -> None:
    """The preflight names the methods."""
    headers = {"Origin": "https://inspector.example", "Access-Control-Request-Method": "PUT"}
    preflight = life.app.client.simulate_options("/register/x", headers=headers)
    assert {"GET", "PUT", "DELETE"} <= set(preflight.headers["access-control-allow-methods"].split(", "))


# 16: who may


METHODS = ["GET", "PUT", "DELETE"]


@pytest.mark.parametrize("method", METHODS)
def test_contract_16_a_wrong_token_an_unknown_client_and_a_gone_one_are_the_same_401(life: Life, method: str) -> None:
    """Byte for byte, with RFC 6750's challenge: nobody learns which clients there are."""
    client, deleted, expired = life.register(), life.register(), life.register()
    assert life.delete(deleted).status_code == 204
    life.clock.pass_by(2 * DAY)  # `unused` is a day
    fresh = life.register()
    elsewhere = [f"https://as.example/register/{name}" for name in ("", "nobody", "x" * 10_000, "a%00b", "%0d%0a", "%ff", "é")]
    asked = [
        {**fresh, "registration_access_token": "wrong"},
        {**fresh, "registration_access_token": fresh["registration_access_token"].swapcase()},
        deleted,
        expired,
        client,
        *({**fresh, "registration_client_uri": uri, "registration_access_token": "wrong"} for uri in elsewhere),
    ]
    answers = [life.ask(method, one, json={**HOSTED, "client_id": one["client_id"]}) for one in asked]
    for answer in answers:
        refused(answer, 401, "invalid_token")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert (answer.content, answer.headers) == (answers[0].content, answers[0].headers)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("authorization", [None, "", "Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "bearer\t"])
def test_contract_16_no_bearer_token_is_401(life: Life, method: str, authorization: str | None) -> None:
    """RFC 6750 §3: also before a body is read that would be refused."""
    client = life.register()
    headers = {} if authorization is None else {"Authorization": authorization}
    result = life.ask(method, client, headers=headers, body=b"no JSON" if method == "PUT" else None)
    if result.status_code != 415:
        refused(result, 401, "invalid_token")
        assert result.headers["www-authenticate"].startswith("Bearer")
    assert life.stored(client).status == "active"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["access_token", "access%5Ftoken"])
def test_contract_16_a_token_in_the_query_is_refused(life: Life, method: str, name: str) -> None:
    """RFC 6750 §2.3 allows it, with warnings; here it is 400, even beside a good one in the header."""
    client = life.register()
    query = f"{name}={client['registration_access_token']}"
    refused(life.ask(method, client, query_string=query, json={}), 400, "invalid_request")
    assert life.stored(client).status == "active"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("there", [True, False])
def test_contract_16_a_right_token_on_the_wrong_client_is_revoked(
    life: Life, method: str, there: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """RFC 7592 §2.1: wherever else it is shown, whether there is a client or not. The other client keeps its own."""
    mine, other = life.register(), life.register()
    uri = other["registration_client_uri"] if there else "https://as.example/register/nobody"
    refused(life.ask(method, {**mine, "registration_client_uri": uri}, json={**HOSTED, "client_id": "x"}), 401, "invalid_token")
    refused(life.get(mine), 401, "invalid_token")
    told(life.get(other))
    (event,) = life.events(mine)
    assert event == {
        "version": 1,
        "event": "management_token_revoked",
        "by": "client",
        "reason": "presented at the address of another client",
    }
    assert life.clients.authenticate(mine["client_id"], mine["client_secret"])
    assert "client changed" in caplog.text
    assert mine["registration_access_token"] not in caplog.text


def test_contract_16_a_profile_that_does_not_accept_the_client_is_403(life: Life) -> None:
    """The policy's `acceptFrom`: a hosted client cannot become a native one, while a native one may become hosted."""
    hosted, native = life.register(HOSTED), life.register(NATIVE)
    refused(life.put(hosted, NATIVE), 403, "invalid_client_metadata")
    assert life.stored(hosted).profile == "hosted"
    told(life.put(native, HOSTED))
    assert life.stored(native).profile == "hosted"


def test_contract_16_what_the_policy_says_no_to_is_400_and_changes_nothing(life: Life) -> None:
    """With the code of RFC 7591; the refusal is recorded, under the client's id."""
    client = life.register()
    before = life.stored(client)
    result = life.put(client, {**HOSTED, "client_name": "ACME"})
    assert "reserved name" in refused(result, 400, "invalid_client_metadata")
    refused(life.put(client, {"redirect_uris": ["https://app.example/#x"]}), 400, "invalid_redirect_uri")
    assert life.stored(client) == before
    record = life.app.decision(result)
    assert (record["result"], record["client_id"], record["facts"]["operation"]) == ("deny", client["client_id"], "update")


@pytest.mark.parametrize("method", METHODS)
def test_contract_16_a_disabled_client_is_told_so(life: Life, method: str) -> None:
    """403: with the right token it may know. It can neither change nor remove what an administrator looks into."""
    client = life.register()
    assert life.clients.disable(client["client_id"], by="admin:7")
    refused(life.ask(method, client, json={**HOSTED, "client_id": client["client_id"]}), 403, "access_denied")
    assert life.stored(client).status == "disabled"
    assert life.clients.enable(client["client_id"], by="admin:7")
    told(life.get(client))


def test_contract_16_a_shared_client_manages_nothing(life: Life) -> None:
    """Whoever registered it again could change it for all: it gets no token."""
    kiosk = life.register(KIOSK)
    assert not {"registration_client_uri", "registration_access_token"} & set(kiosk)
    assert life.register(KIOSK)["client_id"] == kiosk["client_id"]


# 17: what a PUT says


def test_contract_17_what_is_left_out_is_deleted_or_takes_its_default(life: Life) -> None:
    """Full replacement, with the policy's defaults and the RFC's."""
    client = life.register({**NATIVE, "contacts": ["a@app.example"], "client_name#fr": "le mien", "scope": "mcp:tools"})
    answer = told(life.put(client, {"redirect_uris": NATIVE["redirect_uris"]}))
    assert not {"client_name", "client_name#fr", "contacts"} & set(answer)
    assert answer["scope"] == "mcp:read"
    assert answer["grant_types"] == ["authorization_code", "refresh_token"]
    assert dict(life.stored(client).metadata).keys() == answer.keys() - {
        "client_id",
        "client_id_issued_at",
        "registration_client_uri",
        "registration_access_token",
    }


@pytest.mark.parametrize("client_id", [None, "", "another", 7, ["x"], "x" * 10_000])
def test_contract_17_the_client_id_is_there_and_equal(life: Life, client_id: object) -> None:
    """RFC 7592 §2.2."""
    result = life.put(life.register(), {**HOSTED, "client_id": client_id})
    assert "client_id must be" in refused(result, 400, "invalid_client_metadata")


@pytest.mark.parametrize(
    "name",
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"],
)
def test_contract_17_what_the_server_says_must_not_be_sent(life: Life, name: str) -> None:
    """Each of the four, though it be what the server itself said, and with any value but nothing (contract 2)."""
    client = life.register()
    assert name in refused(life.put(client, {**HOSTED, name: client[name]}), 400, "invalid_client_metadata")
    refused(life.put(client, {**HOSTED, name: 0}), 400, "invalid_client_metadata")
    told(life.put(client, {**HOSTED, name: None}))


def test_contract_17_every_mistake_is_told_at_once(life: Life) -> None:
    """The whole answer of a registration, sent back with another secret."""
    client = life.register()
    description = refused(life.ask("PUT", client, json={**client, "client_secret": "mine"}), 400, "invalid_client_metadata")
    assert "registration_access_token" in description
    assert "client_secret must be" in description
    assert client["client_secret"] not in description


def test_contract_17_a_secret_that_is_sent_is_the_present_one(life: Life) -> None:
    """A client cannot choose its secret; one without a secret cannot send any."""
    client, native = life.register(), life.register(NATIVE)
    told(life.put(client, {**HOSTED, "client_secret": client["client_secret"]}))
    for wrong in ("mine", 7, [client["client_secret"]], client["client_secret"][:-1]):
        refused(life.put(client, {**HOSTED, "client_secret": wrong}), 400, "invalid_client_metadata")
    refused(life.put(native, {**NATIVE, "client_secret": "mine"}), 400, "invalid_client_metadata")


def test_contract_17_the_policy_decides_again(life: Life) -> None:
    """With `operation` and `existing`; the client names the decision that made it what it is, and the record verifies."""
    client = life.register()
    result = life.put(client, {**HOSTED, "client_name": "renamed", "contacts": ["a@app.example"]})
    told(result)
    assert result.headers["registrar-warning"] == '"names/keeps-its-name: client_name changes"'
    stored, record = life.stored(client), life.app.decision(result)
    assert stored.policy_revision == life.app.policies.revision
    assert record["facts"]["existing"] == {"profile": "hosted", "metadata": {**record["facts"]["existing"]["metadata"], **HOSTED}}
    assert "client_secret" not in record["facts"]["also_submitted"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"", b'{"client_id": "x", "client_id": "y"}', b"\xff", b"NaN"])
def test_contract_17_a_body_is_read_as_strictly_as_a_registrations(life: Life, body: bytes) -> None:
    """Contract 1, on PUT."""
    client = life.register()
    headers = {"Authorization": f"Bearer {client['registration_access_token']}", "Content-Type": "application/json"}
    refused(life.ask("PUT", client, body=body, headers=headers), 400, "invalid_client_metadata")
    refused(life.ask("PUT", client, body=body, headers={**headers, "Content-Type": "text/plain"}), 415, "invalid_request")


# 18: credentials


def test_contract_18_a_method_that_newly_needs_a_secret_gets_one(life: Life) -> None:
    """And it works."""
    client = life.register(NATIVE)
    answer = told(life.put(client, POST))
    assert len(answer["client_secret"]) == 43
    assert answer["client_secret_expires_at"] == 0
    assert life.clients.authenticate(client["client_id"], answer["client_secret"])


def test_contract_18_a_method_that_needs_no_secret_loses_it(life: Life) -> None:
    """At once, with its predecessor."""
    client = life.register(POST)
    answer = told(life.put(client, NATIVE))
    assert not {"client_secret", "client_secret_expires_at"} & set(answer)
    assert not life.clients.authenticate(client["client_id"], client["client_secret"])
    assert life.stored(client).secret_hash is None


def test_contract_18_without_rotation_credentials_stay(life: Life) -> None:
    """No answer but the first has the secret."""
    client = life.register()
    answer = told(life.put(client, HOSTED))
    assert answer["registration_access_token"] == client["registration_access_token"]
    assert "client_secret" not in answer
    assert answer["client_secret_expires_at"] == client["client_secret_expires_at"]
    assert life.clients.authenticate(client["client_id"], client["client_secret"])


def test_contract_18_a_rotated_token_is_used_and_its_predecessor_is_void(rotating: Life) -> None:
    """The first use of the new one ends the old one, which is then anybody's wrong token."""
    client = rotating.register()
    answer = told(rotating.put(client, HOSTED))
    assert answer["registration_access_token"] != client["registration_access_token"]
    told(rotating.get(answer))
    refused(rotating.get(client), 401, "invalid_token")
    told(rotating.get(answer))


def test_contract_18_a_lost_answer_strands_nobody(rotating: Life) -> None:
    """The client never saw what it was given, asks again with what it has, as often as that takes, and gets through."""
    client = rotating.register()
    for _ in range(3):
        told(rotating.put(client, HOSTED))  # lost
    assert rotating.clients.authenticate(client["client_id"], client["client_secret"])
    told(rotating.get(client))
    answer = told(rotating.put(client, HOSTED))
    assert rotating.clients.authenticate(client["client_id"], answer["client_secret"])
    told(rotating.get(answer))
    refused(rotating.get(client), 401, "invalid_token")
    assert not rotating.clients.authenticate(client["client_id"], client["client_secret"])


def test_contract_18_the_old_secret_works_until_the_new_one_is_used(rotating: Life) -> None:
    """Whichever comes first at the token endpoint."""
    client = rotating.register()
    answer = told(rotating.put(client, HOSTED))
    authenticate, client_id = rotating.clients.authenticate, client["client_id"]
    assert authenticate(client_id, client["client_secret"])
    assert authenticate(client_id, answer["client_secret"])
    assert not authenticate(client_id, client["client_secret"])
    assert authenticate(client_id, answer["client_secret"])


def test_contract_18_showing_the_new_secret_is_using_it(rotating: Life) -> None:
    """In the body of the next PUT: the one before it is then the one that stays valid."""
    first = rotating.register()
    second = told(rotating.put(first, HOSTED))
    told(rotating.put(second, {**HOSTED, "client_secret": second["client_secret"]}))
    assert not rotating.clients.authenticate(first["client_id"], first["client_secret"])
    assert rotating.clients.authenticate(first["client_id"], second["client_secret"])


def test_contract_18_the_old_secret_may_be_sent_while_it_is_valid(rotating: Life) -> None:
    """After a lost answer it is the only one that the client has."""
    client = rotating.register()
    told(rotating.put(client, HOSTED))
    told(rotating.put(client, {**HOSTED, "client_secret": client["client_secret"]}))


def test_contract_18_a_kept_predecessor_ends_when_it_would_have(rotating: Life) -> None:
    """Rotation gives nothing a longer life."""
    client = rotating.register()
    rotating.use(client, 39)
    told(rotating.put(client, HOSTED))
    assert rotating.clients.authenticate(client["client_id"], client["client_secret"])
    rotating.use(client, 1)
    assert not rotating.clients.authenticate(client["client_id"], client["client_secret"])


@pytest.mark.parametrize(("days", "renewed"), [(1, False), (30, False), (31, True), (39, True), (45, True)])
def test_contract_18_a_secret_near_its_end_is_renewed(life: Life, days: int, renewed: bool) -> None:
    """Less than a quarter of its forty days is left, or nothing: the PUT gives another one, for forty days."""
    client = life.register()
    life.use(client, days)
    answer = told(life.put(client, HOSTED))
    assert ("client_secret" in answer) == renewed
    ends = life.clock.seconds + 40 * DAY if renewed else client["client_secret_expires_at"]
    assert answer["client_secret_expires_at"] == ends


# 19: the end


def test_contract_19_delete_ends_everything_at_once(life: Life) -> None:
    """Id, secret and token; a tombstone stays for the auditor."""
    client = life.register()
    life.delete(client)
    assert not life.clients.authenticate(client["client_id"], client["client_secret"])
    assert not life.clients.allows_redirect(client["client_id"], "https://app.example/callback")
    for method in METHODS:
        refused(life.ask(method, client, json={**HOSTED, "client_id": client["client_id"]}), 401, "invalid_token")
    stored = life.stored(client)
    assert (stored.status, stored.ended_at, stored.metadata["client_name"]) == ("deleted", life.clock.seconds, "my app")
    assert (stored.secret_hash, stored.management_token_hash) == (None, None)
    assert life.events(client) == [{"version": 1, "event": "deleted", "by": "client"}]


def test_contract_19_the_token_lives_as_long_as_the_client(life: Life) -> None:
    """Years later, where the profile has no lifetime."""
    client = life.register(NATIVE)
    life.clock.pass_by(3_650 * DAY)
    told(life.get(client))
    told(life.put(client, NATIVE))


# Beside the numbers


def test_no_credential_is_kept_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a whole life, with everything in the wrong place once: neither in a log line nor in a byte of the database."""
    caplog.set_level(logging.DEBUG)
    with living(tmp_path, rotate_registration_token=True, rotate_client_secret=True) as life:
        first, other = life.register(), life.register()
        life.get(first, query_string=f"access_token={first['registration_access_token']}")
        second = told(life.put(first, {**HOSTED, "client_secret": first["client_secret"]}))
        life.put(second, {**HOSTED, "client_name": "acme", "client_secret": second["client_secret"], "token": "t0ken-value"})
        life.ask("PUT", second, json=dict(second))
        life.get({**other, "registration_client_uri": second["registration_client_uri"]})
        assert life.clients.authenticate(second["client_id"], second["client_secret"])
        life.delete(second)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    kept += repr([vars(record) for record in caplog.records]).encode()
    assert second["client_id"].encode() in kept
    for answer in (first, second, other):
        for name in ("client_secret", "registration_access_token"):
            assert answer[name].encode() not in kept
    assert b"t0ken-value" not in kept


def test_an_update_puts_no_end_off(life: Life) -> None:
    """Lifetimes count from the registration and from the last use, or a client could hold its place for ever."""
    client = life.register()
    before = life.stored(client)
    life.clock.pass_by(DAY // 2)
    told(life.put(client, HOSTED))
    after = life.stored(client)
    assert (after.expires_at, after.due_at) == (before.expires_at, before.due_at)
    life.clock.pass_by(DAY // 2)
    refused(life.get(client), 401, "invalid_token")


def test_an_update_to_a_profile_with_a_shorter_life_ends_the_client_when_it_says(life: Life) -> None:
    """From none to ninety days after the registration; and a day after now for one that was never used."""
    client = life.register(NATIVE)
    life.clock.pass_by(10 * DAY)
    told(life.put(client, HOSTED))
    stored = life.stored(client)
    assert stored.expires_at == stored.issued_at + 90 * DAY
    assert (stored.unused, stored.due_at) == (DAY, life.clock.seconds + DAY)
    life.clock.pass_by(DAY // 2)
    told(life.put(client, HOSTED))
    assert life.stored(client).due_at == stored.due_at


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """One app for all the documents below."""
    with living(tmp_path_factory.mktemp("lasting"), rotate_client_secret=True) as running:
        yield running


OWN = [*NAMES, "client_id", "client_secret", "client_secret_expires_at", "registration_access_token"]


@given(st.dictionaries(st.sampled_from(OWN), JSON, max_size=4))
def test_contract_17_no_document_breaks_an_update(lasting: Life, body: Mapping[str, object]) -> None:
    """Whatever JSON comes, the client is what the answer says, or what it was."""
    client = lasting.register(NATIVE)
    before = lasting.stored(client)
    result = lasting.put(client, {**NATIVE, **body})
    if result.status_code == 200:
        answer = told(result)
        assert answer.items() >= lasting.stored(client).metadata.items()
    else:
        assert result.status_code in (400, 403), result.text
        assert result.json["error"] in ("invalid_redirect_uri", "invalid_client_metadata")
        assert lasting.stored(client) == before
