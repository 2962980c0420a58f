"""What is wrong with a document, as a value."""

from typing import NamedTuple

Path = tuple[str | int, ...]


class SchemaProblem(NamedTuple):
    """One mistake: where (keys and list indexes from 0), which keyword of the schema, and what must be instead.

    The path of an unknown key ends with that key; the path of a missing one is that of the object that lacks it.
    """

    path: Path
    keyword: str
    message: str
