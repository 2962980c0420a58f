"""What differs between the limits of two trees: how much room there is, for whom, and by what it is counted."""

from collections.abc import Mapping
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.errors import Place
from registrar.policy import PolicySet
from registrar.review.difference import Direction, Side, compare
from tests.policy.trees import compiled, head, profile

NETWORKS = "{corp: [10.0.0.0/8], hosted: [198.51.100.0/24]}"
EVERYONE = "{id: a, key: '\"all\"', rate: 20/hour}"


def limited(*limits: str, networks: str = NETWORKS, files: Mapping[str, str] | None = None) -> PolicySet:
    """Two profiles, `native` and `web`, and these limits in one document."""
    entries = "".join(f"    - {limit}\n" for limit in limits)
    document = f"apiVersion: registrar/v1\nkind: Limits\nmetadata: {{name: room}}\nspec:\n  limits:\n{entries}"
    return compiled(
        {
            "policyset.yaml": head(f"profiles: [web, native]\nnetworks: {networks}\nconstants: {{name: x}}"),
            "profiles/web.yaml": profile("matchConditions: [{name: a, expression: 'size(redirects) > 1'}]", "web"),
            **({"limits/room.yaml": document} if limits else {}),
            **(files or {}),
        }
    )


def differences(old: str, new: str) -> list[str]:
    """The differences of two limits with the id a, as `direction: message: old -> new`."""
    trees = [limited(f"{{id: a, {limit}}}") for limit in (old, new)]
    return [f"{found.direction}: {found.message}: {found.old} -> {found.new}" for found in compare(*trees)]


FAILING = "a condition that fails at run time, as this can, refuses"
ROOM = "key: source.prefix, rate: 20/hour, burst: 5, maxActive: 50, maxTotal: 100"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # rate
        ("key: profile, rate: 20/hour", "key: profile, rate: 21/hour", ["wider: rate is higher: 20/hour -> 21/hour"]),
        ("key: profile, rate: 20/hour", "key: profile, rate: 19/hour", ["narrower: rate is lower: 20/hour -> 19/hour"]),
        ("key: profile, rate: 20/hour", "key: profile, rate: 20/60m", []),
        ("key: profile, rate: 20/hour", "key: profile, rate: 20/day", ["narrower: rate is lower: 20/hour -> 20/day"]),
        ("key: profile, rate: 20/hour", "key: profile, rate: 10/30m", ["narrower: rate is lower: 20/hour -> 10/30m"]),
        ("key: profile, rate: 10/30m", "key: profile, rate: 20/hour", ["wider: rate is higher: 10/30m -> 20/hour"]),
        ("key: profile, rate: 20/hour", "key: profile, rate: 10/25m", ["wider: rate is higher: 20/hour -> 10/25m"]),
        ("key: profile, rate: 20/hour", "key: profile, rate: 100/day", ["wider: rate is higher: 20/hour -> 100/day"]),
        (
            "key: profile, rate: 20/hour",
            "key: profile, maxTotal: 20",
            ["wider: rate is higher: 20/hour -> no limit", "narrower: maxTotal is lower: no limit -> 20"],
        ),
        # the other measures
        (ROOM, ROOM.replace("burst: 5", "burst: 6"), ["wider: burst is higher: 5 -> 6"]),
        (ROOM, ROOM.replace("burst: 5", "burst: 4"), ["narrower: burst is lower: 5 -> 4"]),
        (ROOM, ROOM.replace("burst: 5, ", ""), ["wider: burst is higher: 5 -> no limit"]),
        (ROOM, ROOM.replace("maxActive: 50", "maxActive: 51"), ["wider: maxActive is higher: 50 -> 51"]),
        (ROOM, ROOM.replace("maxTotal: 100", "maxTotal: 99"), ["narrower: maxTotal is lower: 100 -> 99"]),
        (ROOM, ROOM.replace(", maxTotal: 100", ""), ["wider: maxTotal is higher: 100 -> no limit"]),
        # for whom
        (
            ROOM,
            f"{ROOM}, when: client.scope == 'x'",
            ["wider: when limits fewer clients: everybody -> client.scope == 'x'"],
        ),
        (
            f"{ROOM}, when: client.scope == 'x'",
            ROOM,
            ["narrower: when limits more clients: client.scope == 'x' -> everybody"],
        ),
        (
            f"{ROOM}, when: submitted.x == 1",
            ROOM,
            [f"may widen: when limits more clients; but {FAILING}: submitted.x == 1 -> everybody"],
        ),
        (
            f"{ROOM}, when: client.scope == 'x'",
            f"{ROOM}, when: client.scope == 'y'",
            ["may widen: when limits other clients: client.scope == 'x' -> client.scope == 'y'"],
        ),
        (f"{ROOM}, when: client.scope == 'x'", f"{ROOM}, when: (client.scope  ==  'x')", []),
        # by what
        (
            ROOM,
            ROOM.replace("source.prefix", "'\"all\"'"),
            ['may widen: key counts by something else, and anew: source.prefix -> "all"'],
        ),
        # overrides
        (
            ROOM,
            f"{ROOM}, overrides: [{{networks: [hosted], rate: 2000/hour}}]",
            ["wider: overrides give sources in hosted a higher rate: 20/hour -> 2000/hour"],
        ),
        (
            f"{ROOM}, overrides: [{{networks: [hosted], rate: 2000/hour}}]",
            ROOM,
            ["narrower: overrides give sources in hosted a lower rate: 2000/hour -> 20/hour"],
        ),
        (
            f"{ROOM}, overrides: [{{networks: [hosted, corp], maxTotal: 200}}]",
            f"{ROOM}, overrides: [{{networks: [corp, hosted], maxTotal: 200}}]",
            [],
        ),
        (
            f"{ROOM}, overrides: [{{networks: [hosted], burst: 9}}, {{networks: [corp], burst: 8}}]",
            f"{ROOM}, overrides: [{{networks: [corp], burst: 8}}, {{networks: [hosted], burst: 9}}]",
            ["narrower: overrides give sources in corp, hosted a lower burst: 9 -> 8"],
        ),
        (
            f"{ROOM}, overrides: [{{networks: [hosted], burst: 9}}]",
            f"{ROOM.replace('maxActive: 50', 'maxActive: 40')}, overrides: [{{networks: [hosted], burst: 9, maxActive: 50}}]",
            ["narrower: maxActive is lower: 50 -> 40"],
        ),
        (
            f"{ROOM}, overrides: [{{networks: [hosted], burst: 9}}]",
            f"{ROOM}, overrides: [{{networks: [hosted, corp], burst: 9}}]",
            ["wider: overrides give sources in corp a higher burst: 5 -> 9"],
        ),
        # reserve
        (
            ROOM,
            f"{ROOM}, reserve: [{{profiles: [web], slots: 2}}]",
            ["narrower: reserve keeps more from native: 0 -> 2"],
        ),
        (
            f"{ROOM}, reserve: [{{profiles: [web], slots: 2}}]",
            f"{ROOM}, reserve: [{{profiles: [native], slots: 2}}]",
            ["wider: reserve keeps less from native: 2 -> 0", "narrower: reserve keeps more from web: 0 -> 2"],
        ),
        (
            f"{ROOM}, reserve: [{{profiles: [web], slots: 2}}]",
            f"{ROOM}, reserve: [{{profiles: [web], slots: 1}}, {{profiles: [web], slots: 1}}]",
            [],
        ),
        # words for people
        (f"{ROOM}, description: x", f"{ROOM}, description: y", ["neutral: description is another: x -> y"]),
    ],
)
def test_a_limit(old: str, new: str, expected: list[str]) -> None:
    assert differences(old, new) == expected


def found(old: PolicySet, new: PolicySet) -> list[str]:
    return [f"{difference.direction} {difference.subject}: {difference.message}" for difference in compare(old, new)]


def test_a_limit_that_comes_or_goes() -> None:
    assert found(limited(), limited(EVERYONE)) == ["narrower room/a: is a new limit"]
    assert found(limited(EVERYONE), limited()) == ["wider room/a: no longer limits anybody"]
    [difference] = compare(limited(EVERYONE), limited())
    assert (difference.old, difference.new, difference.side) == ('at most 20/hour, by "all"', "", Side.OLD)
    assert difference.place == Place("limits/room.yaml", 6, 7)


def test_a_limit_under_another_id_begins_to_count_anew() -> None:
    """What is counted belongs to the id, so for a while there is twice the room."""
    renamed = EVERYONE.replace("id: a", "id: b")
    assert found(limited(EVERYONE), limited(renamed)) == ["may widen room/b: has another id, so it begins to count anew"]
    lower = renamed.replace("20/hour", "10/hour")
    assert found(limited(EVERYONE), limited(lower)) == [
        "wider room/a: no longer limits anybody",
        "narrower room/b: is a new limit",
    ]


def test_limits_that_change_places() -> None:
    other = "{id: b, key: profile, maxTotal: 3}"
    assert found(limited(EVERYONE, other), limited(other, EVERYONE)) == ["neutral limits: are asked in another order"]


def test_an_override_for_a_network_that_grew() -> None:
    limit = "{id: a, key: source.ip, rate: 20/hour, overrides: [{networks: [hosted], rate: 200/hour}]}"
    larger = NETWORKS.replace("198.51.100.0/24", "198.51.0.0/16")
    assert found(limited(limit), limited(limit, networks=larger)) == [
        "may widen room/a: overrides are for other addresses: hosted",
        "neutral networks.hosted: is another",
    ]
    # A network that no override names is nothing to the limit.
    assert found(limited(limit), limited(limit, networks=NETWORKS.replace("10.0.0.0/8", "10.0.0.0/9"))) == [
        "neutral networks.corp: is another"
    ]


def test_a_key_whose_constant_changes_counts_anew() -> None:
    old = limited("{id: a, key: constants.name, maxTotal: 3}")
    new = limited(
        "{id: a, key: constants.name, maxTotal: 3}",
        files={"policyset.yaml": head(f"profiles: [web, native]\nnetworks: {NETWORKS}\nconstants: {{name: y}}")},
    )
    assert (
        "may widen room/a: key counts by something else, and anew; what it reads stands for something else: constants.name"
        in found(old, new)
    )


def test_a_place_is_that_of_the_keyword() -> None:
    [difference] = compare(limited(EVERYONE), limited(EVERYONE.replace("20/hour", "30/hour")))
    assert (difference.place, difference.side) == (Place("limits/room.yaml", 6, 29), Side.NEW)
    [difference] = compare(
        limited("{id: a, key: profile, maxTotal: 2, rate: 3/hour}"), limited("{id: a, key: profile, maxTotal: 2}")
    )
    assert (difference.place, difference.side) == (Place("limits/room.yaml", 6, 42), Side.OLD)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{}", "reuseIdentical: true", ["may widen native/reuseIdentical: gives identical clients one id"]),
        ("reuseIdentical: true", "{}", ["neutral native/reuseIdentical: gives each client an id of its own"]),
        ("{}", "reuseIdentical: false", []),
        ("{}", "acceptFrom: [web, old]", ["wider native/acceptFrom: lets updates bring clients of web, old"]),
        ("acceptFrom: [web]", "{}", ["narrower native/acceptFrom: no longer lets updates bring clients of web"]),
        (
            "acceptFrom: [web]",
            "acceptFrom: [old]",
            [
                "wider native/acceptFrom: lets updates bring clients of old",
                "narrower native/acceptFrom: no longer lets updates bring clients of web",
            ],
        ),
    ],
)
def test_who_shares_an_id_and_who_may_move(old: str, new: str, expected: list[str]) -> None:
    trees = [limited(files={"profiles/native.yaml": profile(spec)}) for spec in (old, new)]
    assert found(*trees) == expected


RATES = st.tuples(st.integers(1, 6), st.integers(1, 9))
TIMES = st.lists(st.integers(0, 40), max_size=60).map(sorted)


@given(RATES, RATES, TIMES)
def test_a_rate_that_is_said_to_be_lower_stops_whatever_the_old_one_stopped(
    old: tuple[int, int], new: tuple[int, int], times: list[int]
) -> None:
    """And one that is said to be higher lets something through that the old one would have stopped."""
    steps = [limited(f"{{id: a, key: profile, rate: {count}/{seconds}s}}") for count, seconds in (old, new)]
    directions = {difference.direction for difference in compare(*steps)}
    if directions == {Direction.NARROWER}:
        assert keeps(admitted(times, new), old)
    if directions == {Direction.WIDER}:
        assert not keeps(admitted(sorted([*range(60)] * 6), new), old)
    assert bool(directions) is (old != new)


def admitted(times: list[int], rate: tuple[int, int]) -> list[int]:
    """Those of `times` that a rate lets through, the earliest first."""
    through: list[int] = []
    for at in times:
        if at - (through[-rate[0]] if len(through) >= rate[0] else -inf) >= rate[1]:
            through.append(at)
    return through


def keeps(times: list[int], rate: tuple[int, int]) -> bool:
    return admitted(times, rate) == times
