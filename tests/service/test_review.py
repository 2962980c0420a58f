"""Looking again at what was decided: replay, scan and verify on records that a registrar wrote."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from registrar.policy import PolicySet
from registrar.review.replay import Kind
from registrar.service.review import Affected, Review, Revisions, replay, scan, verify
from registrar.store import Store
from tests.policy.trees import POLICY, REQUEST, compiled, guardrail, head, profile
from tests.service.past import START, Past, cli
from tests.store.samples import rows

OLD = compiled()
STRICT = compiled(
    {
        "profiles/native.yaml": profile(
            """
            client:
              redirect_uris: {allow: [{loopback: true}]}
              scope: {allow: [a], onExcess: strip}
            """
        ),
        "guardrails/rules.yaml": guardrail("validations: [{id: short, expression: 'size(client.client_name) < 6', message: m}]"),
    }
)
WARNING = compiled(
    {
        "guardrails/rules.yaml": guardrail(
            "validations: [{id: short, mode: warn, expression: 'size(client.client_name) < 6', message: m}]"
        )
    }
)


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/registrar.db"


@pytest.fixture(name="store")
def _store(url: str) -> Iterator[Store]:
    with closing(Store.open(url)) as store:
        yield store


def groups(review: Review) -> dict[tuple[str, str], list[str]]:
    """The examples of each difference, by its kind and name."""
    found = review.tally.groups.items()
    return {(group[0].value, group[1]): [subject for subject, _ in count.examples] for group, count in found}


def skipped(review: Review) -> dict[str, int]:
    return {reason: count.number for reason, count in review.skipped.items()}


class TestReplay:
    def test_under_the_same_tree_nothing_changes(self, store: Store) -> None:
        Past(store).register(OLD, cli("one"), {"redirect_uris": ["https://a.example/"]}, cli("two", scope="a b"))
        review = replay(store.decisions(), OLD, REQUEST)
        assert (review.tally.subjects, review.tally.unchanged, review.skipped) == (3, 3, {})

    def test_what_another_tree_would_refuse_admit_and_change(self, store: Store) -> None:
        past = Past(store)
        refused, changed, same = past.register(OLD, cli("a long name"), cli("one", scope="a b"), cli("two", scope="a"))
        admitted = past.register(STRICT, cli("another name"))
        review = replay(store.decisions(), STRICT, REQUEST)
        assert groups(review) == {("refused", "rules/short"): [refused], ("values", "scope"): [changed]}
        review = replay(store.decisions(), OLD, REQUEST)
        assert groups(review) == {("admitted", "rules/short"): admitted}
        assert same not in sum(groups(review).values(), [])  # noqa: RUF017

    def test_requests_are_decided_as_of_the_moment_when_they_came(self, store: Store) -> None:
        until = f"{START:%Y-%m-%dT%H:%M:30Z}"
        rule = f"{{id: a, expression: 'now < timestamp(\"{until}\")', message: m}}"
        dated = compiled({"guardrails/rules.yaml": guardrail(f"validations: [{rule}]")})
        _, later = Past(store).register(OLD, cli("one"), cli("two"))
        assert groups(replay(store.decisions(), dated, REQUEST)) == {("refused", "rules/a"): [later]}

    def test_a_rule_on_trial_shows_whom_it_would_warn(self, store: Store) -> None:
        warned, _ = Past(store).register(OLD, cli("a long name"), cli("two"))
        assert groups(replay(store.decisions(), WARNING, REQUEST)) == {("notes", "rules/short"): [warned]}

    def test_the_newest_decisions_are_the_examples(self, store: Store) -> None:
        made = Past(store).register(OLD, *[cli("a long name")] * 5)
        assert groups(replay(store.decisions(), STRICT, REQUEST)) == {("refused", "rules/short"): made[:1:-1]}

    def test_records_that_lack_something_are_skipped_and_counted(self, store: Store, url: str) -> None:
        made = Past(store).register(OLD, cli("one"), cli("two"), cli("three"))
        rows(url, "UPDATE decision SET record = replace(record, '\"version\":1', '\"version\":9') WHERE decision_id <> 'id-001'")
        review = replay(store.decisions(), OLD, REQUEST)
        assert review.tally.subjects == 1
        assert skipped(review) == {"the record is not of version 1, which this release reads": 2}
        (count,) = review.skipped.values()
        assert [subject for subject, _ in count.examples] == made[:0:-1]

    def test_redacted_values_are_counted_and_not_compared(self, store: Store) -> None:
        keyed = compiled({"policyset.yaml": head("profiles: [native]\nextensions: {api_key: {type: string}}")})
        Past(store).register(keyed, cli("one", api_key="k", client_secret="s"), cli("two"))
        review = replay(store.decisions(), keyed, REQUEST)
        assert (review.tally.unchanged, dict(review.redacted)) == (2, {"api_key": 1, "client_secret": 1})

    def test_a_refusal_for_a_redacted_value_says_nothing(self, store: Store) -> None:
        keyed = compiled({"policyset.yaml": head("profiles: [native]\nextensions: {api_key: {type: object}}")})
        Past(store).register(keyed, cli("one", api_key={"k": 1}))
        review = replay(store.decisions(), keyed, REQUEST)
        assert skipped(review) == {"a value that was redacted may be why it comes out otherwise": 1}

    def test_names_of_redacted_members_are_not_counted_without_end(self, store: Store) -> None:
        bodies = [cli("one", **{f"secret_{number}": "s"}) for number in range(25)]
        Past(store).register(OLD, *bodies)
        redacted = replay(store.decisions(), OLD, REQUEST).redacted
        assert (len(redacted), redacted["other members"], redacted.total()) == (21, 5, 25)


class TestScan:
    def scanned(self, store: Store, policies: PolicySet, days: int = 0) -> tuple[list[Affected], Review]:
        review = Review()
        pairs = store.clients(statuses=["active"])
        return list(scan(pairs, policies, REQUEST, START + timedelta(days=days), review)), review

    def test_clients_that_a_tree_would_refuse_or_change(self, store: Store) -> None:
        Past(store).register(
            OLD, cli("a long name"), cli("one", scope="a b"), cli("two"), {"redirect_uris": ["https://a.example/"]}
        )
        (refused, changed), review = self.scanned(store, STRICT)
        assert (refused.client.client_id, *refused.outcome.violations) == ("id-002", "rules/short")
        assert [(found.kind, found.name, found.values) for found in changed.differences] == [(Kind.VALUES, "scope", ("a b", "a"))]
        assert (review.tally.subjects, review.tally.unchanged) == (3, 1)

    def test_clients_are_decided_as_of_now(self, store: Store) -> None:
        """A rule that is enforced from tomorrow on refuses them then."""
        rule = (
            "{id: short, mode: audit, enforceAfter: 2026-10-03T00:00:00Z, expression: 'size(client.client_name) < 6', message: m}"
        )
        dated = compiled({"guardrails/rules.yaml": guardrail(f"validations: [{rule}]")})
        Past(store).register(OLD, cli("a long name"))
        assert self.scanned(store, dated)[0] == []
        assert len(self.scanned(store, dated, days=3)[0]) == 1

    def test_only_clients_that_are_active_and_not_expired(self, store: Store, url: str) -> None:
        mortal = compiled(
            {"profiles/native.yaml": profile("client: {redirect_uris: {allow: [{loopback: true}]}}\nlifetimes: {client: 1d}")}
        )
        Past(store).register(mortal, cli("a long name"), cli("another name"))
        rows(url, "UPDATE client SET status = 'disabled' WHERE client_id = 'id-002'")
        found, review = self.scanned(store, STRICT)
        assert [affected.client.client_id for affected in found] == ["id-004"]
        assert review.tally.subjects == 1
        assert self.scanned(store, STRICT, days=2)[1].tally.subjects == 0

    def test_clients_that_nobody_used_in_time_are_over_before_the_sweeper_comes(self, store: Store) -> None:
        """`unused` ends a client as `client` does."""
        fleeting = compiled(
            {"profiles/native.yaml": profile("client: {redirect_uris: {allow: [{loopback: true}]}}\nlifetimes: {unused: 1d}")}
        )
        Past(store).register(fleeting, cli("a long name"))
        assert self.scanned(store, STRICT)[1].tally.subjects == 1
        assert self.scanned(store, STRICT, days=2)[1].tally.subjects == 0

    def test_warnings_are_no_change_of_a_client(self, store: Store) -> None:
        Past(store).register(OLD, cli("a long name"))
        assert self.scanned(store, WARNING)[0] == []

    def test_a_client_whose_decision_is_not_kept_is_said_to_be_left_out(self, store: Store, url: str) -> None:
        Past(store).register(OLD, cli("a long name"), cli("another name"))
        rows(url, "DELETE FROM decision WHERE decision_id = 'id-001'")
        found, review = self.scanned(store, STRICT)
        assert [affected.client.client_id for affected in found] == ["id-004"]
        assert skipped(review) == {"the decision that admitted the client is not kept": 1}

    def test_the_client_of_today_is_compared(self, store: Store, url: str) -> None:
        Past(store).register(OLD, cli("one"))
        rows(url, "UPDATE client SET profile = 'other'")
        ((found,), _) = self.scanned(store, OLD)
        assert [(difference.old, difference.new) for difference in found.differences] == [("other", "native")]


class TestVerify:
    def verified(self, store: Store) -> Review:
        return verify(store.decisions(), Revisions(store, POLICY))

    def test_every_record_comes_out_as_it_is_recorded(self, store: Store) -> None:
        """Under the revision that it names, whatever came into force since."""
        past = Past(store)
        past.register(OLD, cli("a long name"), cli("one", scope="b a"))
        past.register(STRICT, cli("a long name"), cli("one", scope="b a"), {"client_name": "x"})
        past.register(WARNING, cli("a long name", client_secret="s"))
        review = self.verified(store)
        assert (review.tally.subjects, review.tally.unchanged, review.skipped) == (6, 6, {})

    @pytest.mark.parametrize(
        ("change", "parts"),
        [
            ("UPDATE decision SET result = 'deny' WHERE decision_id = 'id-001'", {("record", "result")}),
            ("UPDATE decision SET record = replace(record, 'my cli', 'xxxxxx')", {("record", "client")}),
            ('UPDATE decision SET record = replace(record, \'"profile":"native"\', \'"profile":"x"\')', {("record", "profile")}),
            ("UPDATE client SET metadata = replace(metadata, 'my cli', 'xxxxxx')", {("record", "client")}),
        ],
    )
    def test_a_record_or_client_that_was_altered_shows(
        self, store: Store, url: str, change: str, parts: set[tuple[str, str]]
    ) -> None:
        (made,) = Past(store).register(OLD, cli("my cli"))
        rows(url, change)
        assert groups(self.verified(store)) == {part: [made] for part in parts}

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (
                "UPDATE decision SET record = replace(record, 'sha256:', 'sha257:')",
                "the files of its policy revision are not kept",
            ),
            ("UPDATE revision_file SET content = CAST('x' AS BLOB)", "its policy revision does not load in this release"),
            (
                "UPDATE revision_file SET content = CAST(replace(CAST(content AS TEXT), 'metadata:', 'metadata:  ') AS BLOB)",
                "the files kept for its policy revision are not those of it",
            ),
        ],
    )
    def test_a_record_whose_tree_is_gone_cannot_be_checked(self, store: Store, url: str, change: str, reason: str) -> None:
        Past(store).register(OLD, cli("my cli"))
        rows(url, change)
        assert skipped(self.verified(store)) == {reason: 1}

    def test_a_tombstone_needs_no_document(self, store: Store, url: str) -> None:
        Past(store).register(OLD, cli("my cli"))
        rows(url, "UPDATE client SET status = 'deleted', metadata = '{}'")
        assert self.verified(store).tally.unchanged == 1
        assert replay(store.decisions(), OLD, REQUEST).tally.unchanged == 1

    def test_a_record_whose_outcome_hangs_on_a_redacted_value_cannot_be_checked(self, store: Store) -> None:
        nosy = compiled(
            {
                "guardrails/rules.yaml": guardrail(
                    "validations: [{id: a, expression: 'submitted.client_secret == \"s\"', message: m}]"
                )
            }
        )
        Past(store).register(nosy, cli("my cli", client_secret="s"))
        assert skipped(self.verified(store)) == {"a value that was redacted may be why it comes out otherwise": 1}

    def test_revisions_are_compiled_once(self, store: Store) -> None:
        Past(store).register(OLD, cli("my cli"))
        revisions = Revisions(store, POLICY)
        assert revisions.compiled(OLD.revision) is revisions.compiled(OLD.revision)
