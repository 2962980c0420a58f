"""The tables as Peewee models: the one place where their columns are written.

The models are never bound to a database. Peewee's `bind` and `Meta.database` would make the database a property of the
class, so that a process could hold one store only; here a database is always named by whoever runs a query.
Column names equal the members of `registrar.store.records`. Migrations do not import this module: they are history, it is
the present; a test holds that both agree.
"""

import peewee


class Client(peewee.Model):
    """A registered client, or its tombstone."""

    client_id = peewee.TextField(primary_key=True)
    metadata = peewee.TextField()
    profile = peewee.TextField()
    policy_revision = peewee.TextField()
    decision_id = peewee.TextField()
    source = peewee.TextField()
    software_id = peewee.TextField()
    fingerprint = peewee.TextField()
    secret_hash = peewee.BlobField(null=True)
    secret_expires_at = peewee.BigIntegerField()
    management_token_hash = peewee.BlobField(null=True)
    issued_at = peewee.BigIntegerField()
    expires_at = peewee.BigIntegerField()
    last_seen_at = peewee.BigIntegerField()
    unused = peewee.BigIntegerField()
    status = peewee.TextField()
    previous_token_hash = peewee.BlobField(null=True)
    previous_secret_hash = peewee.BlobField(null=True)
    previous_secret_expires_at = peewee.BigIntegerField()
    reuse_key = peewee.TextField(null=True)
    provisioned = peewee.BooleanField()
    due_at = peewee.BigIntegerField()
    ended_at = peewee.BigIntegerField()


class Decision(peewee.Model):
    """A link of a journal's hash chain."""

    journal = peewee.TextField()
    seq = peewee.BigIntegerField()
    at = peewee.BigIntegerField()
    decision_id = peewee.TextField(unique=True)
    result = peewee.TextField()
    client_id = peewee.TextField()
    record = peewee.TextField()
    prev = peewee.BlobField()
    hash = peewee.BlobField()

    class Meta:  # noqa: D106
        primary_key = peewee.CompositeKey("journal", "seq")


class Revision(peewee.Model):
    """A policy tree that decided at some time."""

    revision = peewee.TextField(primary_key=True)


class RevisionFile(peewee.Model):
    """One file of a revision, byte for byte."""

    revision = peewee.TextField()
    path = peewee.TextField()
    content = peewee.BlobField()

    class Meta:  # noqa: D106
        table_name = "revision_file"
        primary_key = peewee.CompositeKey("revision", "path")


class Activation(peewee.Model):
    """A revision came into force."""

    seq = peewee.BigAutoField()
    revision = peewee.TextField()
    activated_at = peewee.BigIntegerField()
    git_commit = peewee.TextField()
    dirty = peewee.BooleanField()


class Token(peewee.Model):
    """A bearer token that somebody was given; only its hash."""

    id = peewee.TextField(primary_key=True)
    hash = peewee.BlobField(unique=True)
    kind = peewee.TextField()
    name = peewee.TextField()
    scopes = peewee.TextField()
    labels = peewee.TextField()
    uses_left = peewee.BigIntegerField(null=True)
    issued_at = peewee.BigIntegerField()
    expires_at = peewee.BigIntegerField()
    revoked_at = peewee.BigIntegerField()


class Counter(peewee.Model):
    """What was used of a limit under one key: of all of it, or of one of the shards that it is split in."""

    limit_id = peewee.TextField()
    key = peewee.TextField()
    shard = peewee.BigIntegerField()
    slices = peewee.TextField()
    tat = peewee.BigIntegerField()
    active = peewee.BigIntegerField()
    total = peewee.BigIntegerField()
    expires_at = peewee.BigIntegerField()

    class Meta:  # noqa: D106
        primary_key = peewee.CompositeKey("limit_id", "key", "shard")


class Hold(peewee.Model):
    """A client counts as active under a limit until it ends."""

    client_id = peewee.TextField()
    limit_id = peewee.TextField()
    key = peewee.TextField()
    shard = peewee.BigIntegerField()

    class Meta:  # noqa: D106
        primary_key = peewee.CompositeKey("client_id", "limit_id", "key")


class Lease(peewee.Model):
    """Who does what only one node may do, and until when."""

    name = peewee.TextField(primary_key=True)
    holder = peewee.TextField()
    until = peewee.BigIntegerField()


class Probe(peewee.Model):
    """The one row that the readiness check changes: a write that stores nothing new would not touch the disk."""

    writes = peewee.BigIntegerField(primary_key=True)


MODELS: tuple[type[peewee.Model], ...] = (
    Client,
    Decision,
    Revision,
    RevisionFile,
    Activation,
    Token,
    Counter,
    Hold,
    Lease,
    Probe,
)
