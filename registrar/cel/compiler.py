"""The checker and the compiler: one pass over an expression's tree, each node becomes a type and a closure.

A mistake is noted and compiling goes on, so that one run reports them all; what has a mistake gets the type of nothing, which
goes everywhere, so that one mistake is reported once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, ClassVar

from registrar.cel import calls, loops, members
from registrar.cel.equality import equality, exact, membership, steps_to_search
from registrar.cel.errors import CompileError, CompileProblem, EvaluationError, Failure
from registrar.cel.evaluation import BUDGET, MAX_LOOPS, Activation, Expression, Frame, Loop, Meter, Run, Scope, Step
from registrar.cel.functions import NAMESPACES, OVERLOADS
from registrar.cel.functions.function import Function
from registrar.cel.logic import both, chain, choice, either, truth
from registrar.cel.piece import Piece, constant, steps_of
from registrar.cel.syntax import Call, Conditional, Index, ListLiteral, Literal, Logic, MapLiteral, Name, Node, Select, parse
from registrar.cel.types import (
    BOOL,
    DENOTATIONS,
    DYN,
    INT,
    NEVER,
    STRING,
    TYPE,
    UINT,
    Fit,
    ListType,
    MapType,
    RecordType,
    Type,
    as_map,
    fit,
    join,
    join_all,
    may_equal,
    strangers,
)
from registrar.cel.values import accepts
from registrar.errors import did_you_mean

Observer = Callable[[Node, Run], Run]

# How many arguments each macro may have; the first is the name of its variable.
_MACROS = {"all": (2,), "exists": (2,), "exists_one": (2,), "map": (2, 3), "filter": (2,)}
_KEYS = (STRING, INT, UINT, BOOL)
_SIGNATURES = 4
# The functions that compare the elements of their two lists.
_COMPARING = ("sets.contains", "sets.equivalent", "sets.intersects")


def compile_expression(text: str, scope: Scope, *, expects: Type | None = None) -> Expression:
    """`text`, checked against the types of `scope` and compiled.

    `expects` is the type that its value must have; an expression whose type only shows at run time is checked then. Raises
    CompileError with every mistake.
    """
    return _compile(text, scope, expects, None)


def _compile(text: str, scope: Scope, expects: Type | None, observe: Observer | None) -> Expression:
    tree = parse(text)
    compiler = Compiler(text, scope, observe)
    piece = compiler.piece(tree)
    run = compiler.expected(piece, expects, tree)
    if compiler.problems:
        raise CompileError(*compiler.problems)
    reads = frozenset(compiler.reads.elements())
    found = tuple(compiler.loops)
    return Expression(text, piece.type, not reads, reads, piece.cost, found, scope, run, piece.steps)


def traced(expression: Expression, activation: Activation) -> list[Step]:
    """The steps of `expression` over `activation`, one for each node that ran and is no literal."""
    steps: list[Step] = []

    def observe(node: Node, run: Run) -> Run:
        def observed(frame: Frame) -> Any:
            text = expression.text[node.offset : node.end]
            try:
                value = run(frame)
            except EvaluationError as error:
                steps.append(Step(node.offset, node.end, text, error))
                raise
            steps.append(Step(node.offset, node.end, text, value))
            return value

        return observed

    try:
        _compile(expression.text, expression.scope, None, observe).evaluate(activation)
    except EvaluationError as error:
        if not steps or steps[-1].value is not error:
            steps.append(Step(0, len(expression.text), expression.text, error))
    return steps


class Compiler:
    """One compilation."""

    def __init__(self, text: str, scope: Scope, observe: Observer | None = None) -> None:
        self.problems: list[CompileProblem] = []
        self.reads: Counter[str] = Counter()
        self.loops: list[Loop] = []
        self._text = text
        self._scope = scope
        self._observe = observe
        self._locals: dict[str, tuple[Type, int]] = {}
        self._depth = 0

    def piece(self, node: Node) -> Piece:
        """The type and the closure of a node."""
        piece = self._HANDLERS[type(node)](self, node)
        if self._observe is None or isinstance(node, Literal):
            return piece
        return piece._replace(run=self._observe(node, piece.run))

    def problem(self, offset: int, message: str) -> Piece:
        """Note a mistake; the piece stands for a value that is never computed."""
        self.problems.append(CompileProblem(offset, message))
        return constant(None, NEVER)

    def expected(self, piece: Piece, wanted: Type | None, node: Node) -> Run:
        """The closure of the whole expression, which must be a `wanted`."""
        fits = Fit.YES if wanted is None else fit(piece.type, wanted)
        if fits is Fit.NO:
            self.problem(node.offset, f"must be {wanted}, but is {piece.type}")
        if fits is not Fit.MAYBE or wanted is None:
            return piece.run
        test, run = accepts(wanted), piece.run

        def checked(frame: Frame) -> Any:
            value = run(frame)
            if test(value):
                return value
            raise EvaluationError(f"the value is no {wanted}", node.offset)

        return checked

    # Literals and names

    def _literal(self, node: Literal) -> Piece:
        return constant(node.value, node.type)

    def _name(self, node: Name) -> Piece:
        if node.name in self._locals and not node.absolute:
            kind, slot = self._locals[node.name]
            return Piece(kind, itemgetter(slot))
        if node.name in self._scope.types:
            self.reads[node.name] += 1
            slot = self._scope.slot(node.name)
            return Piece(self._scope.types[node.name], itemgetter(slot), fact=node.name)
        if node.name in DENOTATIONS:
            return constant(DENOTATIONS[node.name], TYPE)
        known = (*self._locals, *self._scope.types)
        return self.problem(node.offset, f'undeclared name "{node.name}"{did_you_mean(node.name, known)}')

    def _list_literal(self, node: ListLiteral) -> Piece:
        items = tuple(map(self.piece, node.items))
        kind = ListType(join_all([item.type for item in items]), len(items))
        if all(item.constant for item in items):
            return constant(tuple(item.value for item in items), kind)
        runs = [item.run for item in items]
        return Piece(kind, lambda frame: tuple([run(frame) for run in runs]), *steps_of(items))

    def _map_literal(self, node: MapLiteral) -> Piece:
        keys = tuple(self._key(key) for key, _ in node.entries)
        values = tuple(self.piece(value) for _, value in node.entries)
        impossible = _never(keys)
        if impossible is not None:
            return impossible
        kind = MapType(join_all([key.type for key in keys]), join_all([value.type for value in values]), len(keys))
        fixed = all(piece.constant for piece in (*keys, *values))
        build = members.make_map([key.run for key in keys], [value.run for value in values], node.offset)
        if not fixed:
            return Piece(kind, build, *steps_of((*keys, *values)))
        try:
            return constant(MappingProxyType(build([])), kind)
        except EvaluationError as error:
            return self.problem(error.offset, error.reason)

    def _key(self, node: Node) -> Piece:
        piece = self.piece(node)
        if piece.type not in (*_KEYS, DYN, NEVER):
            return self.problem(node.offset, f"the key of a map cannot be {piece.type}")
        return piece

    # Logic

    def _logic(self, node: Logic) -> Piece:
        pieces = tuple(map(self.piece, node.operands))
        runs = [self._truth(piece, operand) for piece, operand in zip(pieces, node.operands, strict=True)]
        match runs:
            case [one, other]:
                run = both(one, other) if node.conjunction else either(one, other)
            case _:
                run = chain(runs, decisive=not node.conjunction)
        return Piece(BOOL, run, *steps_of(pieces))

    def _truth(self, piece: Piece, node: Node) -> Run:
        if fit(piece.type, BOOL) is Fit.NO:
            self.problem(node.offset, f"a condition must be bool, but this is {piece.type}")
        return truth(piece, node.offset)

    def _conditional(self, node: Conditional) -> Piece:
        condition, yes, no = self.piece(node.condition), self.piece(node.yes), self.piece(node.no)
        kind = join(yes.type, no.type)
        if kind is None:
            return self.problem(node.offset, f"the branches have different types: {yes.type} and {no.type}")
        run = choice(self._truth(condition, node.condition), yes.run, no.run)
        return Piece(kind, run, *steps_of((condition, yes, no)))

    # Members and elements

    def _select(self, node: Select) -> Piece:
        denoted = self._denotation(node)
        return denoted or self._member(self.piece(node.target), node)

    def _denotation(self, node: Select) -> Piece | None:
        """The names of types that have dots in them, such as google.protobuf.Duration."""
        root: Node = node
        while isinstance(root, Select):
            root = root.target
        path = self._text[node.offset : node.end]
        if not isinstance(root, Name) or root.name in self._locals or root.name in self._scope.types or path not in DENOTATIONS:
            return None
        return constant(DENOTATIONS[path], TYPE)

    def _member(self, target: Piece, node: Select) -> Piece:
        steps = steps_of((target,))
        match target.type:
            case RecordType() as record:
                return self._record_member(record, target, node)
            case MapType(key=key, value=value) if may_equal(key, STRING):
                return Piece(value, members.of_map(target.run, node.member, node.at), *steps)
            case kind if kind == DYN:
                return Piece(DYN, members.of_anything(target.run, node.member, node.at), *steps)
            case kind if kind == NEVER:
                return target
        return self.problem(node.at, f"{target.type} has no members")

    def _record_member(self, record: RecordType, target: Piece, node: Select) -> Piece:
        kind = record.members.get(node.member)
        if kind is None:
            hint = did_you_mean(node.member, record.members)
            return self.problem(node.at, f'{record.name} has no member "{node.member}"{hint}')
        fact = self._read(target, node.member)
        steps = steps_of((target,))
        slot = self._variable_slot(node.target)
        if slot is None or self._observe is not None:
            run = members.of_record(target.run, node.member, attributes=record.attributes)
            return Piece(kind, run, *steps, fact=fact)
        if not record.attributes:
            return Piece(kind, members.of_variable(slot, node.member), *steps, fact=fact)
        attribute = slot, attrgetter(node.member)
        return Piece(kind, members.attribute(*attribute), *steps, fact=fact, attribute=attribute)

    def _read(self, target: Piece, member: str) -> str:
        """Note that not all of a record is read, but one of its members."""
        if not target.fact:
            return ""
        self.reads[target.fact] -= 1
        fact = f"{target.fact}.{member}"
        self.reads[fact] += 1
        return fact

    def _variable_slot(self, node: Node) -> int | None:
        if not isinstance(node, Name):
            return None
        if node.name in self._locals and not node.absolute:
            return self._locals[node.name][1]
        return self._scope.slot(node.name)

    def _index(self, node: Index) -> Piece:
        target, key = self.piece(node.target), self.piece(node.key)
        steps = steps_of((target, key))
        if isinstance(target.type, RecordType) and key.constant and isinstance(key.value, str):
            selection = Select(node.offset, node.end, node.target, key.value, node.key.offset)
            return self._record_member(target.type, target, selection)
        match as_map(target.type):
            case ListType(element=kind) if key.type == INT:
                return Piece(kind, members.element(target.run, key.run, node.at), *steps)
            case ListType(element=kind) if fit(key.type, INT) is not Fit.NO:
                return Piece(kind, members.entry(target.run, key.run, node.at), *steps)
            case MapType(key=wanted, value=kind) if may_equal(key.type, wanted):
                return Piece(kind, members.entry(target.run, key.run, node.at), *steps)
            case kind if kind in (DYN, NEVER):
                return Piece(kind, members.entry(target.run, key.run, node.at), *steps)
        return self.problem(node.at, f"{target.type} has no elements under {key.type}")

    # Calls

    def _call(self, node: Call) -> Piece:
        if node.target is None:
            return self._has(node) if node.function == "has" else self._function(node)
        if node.function in _MACROS:
            return self._macro(node, node.target)
        if isinstance(node.target, Name) and self._is_namespace(node.target.name):
            return self._apply(f"{node.target.name}.{node.function}", node, node.args, method=False)
        return self._apply(node.function, node, (node.target, *node.args), method=True)

    def _is_namespace(self, name: str) -> bool:
        return name in NAMESPACES and name not in self._locals and name not in self._scope.types

    def _function(self, node: Call) -> Piece:
        match node.function:
            case "_==_" | "_!=_":
                return self._equality(node)
            case "@in":
                return self._membership(node)
        return self._apply(node.function, node, node.args, method=False)

    def _equality(self, node: Call) -> Piece:
        one, other = map(self.piece, node.args)
        if not may_equal(one.type, other.type):
            return self.problem(node.at, f"{one.type} never equals {other.type}")
        self._compare((one, other), node.args)
        run = equality(one, other, node.at, negated=node.function == "_!=_")
        steps, cost = steps_of((one, other))
        return Piece(BOOL, run, steps, cost if exact(one.type, other.type) else cost + calls.steps_to_read(one.type))

    def _membership(self, node: Call) -> Piece:
        item, container = map(self.piece, node.args)
        match as_map(container.type):
            case ListType(element=inner) | MapType(key=inner):
                possible = may_equal(item.type, inner)
                self._refuse_strangers(inner, item, node.args[0])
            case kind:
                possible = kind in (DYN, NEVER)
        if not possible:
            return self.problem(node.at, f"{item.type} is never in {container.type}")
        self._refuse_strangers(ListType(item.type), container, node.args[1])
        steps, cost = steps_of((item, container))
        run = membership(item, container, node.at)
        return Piece(BOOL, run, steps, cost + steps_to_search(item.type, container.type))

    def _compare(self, pieces: Sequence[Piece], nodes: Sequence[Node]) -> None:
        """Refuse in each of the two what the other one can never be."""
        for piece, other, node in zip(pieces, reversed(pieces), nodes, strict=True):
            self._refuse_strangers(other.type, piece, node)

    def _refuse_strangers(self, kind: Type, piece: Piece, node: Node) -> None:
        """Refuse texts in a constant that nothing of type `kind` can be: a misspelt name, which no comparison would ever find."""
        for names, text in strangers(kind, piece.value) if piece.constant else ():
            self.problem(node.offset, f'there is no {names.what} "{text}"{did_you_mean(text, names.known)}')

    def _apply(self, name: str, node: Call, args: Sequence[Node], *, method: bool) -> Piece:
        if name not in OVERLOADS:
            return self._unknown(name, node, args, method=method)
        operands = tuple(map(self.piece, args))
        kinds = [operand.type for operand in operands]
        impossible = _never(operands)
        if impossible is not None:
            return impossible
        overloads = calls.Overloads(name, kinds, method=method)
        if not overloads:
            return self.problem(node.at, _no_overload(name, kinds, method=method))
        if name in _COMPARING:
            self._compare(operands, args)
        function = overloads.certain
        steps, cost = steps_of(operands)
        if function is None:
            cost += calls.estimate_any(overloads.possible, operands)
            return Piece(overloads.result, calls.possible_call(overloads.possible, operands, node.at), steps, cost)
        steps, cost = steps + function.price, cost + calls.estimate(function, operands)
        try:
            run = calls.certain_call(function, operands, node.at)
        except Failure as failure:
            return self.problem(args[-1].offset, str(failure))
        piece = Piece(overloads.result, run, steps, cost)
        return self._folded(piece, function, node) if all(operand.constant for operand in operands) else piece

    def _unknown(self, name: str, node: Call, args: Sequence[Node], *, method: bool) -> Piece:
        """A function that is not there. What a method is given is left out: of a misspelt macro, its variable is in it."""
        told = [self.piece(arg) for arg in args[:1]] if method else []
        found = _never(told) or self.problem(node.at, _unknown_function(name))
        if not method:
            for arg in args:
                self.piece(arg)
        return found

    def _folded(self, piece: Piece, function: Function, node: Call) -> Piece:
        """The value of a call of constants. One without a value stays a call, for `false && 1/0 > 0` is false."""
        try:
            return constant(piece.run([Meter(BUDGET)]), piece.type)
        except EvaluationError as error:
            return self.problem(node.args[0].offset, error.reason) if function.checked else piece

    # Macros

    def _has(self, node: Call) -> Piece:
        if len(node.args) != 1 or not isinstance(node.args[0], Select):
            return self.problem(node.at, "has() takes the selection of a member, as in has(submitted.scope)")
        selection = node.args[0]
        target = self.piece(selection.target)
        member = self._member(target, selection)
        if isinstance(target.type, RecordType) and target.type.values is None:
            run = members.has_member(member.run)
        else:
            run = members.has_entry(target.run, selection.member, selection.at)
        return Piece(BOOL, run, *steps_of((target,)))

    def _macro(self, node: Call, target: Node) -> Piece:
        name = node.function
        if len(node.args) not in _MACROS[name]:
            counts = " or ".join(map(str, _MACROS[name]))
            return self.problem(node.at, f"{name}() takes {counts} arguments, not {len(node.args)}")
        variable = node.args[0]
        if not isinstance(variable, Name) or variable.absolute:
            return self.problem(variable.offset, f"{name}() takes the name of its variable first")
        if self._depth == MAX_LOOPS:
            return self.problem(node.at, f"macros are nested more than {MAX_LOOPS} deep")
        source = self.piece(target)
        element, cap = _elements(source.type)
        if element is None:
            return self.problem(target.offset, f"{name}() goes over a list or a map, and this is {source.type}")
        self.loops.append(Loop(node.offset, self._text[target.offset : target.end], cap))
        with self._variable(variable.name, element) as place:
            bodies = tuple(map(self.piece, node.args[1:]))
        return self._loop(node, source, bodies, place)

    @contextmanager
    def _variable(self, name: str, kind: Type) -> Iterator[int]:
        outer, place = self._locals, self._scope.loop_slot(self._depth)
        self._locals = {**outer, name: (kind, place)}
        self._depth += 1
        yield place
        self._depth -= 1
        self._locals = outer

    def _loop(self, node: Call, source: Piece, bodies: tuple[Piece, ...], place: int) -> Piece:
        element, cap = _elements(source.type)
        runs = [body.run for body in bodies]
        if node.function != "map" or len(bodies) > 1:
            runs[0] = self._truth(bodies[0], node.args[1])
        steps, cost = steps_of(bodies)
        rounds = loops.Rounds(source.run, place, steps, node.at, source.type != DYN)
        kind: Type = BOOL
        match node.function:
            case "all" | "exists":
                run = loops.quantifier(rounds, runs[0], decisive=node.function == "exists")
            case "exists_one":
                run = loops.exists_one(rounds, runs[0])
            case "filter":
                kind, run = ListType(element or NEVER, cap), loops.select(rounds, runs[0])
            case _:
                kind = ListType(bodies[-1].type, cap)
                run = loops.transform(rounds, runs[0]) if len(runs) == 1 else loops.transform_some(rounds, runs[0], runs[1])
        return Piece(kind, run, source.steps + 1, source.cost + 1 + cost * calls.greatest(cap))

    _HANDLERS: ClassVar[Mapping[type[Any], Callable[["Compiler", Any], Piece]]] = {
        Literal: _literal,
        Name: _name,
        ListLiteral: _list_literal,
        MapLiteral: _map_literal,
        Logic: _logic,
        Conditional: _conditional,
        Select: _select,
        Index: _index,
        Call: _call,
    }


def _never(pieces: Sequence[Piece]) -> Piece | None:
    """The first piece that has no value: it has a mistake, or is an element of an empty list and an error when it runs."""
    return next((piece for piece in pieces if piece.type == NEVER), None)


def _elements(kind: Type) -> tuple[Type | None, int | None]:
    """The type of what a macro's variable is in turn, none when there is nothing to go over, and how many there are at most."""
    match as_map(kind):
        case ListType(element=element, cap=cap) | MapType(key=element, cap=cap):
            return element, cap
    return (kind if kind in (DYN, NEVER) else None), None


def _unknown_function(name: str) -> str:
    known = [known for known in (*OVERLOADS, *_MACROS, "has") if known[0] not in "_-!"]
    return f'unknown function "{name}"{did_you_mean(name, known)}'


def _no_overload(name: str, kinds: Sequence[Type], *, method: bool) -> str:
    """Why no overload of `name` takes operands of these types, in the words that help most."""
    if name[0] in "_-!":
        return f"{name.strip('_')} does not take {' and '.join(map(str, kinds))}"
    called = f"{kinds[0]}.{name}({', '.join(map(str, kinds[1:]))})" if method else f"{name}({', '.join(map(str, kinds))})"
    signatures = [function.signature for function in OVERLOADS[name]]
    more = ", …" if len(signatures) > _SIGNATURES else ""
    return f"there is no {called}, but {', '.join(signatures[:_SIGNATURES])}{more}"
