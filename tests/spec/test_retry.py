"""The failures that a step can be tried again after."""

from typing import get_args

from agentflow.events.values import FailureKind
from agentflow.spec.retry import WORTH_REPEATING, RetryKind

NEVER_RETRIED = {
    "agents",  # bounds of the run
    "depth",
    "max_items",  # the same each time
    "model_request_refused",
    "model_access",
    "sandbox",
    "input_invalid",
    "workspace",
    "secret_missing",
    "denied",  # by rules that stay as they are
    "rejected",  # no failure of the step's own
    "step_failed",
    "cancelled",
    "internal",
}


def test_every_kind_of_failure_can_be_named_or_is_known_to_be_pointless():
    assert set(get_args(RetryKind)) == set(get_args(FailureKind)) - NEVER_RETRIED


def test_what_is_retried_unasked_costs_no_agents_own_bound_again():
    assert set(WORTH_REPEATING) < set(get_args(RetryKind))
    assert not set(WORTH_REPEATING) & {"turns", "cost_usd", "tokens", "wall_time", "tool_calls"}
