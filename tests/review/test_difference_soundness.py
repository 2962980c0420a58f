"""What a difference promises, held against decisions: a change that is not said to widen lets nobody have more than before."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from registrar.errors import LoadError, Problem
from registrar.limits import LimitUse
from registrar.policy import Decision, Facts, Lifetimes, MalformedError, PolicySet, Source, compile_tree, take_in
from registrar.review.difference import Difference, compare
from tests.policy.trees import POLICY, REQUEST

Json = dict[str, Any]

BEFORE, AFTER = datetime(2026, 6, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
SWITCH = "2027-01-01T00:00:00Z"
_MARKED = frozenset({"scope", "grant_types", "response_types", "redirect_uris"})

CONDITIONS = st.sampled_from(
    [
        "redirects.exists(r, r.loopback)",
        'redirects.all(r, r.scheme == "https")',
        'redirects.all(r, r.scheme == "https") && client.scope == ""',
        '"a" in scopes(client.scope)',
        'client.token_endpoint_auth_method in ["", "none"]',
        "redirects[0].host in constants.hosts",
        'submitted.client_name != "x"',
        '"corp" in source.networks',
        'client.client_name == ""',
    ]
)
RULES = st.sampled_from(
    [
        "!('b' in scopes(client.scope)) || 'corp' in source.networks",
        "variables.asked.all(s, s in constants.scopes)",
        "variables.asked.all(s, s in constants.scopes) && client.client_name != 'x'",
        "client.client_name != 'x'",
        "redirects.all(r, r.host in constants.hosts)",
        "client.dpop_bound_access_tokens",
        "submitted.client_name.size() < 3",
        "client.grant_types.all(g, g != 'refresh_token')",
        "client.client_uri == ''",
    ]
)
MODES: st.SearchStrategy[Json] = st.sampled_from(
    [*([{}] * 6), {"mode": "warn"}, {"mode": "audit"}, {"enforceAfter": SWITCH}, {"mode": "audit", "enforceAfter": SWITCH}]
)
SCOPES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True)
GRANTS = st.lists(
    st.sampled_from(["authorization_code", "refresh_token", "implicit", "client_credentials"]),
    min_size=1,
    max_size=3,
    unique=True,
)
RESPONSES = st.lists(st.sampled_from(["code", "token", "other"]), min_size=1, max_size=2, unique=True)
METHODS = st.sampled_from(["none", "client_secret_basic", "client_secret_post"])
TEXTS = st.sampled_from(["x", "yy", "zzz"])
LINKS = st.sampled_from(["https://a.example/", "https://elsewhere.example/"])
EXCESS = st.sampled_from(["strip", "reject"])


def some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Objects with any of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


def constrained(kind: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.builds(lambda constraint, mode: {**constraint, **mode}, kind, MODES)


def one_or_other(*kinds: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return constrained(st.one_of(*kinds))


MATCHERS = st.sampled_from(
    [
        {"loopback": True},
        {"loopback": True, "hosts": ["127.0.0.1"]},
        {"uri": "https://a.example/cb"},
        {"scheme": "https", "hosts": ["a.example"]},
        {"scheme": "https", "hosts": ["a.example"], "path": "/cb"},
        {"scheme": "https", "hosts": ["*.a.example"], "pathPrefix": "/o/"},
        {"scheme": "https", "hosts": "constants.hosts"},
        {"privateUseSchemes": ["cursor"]},
        {"privateUseSchemes": "any"},
    ]
)
LIMITS = st.integers(1, 3)
REMOVED: Json = {"remove": True}
MEMBERS: dict[str, st.SearchStrategy[Json]] = {
    "redirect_uris": constrained(some(allow=st.lists(MATCHERS, min_size=1, max_size=3), onExcess=EXCESS, maxItems=LIMITS)),
    "scope": one_or_other(
        st.just(REMOVED),
        st.builds(lambda items: {"set": items}, SCOPES),
        some(
            allow=st.one_of(SCOPES, st.just("constants.scopes")), default=SCOPES, require=SCOPES, onExcess=EXCESS, maxItems=LIMITS
        ),
        some(allow=SCOPES, required=st.just(True), minItems=LIMITS),
    ),
    "grant_types": one_or_other(
        st.builds(lambda items: {"set": items}, GRANTS), some(allow=GRANTS, default=GRANTS, require=GRANTS, onExcess=EXCESS)
    ),
    "response_types": one_or_other(
        st.just(REMOVED),
        st.builds(lambda items: {"set": items}, RESPONSES),
        some(allow=RESPONSES, default=RESPONSES, require=RESPONSES, onExcess=EXCESS, maxItems=LIMITS, required=st.just(True)),
    ),
    "token_endpoint_auth_method": one_or_other(
        st.just(REMOVED),
        st.builds(lambda item: {"set": item}, METHODS),
        some(allow=st.lists(METHODS, min_size=1, unique=True), default=METHODS, onExcess=EXCESS),
    ),
    "client_name": one_or_other(
        st.just(REMOVED),
        st.builds(lambda item: {"set": item}, TEXTS),
        some(default=TEXTS, maxLength=LIMITS, required=st.booleans(), pattern=st.sampled_from(["^[xy]", "z$"])),
        some(allow=st.lists(TEXTS, min_size=1, unique=True), default=TEXTS, onExcess=EXCESS),
    ),
    "client_uri": one_or_other(
        st.just(REMOVED),
        st.builds(lambda link: {"set": link}, LINKS),
        some(
            sameHostAsRedirect=st.just(True),
            onExcess=EXCESS,
            required=st.booleans(),
            default=LINKS,
            allow=st.lists(LINKS, min_size=1, unique=True),
        ),
    ),
    "dpop_bound_access_tokens": one_or_other(
        st.just(REMOVED),
        st.builds(lambda item: {"set": item}, st.booleans()),
        some(default=st.booleans(), allow=st.just([True]), required=st.booleans(), onExcess=EXCESS),
    ),
}
DURATIONS = st.sampled_from([0, "1h", "60m", "1d"])


def conditions() -> st.SearchStrategy[list[Json]]:
    return st.lists(CONDITIONS, max_size=2, unique=True).map(
        lambda texts: [{"name": f"c{index}", "expression": text} for index, text in enumerate(texts)]
    )


def validations(least: int) -> st.SearchStrategy[list[Json]]:
    rule = st.builds(lambda text, mode: {"expression": text, "message": "no", **mode}, RULES, MODES)
    return st.lists(rule, min_size=least, max_size=2).map(
        lambda rules: [{"id": f"r{index}", **rule} for index, rule in enumerate(rules)]
    )


VARIABLES = st.sampled_from(
    [
        [{"name": "asked", "expression": "scopes(client.scope)"}],
        [{"name": "asked", "expression": "scopes(client.scope).filter(s, s != 'c')"}],
    ]
)
PROFILE = st.fixed_dictionaries(
    {
        "matchConditions": conditions(),
        "variables": VARIABLES,
        "client": some(**MEMBERS),
        "lifetimes": some(client=DURATIONS, unused=DURATIONS, client_secret=DURATIONS),
        "validations": validations(0),
        "reuseIdentical": st.booleans(),
        "acceptFrom": st.lists(st.sampled_from(["first", "second", "third", "gone"]), max_size=2, unique=True),
    }
)
GUARDRAIL = st.fixed_dictionaries({"matchConditions": conditions(), "variables": VARIABLES, "validations": validations(1)})
KEYS = st.sampled_from(['"all"', "source.ip", "client.client_name", "client.scope", "string(submitted.client_name)", "profile"])
WHENS = st.sampled_from(
    [
        'client.client_name != ""',
        'client.client_name != "" && redirects.all(r, r.loopback)',
        '"corp" in source.networks',
        "scopes(client.scope).all(s, s in constants.scopes)",
        "submitted.client_name.size() < 3",
    ]
)
RATES = st.sampled_from(["5/hour", "5/60m", "10/hour", "5/30m", "10/day"])
COUNTS = st.integers(3, 5)
# Who may use the reserve is the number of a profile in the tree's order.
RESERVES = st.integers(1, 2).map(lambda slots: [{"slots": slots, "profiles": [0]}])


@st.composite
def limits(draw: st.DrawFn) -> Json:
    """A limit; its overrides say what it says itself."""
    limit: Json = {"key": draw(KEYS), **draw(some(rate=RATES, maxActive=COUNTS, maxTotal=COUNTS, when=WHENS, reserve=RESERVES))}
    limit |= {"burst": draw(COUNTS)} if "rate" in limit and draw(st.booleans()) else {}
    said: dict[str, st.SearchStrategy[Any]] = {name: COUNTS for name in ("burst", "maxActive", "maxTotal") if name in limit}
    said |= {"rate": RATES} if "rate" in limit else {}
    other = draw(some(**said))
    limit |= {"overrides": [{"networks": ["corp"], **other}]} if other else {}
    return limit if said.keys() - {"burst"} else limit | {"maxTotal": draw(COUNTS)}


HEAD = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["enforce", "enforce", "enforce", "warn"]),
        "constants": st.fixed_dictionaries(
            {
                "hosts": st.sampled_from([["a.example"], ["a.example", "b.example"]]),
                "scopes": st.sampled_from([["a"], ["a", "b"]]),
            }
        ),
        "networks": st.sampled_from([{"corp": ["10.0.0.0/8"]}, {"corp": ["10.0.0.0/16"]}]),
    }
)
NAMES = ("first", "second", "third")
TREES = st.fixed_dictionaries(
    {
        "head": HEAD,
        "order": st.permutations(NAMES).flatmap(lambda names: st.integers(1, 3).map(lambda count: list(names[:count]))),
        "profiles": st.fixed_dictionaries(dict.fromkeys(NAMES, PROFILE)),
        "guardrails": st.fixed_dictionaries({}, optional={"guard": GUARDRAIL}),
        "limits": some(a=limits(), b=limits()),
    }
)


@st.composite
def changed(draw: st.DrawFn, tree: Json) -> Json:
    """`tree` with one to three of its parts drawn anew."""
    for _ in range(draw(st.integers(1, 3))):
        tree = draw(_redrawn(tree))
    return tree


def _redrawn(tree: Json) -> st.SearchStrategy[Json]:
    def head(key: str, value: Any) -> Json:
        return {**tree, "head": {**tree["head"], key: value}}

    def part(name: str, key: str, value: Any) -> Json:
        return {**tree, "profiles": {**tree["profiles"], name: {**tree["profiles"][name], key: value}}}

    def member(name: str, key: str, value: Any) -> Json:
        return part(name, "client", {**tree["profiles"][name]["client"], key: value})

    def members(name: str, key: str) -> st.SearchStrategy[Json]:
        return MEMBERS[key].map(lambda value: member(name, key, value))

    def limited(name: str, limit: Json) -> Json:
        return {**tree, "limits": {**tree["limits"], name: limit}}

    names = st.sampled_from(tree["order"])
    choices = [
        TREES.map(lambda other: {**tree, "guardrails": other["guardrails"]}),
        st.sampled_from("ab").flatmap(lambda name: limits().map(lambda limit: limited(name, limit))),
        st.sampled_from("ab").flatmap(
            lambda name: some(rate=RATES, maxActive=COUNTS, maxTotal=COUNTS, key=KEYS, when=WHENS, reserve=RESERVES).map(
                lambda keys: limited(name, {**tree["limits"].get(name, {"key": "profile", "maxTotal": 5}), **keys})
            )
        ),
        TREES.map(lambda other: {**tree, "order": other["order"]}),
        st.permutations(tree["order"]).map(lambda order: {**tree, "order": list(order)}),
        HEAD.flatmap(lambda new: st.sampled_from([head(key, new[key]) for key in new])),
        names.flatmap(lambda name: PROFILE.flatmap(lambda new: st.sampled_from([part(name, key, new[key]) for key in new]))),
        *[st.tuples(names, st.sampled_from(list(MEMBERS))).flatmap(lambda pair: members(*pair))] * 4,
    ]
    return st.one_of(choices)


def compiled(tree: Json) -> PolicySet:
    """The policy set of a generated tree, without the keywords that contradict others."""
    documents: dict[str, Json] = {
        "policyset.yaml": _document("PolicySet", "t", {**tree["head"], "profiles": tree["order"]}),
        **{f"profiles/{name}.yaml": _document("Profile", name, _reachable(tree, name)) for name in tree["order"]},
        **{f"guardrails/{name}.yaml": _document("Guardrail", name, spec) for name, spec in tree["guardrails"].items()},
    }
    if tree["limits"]:
        documents["limits/room.yaml"] = _document("Limits", "room", {"limits": [*_limits(tree)]})
    documents = json.loads(json.dumps(documents))
    while True:
        try:
            return compile_tree({path: json.dumps(document).encode() for path, document in documents.items()}, POLICY)
        except LoadError as error:
            dropped = [_drop(documents, problem) for problem in error.problems]
            if not any(dropped):
                raise


def _reachable(tree: Json, name: str) -> Json:
    """The profile's spec; a catch-all is possible in the last place only, and its own clients are always its own."""
    spec: Json = {**tree["profiles"][name]}
    spec["acceptFrom"] = [other for other in spec["acceptFrom"] if other != name]
    if not spec["acceptFrom"]:
        del spec["acceptFrom"]
    if spec["matchConditions"] or name == tree["order"][-1]:
        return spec
    return {**spec, "matchConditions": [{"name": "all", "expression": "size(redirects) >= 0"}]}


def _limits(tree: Json) -> Iterator[Json]:
    """The limits, their reserves for a profile that is there, and their overrides with what the limit itself says."""
    for name, limit in tree["limits"].items():
        reserve = [{**entry, "profiles": [tree["order"][0]]} for entry in limit.get("reserve", ())]
        overrides = [
            {**override, **({"rate": f"5/{limit['rate'].partition('/')[2]}"} if "rate" in override else {})}
            for override in limit.get("overrides", ())
        ]
        parts = {"reserve": reserve, "overrides": overrides}
        yield {"id": name, **limit, **{key: part for key, part in parts.items() if part}}


def _drop(documents: dict[str, Json], problem: Problem) -> bool:
    *parents, last = problem.path.split(".")
    inner = documents[problem.place.file]
    for key in parents:
        inner = inner.get(key, {})
    return inner.pop(last, None) is not None


def _document(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": "registrar/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


REDIRECTS: Sequence[Sequence[str]] = (
    [],
    ["https://a.example/cb"],
    ["https://b.a.example/o/cb", "https://a.example/cb"],
    ["http://127.0.0.1:1/cb"],
    ["http://localhost/cb", "cursor://x/cb"],
    ["https://b.example/"],
)
OTHERS: Sequence[Json] = (
    {},
    {"client_name": "x", "token_endpoint_auth_method": "none"},
    {"client_name": "yy", "grant_types": ["authorization_code", "refresh_token"], "client_uri": "https://a.example/"},
    {"client_name": "zzzz", "client_name#fr": "x", "dpop_bound_access_tokens": True, "client_uri": "https://elsewhere.example/"},
    {"token_endpoint_auth_method": "client_secret_post", "dpop_bound_access_tokens": False},
    {
        "grant_types": ["implicit", "authorization_code"],
        "response_types": ["code", "token"],
        "token_endpoint_auth_method": "none",
    },
    {"grant_types": ["client_credentials"]},
    {"grant_types": ["client_credentials", "authorization_code"], "response_types": ["code", "other"]},
    {"grant_types": ["client_credentials"], "response_types": ["other"], "client_uri": "https://a.example/"},
)
DOCUMENTS: Sequence[Json] = [
    {"redirect_uris": redirects, **({"scope": scope} if scope else {}), **other}
    for redirects, scope, other in product(REDIRECTS, ("", "a", "a b", "c b"), OTHERS)
]
PLACES = st.tuples(st.sampled_from([BEFORE, AFTER]), st.sampled_from(["10.0.0.1", "10.9.0.1", "192.0.2.1"]))


def decided(policies: PolicySet, body: Mapping[str, object], now: datetime, ip: str, existing: str = "") -> Decision | None:
    """The decision; None for a document that no policy sees. `existing`: an update of a client that this profile admitted."""
    try:
        intake = take_in(body, REQUEST)
    except MalformedError:
        return None
    facts = Facts(now=now, metadata=intake.metadata, redirects=intake.redirects, submitted=body, source=Source(ip=ip))
    return policies.decide(replace(facts, operation="update", existing_profile=existing) if existing else facts)


def ways_to_ask(body: Json, client: Mapping[str, object]) -> Iterator[Json]:
    """Documents by which somebody could try to have `client`: as it was sent, as it came out, and mixtures of the two."""
    yield body
    yield dict(client)
    yield {**body, **client}
    members = [name for name in {*body, *client} if body.get(name) != client.get(name)]
    for kept in members:
        yield {name: value for name, value in {**body, **_only(client, members, kept)}.items() if value is not None}


def _only(client: Mapping[str, object], members: list[str], kept: str) -> Json:
    return {name: client.get(name) for name in members if name != kept}


def possible_before(old: PolicySet, body: Json, new: Decision, where: tuple[datetime, str, str]) -> bool:
    before = (decided(old, asked, *where) for asked in ways_to_ask(body, new.metadata))
    return any(decision is not None and decision.allowed and no_more(new, decision) for decision in before)


def no_more(new: Decision, old: Decision) -> bool:
    """Whether the client of `new` has nothing that the client of `old` has not."""
    return all(
        _no_more(name, new.metadata.get(name), old.metadata.get(name)) for name in {*new.metadata, *old.metadata}
    ) and not (
        _outlives(new.lifetimes, old.lifetimes)
        or _finds_more_room(new.limits, old.limits)
        or (new.reuse_identical and not old.reuse_identical)
    )


def _no_more(name: str, new: object, old: object) -> bool:
    if name in _MARKED and new is not None and old is not None:
        return _items(new) <= _items(old)
    return new == old


def _items(value: object) -> set[object]:
    return set(value.split()) if isinstance(value, str) else set(value) if isinstance(value, list) else set()


def _outlives(new: Lifetimes, old: Lifetimes) -> bool:
    pairs = [(new.client, old.client), (new.unused, old.unused), (new.client_secret, old.client_secret)]
    return any(before and (not after or after > before) for after, before in pairs)


def _finds_more_room(new: Sequence[LimitUse], old: Sequence[LimitUse]) -> bool:
    """Whether some room that was needed is no longer, or is counted otherwise, or is larger."""
    needed = {(use.limit, use.key): use for use in new}
    return any(_larger(needed.get((use.limit, use.key)), use) for use in old)


def _larger(new: LimitUse | None, old: LimitUse) -> bool:
    if new is None or new.reserve < old.reserve:
        return True
    counts = ((new.burst, old.burst), (new.max_active, old.max_active), (new.max_total, old.max_total))
    return _faster(new, old) or any(before and (not after or after > before) for after, before in counts)


def _faster(new: LimitUse, old: LimitUse) -> bool:
    """Whether registrations as fast as the new rate lets them come would have been stopped by the old one."""
    if not old.rate or not new.rate:
        return bool(old.rate)
    times = [at for period in range(0, old.period, new.period) for at in [period] * new.rate]
    return len(times) > old.rate


def shown(differences: Sequence[Difference]) -> str:
    return "\n".join(f"{d.direction} {d.subject}: {d.message}: {d.old} -> {d.new}" for d in differences)


def hold(data: st.DataObject) -> None:
    """Each client that a new tree makes could be had from the old one, by one document or another; else the example fails."""
    tree = data.draw(TREES)
    old, new = compiled(tree), compiled(data.draw(changed(tree)))
    differences = compare(old, new)
    assume(not any(difference.direction.widens for difference in differences))
    where = (*data.draw(PLACES), data.draw(st.sampled_from(["", *NAMES])))
    for body in DOCUMENTS:
        decision = decided(new, body, *where)
        if decision is not None and decision.allowed:
            told = f"{body} -> {dict(decision.metadata)}\n{shown(differences)}"
            assert possible_before(old, body, decision, where), told


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_is_not_said_to_widen_does_not_widen(data: st.DataObject) -> None:
    """The security property, on a few trees."""
    hold(data)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_is_not_said_to_widen_does_not_widen_on_many_trees(data: st.DataObject) -> None:
    """The security property, on many."""
    hold(data)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(TREES)
def test_a_tree_does_not_differ_from_itself(tree: Json) -> None:
    assert compare(compiled(tree), compiled(json.loads(json.dumps(tree)))) == ()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_trees_without_a_difference_decide_alike(data: st.DataObject) -> None:
    tree = data.draw(TREES)
    old, new = compiled(tree), compiled(data.draw(changed(tree)))
    assume(compare(old, new) == ())
    now, ip = data.draw(PLACES)
    for body in DOCUMENTS[::5]:
        before, after = (decided(policies, body, now, ip) for policies in (old, new))
        assert (before is None) is (after is None)
        if before is not None and after is not None:
            assert (before.allowed, before.lifetimes) == (after.allowed, after.lifetimes)
            assert _unordered(before.metadata) == _unordered(after.metadata)
            assert sorted(before.limits, key=str) == sorted(after.limits, key=str)
            assert before.reuse_identical is after.reuse_identical


def _unordered(metadata: Mapping[str, object]) -> Json:
    """A document without the order of its lists: they are sets, as RFC 7591 has them."""
    return {name: sorted(value) if isinstance(value, list) else value for name, value in metadata.items()}
