"""Member constraints: what a profile's `client:` block does to one member of the registration document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from registrar import wire
from registrar.cel import Pattern
from registrar.errors import Place
from registrar.policy.decision import Change, Finding, Mode
from registrar.policy.rules import Observer, Switch, unobserved
from registrar.wire import REDIRECTING_GRANTS, ErrorCode, MemberKind, RedirectUri

_TEXTS = frozenset({MemberKind.STRING, MemberKind.URI})
# Members that can be dropped without a change of what the client may do. A scope or a list that became empty could mean more than
# the client asked for, so there nothing left means no.
_OPTIONAL = frozenset({*_TEXTS, MemberKind.BOOLEAN})
_LISTED = 8

Action = Literal["default", "set", "remove", "strip"]
_ACTIONS: tuple[Action, ...] = ("default", "set", "remove", "strip")


@dataclass(slots=True, eq=False)
class Draft:
    """The client while its profile works on it. `metadata` and `redirects` end up as the effective client."""

    metadata: dict[str, object]
    redirects: tuple[RedirectUri, ...]
    now: datetime
    observe: Observer
    findings: list[Finding] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    languages: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.languages = tuple([name for name in self.metadata if "#" in name])

    def tagged(self, member: str) -> list[str]:
        """The language-tagged forms of `member` (RFC 7591 §2.2) that are there, by their full names."""
        return [name for name in self.languages if name.startswith(member + "#") and name in self.metadata]

    def redirecting(self) -> bool:
        """Whether a grant of the client uses redirection, which alone gives response types a meaning (RFC 7591 §2.1).

        No grants, after the policy removed them, are authorization_code (§2).
        """
        grants = self.metadata.get("grant_types")
        return not isinstance(grants, (list, tuple)) or not REDIRECTING_GRANTS.isdisjoint(grants)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemberRule:
    """The constraints on one member, compiled. What is None or empty was not asked for.

    Values are held as the items that `allow` judges: the tokens of `scope`, the items of a list, the one value of anything else
    (of redirect_uris, the parsed URIs). `default` is the policy's, else the RFC's; `fallback` stands in when `strip` leaves
    nothing, and is the default where `allow` has it. `listed` is `allow` in words, for messages. `idle_without`: a document that
    does not have the member, in no language either, passes as it is.
    """

    member: str
    kind: MemberKind
    rule: str
    place: Place | None = None
    places: Mapping[str, Place] = field(default_factory=dict)
    remove: bool = False
    set: tuple[object, ...] | None = None
    default: tuple[object, ...] | None = None
    fallback: tuple[object, ...] = ()
    allow: Callable[[Any], bool] | None = None
    listed: tuple[str, ...] = ()
    require: tuple[object, ...] = ()
    strip: bool = False
    required: bool = False
    min_items: int = 0
    max_items: int = 0
    max_length: int = 0
    pattern: Pattern | None = None
    same_host: bool = False
    code: ErrorCode | None = None
    switch: Switch = Switch()
    idle_without: bool = field(init=False)
    _bounded: bool = field(init=False)
    _changes: Mapping[str, Change] = field(init=False)

    def __post_init__(self) -> None:
        needed = self.set is not None or self.default is not None or self.required or self.require or self.min_items
        changes = {action: Change(self.member, action, self._place_of(action)) for action in _ACTIONS}
        bounded = self.required or self.require or self.min_items or self.max_items or self.max_length or self.pattern
        object.__setattr__(self, "idle_without", not needed)
        object.__setattr__(self, "_bounded", bool(bounded or self.same_host))
        object.__setattr__(self, "_changes", changes)

    def _place_of(self, action: Action) -> Place | None:
        return self.places.get("onExcess" if action == "strip" else action)

    @property
    def decides(self) -> bool:
        """Whether some document would be refused or changed by this rule; one that only has a default never says no."""
        return any(keyword not in ("default", "onExcess", "error", "mode", "enforceAfter") for keyword in self.places)

    def apply(self, draft: Draft) -> None:
        """Default, set, remove and strip in `draft`, and note there every constraint that the member does not keep.

        The observer sees true where the document passed as it was, and not true where it was refused or its own value changed.
        """
        if draft.observe is not unobserved:
            self._observe(draft)
        elif draft.languages or not self.idle_without or self.member in draft.metadata:
            self._constrain(draft)

    def _observe(self, draft: Draft) -> None:
        before = len(draft.findings), len(draft.changes)
        self._constrain(draft)
        changed = any(change.action != "default" for change in draft.changes[before[1] :])
        draft.observe(self.rule, len(draft.findings) == before[0] and not changed)

    def _constrain(self, draft: Draft) -> None:
        if self.remove:
            self._remove(draft)
        elif self.set is not None:
            self._replace(draft, self.set)
        else:
            items = self._read(draft)
            if self.member == "response_types" and not draft.redirecting():
                # Nobody has to have any there. Those that are sent would be in the answer, so they are judged.
                items = self._unneeded(draft, items)
                if not items:
                    return
            elif not items and self.default is not None:
                items = self._defaulted(draft, self.default)
            if self.allow is not None:
                items = self._admit(draft, items, self.allow)
            if self._bounded:
                self._judge(draft, items)
            if draft.languages:
                self._judge_tagged(draft)

    def _unneeded(self, draft: Draft, items: tuple[object, ...]) -> tuple[object, ...]:
        """The items of a member that nobody has to have; none where `strip` leaves none, and then no default stands in."""
        if items and self.strip and self.allow is not None and not any(map(self.allow, items)):
            self._drop(draft)
            return ()
        return items

    def _remove(self, draft: Draft) -> None:
        names = [name for name in (self.member, *draft.tagged(self.member)) if draft.metadata.pop(name, None) is not None]
        if names:
            self._changed(draft, "remove")

    def _replace(self, draft: Draft, items: tuple[object, ...]) -> None:
        # A tagged form says the same thing in another language, so what the policy sets must stand alone.
        tagged = draft.tagged(self.member) if draft.languages else ()
        for name in tagged:
            del draft.metadata[name]
        if tagged or self._read(draft) != items:
            self._write(draft, items)
            self._changed(draft, "set")

    def _defaulted(self, draft: Draft, default: tuple[object, ...]) -> tuple[object, ...]:
        self._write(draft, default)
        self._changed(draft, "default")
        return default

    def _admit(self, draft: Draft, items: tuple[object, ...], allow: Callable[[Any], bool]) -> tuple[object, ...]:
        """The items that remain; every item is allowed, or a finding says that one is not."""
        kept = tuple(filter(allow, items))
        if len(kept) == len(items):
            return items
        if not self.strip:
            self._refuse(draft, "allow", self._not_allowed(items, kept))
            return items
        return self._stripped(draft, kept or self.fallback)

    def _stripped(self, draft: Draft, kept: tuple[object, ...]) -> tuple[object, ...]:
        if kept:
            self._write(draft, kept)
            self._changed(draft, "strip")
        elif self.kind in _OPTIONAL and self.default is None:
            self._drop(draft)
        else:
            self._refuse(draft, "allow", f"nothing of {self.member} is allowed here{self._choices()}")
            # What is refused stays as it was sent, so that no other rule complains of the gap. What is only warned of goes, as it
            # would if an allowed value stood beside it.
            if self.switch.at(draft.now) is not Mode.ENFORCE:
                self._drop(draft)
        return kept

    def _drop(self, draft: Draft) -> None:
        del draft.metadata[self.member]
        if self.member == "redirect_uris":
            draft.redirects = ()
        self._changed(draft, "strip")

    def _not_allowed(self, items: tuple[object, ...], kept: tuple[object, ...]) -> str:
        if self.kind is not MemberKind.STRINGS:
            return f"{self.member} is not allowed here{self._choices()}"
        index = next(index for index, item in enumerate(items) if item not in kept)
        return f"{self.member}[{index}] is not allowed here{self._choices()}"

    def _choices(self) -> str:
        if not self.listed:
            return ""
        more = ", ..." if len(self.listed) > _LISTED else ""
        return f", possible: {', '.join(self.listed[:_LISTED])}{more}"

    def _judge(self, draft: Draft, items: tuple[object, ...]) -> None:
        if self.same_host and self.strip:
            items = self._brought_home(draft, items)
        if self.required and not items:
            self._refuse(draft, "required", f"{self.member} is required")
        if self.require and (missing := [str(item) for item in self.require if item not in items]):
            self._refuse(draft, "require", f"{self.member} must have {', '.join(missing)}")
        if len(items) < self.min_items:
            self._refuse(draft, "minItems", f"{self.member} must have at least {self.min_items} items")
        if self.max_items and len(items) > self.max_items:
            self._refuse(draft, "maxItems", f"{self.member} must have at most {self.max_items} items")
        if self.kind in _TEXTS and items:
            self._judge_text(draft, str(items[0]))
        elif self.kind is MemberKind.STRINGS and (self.max_length or self.pattern is not None):
            self._judge_items(draft, items)

    def _judge_items(self, draft: Draft, items: tuple[object, ...]) -> None:
        """The first item that is too long, and the first that has another form."""
        texts = list(enumerate(str(item) for item in items))
        long = next((index for index, text in texts if self.max_length and len(text) > self.max_length), None)
        if long is not None:
            self._refuse(draft, "maxLength", f"{self.member}[{long}] must have at most {self.max_length} characters")
        strange = next((index for index, text in texts if self.pattern is not None and not self.pattern.search(text)), None)
        if strange is not None:
            self._refuse(draft, "pattern", f"{self.member}[{strange}] does not have the form that is required here")

    def _judge_text(self, draft: Draft, text: str) -> None:
        if self.max_length and len(text) > self.max_length:
            self._refuse(draft, "maxLength", f"{self.member} must have at most {self.max_length} characters")
        elif self.pattern is not None and not self.pattern.search(text):
            self._refuse(draft, "pattern", f"{self.member} does not have the form that is required here")
        if self.same_host and not self._at_home(draft, text):
            self._refuse(draft, "sameHostAsRedirect", f"{self.member} must be on the host of a redirect URI")

    def _brought_home(self, draft: Draft, items: tuple[object, ...]) -> tuple[object, ...]:
        """The link, if it is on the host of a redirect URI; else the default, if that is; else none.

        Before the other keywords judge: a foreign link counts as not sent, for `required` too.
        """
        if not items or self._at_home(draft, str(items[0])):
            return items
        if not self.fallback or not self._at_home(draft, str(self.fallback[0])):
            self._drop(draft)
            return ()
        self._write(draft, self.fallback)
        self._changed(draft, "strip")
        return self.fallback

    def _at_home(self, draft: Draft, link: str) -> bool:
        host = wire.link_host(link)
        return host != "" and any(redirect.host == host for redirect in draft.redirects)

    def _judge_tagged(self, draft: Draft) -> None:
        for name in draft.tagged(self.member):
            text = str(draft.metadata[name])
            listed = self.allow is None or self.allow(text)
            if self.strip and not (listed and (not self.same_host or self._at_home(draft, text))):
                del draft.metadata[name]
                self._changed(draft, "strip")
                continue
            if not listed:
                self._refuse(draft, "allow", f"{self.member} in another language is not allowed here{self._choices()}")
            self._judge_text(draft, text)

    def _read(self, draft: Draft) -> tuple[object, ...]:
        if self.member == "redirect_uris":
            return draft.redirects
        value = draft.metadata.get(self.member)
        if value is None:
            return ()
        if isinstance(value, (list, tuple)):
            return tuple(value)
        return wire.parse_scope(str(value)) if self.kind is MemberKind.SCOPE else (value,)

    def _write(self, draft: Draft, items: tuple[object, ...]) -> None:
        if self.member == "redirect_uris":
            draft.redirects = tuple(item for item in items if isinstance(item, RedirectUri))
            draft.metadata[self.member] = [redirect.uri for redirect in draft.redirects]
        elif self.kind is MemberKind.SCOPE:
            draft.metadata[self.member] = wire.format_scope([str(item) for item in items])
        else:
            draft.metadata[self.member] = list(items) if self.kind is MemberKind.STRINGS else items[0]

    def _refuse(self, draft: Draft, keyword: str, message: str) -> None:
        code = self.code or wire.error_code(self.member)
        place = self.places.get(keyword, self.place)
        draft.findings.append(Finding(self.rule, place, message, code, f"/{self.member}", self.switch.at(draft.now)))

    def _changed(self, draft: Draft, action: Action) -> None:
        draft.changes.append(self._changes[action])
