"""Host names by label, A-labels and public suffixes."""

from unicodedata import category

import idna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.wire import in_domain, is_public_suffix, to_a_label


@pytest.mark.parametrize(
    ("host", "label"),
    [
        ("Client.Example", "client.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("日本。example", "xn--wgv71a.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("ａ" * 63 + ".example", "a" * 63 + ".example"),
        ("bücher.xn--bcher-kva.example", "xn--bcher-kva.xn--bcher-kva.example"),
        ("\u1112\u1161\u11ab" * 30 + ".example", "xn--6q8baaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example"),
    ],
)
def test_20_a_host_becomes_a_labels(host: str, label: str) -> None:
    """Contract 20: IDNA 2008 with the UTS #46 mapping, in lower case."""
    assert to_a_label(host) == label
    assert to_a_label(label) == label


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            ".",
            "a..b",
            ".a",
            "a.",
            "-a",
            "a-",
            "a_b",
            "a b",
            "a/b",
            "a:1",
            "[::1]",
            "*.a",
            "a%20b",
            "a\n",
            "a" * 64,
            "a." * 127 + "a",
        ),
        *("☃.example", "a\u200bb.example", "a\u00adb.example", "a\u200db.example", "xn--a", "xn--", "a\u202e.example", "a℀b"),
        *("가" * 60 + ".example", "가." * 42 + "example", "가" * 253, "ｘｎ--a.日本", "ａ" * 64, "bücher.xn--strae-oqa1.example"),
        *("\ud800.example", "xn--strae-oqa1.example", "xn--BCHER-ABC.example"),
    ],
)
def test_20_what_is_no_host_name_is_refused(host: str) -> None:
    """Contract 20: failures of IDNA are refused, never passed through."""
    with pytest.raises(ValueError, match=r"^(is not a valid|has an invisible)"):
        to_a_label(host)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.com", "example.com"),
        ("a.example.com", "example.com"),
        ("a.b.EXAMPLE.com", "Example.COM"),
        ("a.xn--bcher-kva.example", "bücher.example"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_host_is_in_its_domain(host: str, domain: str) -> None:
    """The apex counts, and so does every name below it."""
    assert in_domain(host, domain)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("evilexample.com", "example.com"),
        ("example.com.evil.test", "example.com"),
        ("com", "example.com"),
        ("example.com", "a.example.com"),
        ("1.192.0.2", "192.0.2"),
        ("10.1.2.3", "2.3"),
        ("a.example.com", ".example.com"),
        ("a.example.com", "*.example.com"),
        ("a.example.com", ""),
        ("", ""),
        ("example.com.", "example.com"),
        ("a.example.com", "example.com."),
    ],
)
def test_a_host_is_in_no_other_domain(host: str, domain: str) -> None:
    """Whole labels only; a suffix of the text, a parent, an address and what is no host name are outside."""
    assert not in_domain(host, domain)


@pytest.mark.parametrize("domain", ["com", "co.uk", "github.io", "xn--p1ai", "рф", "COM", "unknown-tld", "foo.kawasaki.jp"])
def test_public_suffixes_are_known(domain: str) -> None:
    """Anybody may register below these, a wildcard there would admit everybody."""
    assert is_public_suffix(domain)


@pytest.mark.parametrize("domain", ["example.com", "www.ck", "city.kawasaki.jp", "acme.internal", "acme.github.io"])
def test_registrable_domains_are_no_public_suffixes(domain: str) -> None:
    """Somebody owns these."""
    assert not is_public_suffix(domain)


def test_what_is_no_host_name_is_no_suffix() -> None:
    """The caller learns that it asked about nothing."""
    with pytest.raises(ValueError, match="is not a valid"):
        is_public_suffix("*.com")


def test_20_no_name_has_a_character_that_goes_away() -> None:
    """Whatever UTS #46 would drop of all of Unicode, and what nobody sees, keeps a name from being one. The joiners may stay."""
    dropped = set(filter(goes_away, map(chr, range(0x80, 0xF0000)))) - set("\u200c\u200d")
    assert len(dropped) > 256
    for char in {*dropped, *"\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"}:
        with pytest.raises(ValueError, match=r"^has an invisible character$"):
            to_a_label(f"cli{char}ent.example")


def goes_away(char: str) -> bool:
    """Whether the mapping of UTS #46 leaves nothing of `char`; letters, of which there are a hundred thousand, are not asked."""
    if category(char) in ("Lo", "Cn", "Co", "Cs"):
        return False
    try:
        return idna.uts46_remap(f"a{char}b") == "ab"
    except idna.IDNAError:
        return False


@settings(deadline=None)
@given(st.text(max_size=30))
def test_20_any_text_is_a_name_or_a_value_error(text: str) -> None:
    """Contract 20: no text makes anything else than an ASCII name that stays itself, or ValueError."""
    try:
        label = to_a_label(text)
    except ValueError:
        return
    assert label.isascii()
    assert label == label.lower() == to_a_label(label)
    assert in_domain(f"sub.{label}", label) or label.rpartition(".")[2].isdecimal() or label.rpartition(".")[2].startswith("0x")
