"""The documents that a policy set was compiled from, for what looks at how a policy is written rather than at what it does."""

from collections.abc import Mapping

from registrar.documents import Document, read_yaml
from registrar.policy.limits import Limit
from registrar.policy.policyset import PolicySet
from registrar.policy.reading import Path


def documents(policies: PolicySet) -> Mapping[str, Document]:
    """The documents of `policies` by their path in the tree, test suites left out."""
    return {
        path: read_yaml(content.decode("utf-8"), path)
        for path, content in policies.files.items()
        if not path.startswith("tests/")
    }


def limit_path(limit: Limit) -> str:
    """The file of the document that a limit stands in."""
    return f"limits/{limit.rule.partition('/')[0]}.yaml"


def limit_keys(limit: Limit, document: Document) -> Path:
    """Where in its document a limit stands."""
    name = limit.rule.partition("/")[2]
    ids = [raw["id"] for raw in document.value["spec"]["limits"]]
    return ("spec", "limits", ids.index(name))
