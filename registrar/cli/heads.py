"""The heads of journals, as `registrar db verify` prints them and an operator keeps them elsewhere."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from registrar.documents import JSONError, read_json
from registrar.errors import RegistrarError
from registrar.store import Head

_DEPTH = 3
_BYTES = 32  # of a hash: SHA-256


class HeadsError(RegistrarError):
    """A file that has no heads; the text says why."""


def head_record(head: Head) -> dict[str, object]:
    """`head` for programs."""
    return {"journal": head.journal, "seq": head.seq, "hash": head.hash.hex()}


def read_heads(file: Path) -> tuple[Head, ...]:
    """The heads that an earlier `db verify --format json` printed into `file`. Raises HeadsError."""
    try:
        document: Any = read_json(file.read_bytes(), max_depth=_DEPTH)
        return tuple(_heads(document["heads"]))
    except OSError as error:
        raise HeadsError(f"{file} cannot be read: {error.strerror}") from error
    except JSONError as error:
        raise HeadsError(f"{file} {error.reason}: it must be what registrar db verify --format json printed") from None
    except (KeyError, TypeError, ValueError):
        raise HeadsError(f"{file} has no heads: it must be what registrar db verify --format json printed") from None


def _heads(records: Iterable[Any]) -> Iterable[Head]:
    """Raises KeyError, TypeError and ValueError for what is none."""
    for record in records:
        journal, seq, digest = record["journal"], record["seq"], bytes.fromhex(record["hash"])
        if not isinstance(journal, str) or type(seq) is not int or seq < 0 or len(digest) != _BYTES:
            raise ValueError(record)
        yield Head(journal, seq, digest)
