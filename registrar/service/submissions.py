"""What a client submits, as facts: its software statement believed, its document taken in."""

from collections.abc import Mapping
from datetime import datetime

from registrar.policy import Facts, MalformedError, PolicySet, Source, take_in
from registrar.schema import Schema
from registrar.service.outcomes import malformed
from registrar.service.software import TrustedIssuers


def submitted_facts(
    body: Mapping[str, object], source: Source, policies: PolicySet, *, trusted: TrustedIssuers, schema: Schema, now: datetime
) -> Facts:
    """The facts of a document that came from `source` at `now` to be registered. `schema` is the one of registration requests.

    Raises Refusal: for a software statement that is not believed, else with every fault of the document and the first one's code.
    """
    claimed, statement = trusted.read(body, policies.extensions, now)
    try:
        intake = take_in(claimed, schema, policies.extensions)
    except MalformedError as error:
        raise malformed(error) from None
    return Facts(
        now=now,
        metadata=intake.metadata,
        redirects=intake.redirects,
        submitted=claimed,
        operation="create",
        source=source,
        software_statement=statement,
    )
