"""Which model answers a run: the one handed in, or the endpoint that is set up; whether what it says is recorded."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.errors import UsageError
from agentflow.models.port import Model
from agentflow.plan.endpoints import Endpoint, endpoint_of
from agentflow.plan.model import Plan, asks_a_model

if TYPE_CHECKING:
    from agentflow.models.recording import RecordingModel


def model_for(plan: Plan, given: Model | None, record: Path | None, *, goes_on: bool = False) -> Model | None:
    """What answers the agents of a plan; None where it has none and nothing was handed in.

    Parameters:
        given: stays its owner's; None: the endpoint that the environment names.
        record: a new file for every request and its reply.
        goes_on: the run has been at work before, and may have a recording already.

    Raises:
        UsageError: there is nothing to record.
        AgentflowError: the API cannot be reached as configured, or the recording cannot be made.
    """
    model = given
    if model is None and asks_a_model(plan):
        model = asking(endpoint_of(os.environ), connections=plan.limits.parallel)
    if record is None:
        return model
    if model is None:
        raise UsageError("there is nothing to record: no step asks an agent", "leave `--record` away")
    return _recorded(model, record, owned=given is None, goes_on=goes_on)


def asking(endpoint: Endpoint, *, connections: int) -> Model:
    """A model that asks an endpoint. Nothing is sent.

    Raises:
        AgentflowError: there is no key, a library is missing, or the address cannot be used.
    """
    from agentflow.models.anthropic import AnthropicModel
    from agentflow.models.compatible import CompatibleModel

    client = AnthropicModel(endpoint=endpoint, connections=connections)
    return client if endpoint.is_plain else CompatibleModel(client, endpoint)


def _recorded(model: Model, record: Path, *, owned: bool, goes_on: bool) -> "RecordingModel":
    from agentflow.models.recording import RecordingModel

    return RecordingModel(model, record, owned=owned, goes_on=goes_on)
