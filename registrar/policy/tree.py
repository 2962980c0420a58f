"""A policy tree as documents: which files belong to it, and whether each has the right place, structure and name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from registrar.documents import Document, format_path, read_yaml
from registrar.errors import LoadError, Place, Problem
from registrar.schema import Schema

HEAD = "policyset.yaml"
_FOLDERS = {"profiles": "Profile", "guardrails": "Guardrail", "limits": "Limits", "tests": "TestSuite"}
_DEPTH = 6
# A guardrail that nobody reads guards nothing, so a file that looks like policy is never passed over.
_MISPLACED = (
    f"is at no place where a policy tree is read: {HEAD}, profiles/*.yaml, guardrails/*.yaml, limits/*.yaml, tests/*_test.yaml"
)
_YAML = re.compile(r"\.ya?ml\Z", re.IGNORECASE)


def read_files(directory: Path) -> Mapping[str, bytes]:
    """The tree's files by their path in it: every YAML file that is not hidden. Other files (a README) are no policy.

    Symbolic links are followed, as Kubernetes mounts a ConfigMap by them. Raises LoadError.
    """
    if not directory.is_dir():
        raise LoadError([Problem(start_of("."), "", "is no directory")])
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    _collect(directory, "", files, problems)
    if problems:
        raise LoadError(problems)
    return MappingProxyType(dict(sorted(files.items())))


def _collect(folder: Path, prefix: str, files: dict[str, bytes], problems: list[Problem]) -> None:
    """Read the files of `folder`, whose path in the tree is `prefix`, into `files`."""
    try:
        for path in folder.iterdir():
            if not path.name.startswith("."):
                _collect_one(path, prefix + path.name, files, problems)
    except OSError as error:
        problems.append(Problem(start_of(prefix or "."), "", f"cannot be read: {error.strerror}"))


def _collect_one(path: Path, name: str, files: dict[str, bytes], problems: list[Problem]) -> None:
    if path.is_dir():
        if name.count("/") < _DEPTH:
            _collect(path, name + "/", files, problems)
        else:
            problems.append(Problem(start_of(name), "", "is nested too deep for a policy tree"))
    elif _YAML.search(name):
        # Anything but a file (a pipe, say) could keep the reader waiting for ever.
        if path.exists() and not path.is_file():
            problems.append(Problem(start_of(name), "", "is no file"))
            return
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            problems.append(Problem(start_of(name), "", f"cannot be read: {error.strerror}"))


@dataclass(slots=True, eq=False)
class Tree:
    """The documents of a tree that have the right structure, by path, and the mistakes found so far."""

    documents: dict[str, Document] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def of(self, kind: str) -> list[tuple[str, Document]]:
        """The documents of one kind with their paths, sorted by path."""
        return [(path, document) for path, document in self.documents.items() if document.value["kind"] == kind]


def read_tree(files: Mapping[str, bytes], schema: Schema) -> Tree:
    """Parses every file and checks its place, its structure and its name. Raises nothing: mistakes are in the tree's problems."""
    tree = Tree()
    for path, content in sorted(files.items()):
        kind = _kind_at(path)
        if kind is None:
            tree.problems.append(Problem(start_of(path), "", _MISPLACED))
            continue
        document = _parsed(path, content, tree.problems)
        if document is None:
            continue
        problems = list(_structure(document, kind, path, schema))
        tree.problems += problems
        if not problems:
            tree.documents[path] = document
    if HEAD not in files:
        tree.problems.append(Problem(start_of(HEAD), "", "is missing: a policy tree has exactly one"))
    return tree


def start_of(path: str) -> Place:
    """The place of what is wrong with a file as a whole."""
    return Place(path, 1, 1)


def _kind_at(path: str) -> str | None:
    """The kind of document that belongs at `path`."""
    if path == HEAD:
        return "PolicySet"
    folder, _, name = path.partition("/")
    if "/" in name or not name.endswith(".yaml") or (folder == "tests" and not name.endswith("_test.yaml")):
        return None
    return _FOLDERS.get(folder)


def _parsed(path: str, content: bytes, problems: list[Problem]) -> Document | None:
    try:
        return read_yaml(content.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(Problem(Place(path, line, 1), "", "is not UTF-8"))
    except LoadError as error:
        problems.extend(error.problems)
    return None


def _structure(document: Document, kind: str, path: str, schema: Schema) -> Iterable[Problem]:
    value = document.value
    found = value.get("kind") if isinstance(value, dict) else None
    if isinstance(found, str) and found != kind:
        yield Problem(document.place(("kind",)), "kind", f'must be {kind} here, not "{found}"')
        return
    problems = schema.at(f"/$defs/{kind}").problems(value, echo=True)
    for problem in problems:
        unknown = problem.keyword in ("additionalProperties", "unevaluatedProperties")
        yield Problem(document.place(problem.path, key=unknown), format_path(problem.path), problem.message)
    if any(problem.path in ((), ("metadata",), ("metadata", "name")) for problem in problems):
        return
    name, stem = value["metadata"]["name"], path.rpartition("/")[2].removesuffix(".yaml").removesuffix("_test")
    if kind != "PolicySet" and name != stem:
        yield Problem(document.place(("metadata", "name")), "metadata.name", f'must be "{stem}", as the file is called')
