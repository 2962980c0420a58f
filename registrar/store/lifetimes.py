"""When a client has to end."""

from registrar.store.records import Client


def due_at(client: Client, used_at: int) -> int:
    """The epoch second at which `client` ends when it is last used, or given out, at `used_at`; 0: never."""
    if client.provisioned:
        return 0
    unused_until = used_at + client.unused if client.unused else 0
    return min(filter(None, (client.expires_at, unused_until)), default=0)
