"""The two trees of a comparison, each with its documents and what stands in them by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from registrar.documents import Document
from registrar.errors import Place
from registrar.policy.limits import Limit
from registrar.policy.policyset import Guardrail, PolicySet, Profile
from registrar.policy.sources import documents, limit_keys, limit_path
from registrar.review.difference.differences import Difference, Direction, Side
from registrar.review.difference.expressions import Dictionary
from registrar.review.difference.rules import Rules


class Tree:
    """One side: a policy set, its documents by path, its profiles and guardrails by name, and its limits by id."""

    def __init__(self, policies: PolicySet) -> None:
        self.policies = policies
        self.profiles = {profile.book.name: profile for profile in policies.profiles}
        self.guardrails = {guardrail.book.name: guardrail for guardrail in policies.guardrails}
        self.limits = {limit.rule: limit for limit in policies.limits}
        self.order = list(self.profiles)

    @cached_property
    def documents(self) -> Mapping[str, Document]:
        """The documents, test suites left out."""
        return documents(self.policies)

    def place(self, path: str, *keys: str | int) -> Place:
        """Where a key stands in the document at `path`, or the nearest one around it that is there."""
        return self.documents[path].place(keys, key=True)

    def limit_place(self, limit: Limit, *keys: str | int) -> Place:
        """Where a key of a limit stands, or the limit."""
        path = limit_path(limit)
        return self.place(path, *limit_keys(limit, self.documents[path]), *keys)

    @property
    def dictionary(self) -> Dictionary:
        """What the names in limits stand for."""
        return Dictionary(self.policies.constants, self.policies.networks, {})

    def rules(self, document: Profile | Guardrail) -> Rules:
        """The rules of one of its documents."""
        return Rules.of(self.policies, document.book)


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides."""

    old: Tree
    new: Tree

    def noted(self, subject: str, old: str, new: str, path: str, *keys: str | int) -> Iterator[Difference]:
        """The difference of two texts that decide nothing where they stand; "" is for what is not there."""
        if old == new:
            return
        side = Side.NEW if new else Side.OLD
        place = (self.new if new else self.old).place(path, *keys)
        message = "is gone" if not new else "is there" if not old else "is another"
        yield Difference(Direction.NEUTRAL, subject, message, place, side, old, new)
