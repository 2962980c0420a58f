"""What the metrics say of what happened."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from wsgiref.validate import WSGIWarning

import pytest
from prometheus_client.parser import text_string_to_metric_families

from registrar.app import create_sweeper
from registrar.metrics import Asked
from registrar.service import Outcome
from registrar.store import Status, StoreUnavailable, TokenKind
from tests.http.private_app import Private, private
from tests.http.served import NATIVE
from tests.policy.test_tree import write
from tests.policy.trees import guardrail, profile

LIMITS = """\
apiVersion: registrar/v1
kind: Limits
metadata: {name: l}
spec:
  limits:
    - {id: everyone, key: '"all"', rate: 5/hour, burst: 5}
"""
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def told(app: Private, role: TokenKind = "auditor") -> Samples:
    """Every sample, by name and labels, as Prometheus reads them."""
    answer = app.ask(role, "GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


def value(samples: Samples, name: str, /, **labels: str) -> float | None:
    """One sample."""
    return samples.get((f"registrar_{name}", frozenset(labels.items())))


@contextmanager
def tree(folder: Path, **files: str) -> Iterator[Private]:
    """Both apps over a tree of their own."""
    written = write(folder / "tree", {path.replace("__", "/") + ".yaml": text for path, text in files.items()})
    with private(folder, policies=written) as app:
        yield app


def post(app: Private, **changes: object) -> int:
    """The status of a registration."""
    return app.public.simulate_post("/register", json={**NATIVE, **changes}).status_code


@pytest.mark.parametrize(
    ("role", "status"), [("auditor", 200), ("admin", 200), ("authorization_server", 200), ("initial_access", 403)]
)
def test_every_role_scrapes(tmp_path: Path, role: TokenKind, status: int) -> None:
    """And nobody else."""
    with private(tmp_path) as app:
        assert app.ask(role, "GET", "/metrics").status_code == status
        assert app.ask(None, "GET", "/metrics").status_code == 401


def test_registrations_by_result_and_profile_and_refusals_by_rule(tmp_path: Path) -> None:
    """A rule counts once for a request, however often it was not true."""
    with private(tmp_path) as app:
        assert [post(app, client_name=name) for name in ("one", "two", "acme", "acme inc")] == [201, 201, 400, 400]
        samples = told(app)
    assert value(samples, "registrations_total", result="registered", profile="native") == 2
    assert value(samples, "registrations_total", result="denied", profile="native") == 2
    assert value(samples, "refusals_total", rule="names/not-reserved") == 2
    assert value(samples, "decision_seconds_count") == 4
    assert value(samples, "http_requests_total", app="public", route="/register", method="POST", status="201") == 2
    assert value(samples, "http_errors_total", app="public", code="invalid_client_metadata") == 2
    assert value(samples, "http_request_seconds_count", app="public", route="/register") == 4
    assert value(samples, "clients", status="active") == 2
    assert value(samples, "store_seconds_count", work="write") is not None
    assert value(samples, "store_unavailable_total", work="write") is None


def test_a_rule_that_fails_at_run_time_is_the_operators_mistake(tmp_path: Path) -> None:
    """It has a metric of its own, also where it only warns."""
    rules = guardrail("""
        validations:
          - {id: enforced, expression: '1 / size(client.contacts) > 0', message: m}
          - {id: warned, expression: '1 / size(client.contacts) > 0', message: m, mode: warn}
    """)
    with tree(tmp_path, guardrails__rules=rules) as app:
        assert [post(app), post(app, contacts=["a@example.com"])] == [500, 201]
        samples = told(app)
    assert value(samples, "rule_errors_total", rule="rules/enforced") == 1
    assert value(samples, "rule_errors_total", rule="rules/warned") == 1
    assert value(samples, "registrations_total", result="error", profile="native") == 1
    assert value(samples, "http_errors_total", app="public", code="server_error") == 1


def test_limits_that_are_near_and_reached(tmp_path: Path) -> None:
    """By the limit and what of it was full; also for whom the memory of it turned away."""
    with tree(tmp_path, limits__l=LIMITS) as app:
        assert [post(app, client_name=f"c{number}") for number in range(8)] == [201] * 5 + [429] * 3
        samples = told(app)
    assert value(samples, "registrations_total", result="registered", profile="native") == 5
    limited = [value(samples, "registrations_total", result="limited", profile=profile) or 0 for profile in ("native", "")]
    assert sum(limited) == 3
    reached = {
        dict(labels)["measure"]: count for (name, labels), count in samples.items() if name == "registrar_limits_reached_total"
    }
    assert sum(reached.values()) == 3
    assert value(samples, "limits_near_total", limit="l/everyone", measure="rate") == 2


def test_clients_that_are_given_out_again(tmp_path: Path) -> None:
    """They are no new ones."""
    spec = "reuseIdentical: true\nclient: {redirect_uris: {allow: [{loopback: true}]}, token_endpoint_auth_method: {set: none}}"
    with tree(tmp_path, profiles__native=profile(spec)) as app:
        assert [post(app), post(app), post(app)] == [201, 201, 201]
        samples = told(app)
    assert value(samples, "registrations_total", result="registered", profile="native") == 1
    assert value(samples, "registrations_total", result="reused", profile="native") == 2
    assert value(samples, "clients", status="active") == 1


def test_what_clients_change_of_themselves(tmp_path: Path) -> None:
    """By what the policy said; the rules count as for registrations."""
    with private(tmp_path) as app:
        client = app.register(token_endpoint_auth_method="none")
        path, headers = f"/register/{client['client_id']}", {"Authorization": f"Bearer {client['registration_access_token']}"}
        for name, status in (("another", 200), ("acme", 400)):
            document = {**NATIVE, "client_id": client["client_id"], "client_name": name}
            assert app.public.simulate_put(path, json=document, headers=headers).status_code == status
        samples = told(app)
    assert value(samples, "updates_total", result="allowed", profile="native") == 1
    assert value(samples, "updates_total", result="denied", profile="native") == 1
    assert value(samples, "refusals_total", rule="names/not-reserved") == 1
    assert value(samples, "registrations_total", result="registered", profile="native") == 1
    assert value(samples, "decision_seconds_count") == 3


def test_a_rejected_tree_shows(tmp_path: Path) -> None:
    """With when, and how many mistakes, until it is mended; the one in force is named all the while."""
    with tree(tmp_path) as app:
        revision = app.policies.current().revision
        assert value(told(app), "policy_rejected") == 0
        assert value(told(app), "policy_rejected_time_seconds") is None
        (tmp_path / "tree/profiles/native.yaml").write_text("apiVersion: x\n", encoding="utf-8")
        assert app.policies.refresh() is Outcome.REJECTED
        samples = told(app)
        assert value(samples, "policy_rejected") == 1
        assert value(samples, "policy_rejected_time_seconds") == int(app.clock().timestamp())
        assert (value(samples, "policy_rejected_problems") or 0) >= 1
        assert value(samples, "policy_info", name="t", revision=revision) == 1
        write(tmp_path / "tree")
        assert app.policies.refresh() is Outcome.UNCHANGED
        assert value(told(app), "policy_rejected") == 0


def test_sweeps_are_counted(tmp_path: Path) -> None:
    """And what they leave."""
    spec = "lifetimes: {client: 1h}\nclient: {redirect_uris: {allow: [{loopback: true}]}}"
    with tree(tmp_path, profiles__native=profile(spec)) as app:
        assert [post(app, client_name="a"), post(app, client_name="b")] == [201, 201]
        app.clock.forward(3601)
        assert create_sweeper(app.store, observer=app.metrics.counts, clock=app.clock).run_once() == 2
        samples = told(app)
    assert value(samples, "clients_expired_total") == 2
    assert value(samples, "clients", status="expired") == 2
    assert value(samples, "clients", status="active") == 0


def test_a_store_that_does_not_answer(tmp_path: Path) -> None:
    """It is counted. The rest is told, without the numbers that nobody knows; the scrape does not fail."""

    def no_tally() -> Mapping[Status, int]:
        raise StoreUnavailable("gone")

    with private(tmp_path) as app:
        app.metrics.counts.stored("read", 5.0, available=False)
        samples = told(app)
        assert value(samples, "store_unavailable_total", work="read") == 1
        text, _ = app.metrics.render(Asked(lambda: app.policies.in_force, no_tally))
    assert b"registrar_policy_info{" in text
    assert b"registrar_clients{" not in text


def test_what_a_client_chooses_is_no_label(tmp_path: Path) -> None:
    """A thousand paths, methods, names, ids and tokens make no series."""
    with private(tmp_path) as app:
        post(app)
        told(app)
        before = set(told(app))
        for number in range(30):
            app.public.simulate_get(f"/{number}")
            with pytest.warns(WSGIWarning, match="Unknown REQUEST_METHOD"):
                app.public.simulate_request(f"METHOD{number}", "/register")
            app.ask("admin", "GET", f"/admin/v1/clients/{number}")
            app.client.simulate_get(f"/as/v1/clients/{number}", headers={"Authorization": f"Bearer rgt_{number}"})
            post(app, client_name=f"cli {number}", scope=f"s{number}")
            post(app, **{f"x{number}": number}, grant_types=[f"g{number}"])
        after = set(told(app))
    assert len(after - before) < 200
    assert not [labels for _, labels in after for _, text in labels if "29" in text]
