"""Clients, the decision journal, and the policy revisions that were in force."""

from collections.abc import Iterator

from registrar.store.migrations.dialect import Dialect


def statements(dialect: Dialect) -> Iterator[str]:
    """The tables as release 0.1 had them. Columns are explained in `registrar.store.records`."""
    yield f"""
        CREATE TABLE client (
            client_id TEXT NOT NULL PRIMARY KEY,
            metadata TEXT NOT NULL,
            profile TEXT NOT NULL,
            policy_revision TEXT NOT NULL,
            decision_id TEXT NOT NULL,
            source TEXT NOT NULL,
            software_id TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            secret_hash {dialect.binary},
            secret_expires_at BIGINT NOT NULL,
            management_token_hash {dialect.binary},
            issued_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            last_seen_at BIGINT NOT NULL,
            unused BIGINT NOT NULL,
            status TEXT NOT NULL
        )"""
    # The composite key is what keeps two writers from appending to one journal at the same place.
    yield f"""
        CREATE TABLE decision (
            journal TEXT NOT NULL,
            seq BIGINT NOT NULL,
            at BIGINT NOT NULL,
            decision_id TEXT NOT NULL UNIQUE,
            result TEXT NOT NULL,
            client_id TEXT NOT NULL,
            record TEXT NOT NULL,
            prev {dialect.binary} NOT NULL,
            hash {dialect.binary} NOT NULL,
            PRIMARY KEY (journal, seq)
        )"""
    # Audits read decisions by time, over all journals.
    yield "CREATE INDEX decision_at ON decision (at, decision_id)"
    yield "CREATE TABLE revision (revision TEXT NOT NULL PRIMARY KEY)"
    yield f"""
        CREATE TABLE revision_file (
            revision TEXT NOT NULL REFERENCES revision (revision),
            path TEXT NOT NULL,
            content {dialect.binary} NOT NULL,
            PRIMARY KEY (revision, path)
        )"""
    yield f"""
        CREATE TABLE activation (
            seq {dialect.counting_key},
            revision TEXT NOT NULL REFERENCES revision (revision),
            activated_at BIGINT NOT NULL,
            git_commit TEXT NOT NULL,
            dirty BOOLEAN NOT NULL
        )"""
    yield "CREATE TABLE probe (writes BIGINT NOT NULL PRIMARY KEY)"
    yield "INSERT INTO probe VALUES (0)"
