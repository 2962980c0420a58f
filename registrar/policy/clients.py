"""Compiles a profile's `client:` block into member rules."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from registrar import wire
from registrar.cel import Pattern, PatternError, compile_pattern
from registrar.errors import did_you_mean
from registrar.policy.decision import Mode
from registrar.policy.matchers import AnyOf, ExactUri, HttpsHost, Loopback, Matcher, PrivateUse
from registrar.policy.members import Draft, MemberRule
from registrar.policy.reading import Path, Reader
from registrar.policy.rules import Switch, unobserved
from registrar.wire import MEMBERS, ErrorCode, Extensions, Member, MemberKind, RedirectUriError

# What an absent member means (RFC 7591 §2) has to pass the same constraints as if it had been sent.
_RFC_DEFAULTS: Mapping[str, tuple[object, ...]] = {
    "grant_types": ("authorization_code",),
    "response_types": ("code",),
    "token_endpoint_auth_method": ("client_secret_basic",),
}
# Grants come before the response types that hang on them, redirect URIs before the links that must be on their hosts.
_FIRST = ("redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method")
_COMMON = frozenset({"required", "remove", "error", "mode", "enforceAfter"})
_VALUES = frozenset({"default", "set", "allow", "onExcess"})
# The keywords of an extension by its type; of the RFCs' members the schema says it.
_OF_KIND: Mapping[MemberKind, frozenset[str]] = {
    MemberKind.STRING: _VALUES | {"maxLength", "pattern"},
    MemberKind.URI: _VALUES | {"maxLength", "pattern"},
    MemberKind.STRINGS: _VALUES | {"require", "minItems", "maxItems", "maxLength", "pattern"},
    MemberKind.BOOLEAN: _VALUES,
    MemberKind.INTEGER: _VALUES,
    MemberKind.OBJECT: frozenset(),
}
_TYPE_NAMES = {kind: "list" if kind is MemberKind.STRINGS else str(kind) for kind in MemberKind}
_SCALARS: Mapping[MemberKind, tuple[type, str]] = {
    MemberKind.BOOLEAN: (bool, "must be true or false"),
    MemberKind.INTEGER: (int, "must be a whole number"),
}
# A name, or an IPv6 address in brackets: nothing that would make a port, a path or a user of it.
_HOST = re.compile(r"[^/?#@:\[\]\s]+|\[[0-9A-Fa-f:]+\]")
_EPOCH = datetime.fromtimestamp(0, UTC)


def compile_client(reader: Reader, mode: Mode, extensions: Extensions) -> tuple[MemberRule, ...]:
    """The member rules of one profile in the order in which they are applied: its `client:` block, then its `extensions:`."""
    block: Mapping[str, Mapping[str, Any]] = reader.spec.get("client", {})
    names = [*_FIRST, *(name for name in block if name not in _FIRST)]
    rules = [
        _MemberCompiler(reader, ("spec", "client", name), MEMBERS[name], block[name], mode).compile()
        if name in block
        else _rfc_rule(reader, name)
        for name in names
    ]
    return (*rules, *_extension_rules(reader, mode, extensions))


def _extension_rules(reader: Reader, mode: Mode, extensions: Extensions) -> Iterator[MemberRule]:
    for name, raw in reader.spec.get("extensions", {}).items():
        path: Path = ("spec", "extensions", name)
        if name not in extensions:
            hint = did_you_mean(name, extensions)
            reader.problem(path, f"the policy set declares no extension {name}{hint}", key=True)
            continue
        member = extensions[name]
        idle = [keyword for keyword in raw if keyword not in _COMMON | _OF_KIND[member.kind]]
        for keyword in idle:
            reader.problem((*path, keyword), f"means nothing for a member of type {_TYPE_NAMES[member.kind]}", key=True)
        if not idle:
            yield _MemberCompiler(reader, path, member, raw, mode).compile()


def compile_switch(reader: Reader, path: Path, raw: Mapping[str, Any], mode: Mode) -> Switch:
    """A rule's `mode` and `enforceAfter`; `mode` is what holds when the rule says nothing."""
    if "enforceAfter" not in raw:
        return Switch(Mode(raw.get("mode", mode)))
    before = Mode(raw.get("mode", Mode.WARN if mode is Mode.ENFORCE else mode))
    if before is Mode.ENFORCE:
        reader.problem((*path, "enforceAfter"), "has no meaning beside mode: enforce, which enforces already")
    try:
        return Switch(before, datetime.fromisoformat(raw["enforceAfter"]).astimezone(UTC))
    except (ValueError, OverflowError):
        reader.problem((*path, "enforceAfter"), "is no date and time that exists")
        return Switch(before)


def _rfc_rule(reader: Reader, member: str) -> MemberRule:
    """The rule of a member that the profile does not name: only the RFC's default, if there is one."""
    return MemberRule(
        member=member, kind=MEMBERS[member].kind, rule=f"{reader.name}/client.{member}", default=_RFC_DEFAULTS.get(member)
    )


class _MemberCompiler:
    """Compiles one entry of the `client:` block."""

    def __init__(self, reader: Reader, path: Path, member: Member, raw: Mapping[str, Any], mode: Mode) -> None:
        self._reader = reader
        self._path = path
        self._member = member.name
        self._kind = member.kind
        self._longest, self._most = member.longest, member.most
        self._raw = raw
        self._mode = mode

    def compile(self) -> MemberRule:
        raw = self._raw
        self._refuse_contradictions()
        default = self._items("default")
        default = _RFC_DEFAULTS.get(self._member) if default is None else default
        allow, listed = self._allow()
        rule = MemberRule(
            member=self._member,
            kind=self._kind,
            rule=f"{self._reader.name}/client.{self._member}",
            place=self._reader.place(self._path, key=True),
            places={keyword: self._reader.place((*self._path, keyword), key=True) for keyword in raw},
            remove=raw.get("remove", False),
            set=self._items("set"),
            default=default,
            fallback=_allowed(default or (), allow),
            allow=allow,
            listed=listed,
            require=self._items("require") or (),
            strip=raw.get("onExcess") == "strip",
            required=raw.get("required", False),
            min_items=raw.get("minItems", 0),
            max_items=raw.get("maxItems", 0),
            max_length=raw.get("maxLength", 0),
            pattern=self._pattern(),
            same_host=raw.get("sameHostAsRedirect", False),
            code=ErrorCode(raw["error"]) if "error" in raw else None,
            switch=compile_switch(self._reader, self._path, raw, self._mode),
        )
        for keyword in ("default", "set"):
            self._refuse_own_value(rule, keyword)
        return rule

    def _refuse_contradictions(self) -> None:
        raw = self._raw
        for keyword in ("remove", "set"):
            others = [other for other in raw if other != keyword]
            # `allow` beside `set` is kept: it documents, and holds `set` to what may be.
            idle = [other for other in others if not (keyword == "set" and other in ("allow", "maxLength", "pattern"))]
            if keyword in raw and idle:
                self._reader.problem((*self._path, idle[0]), f"has no effect beside {keyword}", key=True)
        if "onExcess" in raw and "allow" not in raw and "sameHostAsRedirect" not in raw:
            self._reader.problem((*self._path, "onExcess"), "has no effect without allow", key=True)
        if raw.get("maxItems", raw.get("minItems", 0)) < raw.get("minItems", 0):
            self._reader.problem((*self._path, "maxItems"), "is less than minItems")

    def _items(self, keyword: str) -> tuple[object, ...] | None:
        """The value of `default`, `set` or `require` as items; None when it is not there, or wrong and noted."""
        if keyword not in self._raw:
            return None
        path = (*self._path, keyword)
        if self._kind in (MemberKind.STRINGS, MemberKind.SCOPE):
            return self._tokens(path, self._reader.strings(path, self._raw[keyword])) or None
        value = self._reader.resolved(path, self._raw[keyword])
        return self._scalars(path, () if value is None else (value,)) or None

    def _scalars(self, path: Path, values: tuple[object, ...]) -> tuple[object, ...]:
        """`values` when they have the member's type; empty after a mistake was noted."""
        wanted, wish = _SCALARS.get(self._kind, (str, "must be a string"))
        if all(type(value) is wanted for value in values):
            return values
        self._reader.problem(path, wish)
        return ()

    def _tokens(self, path: Path, items: tuple[str, ...]) -> tuple[str, ...]:
        if self._kind is MemberKind.SCOPE:
            for item in items:
                if not _scope_token(item):
                    self._reader.problem(path, f'"{item}" is no scope token (RFC 6749 section 3.3)')
        return items

    def _allow(self) -> tuple[Callable[[Any], bool] | None, tuple[str, ...]]:
        if "allow" not in self._raw:
            return None, ()
        path = (*self._path, "allow")
        if self._member == "redirect_uris":
            matchers = [self._matcher((*path, index), raw) for index, raw in enumerate(self._raw["allow"])]
            return AnyOf(tuple(matcher for matcher in matchers if matcher is not None)), ()
        if self._kind in _SCALARS:
            values = self._reader.resolved(path, self._raw["allow"])
            scalars = self._scalars(path, tuple(values) if isinstance(values, list | tuple) else (values,))
            return frozenset(scalars).__contains__, tuple(str(item).lower() for item in scalars)
        items = self._tokens(path, self._reader.strings(path, self._raw["allow"]))
        return frozenset(items).__contains__, items

    def _matcher(self, path: Path, raw: Mapping[str, Any]) -> Matcher | None:
        if "uri" in raw:
            return self._exact_uri((*path, "uri"), raw["uri"])
        if "loopback" in raw:
            return self._loopback((*path, "hosts"), raw)
        if "privateUseSchemes" in raw:
            return self._private_use((*path, "privateUseSchemes"), raw["privateUseSchemes"])
        return self._https_host(path, raw)

    def _exact_uri(self, path: Path, uri: str) -> Matcher | None:
        try:
            wire.parse_redirect_uri(uri)
        except RedirectUriError as error:
            self._reader.problem(path, f"would never be accepted as a redirect URI: {error}")
        return ExactUri(uri)

    def _loopback(self, path: Path, raw: Mapping[str, Any]) -> Matcher:
        if "hosts" not in raw:
            return Loopback()
        hosts = [host.removeprefix("[").removesuffix("]") for host in self._reader.strings(path, raw["hosts"])]
        for host in hosts:
            if not _is_loopback(host):
                self._reader.problem(path, f'"{host}" is no loopback host: localhost, 127.0.0.0/8 and [::1] are')
        return Loopback(frozenset(host.lower() for host in hosts))

    def _private_use(self, path: Path, raw: object) -> Matcher:
        if raw == "any":
            return PrivateUse()
        schemes = [scheme.lower() for scheme in self._reader.strings(path, raw)]
        for scheme in schemes:
            if scheme in wire.FORBIDDEN_SCHEMES:
                self._reader.problem(path, f'"{scheme}" can run scripts or read files: the program always refuses it')
            elif not wire.is_private_use_scheme(scheme):
                self._reader.problem(path, f'"{scheme}" is registered with IANA as permanent, so it is not for private use')
        return PrivateUse(frozenset(schemes))

    def _https_host(self, path: Path, raw: Mapping[str, Any]) -> Matcher:
        where = raw.get("path"), raw.get("pathPrefix", "/")
        if raw["hosts"] == "any":
            # Whoever has any host has any port of it, so only a port that is named is a limit.
            return HttpsHost(frozenset(), (), *where, raw.get("port"), anybody=True)
        exact: list[str] = []
        suffixes: list[str] = []
        for host in self._reader.strings((*path, "hosts"), raw["hosts"]):
            wildcard = host.startswith("*.")
            try:
                (suffixes if wildcard else exact).append(_domain(host, wildcard=wildcard))
            except ValueError as error:
                self._reader.problem((*path, "hosts"), f'"{host}" {error}')
        return HttpsHost(frozenset(exact), tuple(suffixes), *where, raw.get("port", 443))

    def _pattern(self) -> Pattern | None:
        if "pattern" not in self._raw:
            return None
        try:
            return compile_pattern(self._raw["pattern"])
        except PatternError as error:
            self._reader.problem((*self._path, "pattern"), str(error))
            return None

    def _refuse_own_value(self, rule: MemberRule, keyword: str) -> None:
        """Note why the rule's own `default` or `set` would be refused if a client sent it, by the program or by the rule."""
        items = rule.set if keyword == "set" else rule.default
        if keyword not in self._raw or items is None:
            return
        if mistake := self._mistake(items):
            self._reader.problem((*self._path, keyword), f"would be refused by the program itself: {mistake}")
        draft = Draft({}, (), _EPOCH, unobserved)
        replace(rule, default=items, set=None, strip=False, required=False, same_host=False, switch=Switch()).apply(draft)
        for finding in draft.findings:
            self._reader.problem((*self._path, keyword), f"would be refused by the constraint itself: {finding.message}")

    def _mistake(self, items: tuple[object, ...]) -> str:
        """What the program would say to a client that sent `items`; "" for nothing. A scope has sound tokens already."""
        listed = self._kind is MemberKind.STRINGS
        texts = [wire.format_scope([str(item) for item in items])] if self._kind is MemberKind.SCOPE else list(items)
        if self._kind is not MemberKind.SCOPE and (mistake := wire.extension_mistake(self._kind, texts if listed else texts[0])):
            return mistake
        if listed and self._most and len(texts) > self._most:
            return f"must have at most {self._most} items"
        if self._longest and any(isinstance(text, str) and len(text) > self._longest for text in texts):
            return f"must have at most {self._longest} characters"
        # Of a link, what it says does not depend on other members. It is stricter where the program is to fetch it.
        problems = wire.check({self._member: texts[0]}) if self._kind is MemberKind.URI else []
        return next((problem.message for problem in problems if problem.member == self._member), "")


def _allowed(items: tuple[object, ...], allow: Callable[[Any], bool] | None) -> tuple[object, ...]:
    return items if allow is None or all(map(allow, items)) else ()


def _scope_token(text: str) -> bool:
    try:
        return wire.parse_scope(text) == (text,)
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    written = f"[{host}]" if ":" in host else host
    try:
        return wire.parse_redirect_uri(f"http://{written}/").loopback
    except RedirectUriError:
        return False


def _domain(host: str, *, wildcard: bool) -> str:
    """The host of an entry of `hosts`, as a redirect URI's `host` has it; a wildcard's with the dot in front.

    Raises ValueError with the reason.
    """
    domain = host.removeprefix("*.")
    if "*" in domain:
        raise ValueError("has a wildcard that is not possible: only *. in front of a domain is")
    if not _HOST.fullmatch(domain):
        raise ValueError("is no host name")
    try:
        redirect = wire.parse_redirect_uri(f"https://{domain}/")
    except RedirectUriError as error:
        raise ValueError(f"would never be accepted: a redirect URI {error.reason}") from None
    if not wildcard:
        return redirect.host
    if redirect.ip_literal:
        raise ValueError("is a wildcard over an address")
    if wire.is_public_suffix(redirect.host):
        raise ValueError("is a wildcard over a public suffix: anybody can register a name under it")
    return "." + redirect.host


def allowed_values(rules: Sequence[MemberRule], member: str) -> tuple[str, ...] | None:
    """The values that a client of these rules can end up with, in the policy's order; None when they are not limited."""
    rule = next((rule for rule in rules if rule.member == member), None)
    if rule is None:
        return None
    if rule.remove or rule.set is not None:
        return tuple(str(item) for item in rule.set or rule.default or ())
    return rule.listed if rule.allow is not None else None
