"""Compiles the documents of a policy tree into a `PolicySet`: all of them, or every mistake in them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from registrar import wire
from registrar.cel import BOOL, STRING, Expression, RecordType, Scope, Type, type_of_constant
from registrar.errors import LoadError, Problem, did_you_mean
from registrar.policy.clients import compile_client, compile_switch
from registrar.policy.decision import Mode
from registrar.policy.limiting import compile_limits
from registrar.policy.limits import Limit
from registrar.policy.networks import IPNetwork, Networks, parse_network
from registrar.policy.policyset import ACCEPT_FROM, Guardrail, NoMatch, PolicySet, Profile
from registrar.policy.reading import Path, Reader, read_lifetimes
from registrar.policy.revision import revision
from registrar.policy.rules import Annotation, Condition, RuleBook, Validation
from registrar.policy.tokens import token_use
from registrar.policy.tree import HEAD, Tree, read_tree, start_of
from registrar.policy.vocabulary import MESSAGE_FACTS, fact_types, profile_type
from registrar.schema import Schema
from registrar.wire import MEMBERS, NO_EXTENSIONS, RESERVED, ErrorCode, Extensions, Member, MemberKind

_EXTENSION_KINDS = {
    "string": MemberKind.STRING,
    "uri": MemberKind.URI,
    "list": MemberKind.STRINGS,
    "boolean": MemberKind.BOOLEAN,
    "integer": MemberKind.INTEGER,
    "object": MemberKind.OBJECT,
}
# The kinds of documents whose names rule ids start with.
_KINDS = {"PolicySet": "the policy set", "Profile": "a profile", "Guardrail": "a guardrail", "Limits": "a limits"}


def compile_tree(files: Mapping[str, bytes], schema: Schema) -> PolicySet:
    """The policy set that `files` (by path in the tree) make. `schema` is the one of policy documents. Raises LoadError.

    Test suites count for the revision only: a server does not need them to load.
    """
    tree = read_tree({path: content for path, content in files.items() if not path.startswith("tests/")}, schema)
    policies = compile_documents(tree, files)
    if policies is None or tree.problems:
        raise LoadError(tree.problems)
    return policies


def compile_documents(tree: Tree, files: Mapping[str, bytes]) -> PolicySet | None:
    """The policy set that the documents of `tree` make; `files` name its revision. Mistakes are in the tree's problems."""
    return _TreeCompiler(tree, files).compile()


class _TreeCompiler:
    """Compiles the documents of one tree, noting every mistake in `tree.problems`."""

    def __init__(self, tree: Tree, files: Mapping[str, bytes]) -> None:
        self._tree = tree
        self._files = files
        self._mode = Mode.ENFORCE
        self._constants: Mapping[str, object] = MappingProxyType({})
        self._facts: Mapping[str, Type] = MappingProxyType({})
        self._message_facts: Mapping[str, Type] = MappingProxyType({})
        self._extensions: Extensions = NO_EXTENSIONS

    def compile(self) -> PolicySet | None:
        head = self._tree.documents.get(HEAD)
        if head is None:
            return None
        reader = Reader(head, self._tree.problems, {})
        self._mode = Mode(reader.spec.get("mode", "enforce"))
        self._declare_constants(reader)
        self._declare_extensions(reader)
        self._declare_facts(reader)
        profiles = {reader.name: self._profile(reader) for reader in self._readers("Profile")}
        guardrails = [self._guardrail(reader) for reader in sorted(self._readers("Guardrail"), key=lambda reader: reader.name)]
        networks = self._networks(reader)
        limiting = Scope({**self._facts, "profile": profile_type(self._profile_names(reader))})
        limits = tuple(self._limits(reader, networks, limiting))
        self._refuse_shared_names()
        return PolicySet(
            name=reader.name,
            revision=revision(self._files),
            files=MappingProxyType(dict(self._files)),
            profiles=self._ordered(reader, profiles),
            guardrails=tuple(guardrails),
            networks=networks,
            extensions=self._extensions,
            constants=self._constants,
            matching=self._scope(),
            messages=self._message_scope(),
            limits=limits,
            limiting=limiting,
            token_use=token_use((profile.book for profile in profiles.values()), self._constants),
            no_match=_no_match(reader.spec.get("onNoMatch", {})),
            mode=self._mode,
            place=reader.place(("spec", "profiles"), key=True),
        )

    def _readers(self, kind: str) -> list[Reader]:
        return [Reader(document, self._tree.problems, self._constants) for _, document in self._tree.of(kind)]

    def _declare_constants(self, reader: Reader) -> None:
        constants = reader.spec.get("constants", {})
        self._constants = MappingProxyType({name: _frozen(value) for name, value in constants.items()})

    def _declare_extensions(self, reader: Reader) -> None:
        declared: dict[str, Member] = {}
        for name, raw in reader.spec.get("extensions", {}).items():
            path: Path = ("spec", "extensions", name)
            if name in MEMBERS:
                reader.problem(path, f'"{name}" is a member of {MEMBERS[name].source}, so it needs no declaration', key=True)
            elif name in RESERVED:
                reader.problem(path, f'"{name}" is a name of the program\'s own', key=True)
            else:
                declared[name] = wire.extension(name, _EXTENSION_KINDS[raw["type"]])
        self._extensions = MappingProxyType(declared)

    def _declare_facts(self, reader: Reader) -> None:
        constants = RecordType("constants", {name: type_of_constant(value) for name, value in self._constants.items()})
        self._facts = {**fact_types(self._extensions, reader.spec.get("networks", {})), "constants": constants}
        self._message_facts = {**MESSAGE_FACTS, "constants": constants}

    def _scope(self, variables: Mapping[str, Type] | None = None) -> Scope:
        extra = {} if variables is None else {"variables": RecordType("variables", dict(variables))}
        return Scope({**self._facts, **extra})

    def _message_scope(self) -> Scope:
        return Scope(self._message_facts)

    def _ordered(self, head: Reader, profiles: Mapping[str, Profile]) -> tuple[Profile, ...]:
        listed: list[str] = head.spec["profiles"]
        written = {document.value["metadata"]["name"] for _, document in self._tree.of("Profile")}
        unread = {path for path in self._files if path.startswith("profiles/")} - set(self._tree.documents)
        for index, name in enumerate(listed):
            if name not in written and f"profiles/{name}.yaml" not in unread:
                head.problem(("spec", "profiles", index), f"there is no profiles/{name}.yaml{did_you_mean(name, written)}")
        for path, document in self._tree.of("Profile"):
            if document.value["metadata"]["name"] not in listed:
                self._tree.problems.append(
                    Problem(start_of(path), "", f"is not listed in {HEAD}: spec.profiles, so it admits nobody")
                )
        self._refuse_unreachable(head, [name for name in listed if name in profiles])
        return tuple(profiles[name] for name in listed if name in profiles)

    def _refuse_unreachable(self, head: Reader, names: list[str]) -> None:
        # As they are written: a condition that does not compile is there nevertheless.
        written = ((reader.name, reader.spec.get("matchConditions", ())) for reader in self._readers("Profile"))
        catching = {name: _catches_all(name, conditions) for name, conditions in written}
        for earlier, later in pairwise(names):
            if (why := catching.get(earlier)) is not None:
                index = head.spec["profiles"].index(later)
                head.problem(("spec", "profiles", index), f"can never be reached: {why}")
                return

    def _refuse_shared_names(self) -> None:
        # Rule ids start with the name, so it has to say which document is meant.
        owners = {"registrar": "the program itself"}
        for kind, words in _KINDS.items():
            for reader in self._readers(kind):
                owner = owners.setdefault(reader.name, words)
                if owner != words:
                    reader.problem(("metadata", "name"), f'"{reader.name}" is the name of {owner} as well')

    def _networks(self, reader: Reader) -> Networks:
        blocks: dict[str, list[IPNetwork]] = {}
        for name, texts in reader.spec.get("networks", {}).items():
            blocks[name] = []
            for index, text in enumerate(texts):
                try:
                    blocks[name].append(parse_network(text))
                except ValueError as error:
                    reader.problem(("spec", "networks", name, index), f'"{text}" {error}')
        return Networks(MappingProxyType(blocks))

    def _profile_names(self, head: Reader) -> set[str]:
        """Those that are listed, and those that have a file: where these differ, that is a mistake of its own."""
        return {*head.spec["profiles"], *(reader.name for reader in self._readers("Profile"))}

    def _limits(self, head: Reader, networks: Networks, scope: Scope) -> Iterable[Limit]:
        profiles = self._profile_names(head)
        for reader in sorted(self._readers("Limits"), key=lambda reader: reader.name):
            yield from compile_limits(reader, scope, networks.blocks, profiles)

    def _profile(self, reader: Reader) -> Profile:
        book, scope = self._book(reader, self._scope())
        self._refuse_own_name(reader)
        return Profile(
            book=book,
            scope=scope,
            members=compile_client(reader, self._mode, self._extensions),
            lifetimes=read_lifetimes(reader.spec.get("lifetimes", {})),
            client_id_prefix=reader.spec.get("clientId", {}).get("prefix", ""),
            reuse_identical=reader.spec.get("reuseIdentical", False),
            accept_from=tuple(reader.spec.get("acceptFrom", ())),
        )

    def _refuse_own_name(self, reader: Reader) -> None:
        for index, name in enumerate(reader.spec.get("acceptFrom", ())):
            if name == reader.name:
                reader.problem(("spec", "acceptFrom", index), "a profile always accepts its own clients")
        for index, raw in enumerate(reader.spec.get("validations", ())):
            if raw["id"] == ACCEPT_FROM:
                reader.problem(("spec", "validations", index, "id"), f'"{ACCEPT_FROM}" is a rule that every profile has already')

    def _guardrail(self, reader: Reader) -> Guardrail:
        book, scope = self._book(reader, None)
        return Guardrail(book, scope)

    def _book(self, reader: Reader, matching: Scope | None) -> tuple[RuleBook, Scope]:
        """The rules of one document. A profile's conditions are judged before its variables exist, in `matching`."""
        variables, scope = self._variables(reader)
        book = RuleBook(
            name=reader.name,
            place=start_of(reader.document.place(()).file),
            conditions=tuple(self._conditions(reader, matching or scope)),
            variables=MappingProxyType(variables),
            validations=tuple(self._validations(reader, scope)),
            annotations=tuple(self._annotations(reader, scope)),
        )
        self._refuse_shared_ids(reader)
        return book, scope

    def _variables(self, reader: Reader) -> tuple[dict[str, Expression], Scope]:
        compiled: dict[str, Expression] = {}
        scope = self._scope({})
        for index, raw in enumerate(reader.spec.get("variables", [])):
            path: Path = ("spec", "variables", index)
            name = raw["name"]
            if name in compiled:
                reader.problem((*path, "name"), f'there is a variable "{name}" above')
            expression = reader.expression((*path, "expression"), raw["expression"], scope)
            if expression is not None:
                compiled[name] = expression
                scope = self._scope({name: variable.type for name, variable in compiled.items()})
        return compiled, scope

    def _conditions(self, reader: Reader, scope: Scope) -> Iterable[Condition]:
        for index, raw in enumerate(reader.spec.get("matchConditions", [])):
            path: Path = ("spec", "matchConditions", index, "expression")
            expression = reader.expression(path, raw["expression"], scope, BOOL)
            if expression is not None:
                yield Condition(f"{reader.name}/{raw['name']}", expression, reader.place(path))

    def _validations(self, reader: Reader, scope: Scope) -> Iterable[Validation]:
        for index, raw in enumerate(reader.spec.get("validations", [])):
            path: Path = ("spec", "validations", index)
            expression = reader.expression((*path, "expression"), raw["expression"], scope, BOOL)
            message = self._message(reader, path, raw)
            switch = compile_switch(reader, path, raw, self._mode)
            if expression is not None:
                yield Validation(
                    rule=f"{reader.name}/{raw['id']}",
                    expression=expression,
                    place=reader.place((*path, "expression")),
                    message=raw["message"],
                    message_expression=message,
                    code=ErrorCode(raw.get("error", "invalid_client_metadata")),
                    field=raw.get("field", ""),
                    switch=switch,
                )

    def _message(self, reader: Reader, path: Path, raw: Mapping[str, Any]) -> Expression | None:
        if "messageExpression" not in raw:
            return None
        return reader.expression((*path, "messageExpression"), raw["messageExpression"], self._message_scope(), STRING)

    def _annotations(self, reader: Reader, scope: Scope) -> Iterable[Annotation]:
        for index, raw in enumerate(reader.spec.get("auditAnnotations", [])):
            path: Path = ("spec", "auditAnnotations", index, "valueExpression")
            expression = reader.expression(path, raw["valueExpression"], scope, STRING)
            if expression is not None:
                yield Annotation(raw["key"], expression)

    def _refuse_shared_ids(self, reader: Reader) -> None:
        seen: set[str] = set()
        for section, key in (("matchConditions", "name"), ("validations", "id")):
            for index, raw in enumerate(reader.spec.get(section, [])):
                if raw[key] in seen:
                    reader.problem(("spec", section, index, key), f'there is a rule "{raw[key]}" above')
                seen.add(raw[key])


def _catches_all(name: str, conditions: Sequence[Mapping[str, str]]) -> str | None:
    """Why nobody gets past the profile `name`, as far as it can be seen without evaluating; None when somebody might."""
    if not conditions:
        return f'"{name}" before it has no matchConditions'
    literal = all(condition["expression"].strip() == "true" for condition in conditions)
    return f'the matchConditions of "{name}" before it say true' if literal else None


def _frozen(value: Any) -> object:
    """A constant as expressions see it: lists as tuples, so that nothing can change it."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return value


def _no_match(raw: Mapping[str, str]) -> NoMatch:
    default = NoMatch()
    return NoMatch(raw.get("message", default.message), ErrorCode(raw.get("error", default.code)))
