"""Limits over HTTP: 429 as OAuth and HTTP have it, and what a flood costs."""

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from tests.http.admitting import admitting
from tests.http.served import NATIVE, Served
from tests.http.test_contract_errors import assert_oauth_shaped
from tests.service.admitting import Clock

HOURLY = "{id: per-source, key: source.prefix, rate: 2/hour, burst: 2}"


def post(app: Served, number: int = 0, ip: str = "192.0.2.7", **options: Any) -> testing.Result:
    """A registration from an address, of which no two are alike."""
    return app.post({**NATIVE, "client_name": f"cli {number}"}, remote_addr=ip, **options)


def test_contract_12_a_full_limit_is_429(tmp_path: Path) -> None:
    """OAuth-shaped, with a decision, Retry-After and the RateLimit fields; nothing in it that the limit counts by."""
    with admitting(tmp_path, HOURLY) as app:
        for number in range(2):
            assert post(app, number).status_code == 201
        result = post(app)
        description = assert_oauth_shaped(result, 429, "too_many_requests")
        seconds = int(result.headers["retry-after"])
        assert description == f"the limit l/per-source has no room left: try again in {seconds} seconds"
        assert "192.0.2.7" not in result.text
        assert result.headers["ratelimit-policy"] == '"l/per-source";q=2;w=3600'
        assert result.headers["ratelimit"] == f'"l/per-source";r=0;t={seconds}'
        assert app.decision(result)["limited"]["limit"] == "l/per-source"
        assert post(app, ip="192.0.2.8").status_code == 201


def test_an_ipv6_subscriber_is_one_source(tmp_path: Path) -> None:
    """A /64 has more addresses than anybody can count by."""
    with admitting(tmp_path, HOURLY) as app:
        answers = [post(app, number, f"2001:db8:1:2::{number + 1:x}") for number in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
        assert post(app, ip="2001:db8:1:3::1").status_code == 201


def test_contract_14_browsers_read_how_much_is_left(tmp_path: Path) -> None:
    """On 201 and on 429."""
    with admitting(tmp_path, HOURLY) as app:
        answers = [post(app, number, headers={"Origin": "https://app.example"}) for number in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        for answer in answers:
            exposed = answer.headers["access-control-expose-headers"].split(", ")
            assert {"RateLimit", "RateLimit-Policy", "Retry-After", "Registrar-Decision-Id"} <= set(exposed)
            assert answer.headers["ratelimit-policy"]
        assert answers[0].headers["ratelimit"] == '"l/per-source";r=1;t=3601, "l/per-source/burst";r=1;t=1800'


def test_a_source_without_room_is_not_read(tmp_path: Path) -> None:
    """Once the server knows that it is full, a body is not asked for; what it says cannot matter."""
    clock = Clock()
    with admitting(tmp_path, HOURLY, clock=clock) as app:
        for number in range(3):
            post(app, number)
        body = Unread()
        headers = {"Content-Type": "application/json", "Content-Length": "100"}
        result = app.client.simulate_post("/register", headers=headers, remote_addr="192.0.2.7", extras={"wsgi.input": body})
        assert result.status_code == 429
        assert not body.asked
        assert int(result.headers["retry-after"]) > 1000
        clock.sleep(int(result.headers["retry-after"]) + 1)
        assert post(app).status_code == 201


class Unread(io.BytesIO):
    """A body that notes whether somebody asks for it."""

    asked = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked = True
        return super().read(size)


def test_a_flood_of_refusals_is_counted_and_found(tmp_path: Path) -> None:
    """Beyond what is recorded one by one, answers name the record of the counts, which is written by itself."""
    with admitting(tmp_path, HOURLY) as app:
        answers = [post(app, number) for number in range(200)]
        ids = {answer.headers["registrar-decision-id"] for answer in answers}
        assert len([answer for answer in answers if answer.status_code == 201]) == 2
        # Two admitted, one refused by the store; the others were turned away early, and only counted.
        assert len(ids) == 4
        (counted,) = [one for one in ids if app.store.decision(one) is None]
        assert sum(answer.headers["registrar-decision-id"] == counted for answer in answers) == 197


@pytest.mark.parametrize("body", [b"{}", b"", b"[" * 100])
def test_what_is_malformed_costs_no_room(tmp_path: Path, body: bytes) -> None:
    """Nor a place in the journal."""
    with admitting(tmp_path, HOURLY) as app:
        for _ in range(10):
            result = app.client.simulate_post("/register", body=body, headers={"Content-Type": "application/json"})
            assert result.status_code == 400
        assert post(app).status_code == 201


def test_a_limit_holds_for_requests_at_once(tmp_path: Path) -> None:
    """Thirty threads, room for two."""
    with admitting(tmp_path, HOURLY) as app:
        gate, statuses = threading.Barrier(30), list[int]()

        def ask(number: int) -> None:
            gate.wait()
            statuses.append(post(app, number).status_code)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201] * 2 + [429] * 28
