"""The scenarios under tests/cases, read through the project's own strict YAML reader."""

from pathlib import Path
from typing import Any

from registrar.documents import read_yaml

CASES = Path(__file__).resolve().parent.parent / "cases"


def scenarios(name: str) -> dict[str, Any]:
    """The mapping in `tests/cases/<name>.yaml`."""
    path = CASES / f"{name}.yaml"
    value = read_yaml(path.read_text(encoding="utf-8"), path.name).value
    assert isinstance(value, dict)
    return value
