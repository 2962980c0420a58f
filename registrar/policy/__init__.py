"""Policies: a tree of YAML files, compiled into a `PolicySet` that decides who may register as what.

Pure but for `load`, which reads the tree's files. See `schemas/policy.schema.json` for the documents.
"""

from typing import TYPE_CHECKING

from registrar.policy.compiler import compile_tree
from registrar.policy.decision import Change, Decision, Finding, Lifetimes, Mode
from registrar.policy.facts import Facts, Operation, SoftwareStatement, Source, Token
from registrar.policy.intake import Fault, Intake, MalformedError, overlaid, take_in
from registrar.policy.loader import load, load_fixtures, load_with_tests
from registrar.policy.networks import subscriber
from registrar.policy.policyset import ACCEPT_FROM, Offers, PolicySet
from registrar.policy.tokens import TokenUse
from registrar.policy.tree import read_files

if TYPE_CHECKING:
    from registrar.policy.suites import Report, Result, Test
    from registrar.policy.suites import run as run_tests
else:

    def __getattr__(name: str) -> object:
        # Whoever only loads policies runs none of their tests, and does without 3 ms of imports for them.
        if name not in {"Report", "Result", "Test", "run_tests"}:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from registrar.policy import suites  # noqa: PLC0415

        return getattr(suites, "run" if name == "run_tests" else name)


__all__ = [
    "ACCEPT_FROM",
    "Change",
    "Decision",
    "Facts",
    "Fault",
    "Finding",
    "Intake",
    "Lifetimes",
    "MalformedError",
    "Mode",
    "Offers",
    "Operation",
    "PolicySet",
    "Report",
    "Result",
    "SoftwareStatement",
    "Source",
    "Test",
    "Token",
    "TokenUse",
    "compile_tree",
    "load",
    "load_fixtures",
    "load_with_tests",
    "overlaid",
    "read_files",
    "run_tests",
    "subscriber",
    "take_in",
]
