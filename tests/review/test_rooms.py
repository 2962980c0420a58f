"""Limits, explained: for which of them a client needed room, and why not for the others."""

from collections.abc import Mapping

import pytest

from registrar.cel import EvaluationError, compile_expression
from registrar.review.explain import explain, view
from registrar.review.rooms import Room
from registrar.review.views import Outcome
from tests.policy.test_limits import CLI, HOSTED, limited
from tests.policy.trees import facts

LIMITS = """
- {id: everyone, key: '"all"', rate: 20/hour}
- {id: named, when: 'client.software_id != ""', key: client.software_id, maxActive: 3}
- {id: labelled, when: submitted.label != "x", key: submitted.label, maxTotal: 3}
"""


def rooms(body: Mapping[str, object]) -> dict[str, Room]:
    explanation = explain(limited(LIMITS), facts({**CLI, **body}, source=HOSTED))
    found = {room.rule.removeprefix("registration/"): room for room in explanation.rooms}
    assert tuple(room.use for room in found.values() if room.use is not None) == explanation.decision.limits
    return found


def test_every_limit_is_told_with_its_condition_and_its_key() -> None:
    found = rooms({"label": "y"})
    assert found["everyone"].when is None
    assert found["named"].when is not None
    assert found["named"].when.outcome is Outcome.FALSE
    assert found["named"].key is None
    assert found["labelled"].key is not None
    assert found["labelled"].key.value == "y"


def test_a_limit_that_cannot_be_evaluated_is_told_with_its_error() -> None:
    """No room was needed then, for nobody got in."""
    found = rooms({})
    assert found["labelled"].when is not None
    assert found["labelled"].when.outcome is Outcome.ERROR
    assert found["labelled"].when.error is not None
    assert all(room.use is None for room in found.values())


def test_a_key_that_has_no_value_is_told_with_its_error() -> None:
    found = rooms({"label": 7})
    assert found["labelled"].key is not None
    assert isinstance(found["labelled"].key.value, EvaluationError)


def test_whom_a_rule_refuses_needs_no_room() -> None:
    assert rooms({"redirect_uris": ["https://a.example/cb"]}) == {}


@pytest.mark.parametrize(
    ("text", "value"), [("profile", "native"), ("source.networks.size()", 2), ("client.client_name", "my cli")]
)
def test_an_expression_can_be_tried_as_a_limit_sees_it(text: str, value: object) -> None:
    seen = view(limited(LIMITS), facts(CLI, source=HOSTED), "registration")
    assert compile_expression(text, seen.scope).evaluate(seen.bind()) == value


def test_a_document_that_is_not_there_is_none() -> None:
    with pytest.raises(KeyError):
        view(limited(LIMITS), facts(CLI), "other")
