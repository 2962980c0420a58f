"""The policy set in force, and how another one takes its place while requests are decided."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import Final

from registrar.errors import LoadError, Place, Problem
from registrar.policy import PolicySet, Result, load, load_with_tests, read_files, run_tests
from registrar.policy.revision import revision
from registrar.schema import Schema
from registrar.store import Store, StoreUnavailable

_LOG: Final = logging.getLogger(__name__)

_SETTLED: Final = 0.1  # seconds that a tree has to stay as it is before it is compiled


@dataclass(frozen=True, slots=True)
class Checkout:
    """The state of the git repository that the policy tree is in; empty when it is in none."""

    commit: str = ""
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """A tree as it was seen on disk: its revision, or "" and the problems for which nobody can read it."""

    revision: str
    problems: tuple[Problem, ...] = ()


class TestsFailedError(LoadError):
    """A tree that loads, and whose own suites fail; `problems` are their failures."""

    __test__ = False  # no test of this program's


class PolicyTree:
    """The folder of a policy tree. With `tested` it has to pass its own suites, whose requests are read by that schema."""

    def __init__(self, directory: Path, schema: Schema, *, tested: Schema | None = None) -> None:
        self._directory = directory
        self._schema = schema
        self._tested = tested

    def look(self) -> Look:
        """Read every file, compile none."""
        try:
            return Look(revision(read_files(self._directory)))
        except LoadError as error:
            return Look("", error.problems)
        except OSError as error:  # a folder that vanishes or is closed while it is listed
            return Look("", (self._unreadable(error),))

    def load(self) -> PolicySet:
        """Read, compile and, where that is asked for, test the tree.

        Raises LoadError with every mistake, TestsFailedError with every failure.
        """
        try:
            return load(self._directory, self._schema) if self._tested is None else self._passed(self._tested)
        except LoadError:
            raise
        except OSError as error:
            raise LoadError([self._unreadable(error)]) from error
        except Exception as error:
            # A fault of this program, met by one tree, must neither end the watching nor come back with every look.
            _LOG.exception("policy not examined")
            raise LoadError([self._whole(f"could not be examined: {type(error).__name__}")]) from error

    def _passed(self, requests: Schema) -> PolicySet:
        policies, tests = load_with_tests(self._directory, self._schema)
        if not tests:
            raise TestsFailedError([self._whole("has no tests, of which some have to pass")])
        failed = run_tests(tests, policies, requests).failed
        if failed:
            raise TestsFailedError(problem for result in failed for problem in self._failures(result))
        return policies

    def _unreadable(self, error: OSError) -> Problem:
        return self._whole(f"cannot be read: {error.strerror}")

    def _whole(self, message: str) -> Problem:
        return Problem(Place(str(self._directory), 1, 1), "", message)

    def _failures(self, result: Result) -> Iterable[Problem]:
        place = replace(result.place, file=str(self._directory / result.place.file))
        for failure in result.failures:
            yield Problem(place, "", f"test {result.name}: {failure}")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A tree that did not come into force: when it was looked at (epoch seconds), what was seen, and every mistake in it."""

    at: int
    seen: Look
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy set that decides, and the tree that was to replace it and could not, while that is what stands on disk."""

    policies: PolicySet
    rejected: Rejection | None = None


class Outcome(Enum):
    """What came of looking at the tree."""

    UNCHANGED = auto()
    ACTIVATED = auto()
    REJECTED = auto()
    POSTPONED = auto()
    """The tree is being written, or the store takes no writes: to be tried again soon."""


class Policies:
    """Where the policy set in force is asked for, and replaced.

    MUST: a set is compiled aside, whole, from files that did not change meanwhile; the requests that began with another one
    finish with that.
    MUST: the store has a revision's files, and that it came into force, before it decides anything. So with `late`, for a program
    that may never register anybody, a set is recorded when it is first asked to decide; elsewhere before it is in force.
    MUST: a tree that cannot be read or does not load, or whose tests fail where they are asked for, replaces nothing.

    `first` is in force from the beginning; the constructor raises StoreUnavailable where that cannot be recorded. `checkout`
    tells what git knows about the tree; `settled` is how long (seconds) a changed tree has to stand still. What is judged by a
    tree that nobody serves (`registrar client import`) needs no `Policies`: the store keeps its files, and no activation.
    """

    def __init__(
        self,
        first: PolicySet,
        tree: PolicyTree,
        store: Store,
        *,
        clock: Callable[[], datetime],
        checkout: Callable[[], Checkout] = Checkout,
        settled: float = _SETTLED,
        late: bool = False,
    ) -> None:
        self._tree = tree
        self._store = store
        self._clock = clock
        self._checkout = checkout
        self._settled = settled
        self._replacing = threading.Lock()
        self._unrecorded: PolicySet | None = None  # compiled already, while the store takes no writes
        self._companions: tuple[Callable[[], None], ...] = ()
        self._late = late
        self._recorded: PolicySet | None = None
        if not late:
            self._record(first)
        self._in_force = InForce(first)

    def current(self) -> PolicySet:
        """The policy set in force, to decide with. No lock: a request takes one reference, and decides with that.

        Raises StoreUnavailable when it is still to be recorded (`late`) and cannot be.
        """
        policies = self._in_force.policies
        return self._recorded_late() if self._late and policies is not self._recorded else policies

    @property
    def in_force(self) -> InForce:
        """The policy set in force, with what is wrong with the tree on disk."""
        return self._in_force

    def accompany(self, look: Callable[[], None]) -> None:
        """Have `look` called, from now on, whenever the tree is looked at: for files that operators change along with it."""
        self._companions = (*self._companions, look)

    def refresh(self) -> Outcome:
        """Follow the tree on disk. One that was seen before costs the reading of its files, and no line in the log."""
        with self._replacing:
            self._look_beside()
            seen = self._tree.look()
            rejected = self._in_force.rejected
            if rejected is not None and seen == rejected.seen:
                return Outcome.REJECTED
            return self._replace(seen)

    def reload(self) -> Outcome:
        """Look at the tree on disk because somebody asks: also at one that was rejected before, and the log has an answer."""
        with self._replacing:
            self._look_beside()
            outcome = self._replace(self._tree.look())
            if outcome is Outcome.UNCHANGED:
                _LOG.info("policy unchanged", extra={"fields": {"revision": self._in_force.policies.revision}})
            return outcome

    def _look_beside(self) -> None:
        for look in self._companions:
            look()

    def _replace(self, seen: Look) -> Outcome:
        if seen.revision == self._in_force.policies.revision:
            return self._keep()
        if not self._stands_still(seen):
            return Outcome.POSTPONED
        try:
            candidate = self._compiled(seen)
        except LoadError as error:
            # What does not load because it changed while it was read is no mistake of anybody's.
            return self._reject(seen, error.problems) if self._tree.look() == seen else Outcome.POSTPONED
        if candidate.revision != seen.revision:
            return Outcome.POSTPONED
        return self._activate(candidate)

    def _keep(self) -> Outcome:
        """The tree on disk is the one in force, perhaps again."""
        self._unrecorded = None
        if self._in_force.rejected is not None:
            self._in_force = InForce(self._in_force.policies)
            _LOG.info("policy restored", extra={"fields": {"revision": self._in_force.policies.revision}})
        return Outcome.UNCHANGED

    def _stands_still(self, seen: Look) -> bool:
        """Whether the tree is, for a moment, what was seen. Editors, git and rsync write one file after the other."""
        time.sleep(self._settled)
        return self._tree.look() == seen

    def _compiled(self, seen: Look) -> PolicySet:
        if self._unrecorded is not None and self._unrecorded.revision == seen.revision:
            return self._unrecorded
        return self._tree.load()

    def _reject(self, seen: Look, problems: tuple[Problem, ...]) -> Outcome:
        self._unrecorded = None
        self._in_force = InForce(self._in_force.policies, Rejection(int(self._clock().timestamp()), seen, problems))
        fields = {"revision": seen.revision, "in_force": self._in_force.policies.revision, "problems": len(problems)}
        _LOG.error("policy rejected", extra={"fields": fields})
        for problem in problems:
            found = {"place": str(problem.place), "path": problem.path, "problem": problem.message}
            _LOG.error("policy problem", extra={"fields": found})
        return Outcome.REJECTED

    def _activate(self, candidate: PolicySet) -> Outcome:
        try:
            checkout = self._checkout() if self._late else self._record(candidate)
        except StoreUnavailable as error:
            if self._unrecorded is not candidate:
                _LOG.error("policy postponed", extra={"fields": {"revision": candidate.revision, "cause": str(error)}})
            self._unrecorded = candidate
            self._in_force = InForce(self._in_force.policies)
            return Outcome.POSTPONED
        fields = {
            "revision": candidate.revision,
            "instead_of": self._in_force.policies.revision,
            "commit": checkout.commit,
            "dirty": checkout.dirty,
        }
        self._unrecorded = None
        self._in_force = InForce(candidate)
        _LOG.info("policy activated", extra={"fields": fields})
        return Outcome.ACTIVATED

    def _recorded_late(self) -> PolicySet:
        with self._replacing:  # so that what is recorded last is what is in force
            policies = self._in_force.policies
            if policies is not self._recorded:
                self._record(policies)
                self._recorded = policies
            return policies

    def _record(self, policies: PolicySet) -> Checkout:
        checkout = self._checkout()
        at = int(self._clock().timestamp())
        self._store.activate(policies.revision, policies.files, at=at, commit=checkout.commit, dirty=checkout.dirty)
        return checkout
