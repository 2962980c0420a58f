"""Trees that do not load. Each case is a file; its problems are exact: file, line, column, path and words."""

from pathlib import Path

import pytest

from registrar.documents import read_yaml
from registrar.errors import LoadError
from registrar.policy import load_with_tests
from tests.policy.trees import BASE, POLICY

CASES = Path(__file__).parent.parent / "cases" / "broken_trees"


def scenarios() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.yaml"))


def found(scenario: str, directory: Path) -> tuple[list[str], list[str]]:
    """The problems that the scenario's tree has, and those that it should have."""
    case = read_yaml((CASES / f"{scenario}.yaml").read_text(encoding="utf-8"), scenario).value
    for path, text in {**BASE, **case["files"]}.items():
        if path not in case.get("without", []):
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text, encoding="utf-8")
    with pytest.raises(LoadError) as caught:
        load_with_tests(directory, POLICY)
    return [str(problem).removeprefix(f"{directory}/") for problem in caught.value.problems], case["problems"]


@pytest.mark.parametrize("scenario", scenarios())
def test_every_mistake_is_named_with_its_place(scenario: str, tmp_path: Path) -> None:
    problems, expected = found(scenario, tmp_path)
    assert problems == expected
    assert expected
