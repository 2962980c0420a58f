"""The function library: one table, from which the checker, the compiled code and the reference page read."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from registrar.cel.functions.addresses import ADDRESSES
from registrar.cel.functions.collections import COLLECTIONS
from registrar.cel.functions.conversions import CONVERSIONS
from registrar.cel.functions.domain import DOMAIN
from registrar.cel.functions.encoding import ENCODING
from registrar.cel.functions.function import Function
from registrar.cel.functions.operators import OPERATORS
from registrar.cel.functions.regex import REGEX
from registrar.cel.functions.strings import STRINGS
from registrar.cel.functions.times import TIMES
from registrar.cel.functions.urls import URLS

# By what they are about, in the order of the reference page.
FAMILIES: Mapping[str, tuple[Function, ...]] = MappingProxyType(
    {
        "OAuth clients": DOMAIN,
        "Texts": STRINGS,
        "Regular expressions": REGEX,
        "Lists and sets": COLLECTIONS,
        "Timestamps and durations": TIMES,
        "URLs": URLS,
        "IP addresses and networks": ADDRESSES,
        "Base64": ENCODING,
        "Conversions, sizes and types": CONVERSIONS,
    }
)
FUNCTIONS: tuple[Function, ...] = tuple(function for family in FAMILIES.values() for function in family)


def _by_name() -> Mapping[str, Sequence[Function]]:
    named: dict[str, list[Function]] = {}
    for function in (*OPERATORS, *FUNCTIONS):
        named.setdefault(function.name, []).append(function)
    return MappingProxyType(named)


# Every overload under its name, the operators included.
OVERLOADS = _by_name()
NAMESPACES = frozenset(name.partition(".")[0] for name in OVERLOADS if "." in name)
