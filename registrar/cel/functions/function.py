"""One row of the table that the checker, the compiled code and the reference page read."""

from collections.abc import Callable
from typing import Any, NamedTuple

from registrar.cel.types import Type

# The price of reading or writing an address, a moment or a number: Python takes as long for one as for so many steps.
PARSING = 10

# What compiling a pattern that is no constant counts for, and whatever else `prepare` does.
PREPARING = 500


def apply(value: Any, prepared: Callable[[Any], Any]) -> Any:
    """What a function that was prepared makes of its first operand."""
    return prepared(value)


class Function(NamedTuple):
    """One overload of a function.

    `receiver` is the type left of the dot, None for a function that is called by its name alone. `implementation` takes the
    receiver and the arguments as plain Python values and raises Failure when it has no answer. `linear`: it takes time in
    proportion to the texts and lists it is given, which the budget is charged for: `rate` steps (a power of two) for 64
    characters, one for each element. `price`: the steps that each call is charged beside them, whatever it is given. `prepare`
    makes of the second of two operands the function of the first, at load when that operand is a constant, so that a bad pattern
    or time zone is a load error; its implementation is `apply`. `checked`: a call whose arguments are all constants must have an
    answer at load.
    """

    name: str
    receiver: Type | None
    parameters: tuple[Type, ...]
    result: Type
    doc: str
    implementation: Callable[..., Any]
    linear: bool = False
    rate: int = 1
    price: int = 0
    prepare: Callable[[Any], Any] | None = None
    checked: bool = False

    @property
    def operands(self) -> tuple[Type, ...]:
        """The types of everything it takes, the receiver first."""
        return self.parameters if self.receiver is None else (self.receiver, *self.parameters)

    @property
    def signature(self) -> str:
        """As the reference page writes it: `string.startsWith(string) -> bool`."""
        name = self.name if self.receiver is None else f"{self.receiver}.{self.name}"
        return f"{name}({', '.join(map(str, self.parameters))}) -> {self.result}"
