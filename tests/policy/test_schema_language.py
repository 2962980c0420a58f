"""The schema that editors use and the loader speak one language: what one underlines, the other refuses, and nothing else.

An editor validates a document against the root of `policy.schema.json`, as jsonschema does here without this program's dialect.
The loader goes by the folder of the file, and by its own validator. Neither sees more than the other in any document of a tree
that loads, in any of a tree that does not, or in mutants of them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import registrar
from registrar.bundled import bundled
from registrar.documents import read_yaml
from registrar.errors import LoadError
from registrar.policy import load_with_tests, run_tests
from registrar.policy.tree import read_files, read_tree
from tests.policy.trees import BASE, POLICY, REQUEST, compiled, profile

TESTS = Path(__file__).parent.parent
VALID = TESTS / "cases/trees"
BROKEN = TESTS / "cases/broken_trees"
EXAMPLES = TESTS.parent / "examples"
SCHEMA: dict[str, Any] = json.loads((bundled("schemas") / "policy.schema.json").read_text(encoding="utf-8"))
EDITOR = Draft202012Validator(SCHEMA)
FOLDERS = {"Profile": "profiles", "Guardrail": "guardrails", "Limits": "limits", "TestSuite": "tests"}

Files = Mapping[str, bytes]
Step = str | int


def case_files(case: Path) -> Files:
    """The tree of a case: its files over those of the base tree."""
    value = read_yaml(case.read_text(encoding="utf-8"), case.name).value
    texts = {**BASE, **value["files"]}
    return {path: text.encode() for path, text in texts.items() if path not in value.get("without", [])}


def directories() -> list[Path]:
    """The policy trees of this repository that load."""
    return [bundled("policies"), Path(registrar.__file__).parent / "starter", *sorted(EXAMPLES.glob("*/policies"))]


def trees_that_load() -> dict[str, Files]:
    cases = {f"cases/trees/{case.stem}": case_files(case) for case in sorted(VALID.glob("*.yaml"))}
    return {f"{path.parent.name}/{path.name}": read_files(path) for path in directories()} | cases


def documents(files: Files) -> Iterator[tuple[str, Any]]:
    """The documents of a tree, as far as they are YAML at all."""
    for path, content in files.items():
        try:
            yield path, read_yaml(content.decode(), path).value
        except LoadError:
            continue


TREES = trees_that_load()
CASES = [files for name, files in TREES.items() if name.startswith("cases/")]
DOCUMENTS = [value for files in TREES.values() for _, value in documents(files)]


def editor_takes(value: Any) -> bool:
    return EDITOR.is_valid(value)


def loader_takes(value: Any) -> bool:
    """The loader's structural pass, in a file of the name and the folder that the document itself asks for."""
    path = home(value)
    tree = read_tree({path: json.dumps(value, ensure_ascii=False).encode()}, POLICY)
    assert all(read == value for read in (document.value for document in tree.documents.values()))
    return path in tree.documents


def home(value: Any) -> str:
    """Where a document belongs. Neither its folder nor its file's name is in the document, so no schema can judge them."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == "PolicySet":
        return "policyset.yaml"
    folder = FOLDERS.get(kind, "profiles") if isinstance(kind, str) else "profiles"
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    stem = name if isinstance(name, str) and name and "/" not in name else "x"
    return f"{folder}/{stem}_test.yaml" if folder == "tests" else f"{folder}/{stem}.yaml"


def write(files: Files, directory: Path) -> None:
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)


@pytest.mark.parametrize("tree", TREES)
def test_what_loads_is_not_underlined(tree: str, tmp_path: Path) -> None:
    """The tree loads, its own tests pass, and no document of it has a mistake in an editor."""
    write(TREES[tree], tmp_path)
    policies, tests = load_with_tests(tmp_path, POLICY)
    assert [result for result in run_tests(tests, policies, REQUEST).results if result.failures] == []
    for path, value in documents(TREES[tree]):
        assert [error.message for error in EDITOR.iter_errors(value)] == [], path
        assert loader_takes(value), path


@pytest.mark.parametrize("case", sorted(BROKEN.glob("*.yaml")), ids=lambda case: case.stem)
def test_documents_of_broken_trees_are_judged_alike(case: Path) -> None:
    """A document is underlined exactly when the loader takes it for malformed, and the loader then names a place in that file."""
    problems = read_yaml(case.read_text(encoding="utf-8"), case.name).value["problems"]
    for path, value in documents(case_files(case)):
        assert editor_takes(value) is loader_takes(value), path
        if not editor_takes(value):
            assert any(problem.startswith(f"{path}:") for problem in problems)


def test_some_broken_trees_are_underlined() -> None:
    """The agreement above is not that of two judges who take everything."""
    underlined = [
        case.stem for case in BROKEN.glob("*.yaml") if not all(editor_takes(value) for _, value in documents(case_files(case)))
    ]
    assert {"unknown_key", "unknown_mode", "unknown_member", "two_matchers_in_one", "key_of_another_kind"} <= set(underlined)


def used(node: Mapping[str, Any], value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """What of the schema a valid `value` makes use of: each key, form and fixed value, by the schema's JSON pointer."""
    if "$ref" in node:
        pointer = node["$ref"]
        node = SCHEMA["$defs"][pointer.rpartition("/")[2]]
    if "enum" in node or "const" in node:
        yield pointer, json.dumps(value)
    for branch, below in forms(node, pointer):
        if EDITOR.evolve(schema=branch).is_valid(value):
            yield below, ""
            yield from used(branch, value, below)
    for part, item, below in inside(node, value, pointer):
        yield below, ""
        yield from used(part, item, below)


def inside(node: Mapping[str, Any], value: Any, pointer: str) -> Iterator[tuple[Mapping[str, Any], Any, str]]:
    """The parts of `value` with the schemas that judge them."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in node.get("properties", {}):
                yield node["properties"][name], item, f"{pointer}/properties/{name}"
            elif isinstance(node.get("additionalProperties"), dict):
                yield node["additionalProperties"], item, f"{pointer}/additionalProperties"
    elif isinstance(value, list) and "items" in node:
        yield from ((node["items"], item, f"{pointer}/items") for item in value)


def forms(node: Mapping[str, Any], pointer: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for keyword in ("anyOf", "oneOf"):
        yield from ((branch, f"{pointer}/{keyword}/{index}") for index, branch in enumerate(node.get(keyword, ())))


def usable(node: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, str]]:
    """Everything that `used` can find below a schema, references not followed."""
    for value in [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]:
        yield pointer, json.dumps(value)
    named = ((part, f"{pointer}/properties/{name}") for name, part in node.get("properties", {}).items())
    listed = ((node[key], f"{pointer}/{key}") for key in ("items", "additionalProperties") if isinstance(node.get(key), dict))
    for part, below in (*forms(node, pointer), *named, *listed):
        yield below, ""
        yield from usable(part, below)


def test_everything_that_the_schema_offers_loads_somewhere() -> None:
    """No key, form or fixed value is in the schema that the loader does not take: each is in one of the trees that load."""
    seen = {found for value in DOCUMENTS for found in used(SCHEMA["$defs"][value["kind"]], value, f"#/$defs/{value['kind']}")}
    offered = {found for name, node in SCHEMA["$defs"].items() for found in usable(node, f"#/$defs/{name}")}
    assert offered - seen == set()


# What can take the place of a value: each type, and strings that mean something somewhere. No whole number as 1.0 and no string
# that ends with a line break: those have tests of their own below.
OTHERS: Sequence[Any] = (
    *(None, True, False, 0, 1, -1, 65536, 1.5, "", "x", "any", "0", "90d", "/", "warn", "https", "constants.hosts", "2026-12-01"),
    *([], ["x"], ["x", "x"], [True], [0], [{}], [{"loopback": True}], {}, {"x": 1}, {"x": "x"}, {"loopback": True}),
)
KEYS = sorted({"x", "Name", "kind "} | {name for node in SCHEMA["$defs"].values() for name in node.get("properties", {})})


def paths(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def replaced(value: Any, path: Sequence[Step], change: Callable[[Any], Any]) -> Any:
    """A copy of `value` with `change` made to the part at `path`."""
    if not path:
        return change(value)
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], change)
    return copy


def without(step: Step) -> Callable[[Any], Any]:
    def drop(parent: Any) -> Any:
        if isinstance(parent, dict):
            return {key: item for key, item in parent.items() if key != step}
        return [item for index, item in enumerate(parent) if index != step]

    return drop


def renamed(step: Step, name: str) -> Callable[[Any], Any]:
    return lambda parent: {name if key == step else key: item for key, item in parent.items()}


@st.composite
def mutants(draw: st.DrawFn, values: Sequence[Any]) -> Any:
    """One of `values`, with one to three keys dropped or renamed, values changed, added or taken from elsewhere."""
    value = draw(st.sampled_from(values))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(paths(value))))
        other = draw(st.sampled_from(OTHERS) | st.sampled_from(DOCUMENTS).flatmap(parts))
        kind = draw(st.sampled_from(["drop", "rename", "change", "add"]))
        if kind == "add":
            key = draw(st.sampled_from(KEYS))
            value = replaced(value, path, partial(grown, key=key, other=other))
        elif kind == "change" or not path:
            value = replaced(value, path, partial(instead, other=other))
        elif kind == "rename" and isinstance(path[-1], str):
            value = replaced(value, path[:-1], renamed(path[-1], draw(st.sampled_from(KEYS))))
        else:
            value = replaced(value, path[:-1], without(path[-1]))
    return value


def parts(value: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(list(paths(value))).map(lambda path: at(value, path))


def at(value: Any, path: Sequence[Step]) -> Any:
    for step in path:
        value = value[step]
    return value


def instead(_part: Any, other: Any) -> Any:
    return other


def grown(part: Any, key: str, other: Any) -> Any:
    if isinstance(part, dict):
        return {**part, key: other}
    return [*part, other] if isinstance(part, list) else other


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(PATIENT, max_examples=400)
@given(mutants(DOCUMENTS))
def test_mutants_are_judged_alike(value: Any) -> None:
    """However a document is bent, editor and loader take it, or neither does."""
    assert editor_takes(value) is loader_takes(value)


@settings(PATIENT, max_examples=200)
@given(st.data())
def test_a_mutant_tree_loads_or_says_why(data: st.DataObject) -> None:
    """A tree with one bent document is refused with places, or loads and can be tested. Nothing else ever comes of it."""
    files = data.draw(st.sampled_from(CASES))
    path, value = data.draw(st.sampled_from(list(documents(files))))
    mutant = data.draw(mutants([value]))
    with TemporaryDirectory() as folder:
        write({**files, path: json.dumps(mutant).encode()}, Path(folder))
        try:
            policies, tests = load_with_tests(Path(folder), POLICY)
        except LoadError as error:
            problems = error.problems
        else:
            problems = ()
            assert len(run_tests(tests, policies, REQUEST).results) == len(tests)
    assert all(problem.place.file.startswith(folder) for problem in problems)


@pytest.mark.parametrize("metadata", ["{}", "", "[name]", "{nam: native}"])
def test_a_document_without_a_name_is_reported(metadata: str) -> None:
    """What is wrong with the metadata is said, at its place."""
    text = BASE["profiles/native.yaml"].replace("metadata: {name: native}", f"metadata: {metadata}")
    with pytest.raises(LoadError, match=r"profiles/native\.yaml:3:\d+: metadata"):
        compiled({"profiles/native.yaml": text})


def test_a_lifetime_of_a_fraction_is_reported() -> None:
    """For ever is 0; 0.0 is either that or a mistake."""
    with pytest.raises(LoadError, match=r"spec\.lifetimes\.client"):
        compiled({"profiles/native.yaml": profile("lifetimes: {client: 0.0}")})


def test_only_the_loader_tells_a_whole_number_from_a_fraction() -> None:
    """To JSON Schema 5.0 is an integer, and to an editor too; the loader wants it written as one."""
    value = read_yaml(profile("client: {redirect_uris: {maxItems: 5.0}}"), "x").value
    assert editor_takes(value)
    assert not loader_takes(value)


def test_only_the_loader_sees_where_a_file_is() -> None:
    """A document in the wrong folder or under another name is no mistake inside it."""
    value = read_yaml(profile("{}"), "x").value
    assert editor_takes(value)
    for path in ("guardrails/native.yaml", "profiles/other.yaml", "native.yaml"):
        assert path not in read_tree({path: json.dumps(value).encode()}, POLICY).documents
