"""Steps begin with the secrets that they need, or not at all."""

from msgspec.structs import replace

from agentflow.engine.port import Loop
from agentflow.events.run_events import StepFinished
from agentflow.events.values import Failure
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.secrets import secrets_of_step
from agentflow.run.state import split


def has_secrets(loop: Loop, path: str) -> bool:
    """Whether the secrets that a step needs are known.

    Those that are not are asked for, and the step is decided on again when they came; one that is not to be had fails
    the step before anything of it runs.
    """
    live = loop.live
    plan = live.plan_of(path)
    if not plan.secrets:
        return True
    scope, name = split(path)
    ready = loop.secrets.ready(secrets_of_step(plan, live.run.scopes[scope].block.steps[name]))
    if isinstance(ready, Failure):
        loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "failed", failure=replace(ready, step=path)))
    return ready is True
