"""Reads the query of a list: named parameters, each once and within bounds, and nothing else."""

import re
from collections.abc import Collection, Mapping
from typing import Final

import falcon

from registrar.service import Refusal
from registrar.store import STATUSES, Status
from registrar.wire import ErrorCode

_PAGE: Final = 100  # records of one answer, when nobody says
_LARGEST_PAGE: Final = 500
_MAX_TEXT: Final = 2_048  # characters
_LATEST: Final = 10**12  # epoch seconds: what is later was meant in milliseconds
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class Query:
    """The parameters of `req`: `known` ones alone may be there, each once. Everything raises Refusal with 400."""

    def __init__(self, req: falcon.Request, known: Collection[str]) -> None:
        given: Mapping[str, str | list[str]] = req.params
        if unknown := sorted(given.keys() - set(known)):
            raise wrong(f"the query has {len(unknown)} unknown parameters; known are {', '.join(sorted(known))}")
        self._given = given

    def text(self, name: str) -> str:
        """A short text; "" when it is not given."""
        value = self._given.get(name, "")
        if not isinstance(value, str):
            raise wrong(f"{name} is given more than once")
        if len(value) > _MAX_TEXT or not value.isprintable():
            raise wrong(f"{name} must be printable, and no longer than {_MAX_TEXT} characters")
        return value

    def number(self, name: str, *, default: int, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        text = self.text(name)
        if not text:
            return default
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise wrong(f"{name} must be a whole number from {least} to {most}")
        return int(text)

    def limit(self) -> int:
        """How many records one answer may have."""
        return self.number("limit", default=_PAGE, least=1, most=_LARGEST_PAGE)

    def since(self) -> int:
        """A moment in epoch seconds; 0 when it is not given."""
        return self.number("since", default=0, least=0, most=_LATEST)

    def status(self) -> Status | None:
        """A client's status, None when it is not given."""
        text = self.text("status")
        if not text:
            return None
        if text not in STATUSES:
            raise wrong(f"status must be one of {', '.join(STATUSES)}")
        return text


def wrong(description: str) -> Refusal:
    """What a query with a mistake is answered."""
    return Refusal(400, ErrorCode.INVALID_REQUEST, description)
