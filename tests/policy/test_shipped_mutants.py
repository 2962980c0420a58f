"""The shipped suites notice when an operator in a shipped expression is another one: each is flipped, one at a time."""

import re
from collections.abc import Iterator

import pytest

from registrar.bundled import bundled
from registrar.policy import compile_tree, load_fixtures, read_files, run_tests
from registrar.policy.suites import read_suites
from registrar.policy.tree import read_tree
from tests.policy.trees import POLICY, REQUEST

FLIPS = {
    "&&": "||",
    "||": "&&",
    "==": "!=",
    "!=": "==",
    ">": "<=",
    "<=": ">",
    ".all(": ".exists(",
    ".exists(": ".all(",
    "!": "",
}
OPERATOR = re.compile(r"&&|\|\||==|!=|<=|>(?!-)|\.all\(|\.exists\(|!(?=[a-z(])")
KEY = re.compile(r"^\s*(?:- )?(?:\{.*?)?(?:expression|when): (.*)$")
FILES = dict(read_files(bundled("policies")))


def expressions(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Line numbers and the columns from which an expression stands in them."""
    block = -1
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if block >= 0 and indent > block:
            yield number, 0
            continue
        block = -1
        if (found := KEY.match(line)) is not None:
            if found[1] == ">-":
                block = indent
            else:
                yield number, found.start(1)


def mutants() -> Iterator[object]:
    for path, content in FILES.items():
        lines = content.decode().split("\n")
        if path.startswith(("profiles/", "guardrails/", "limits/")):
            for number, start in expressions(lines):
                for found in OPERATOR.finditer(lines[number], start):
                    name = f"{path}:{number + 1}:{found.start() + 1} {found[0]}"
                    line = lines[number][: found.start()] + FLIPS[found[0]] + lines[number][found.end() :]
                    yield pytest.param(path, "\n".join([*lines[:number], line, *lines[number + 1 :]]), id=name)


@pytest.mark.parametrize(("path", "text"), list(mutants()))
def test_a_flipped_operator_fails_a_test(path: str, text: str) -> None:
    files = {**FILES, path: text.encode()}
    policies = compile_tree(files, POLICY)
    tests = read_suites(read_tree(files, POLICY), policies, load_fixtures())
    assert run_tests(tests, policies, REQUEST).failed


def test_there_are_operators_to_flip() -> None:
    assert len(list(mutants())) > 40
