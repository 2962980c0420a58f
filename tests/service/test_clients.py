"""The clients there are, as the authorization server and an administrator ask for them."""

import hashlib
import logging
from dataclasses import replace

import pytest

from registrar.service import Clients, GoneError, NoSecretError, UnknownClientError
from registrar.store import Client, DecisionRecord, Store, StoreUnavailable
from tests.http.managed import DAY, KIOSK, NATIVE
from tests.service.lives import Lives

ADMIN = "admin:7"
IMPOSSIBLE = ["", "x" * 10_000, "a\0b", "\x1b[31m", "\ud800", "é", "a\nb", "x" * 2_049]
POST = {**NATIVE, "token_endpoint_auth_method": "client_secret_post"}


def changed(lives: Lives, client_id: str, **changes: object) -> Client:
    """The client with these changes, behind everybody's back."""
    old = lives.store.client(client_id)
    assert old is not None
    new = replace(old, **changes)  # type: ignore[arg-type]  # as the caller says
    note = DecisionRecord(decision_id=lives.new_id(), at=0, result="event", client_id=client_id, record={"event": "test"})
    lives.store.replace(old, new, note)
    return new


# Looking up


def test_a_client_is_found(lives: Lives) -> None:
    """As it is kept, while it is active and while it is disabled."""
    client = lives.register()
    assert lives.clients.get(client["client_id"]) == lives.stored(client)
    lives.clients.disable(client["client_id"], by=ADMIN)
    assert lives.clients.get(client["client_id"]).status == "disabled"


@pytest.mark.parametrize("client_id", [*IMPOSSIBLE, "nobody", "' OR 1=1 --", "%"])
def test_what_no_client_has_as_its_id_is_unknown(lives: Lives, client_id: str) -> None:
    """Empty, of 10 kB, with control characters: unknown everywhere, and an error nowhere."""
    lives.register()
    with pytest.raises(UnknownClientError):
        lives.clients.get(client_id)
    assert not lives.clients.authenticate(client_id, "secret")
    assert not lives.clients.allows_redirect(client_id, "https://app.example/callback")
    for act in (lives.clients.seen, lambda one: lives.clients.delete(one, by=ADMIN)):
        with pytest.raises(UnknownClientError):
            act(client_id)


def test_a_deleted_client_is_gone_and_not_unknown(lives: Lives) -> None:
    """With its tombstone."""
    client = lives.register()
    assert lives.clients.delete(client["client_id"], by=ADMIN)
    with pytest.raises(GoneError) as caught:
        lives.clients.get(client["client_id"])
    assert caught.value.client.status == "deleted"
    with pytest.raises(GoneError):
        lives.clients.delete(client["client_id"], by=ADMIN)


def test_a_client_past_its_lifetime_is_gone_before_the_sweeper_comes(lives: Lives) -> None:
    """`unused` is a day: the moment that is over, nothing is true of it."""
    client = lives.register()
    client_id, secret = client["client_id"], client["client_secret"]
    lives.clock.pass_by(DAY - 1)
    assert lives.clients.get(client_id).status == "active"
    lives.clock.pass_by(1)
    with pytest.raises(GoneError) as caught:
        lives.clients.get(client_id)
    assert caught.value.client.status == "expired"
    assert not lives.clients.authenticate(client_id, secret)
    assert not lives.clients.allows_redirect(client_id, "https://app.example/callback")
    with pytest.raises(GoneError):
        lives.clients.seen(client_id)
    assert lives.stored(client).status == "active"


# Authentication


def test_a_client_authenticates_with_its_secret_only(lives: Lives) -> None:
    """Not with another's, a part of it, its digest, or nothing."""
    client, other = lives.register(), lives.register()
    client_id, secret = client["client_id"], client["client_secret"]
    assert lives.clients.authenticate(client_id, secret)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    for wrong in ("", other["client_secret"], secret[:-1], secret + "x", secret.swapcase(), digest, "\ud800", "x" * 10_000):
        assert not lives.clients.authenticate(client_id, wrong)


def test_a_public_client_never_authenticates(lives: Lives) -> None:
    """Not with the empty string either."""
    client = lives.register(NATIVE)
    assert not lives.clients.authenticate(client["client_id"], "")
    assert not lives.clients.authenticate(client["client_id"], client["registration_access_token"])


def test_an_expired_secret_is_none(lives: Lives) -> None:
    """To the second."""
    client = lives.register(POST)
    ends = lives.clock.seconds + 10
    changed(lives, client["client_id"], secret_expires_at=ends)
    lives.clock.pass_by(9)
    assert lives.clients.authenticate(client["client_id"], client["client_secret"])
    lives.clock.pass_by(1)
    assert not lives.clients.authenticate(client["client_id"], client["client_secret"])


def test_a_disabled_client_neither_authenticates_nor_redirects_until_it_is_enabled(lives: Lives) -> None:
    """Nothing of it is lost."""
    client = lives.register()
    client_id, secret = client["client_id"], client["client_secret"]
    assert lives.clients.disable(client_id, by=ADMIN)
    assert not lives.clients.disable(client_id, by=ADMIN)
    assert not lives.clients.authenticate(client_id, secret)
    assert not lives.clients.allows_redirect(client_id, "https://app.example/callback")
    assert lives.clients.enable(client_id, by=ADMIN)
    assert not lives.clients.enable(client_id, by=ADMIN)
    assert lives.clients.authenticate(client_id, secret)
    assert [event["event"] for event in lives.events(client)] == ["disabled", "enabled"]
    assert {event["by"] for event in lives.events(client)} == {ADMIN}


def test_a_secret_is_void_at_once_when_an_administrator_rotates_it(lives: Lives) -> None:
    """It may have leaked. The new one lasts as long as the profile says."""
    client = lives.register()
    lives.clock.pass_by(100)
    secret = lives.clients.rotate_secret(client["client_id"], by=ADMIN)
    assert secret.expires_at == lives.clock.seconds + 40 * DAY == lives.stored(client).secret_expires_at
    assert lives.clients.authenticate(client["client_id"], secret.text)
    assert not lives.clients.authenticate(client["client_id"], client["client_secret"])
    assert lives.events(client) == [{"version": 1, "event": "secret_rotated", "by": ADMIN}]


def test_a_planned_rotation_keeps_the_old_secret_until_the_new_one_is_used(lives: Lives) -> None:
    """Rotated twice before the client has heard of it: the one that it has goes on working."""
    client = lives.register()
    client_id = client["client_id"]
    lives.clients.rotate_secret(client_id, by=ADMIN, keep_previous=True)
    newest = lives.clients.rotate_secret(client_id, by=ADMIN, keep_previous=True)
    assert lives.clients.authenticate(client_id, client["client_secret"])
    assert lives.clients.authenticate(client_id, newest.text)
    assert not lives.clients.authenticate(client_id, client["client_secret"])


def test_a_client_that_is_deleted_while_its_secret_is_rotated_is_gone(lives: Lives) -> None:
    """The new secret is nobody's."""
    client = lives.register()

    def slow_secret() -> str:
        lives.clients.delete(client["client_id"], by=ADMIN)
        return "a secret"

    rotating = Clients(lives.store, clock=lives.clock, new_id=lives.new_id, new_secret=slow_secret)
    with pytest.raises(GoneError) as caught:
        rotating.rotate_secret(client["client_id"], by="admin:8")
    assert caught.value.client.status == "deleted"
    assert not lives.clients.authenticate(client["client_id"], "a secret")


def test_a_provisioned_clients_secret_never_expires(lives: Lives) -> None:
    """Whatever its profile says."""
    client = lives.register()
    changed(lives, client["client_id"], provisioned=True, due_at=0, expires_at=0)
    assert lives.clients.rotate_secret(client["client_id"], by=ADMIN).expires_at == 0


def test_a_public_client_gets_no_secret(lives: Lives) -> None:
    """There is nothing that it could do with one."""
    with pytest.raises(NoSecretError):
        lives.clients.rotate_secret(lives.register(NATIVE)["client_id"], by=ADMIN)


def test_authentication_survives_a_database_that_takes_no_writes(lives: Lives, database: str) -> None:
    """What would have been noted is noted the next time; who is unknown is not."""
    client = lives.register()
    rotated = lives.clients.rotate_secret(client["client_id"], by=ADMIN, keep_previous=True)
    reading = Store.open_to_read(database)
    try:
        there = Lives(reading)
        assert there.clients.authenticate(client["client_id"], rotated.text)
        assert there.clients.authenticate(client["client_id"], client["client_secret"])
        assert not there.clients.authenticate(client["client_id"], "wrong")
        with pytest.raises(StoreUnavailable):
            there.clients.disable(client["client_id"], by=ADMIN)
    finally:
        reading.close()


# Redirect URIs


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("http://127.0.0.1:33418/callback", True),
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:33418/callback/", False),
        ("http://127.0.0.1:33418/callback?x", False),
        ("http://127.0.0.1:33418/callback#", False),
        ("http://127.0.0.2:33418/callback", False),
        ("http://localhost:33418/callback", False),
        ("http://127.0.0.1:99999/callback", False),
        ("https://127.0.0.1:33418/callback", False),
        ("HTTP://127.0.0.1:33418/callback", False),
        ("http://127.0.0.1:33418\\@evil.example/callback", False),
        ("", False),
        ("x" * 10_000, False),
    ],
)
def test_contract_22_only_the_port_is_free_and_only_on_loopback(lives: Lives, uri: str, allowed: bool) -> None:
    """Exact strings, but for the port."""
    assert lives.clients.allows_redirect(lives.register(NATIVE)["client_id"], uri) is allowed


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("https://app.example/callback", True),
        ("https://app.example:443/callback", False),
        ("https://APP.example/callback", False),
        ("https://app.example/callback/", False),
        ("https://app.example/Callback", False),
        ("https://app.example/callback?state=1", False),
    ],
)
def test_contract_22_elsewhere_it_is_the_same_string(lives: Lives, uri: str, allowed: bool) -> None:
    """No normalising, no default port."""
    assert lives.clients.allows_redirect(lives.register()["client_id"], uri) is allowed


# Use


def test_a_use_puts_the_end_off(lives: Lives) -> None:
    """A client that is seen each day lives on; a day after the last time it is gone."""
    client = lives.register()
    for _ in range(5):
        lives.clock.pass_by(DAY - 3_600)
        lives.clients.seen(client["client_id"])
    assert lives.stored(client).last_seen_at == lives.clock.seconds
    lives.clock.pass_by(DAY)
    with pytest.raises(GoneError):
        lives.clients.seen(client["client_id"])


def test_authenticating_is_using(lives: Lives) -> None:
    """An authorization server that only authenticates its clients does not lose them."""
    client = lives.register()
    lives.clock.pass_by(DAY // 2)
    assert not lives.clients.authenticate(client["client_id"], "wrong")
    assert lives.stored(client).last_seen_at == 0
    assert lives.clients.authenticate(client["client_id"], client["client_secret"])
    assert lives.stored(client).due_at == lives.clock.seconds + DAY


def test_a_use_is_written_only_when_it_says_something_new(lives: Lives) -> None:
    """The first one, and then once an hour, or more often where the client would end sooner."""
    client = lives.register()
    written = []
    for _ in range(3 * 3_600 // 60):
        lives.clients.seen(client["client_id"])
        written.append(lives.stored(client).last_seen_at)
        lives.clock.pass_by(60)
    assert len(set(written)) == 3
    changed(lives, client["client_id"], unused=2_400, due_at=lives.clock.seconds + 2_400)
    lives.clients.seen(client["client_id"])
    first = lives.stored(client).last_seen_at
    lives.clock.pass_by(100)
    lives.clients.seen(client["client_id"])
    assert lives.stored(client).last_seen_at == first + 100


def test_a_disabled_client_is_not_seen(lives: Lives) -> None:
    """Nothing that happens to it counts as use."""
    client = lives.register()
    lives.clients.disable(client["client_id"], by=ADMIN)
    lives.clients.seen(client["client_id"])
    assert lives.stored(client).last_seen_at == 0


def test_deleting_gives_the_shared_client_up(lives: Lives) -> None:
    """The next identical registration is a new client."""
    first = lives.register(KIOSK)
    assert lives.register(KIOSK)["client_id"] == first["client_id"]
    lives.clients.delete(first["client_id"], by=ADMIN)
    assert lives.register(KIOSK)["client_id"] != first["client_id"]


def test_what_was_done_to_a_client_is_logged_without_its_secrets(lives: Lives, caplog: pytest.LogCaptureFixture) -> None:
    """Who did what to whom."""
    caplog.set_level(logging.DEBUG)
    client = lives.register()
    secret = lives.clients.rotate_secret(client["client_id"], by=ADMIN)
    lives.clients.delete(client["client_id"], by=ADMIN)
    told = [record.fields for record in caplog.records if record.message == "client changed"]  # type: ignore[attr-defined]
    assert [(line["client_id"], line["event"], line["by"]) for line in told] == [
        (client["client_id"], "secret_rotated", ADMIN),
        (client["client_id"], "deleted", ADMIN),
    ]
    logged = repr([vars(record) for record in caplog.records])
    for text in (secret.text, client["client_secret"], client["registration_access_token"]):
        assert text not in logged
