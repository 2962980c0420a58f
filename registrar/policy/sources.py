"""The documents that a policy set was compiled from, for what looks at how a policy is written rather than at what it does."""

from collections.abc import Mapping

from registrar.documents import Document, read_yaml
from registrar.policy.policyset import PolicySet


def documents(policies: PolicySet) -> Mapping[str, Document]:
    """The documents of `policies` by their path in the tree, test suites left out."""
    return {
        path: read_yaml(content.decode("utf-8"), path)
        for path, content in policies.files.items()
        if not path.startswith("tests/")
    }
