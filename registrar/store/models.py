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
    """A policy tree that was in force at some time."""

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


class Probe(peewee.Model):
    """The one row that the readiness check changes: a write that stores nothing new would not touch the disk."""

    writes = peewee.BigIntegerField(primary_key=True)


MODELS: tuple[type[peewee.Model], ...] = (Client, Decision, Revision, RevisionFile, Activation, Probe)
