"""How clients and decisions are told to those who are no client. No document has a secret or the digest of one."""

from collections.abc import Mapping

from registrar.store import Activation, Client, DecisionRecord


def client_document(client: Client) -> dict[str, object]:
    """What an authorization server needs of a client. Times are epoch seconds; 0 means never."""
    document: dict[str, object] = {
        "client_id": client.client_id,
        "status": client.status,
        "profile": client.profile,
        "metadata": client.metadata,
        "issued_at": client.issued_at,
        "expires_at": client.expires_at,
        "last_seen_at": client.last_seen_at,
    }
    if client.secret_hash is not None:
        document["client_secret_expires_at"] = client.secret_expires_at
    return document


def client_record(client: Client) -> dict[str, object]:
    """What an administrator and an auditor see of a client, or of its tombstone. `due_at`: when the sweeper ends it."""
    return {
        **client_document(client),
        "policy_revision": client.policy_revision,
        "decision_id": client.decision_id,
        "source": client.source,
        "software_id": client.software_id,
        "provisioned": client.provisioned,
        "shared": client.reuse_key is not None,
        "due_at": client.due_at,
        "ended_at": client.ended_at,
    }


def decision_document(decision: DecisionRecord) -> dict[str, object]:
    """A decision or an event, with the whole record."""
    return {
        "decision_id": decision.decision_id,
        "at": decision.at,
        "result": decision.result,
        "client_id": decision.client_id,
        "record": decision.record,
    }


def activation_document(activation: Activation) -> dict[str, object]:
    """When a policy revision came into force. `commit` is "" where there was no repository."""
    return {
        "revision": activation.revision,
        "activated_at": activation.activated_at,
        "commit": activation.commit,
        "dirty": activation.dirty,
    }


def files_document(revision: str, files: Mapping[str, bytes]) -> dict[str, object]:
    """A policy tree, file by file. Every file of a tree that decided is UTF-8."""
    return {"revision": revision, "files": {path: content.decode("utf-8", "replace") for path, content in sorted(files.items())}}
