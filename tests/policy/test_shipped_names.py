"""What the shipped policies take for a name: honest ones in many languages, and none that looks like another's."""

from collections.abc import Iterator

import pytest

from registrar.bundled import bundled
from registrar.policy import PolicySet, load
from tests.policy.trees import POLICY, decided, rules

# DerivedCoreProperties.txt, Default_Ignorable_Code_Point (Unicode 16).
IGNORABLE = [
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
]
BLANK = "\u1680\u2000\u2003\u2009\u200a\u202f\u205f\u2800\ufffc\U0001d159"


@pytest.fixture(scope="module")
def shipped() -> PolicySet:
    return load(bundled("policies"), POLICY)


def refused(policies: PolicySet, name: str) -> list[str]:
    """The rules that refuse a stranger of this name on the web."""
    return rules(decided(policies, {"client_name": name, "redirect_uris": ["https://weather.example/oauth/cb"]}))


def ignorable() -> Iterator[int]:
    """Every ignorable code point; of long ranges both ends and every hundredth."""
    for first, last in IGNORABLE:
        yield from range(first, last + 1, 1 if last - first < 100 else 100)
        yield last


def test_no_invisible_character_stands_in_a_name(shipped: PolicySet) -> None:
    admitted = [
        f"{code:04X}" for code in ignorable() if "identity/visible-characters" not in refused(shipped, f"Wea{chr(code)}ther")
    ]
    assert admitted == []
    assert [blank for blank in BLANK if "identity/visible-characters" not in refused(shipped, f"Wea{blank}ther")] == []


@pytest.mark.parametrize(
    "name",
    [
        "Weather",
        "Café Zürich",
        "Cafe\u0301 Zu\u0308rich",
        "Łódź Tracker",
        "Trợ lý thời tiết",
        "Hava məlumatı",
        "Ɛkɔ Akɔ",
        "Yorùbá Ìròyìn Ọjọ́",
        "Hawaiʻi Maps",
        "Погода в Вильнюсе",
        "Прогноз (№1)",
        "Ο καιρός σήμερα",
        "Եղանակ",
        "ამინდი MCP",
        "天気 MCP クライアント",
        "天気アプリMCP",
        "天氣助手AI",
        "최종 날씨 AI앱",
        "مساعد الطقس",
        "مساعد AI للطقس",
        "مساعد ٢",
        "עוזר מזג אוויר ה-AI",
        "แอปอากาศMCP",
        "मौसम सहायक AI",
        "আবহাওয়া AI-এর",
        "வானிலை",
        "የአየር ሁኔታ",
        "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
        "ᐃᓄᒃᑎᑐᑦ",
        "Цаг агаар",
        "Weather ☀\ufe0f",
        "Weather 🌦 (beta)",
        "R&D: CO₂ Tracker v2.0, 50%",
        "Acme® Tools – €5",
        "Precursor",
        "アプリ Ⅱ",
        "[x] to-do_list {beta}",
    ],
)
def test_an_honest_name_is_admitted(shipped: PolicySet, name: str) -> None:
    assert refused(shipped, name) == []


@pytest.mark.parametrize(
    "name",
    [
        # accents and other marks, joined or not
        "Clau\u0323de",
        "Clạude",
        "Çlaúdé",
        "C\u0327laude",
        "Cla\u0489ude",
        "Claude\u0332",
        "Anthrópic",
        "ChátGPT",
        "ÖpenAI",
        "Çursor",
        "my_cursor",
        "Vìsual Studio Code",
        "offi\u0301cial",
        # other Latin letters
        "\u0187laude",
        "Cl\u0251ude",
        "Cl\u0250ude",
        "Cl\u2c6fude",
        "C\u02e1aude",
        "Cℓaude",
        "ᴄʟᴀᴜᴅᴇ",
        "Oﬃcial",
        "Ｃlaude",
        "Clªude",
        "Cl@ude",
        # other alphabets
        "Cl\u0430ude",
        "\U00010334laude",
        "\U00010302laude",
        "\u1004laude",
        "C\u05dfaude",
        "C\u0627aude",
        "C\u4e28aude",
        "C\u3163aude",
        "Anthr\u3007pic",
        "Anthr\u0665pic",
        "Anthr\u0b20pic",
        "\ua4da\ua4e1\ua4ee\ua4f4\ua4d3\ua4f0",
        "\u13df\u13de\u13aa",
        "\uabaf\uabae\uab7a",
        "\u1455\u14aa\u15e9\u144c\u15ea\u156e",
        "\U00010302\U0001030b",
        # numbers and signs
        "\u216d\u217caude",
        "C\u217caude",
        "C1aude",
        "C\uff11aude",
        "C\u2223aude",
        "C\u2502aude",
        "Anthr\u25cbpic",
        "\u2282laude",
        "Clau\u2202e",
        "\u20a1laude",
        "Cla\u00b5de",
        "\U0001f1e8laude",
        "\U0001f1e8\U0001f1f1\U0001f1e6\U0001f1fa\U0001f1e9\U0001f1ea",
        # nothing to see
        "Weather 1\ufe0f",
        "\ufe0fWeather",
        "   ",
        "\u0301",
        "!!!",
    ],
)
def test_a_disguise_is_refused(shipped: PolicySet, name: str) -> None:
    assert refused(shipped, name) != []


@pytest.mark.parametrize(
    "host",
    [
        *("foo.localhost", "printer.local", "vault.internal", "router.home.arpa", "1.2.3.4.in-addr.arpa", "x.test", "x.invalid"),
        *("x.onion", "wiki.corp", "nas.lan", "localhost.localdomain"),
    ],
)
def test_a_stranger_on_a_host_that_is_another_in_every_network_is_refused(shipped: PolicySet, host: str) -> None:
    document = {"client_name": "Weather", "redirect_uris": [f"https://{host}/cb"]}
    assert rules(decided(shipped, document)) == ["other-web/public-host-name"]
