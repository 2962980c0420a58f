"""The life of a client after its registration: credentials that rotate, sharing, an end; tokens, limits and leases."""

from collections.abc import Iterator

from registrar.store.migrations.dialect import Dialect


def statements(dialect: Dialect) -> Iterator[str]:
    """What release 0.2 adds. Columns are explained in `registrar.store.records`."""
    yield from _order_of_ids(dialect)
    yield from _client_columns(dialect)
    yield from _client_rows()
    yield from _client_indexes()
    # An auditor asks for all that was decided about one client. Refusals name none, and take no room here.
    yield "CREATE INDEX decision_client ON decision (client_id, at, decision_id) WHERE client_id <> ''"
    # Errors and events, which are few, among millions of decisions.
    yield "CREATE INDEX decision_rare ON decision (result, at, decision_id) WHERE result <> 'allow' AND result <> 'deny'"
    yield from _new_tables(dialect)


def _order_of_ids(dialect: Dialect) -> Iterator[str]:
    """Lists are merged in the order of times and ids: that has to be one order, here and there, whatever a server's locale is."""
    for table in ("client", "decision"):
        for column in ("client_id", "decision_id"):
            if dialect.bytewise:
                yield dialect.bytewise.format(table=table, column=column)


def _client_columns(dialect: Dialect) -> Iterator[str]:
    yield f"ALTER TABLE client ADD COLUMN previous_token_hash {dialect.binary}"
    yield f"ALTER TABLE client ADD COLUMN previous_secret_hash {dialect.binary}"
    yield "ALTER TABLE client ADD COLUMN previous_secret_expires_at BIGINT NOT NULL DEFAULT 0"
    yield "ALTER TABLE client ADD COLUMN reuse_key TEXT"
    yield "ALTER TABLE client ADD COLUMN provisioned BOOLEAN NOT NULL DEFAULT FALSE"
    yield "ALTER TABLE client ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0"
    yield "ALTER TABLE client ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0"


def _client_rows() -> Iterator[str]:
    """Clients that are there already: when the sweeper has to look at them, and no credentials in a tombstone."""
    yield """
        UPDATE client SET due_at = CASE
            WHEN unused = 0 THEN expires_at
            WHEN expires_at <> 0 AND expires_at < issued_at + unused THEN expires_at
            ELSE issued_at + unused END
        WHERE status IN ('active', 'disabled')"""
    yield """
        UPDATE client SET secret_hash = NULL, management_token_hash = NULL, ended_at = issued_at
        WHERE status IN ('expired', 'deleted')"""


def _client_indexes() -> Iterator[str]:
    """All but the list are partial: a client that has no such value costs no entry."""
    yield "CREATE UNIQUE INDEX client_token ON client (management_token_hash) WHERE management_token_hash IS NOT NULL"
    yield "CREATE INDEX client_previous_token ON client (previous_token_hash) WHERE previous_token_hash IS NOT NULL"
    yield "CREATE UNIQUE INDEX client_reuse ON client (reuse_key) WHERE reuse_key IS NOT NULL"
    yield "CREATE INDEX client_due ON client (due_at, client_id) WHERE due_at > 0"
    # The administrator's lists, newest first: one index for all of them, since each costs every registration its time.
    yield "CREATE INDEX client_list ON client (profile, status, issued_at, client_id)"


def _new_tables(dialect: Dialect) -> Iterator[str]:
    yield f"""
        CREATE TABLE token (
            id TEXT NOT NULL PRIMARY KEY,
            hash {dialect.binary} NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            scopes TEXT NOT NULL,
            labels TEXT NOT NULL,
            uses_left BIGINT,
            issued_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            revoked_at BIGINT NOT NULL
        )"""
    yield """
        CREATE TABLE counter (
            limit_id TEXT NOT NULL,
            key TEXT NOT NULL,
            shard BIGINT NOT NULL,
            slices TEXT NOT NULL,
            tat BIGINT NOT NULL,
            active BIGINT NOT NULL,
            total BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            PRIMARY KEY (limit_id, key, shard)
        )"""
    yield "CREATE INDEX counter_expiry ON counter (expires_at) WHERE expires_at > 0"
    yield """
        CREATE TABLE hold (
            client_id TEXT NOT NULL,
            limit_id TEXT NOT NULL,
            key TEXT NOT NULL,
            shard BIGINT NOT NULL,
            PRIMARY KEY (client_id, limit_id, key)
        )"""
    yield "CREATE TABLE lease (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, until BIGINT NOT NULL)"
