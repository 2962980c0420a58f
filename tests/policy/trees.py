"""Small policy trees for tests, written out in the test that needs them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from textwrap import dedent, indent

from registrar.policy import Decision, Facts, PolicySet, Source, compile_tree, take_in
from registrar.schema import Schema

POLICY = Schema.load("policy")
REQUEST = Schema.load("registration-request")

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)

HEAD = """\
apiVersion: registrar/v1
kind: PolicySet
metadata: {name: t}
spec:
  profiles: [native]
"""
NATIVE = """\
apiVersion: registrar/v1
kind: Profile
metadata: {name: native}
spec:
  client:
    redirect_uris: {allow: [{loopback: true}]}
"""
BASE: Mapping[str, str] = {"policyset.yaml": HEAD, "profiles/native.yaml": NATIVE}


def head(spec: str) -> str:
    """A policyset.yaml with this spec."""
    return _document("PolicySet", "t", spec)


def profile(spec: str, name: str = "native") -> str:
    """A profile with this spec."""
    return _document("Profile", name, spec)


def guardrail(spec: str, name: str = "rules") -> str:
    """A guardrail with this spec."""
    return _document("Guardrail", name, spec)


def _document(kind: str, name: str, spec: str) -> str:
    body = indent(dedent(spec).strip("\n"), "  ")
    return f"apiVersion: registrar/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{body}\n"


def compiled(files: Mapping[str, str] | None = None) -> PolicySet:
    """The policy set of the base tree with `files` laid over it."""
    return compile_tree({path: text.encode() for path, text in {**BASE, **(files or {})}.items()}, POLICY)


def decided(policies: PolicySet, body: Mapping[str, object], *, now: datetime = NOW, source: Source | None = None) -> Decision:
    """What `policies` make of a document, by way of the same intake as on the wire."""
    return policies.decide(facts(body, now=now, source=source))


def facts(body: Mapping[str, object], *, now: datetime = NOW, source: Source | None = None) -> Facts:
    """The facts of a document."""
    intake = take_in(body, REQUEST)
    return Facts(now=now, metadata=intake.metadata, redirects=intake.redirects, submitted=body, source=source or Source())


def rules(decision: Decision) -> list[str]:
    """The ids of the rules that refuse."""
    return [finding.rule for finding in decision.violations]
