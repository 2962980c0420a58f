"""Host names: A-labels, domains by label, the public suffix list."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_MAX_LABEL, _MAX_NAME = 63, 253
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # UTS #46 §2.3
_NO_IDN = "is not a valid internationalised host name"
_JOINERS = "\u200c\u200d"
# What is Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt) though it is a letter or a mark, and the empty pattern
# of Braille.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def is_invisible(char: str) -> bool:
    """Whether a person sees nothing of `char` in a name: what is no character, a space, or ignored by default.

    UTS #46 drops most of these silently, so a name with one is not what a person reads. The joiners do not count: IDNA checks
    their context.
    """
    return (unicodedata.category(char)[0] in "CZ" and char not in _JOINERS) or _UNSEEN.match(char) is not None


def to_a_label(host: str) -> str:
    """`host` in lower case with its non-ASCII labels as A-labels (IDNA 2008 with the UTS #46 mapping).

    A name is letters, digits and inner hyphens, in labels of at most 63 and 253 in all; no trailing dot, no empty label.
    Raises ValueError for anything else; the message says why and does not repeat the name.
    """
    name, mistake = ("", "") if len(host) > _MAX_NAME else (host.lower(), "") if host.isascii() else _encoded(host)
    if mistake:
        raise ValueError(mistake)
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise ValueError("is not a valid host name")
    if "xn--" in name and host.isascii() and not _faithful(name):
        raise ValueError(_NO_IDN)
    return name


# IDNA costs some 10 µs a character, so up to 3 ms a name, and one decision asks for the same names several times, also for those
# that are none: a mistake is an answer like others, since an exception would not be kept.
@lru_cache(maxsize=1024)
def _encoded(host: str) -> tuple[str, str]:
    """The name, or what is wrong with it."""
    import idna  # noqa: PLC0415  1.5 ms, and most programs only ever see names in ASCII

    if any(map(is_invisible, host)):
        return "", "has an invisible character"
    plain = unicodedata.normalize("NFKC", host).lower()
    if not _may_fit(_DOTS.split(plain)):
        return "", _NO_IDN
    try:
        name = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        return "", _NO_IDN
    # What was just encoded decodes to what it was; what was an A-label before may not.
    return (name, "") if "xn--" not in plain or _faithful(name) else ("", _NO_IDN)


def _may_fit(labels: Sequence[str]) -> bool:
    """Whether their A-labels can be short enough, as far as that can be told without making them.

    An A-label is `xn--` and at least one character for each that it stands for (RFC 3492 §3.1). Punycode costs the square of what
    it is given and is not told how much may come of it: 20 ms for one label of 250 characters.
    """
    lengths = [len(label) + (0 if label.isascii() else len("xn--")) for label in labels]
    return max(lengths) <= _MAX_LABEL and sum(lengths) + len(lengths) - 1 <= _MAX_NAME


@lru_cache(maxsize=1024)
def _faithful(name: str) -> bool:
    """MUST: a label that begins with `xn--` decodes to a valid U-label whose encoding is that same label (RFC 5891 §5.4)."""
    import idna  # noqa: PLC0415  as above

    try:
        return all(idna.alabel(idna.ulabel(label)).decode("ascii") == label for label in name.split(".") if label[:4] == "xn--")
    except UnicodeError:
        return False


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
