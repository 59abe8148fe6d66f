"""Steps that only wait for the model's service: their time is nobody's work, and no other work is begun for it."""

from msgspec.structs import replace

from agentflow.events.run_events import StepFreed, StepHeld
from agentflow.plan.model import AgentStepPlan, Plan
from agentflow.run.clocks import clocked
from agentflow.run.moves import counted, scope_of
from agentflow.run.state import RunState


def step_held(_plan: Plan, state: RunState, event: StepHeld) -> RunState:
    """The step waits. Unlike one that waits for a person it lets a loop begin nothing else: that would wait too."""
    scope, name = scope_of(state, event.step)
    at_work = scope.steps[name].status == "running" and isinstance(scope.block.steps[name], AgentStepPlan)
    if not at_work or event.step in state.held:
        raise ValueError(f"no agent is at work at {event.step}")
    state = replace(state, running=state.running - 1, held=state.held.insert(event.step, event.at))
    state = clocked(state, event.step, 0, 1)
    return counted(state, scope.path, busy=-1, held=1)


def step_freed(_plan: Plan, state: RunState, event: StepFreed) -> RunState:
    """The step goes on."""
    if event.step not in state.held:
        raise ValueError(f"{event.step} was not held")
    return freed(state, event.step)


def freed(state: RunState, path: str) -> RunState:
    """With a step at work again, if it was held."""
    if path not in state.held:
        return state
    scope, _ = scope_of(state, path)
    state = replace(state, running=state.running + 1, held=state.held.remove(path))
    state = clocked(state, path, 0, -1)
    return counted(state, scope.path, busy=1, held=-1)
