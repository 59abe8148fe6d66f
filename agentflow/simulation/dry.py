"""A run without a world: the real deciders, and stubs for what they would have done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from agentflow.api import Checked, InvalidWorkflowError
from agentflow.events.run_events import RunStarted
from agentflow.models.replay import Recording
from agentflow.plan.inputs import resolve_inputs
from agentflow.simulation.actions import DRY_ACTIONS
from agentflow.simulation.loop import RUN_ID, DryLoop
from agentflow.simulation.trace import Trace
from agentflow.source.project import Project
from agentflow.spec.stubs import StubsByPath

JSON = Any

STARTED_AT = 946684800.0
"""2000-01-01T00:00:00Z: what `run.started_at` says in every simulated run."""


class DryRun(Struct, frozen=True):
    """What a simulated run did, and what stood in for the world, by the steps' paths."""

    trace: Trace
    used: Mapping[str, list[Mapping[str, JSON]]]


def dry_run(
    checked: Checked,
    inputs: Mapping[str, JSON],
    stubs: StubsByPath | None = None,
    recording: Recording | None = None,
) -> DryRun:
    """Runs a workflow without its models, commands and people; nothing is sent, executed or written.

    A step with a stub comes to what the stub says; an agent without one says what the recording has, tool results
    included; all else gets the smallest value that meets its schema, and every gate a yes.

    Parameters:
        inputs: the values of its inputs, as JSON data.
        stubs: that `check_stubs` found nothing wrong with.

    Raises:
        InvalidWorkflowError: the file has errors.
        UsageError: the inputs do not fit.
        AgentflowError: no value can be generated for a step.
    """
    if checked.plan is None:
        raise InvalidWorkflowError(checked)
    project = Project.of(Path(checked.path)).root
    resolved = resolve_inputs(checked.plan, inputs, project)
    started = RunStarted(
        STARTED_AT, RUN_ID, checked.plan.name, checked.path, str(project), {}, checked.plan.digest, resolved
    )
    loop = DryLoop(checked.plan, started, project, DRY_ACTIONS, stubs or {}, recording)
    result = loop.run()
    steps = loop.tracer.traced(iter(checked.plan.root.steps))
    for step in steps:
        if step.stubbed == "recorded" and step.status == "done":
            loop.book.use(step.path, {"output": step.output})
    return DryRun(Trace(result, steps, tuple(loop.tracer.calls), loop.book.unused), loop.book.used)
