"""Host names: A-labels, domains by label, the public suffix list."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_MAX_NAME = 253
# UTS #46 drops these silently, so a name with one is not what a person reads. The joiners stay: IDNA checks their context.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"


def to_a_label(host: str) -> str:
    """`host` in lower case with its non-ASCII labels as A-labels (IDNA 2008 with the UTS #46 mapping).

    A name is letters, digits and inner hyphens, in labels of at most 63 and 253 in all; no trailing dot, no empty label.
    Raises ValueError for anything else; the message says why and does not repeat the name.
    """
    # The length comes first: the cost of IDNA grows with its square.
    name = "" if len(host) > _MAX_NAME else host.lower() if host.isascii() else _encoded(host)
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise ValueError("is not a valid host name")
    if "xn--" in name:
        _check_a_labels(name)
    return name


# IDNA costs up to 1.3 ms a name, and one decision asks for the same names several times.
@lru_cache(maxsize=1024)
def _encoded(host: str) -> str:
    import idna  # noqa: PLC0415  1.5 ms, and most programs only ever see names in ASCII

    if any(unicodedata.category(char) in _INVISIBLE and char not in _JOINERS for char in host):
        raise ValueError("has an invisible character")
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        raise ValueError("is not a valid internationalised host name") from None


@lru_cache(maxsize=1024)
def _check_a_labels(name: str) -> None:
    """MUST: a label that begins with `xn--` decodes to a valid U-label whose encoding is that same label (RFC 5891 §5.4)."""
    import idna  # noqa: PLC0415  as above

    for label in name.split("."):
        if not label.startswith("xn--"):
            continue
        try:
            faithful = idna.alabel(idna.ulabel(label)).decode("ascii") == label
        except UnicodeError:
            faithful = False
        if not faithful:
            raise ValueError("is not a valid internationalised host name")


def in_domain(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or lies below it, label by label; nothing lies below an address.

    False when either is no host name.
    """
    try:
        name, apex = to_a_label(host), to_a_label(domain)
    except ValueError:
        return False
    return name == apex or (name.endswith("." + apex) and not ends_in_number(name))


def ends_in_number(name: str) -> bool:
    """Whether the last label is a number, so that browsers read the whole name as an IPv4 address (WHATWG URL §3.5)."""
    last = name.rpartition(".")[2]
    return last.isdecimal() or re.fullmatch(r"0x[0-9a-f]*", last) is not None


def is_public_suffix(domain: str) -> bool:
    """Whether anybody may register names directly below `domain` (publicsuffix.org, its private section included).

    A top-level domain that the list does not know counts as a public suffix. Raises ValueError when `domain` is no host name.
    """
    return bool(_public_suffixes().is_public(to_a_label(domain)))


@cache
def _public_suffixes() -> "PublicSuffixList":
    # Reading the list takes 50 ms and only a policy with a wildcard host needs it.
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415

    return PublicSuffixList()
