"""Workflows without a head, checked and simulated."""

from pathlib import Path

from agentflow import api
from agentflow.models.replay import Recording
from agentflow.simulation.dry import DryRun, dry_run
from agentflow.simulation.stubs import ReadStubs, read_stubs
from agentflow.simulation.trace import TracedStep
from tests.builders import workflow


def checked(text: str) -> api.Checked:
    """A workflow without its head, checked."""
    done = api.check("flow.yaml", workflow(text).encode())
    assert done.plan is not None, done.diagnostics
    return done


def stubs_of(text: str, stubs: str) -> ReadStubs:
    """Stubs, read for a workflow without its head."""
    plan = checked(text).plan
    assert plan is not None
    return read_stubs(plan, "flow.stubs.yaml", f"stubs:\n{stubs}")


def simulated(text: str, stubs: str = "", recording: Path | None = None, **inputs: object) -> DryRun:
    """A simulated run; `stubs` is the inside of the file's mapping."""
    given = None
    if stubs:
        read = stubs_of(text, stubs)
        assert read.stubs is not None, read.diagnostics
        given = read.stubs
    recorded = None if recording is None else Recording.from_file(recording)
    return dry_run(checked(text), inputs, given, recorded)


def step(run: DryRun, path: str) -> TracedStep:
    """The last start of a step."""
    return [traced for traced in run.trace.steps if traced.path == path][-1]


def statuses(run: DryRun) -> dict[str, str]:
    """How each step ended."""
    return {traced.path: traced.status for traced in run.trace.steps}


def starts(run: DryRun) -> list[str]:
    """The paths of what started, in order."""
    started = [traced for traced in run.trace.steps if traced.order is not None]
    return [traced.path for traced in sorted(started, key=lambda traced: traced.order or 0)]
