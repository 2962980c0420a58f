"""Software statements in registrations: whose are believed, with keys as they stand on disk, and what they say comes first."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from registrar.documents import JSONError, read_json
from registrar.errors import LoadError, Place, Problem
from registrar.policy import SoftwareStatement, overlaid
from registrar.service.outcomes import Refusal
from registrar.settings import StatementIssuer
from registrar.statements import StatementError, Trust, TrustError, verify
from registrar.wire import Extensions

_LOG: Final = logging.getLogger(__name__)

_STATEMENT: Final = "software_statement"
_MAX_FILE: Final = 1 << 20  # bytes
_MAX_DEPTH: Final = 8
_NO_TRUSTS: Final[Mapping[str, Trust]] = MappingProxyType({})
_ABSENT: Final = SoftwareStatement()


class TrustedIssuers:
    """The issuers whose statements are believed.

    MUST: the files with their keys are read whole before any of them counts; one that cannot be read or used leaves the keys that
    it had before. The constructor, with nothing to fall back on, raises LoadError with every mistake.
    """

    def __init__(self, issuers: Sequence[StatementIssuer] = ()) -> None:
        self._issuers = tuple(issuers)
        self._seen = {one.issuer: _content(one.jwks) for one in self._issuers}
        self._trusts: Mapping[str, Trust] = _NO_TRUSTS
        problems: list[Problem] = []
        for one in self._issuers:
            problems += self._take(one)
        if problems:
            raise LoadError(problems)

    def refresh(self) -> None:
        """Follow the files on disk. A content that was seen before costs its reading, and no line in the log."""
        for one in self._issuers:
            content = _content(one.jwks)
            if content != self._seen[one.issuer]:
                self._seen[one.issuer] = content
                self._report(one, self._take(one))

    def read(
        self, body: Mapping[str, object], extensions: Extensions, now: datetime
    ) -> tuple[Mapping[str, object], SoftwareStatement]:
        """`body` as its software statement has it, and the statement; `body` itself when there is none.

        Raises Refusal: 400 for a statement that is not believed (RFC 7591 §3.2.2).
        """
        text = body.get(_STATEMENT)
        if not isinstance(text, str) or not text:
            return body, _ABSENT
        try:
            claims = verify(text, self._trusts, int(now.timestamp()))
        except StatementError as error:
            raise Refusal(400, error.code, str(error)) from None
        statement = SoftwareStatement(present=True, verified=True, issuer=str(claims["iss"]), claims=claims)
        return overlaid(body, claims, extensions), statement

    def _take(self, one: StatementIssuer) -> list[Problem]:
        """Believe `one` with the keys that were seen last, or say why not."""
        content = self._seen[one.issuer]
        mistakes: tuple[str, ...] = (content,) if isinstance(content, str) else ()
        if isinstance(content, bytes):
            try:
                trust = Trust(one.issuer, _key_set(content), one.algorithms, one.audience)
            except TrustError as error:
                mistakes = error.mistakes
            else:
                self._trusts = MappingProxyType({**self._trusts, one.issuer: trust})
        return [Problem(Place(str(one.jwks), 1, 1), "", mistake) for mistake in mistakes]

    def _report(self, one: StatementIssuer, problems: Iterable[Problem]) -> None:
        wrong = list(problems)
        for problem in wrong:
            fields = {"issuer": one.issuer, "place": str(problem.place), "problem": problem.message}
            _LOG.error("keys of software statements rejected", extra={"fields": fields})
        if not wrong:
            _LOG.info("keys of software statements replaced", extra={"fields": {"issuer": one.issuer, "file": str(one.jwks)}})


def _content(file: Path) -> bytes | str:
    """The bytes of a file, or why there are none. Never waits, as a pipe would make it."""
    try:
        if not file.is_file():
            return "is no file"
        with file.open("rb") as stream:
            content = stream.read(_MAX_FILE + 1)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return content if len(content) <= _MAX_FILE else f"is larger than {_MAX_FILE} bytes"


def _key_set(content: bytes) -> Mapping[str, object]:
    """Raises TrustError for what is no strict JSON object."""
    try:
        value = read_json(content, max_depth=_MAX_DEPTH)
    except JSONError as error:
        raise TrustError(str(error)) from None
    if not isinstance(value, dict):
        raise TrustError("must be a JSON object, a JSON Web Key Set")
    return value
