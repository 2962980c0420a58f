"""Lints about a document's own metadata, and the annotation that silences others."""

from collections.abc import Iterable, Iterator

from registrar.documents import Document
from registrar.errors import did_you_mean
from registrar.policy.reading import Path
from registrar.review.lint.finding import LINTS, Lint
from registrar.review.lint.subject import Subject, found

IGNORE = "registrar.lint/ignore"
_PATH: Path = ("metadata", "annotations", IGNORE)


def missing_owners(subject: Subject) -> Iterator[Lint]:
    """Documents that do not say whom to ask about them."""
    for document in subject.documents.values():
        if not document.value["metadata"].get("annotations", {}).get("owner", "").strip():
            yield found("missing-owner", document, ("metadata",), "has no annotation owner: whom does a reviewer ask?", key=True)


def unknown_ignores(subject: Subject) -> Iterator[Lint]:
    """Ids in the annotation that are no lint: a misspelt one silences nothing."""
    for document in subject.documents.values():
        for name in _ignored(document):
            if name not in LINTS:
                yield found("unknown-lint", document, _PATH, f'there is no lint "{name}"{did_you_mean(name, LINTS)}')


def heard(lints: Iterable[Lint], subject: Subject) -> Iterator[Lint]:
    """`lints` without those that the document they are about silences."""
    silent = {path: frozenset(_ignored(document)) for path, document in subject.documents.items()}
    return (lint for lint in lints if lint.id not in silent[lint.place.file])


def _ignored(document: Document) -> list[str]:
    text: str = document.value["metadata"].get("annotations", {}).get(IGNORE, "")
    return [name for part in text.split(",") if (name := part.strip())]
